//! YAML as far as annotations have it, read as Go's yaml.v3 reads it: plain scalars by YAML 1.1's forms of numbers, and
//! dates as times. Knows nothing of annotations.

use crate::number::Number;
use crate::value::Value;
use granit_parser::{Event, Parser, ScalarStyle};
use std::collections::{BTreeMap, HashMap};

/// How deep a document may nest.
const MAX_DEPTH: usize = 64;
/// How many nodes a document may have, those that aliases repeat counted each time.
const MAX_NODES: usize = 100_000;

/// A node and the line on which it starts.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub line: usize,
    pub kind: NodeKind,
    /// Nodes in it, itself too.
    size: usize,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    /// Its text, and its value where that is no string.
    Scalar(String, Option<Value>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// A fault and its line.
#[derive(Debug)]
pub(super) struct YamlError {
    pub line: usize,
    pub message: String,
}

fn fault(line: usize, message: impl std::fmt::Display) -> YamlError {
    // Go's decoder does not name the first line.
    let place = if line > 1 { format!("line {line}: ") } else { String::new() };
    YamlError { line, message: format!("{place}{message}") }
}

/// The first document of a text; none where there is nothing in it.
pub(super) fn parse(text: &str) -> Result<Option<Node>, YamlError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    loop {
        match reader.next()? {
            None | Some((Event::StreamEnd | Event::DocumentEnd, _)) => return Ok(None),
            Some((Event::StreamStart | Event::DocumentStart(..), _)) => {}
            Some((event, line)) => {
                let node = reader.node(event, line, 0)?;
                // What follows must be well formed too.
                while reader.next()?.is_some() {}
                return Ok(Some(node));
            }
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    /// The next event that is no comment, and its line.
    fn next(&mut self) -> Result<Option<(Event<'a>, usize)>, YamlError> {
        loop {
            match self.parser.next_event() {
                None => return Ok(None),
                Some(Ok((Event::Comment(..) | Event::Anchor(..), _))) => {}
                Some(Ok((event, span))) => return Ok(Some((event, span.start.line()))),
                Some(Err(error)) => return Err(fault(error.marker().line(), error.info())),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Node, YamlError> {
        if depth > MAX_DEPTH {
            return Err(fault(line, "nested too deep"));
        }
        let (anchor, mut node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| tag.suffix().to_owned());
                let plain = style == ScalarStyle::Plain && tag.as_deref() != Some("str");
                let value = if plain { resolve(&text) } else { None };
                (anchor, Node { line, kind: NodeKind::Scalar(text.into_owned(), value), size: 1 })
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(line, depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(line, depth)?),
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                (0, known.ok_or_else(|| fault(line, "anchor contains itself or is not known"))?)
            }
            _ => return Err(fault(line, "did not find expected node content")),
        };
        node.line = line;
        self.nodes += node.size;
        if self.nodes > MAX_NODES {
            return Err(fault(line, "document has too many nodes"));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn following(&mut self, line: usize) -> Result<(Event<'a>, usize), YamlError> {
        self.next()?.ok_or_else(|| fault(line, "did not find expected node content"))
    }

    fn list(&mut self, line: usize, depth: usize) -> Result<Node, YamlError> {
        let (mut items, mut size) = (Vec::new(), 1);
        loop {
            let (event, at) = self.following(line)?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Node { line, kind: NodeKind::List(items), size });
            }
            let node = self.node(event, at, depth + 1)?;
            size += node.size;
            items.push(node);
        }
    }

    fn map(&mut self, line: usize, depth: usize) -> Result<Node, YamlError> {
        let (mut pairs, mut size) = (Vec::<(Node, Node)>::new(), 1);
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, at) = self.following(line)?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = self.node(event, at, depth + 1)?;
            let (event, value_line) = self.following(line)?;
            let value = self.node(event, value_line, depth + 1)?;
            size += key.size + value.size;
            if merge {
                merged.push(value);
                continue;
            }
            if let NodeKind::Scalar(text, _) = &key.kind
                && let Some(first) = seen.insert(text.clone(), at)
            {
                let message = format!("mapping key \"{text}\" already defined at line {first}");
                return Err(YamlError { line: at, message: unmarshal(at, &message) });
            }
            pairs.push((key, value));
        }
        for value in merged {
            let maps = match value.kind {
                NodeKind::List(items) => items,
                _ => vec![value],
            };
            for map in maps {
                let NodeKind::Map(found) = map.kind else {
                    return Err(fault(map.line, "map merge requires map or sequence of maps as the value"));
                };
                for (key, value) in found {
                    let fresh = match &key.kind {
                        NodeKind::Scalar(text, _) => seen.insert(text.clone(), key.line).is_none(),
                        _ => true,
                    };
                    if fresh {
                        pairs.push((key, value));
                    }
                }
            }
        }
        Ok(Node { line, kind: NodeKind::Map(pairs), size })
    }
}

/// How Go's decoder words that a document has another shape than is asked for.
pub(super) fn unmarshal(line: usize, message: &str) -> String {
    format!("unmarshal errors:\n  line {line}: {message}")
}

impl Node {
    /// As a value; the path is where it stands, for an error.
    pub(super) fn value(&self, path: &mut Vec<String>) -> Result<Value, String> {
        Ok(match &self.kind {
            NodeKind::Scalar(text, value) => value.clone().unwrap_or_else(|| Value::entering(text)),
            NodeKind::List(items) => {
                let mut out = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    path.push(i.to_string());
                    out.push(item.value(path)?);
                    path.pop();
                }
                Value::array(out)
            }
            NodeKind::Map(pairs) => {
                let mut out = BTreeMap::new();
                for (key, value) in pairs {
                    let NodeKind::Scalar(name, None) = &key.kind else {
                        return Err(format!("invalid map key type(s): {}", path.join("/")));
                    };
                    path.push(name.clone());
                    out.insert(Value::entering(name), value.value(path)?);
                    path.pop();
                }
                Value::object(out)
            }
        })
    }

    /// Whether nothing was written.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.kind, NodeKind::Scalar(_, Some(Value::Null)))
    }

    /// As Go's decoder names it in errors.
    pub(super) fn shown(&self) -> String {
        match &self.kind {
            NodeKind::List(_) => "!!seq".into(),
            NodeKind::Map(_) => "!!map".into(),
            NodeKind::Scalar(text, value) => {
                let tag = match value {
                    None => "str",
                    Some(Value::Bool(_)) => "bool",
                    Some(Value::Number(Number::Float(_))) => "float",
                    Some(Value::Number(_)) => "int",
                    Some(Value::Null) => "null",
                    Some(_) => "timestamp",
                };
                let short: String = text.chars().take(7).collect();
                let text = if text.chars().count() > 10 { format!("{short}...") } else { text.clone() };
                format!("!!{tag} `{text}`")
            }
        }
    }
}

/// What a plain scalar denotes, if not a string. A time is a string in RFC 3339's form.
fn resolve(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    if let Some(time) = timestamp(text) {
        return Some(Value::string(time));
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| float(&digits)).map(Value::Number)
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let n = i128::from_str_radix(digits, radix).ok()?;
    // Beyond 64 bits it is a double.
    let n = if negative { -n } else { n };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&n).then(|| Number::from_big(n.into()))
}

fn float(text: &str) -> Option<Number> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if !plain || !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

/// A date or a time in the forms that YAML has for them, as RFC 3339.
fn timestamp(text: &str) -> Option<String> {
    let date_end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    let (date, rest) = text.split_at(date_end);
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let short = |part: &str| matches!(part.len(), 1 | 2);
    if parts.next().is_some() || year.len() != 4 || !short(month) || !short(day) {
        return None;
    }
    let date = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    let Some(separator) = rest.chars().next() else { return Some(format!("{date}T00:00:00Z")) };
    let time = rest.get(1..)?;
    let zoned = matches!(separator, 'T' | 't');
    if !zoned && separator != ' ' {
        return None;
    }
    let zone_at = time.find(['Z', '+', '-']);
    let (time, zone) = match (zoned, zone_at) {
        (true, Some(at)) => time.split_at(at),
        (false, None) => (time, "Z"),
        _ => return None,
    };
    let offset =
        zone.len() == 6 && zone.bytes().enumerate().all(|(i, b)| i == 0 || (i == 3 && b == b':') || b.is_ascii_digit());
    if zone != "Z" && !offset {
        return None;
    }
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut fields = clock.split(':');
    let mut field = |most: u8| {
        let text = fields.next().filter(|text| short(text) && text.bytes().all(|b| b.is_ascii_digit()))?;
        text.parse::<u8>().ok().filter(|n| *n <= most)
    };
    let (hour, minute, second) = (field(23)?, field(59)?, field(59)?);
    if fields.next().is_some() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let zone = if zone == "+00:00" { "Z" } else { zone };
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{point}{fraction}{zone}"))
}
