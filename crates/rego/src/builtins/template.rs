//! `strings.render_template`: the part of Go's `text/template` that has text, fields, variables, `if`, `with`, `range` and
//! the functions len, index, eq, ne, not, and, or. Anything else is an error that names it.

use super::{Builtin, BuiltinError, Context, Outcome, args, bounds, pure, some};
use crate::text::quote;
use crate::value::Value;

/// Blocks within blocks.
const MAX_DEPTH: usize = 50;

pub const ALL: &[Builtin] = &[pure("strings.render_template", 2, |a, context| {
    let template = args::string(a, 1)?;
    args::object(a, 2)?;
    bounds::value(args::value(a, 2))?;
    if has_set(args::value(a, 2)) {
        return Err(args::failed("variables must be JSON, which has no sets"));
    }
    render(template, args::value(a, 2), context)
})];

/// Whether a value holds a set.
fn has_set(value: &Value) -> bool {
    let mut todo = vec![value];
    while let Some(next) = todo.pop() {
        match next {
            Value::Set(_) => return true,
            Value::Array(items) => todo.extend(items.iter()),
            Value::Object(map) => map.iter().for_each(|(key, value)| todo.extend([key, value])),
            _ => {}
        }
    }
    false
}

enum Node {
    Text(String),
    Print(String),
    /// `if`, `with` or `range`: its words, what is under it, and what is under its `else`.
    Block(&'static str, String, Vec<Node>, Vec<Node>),
}

fn error(what: impl AsRef<str>) -> BuiltinError {
    args::failed(format!("template: template:1: {}", what.as_ref()))
}

fn render(template: &str, data: &Value, context: &mut Context) -> Outcome {
    let mut rest = template;
    let (nodes, end) = parse(&mut rest, 0)?;
    if !end.is_empty() {
        return Err(error(format!("unexpected {{{{{end}}}}}")));
    }
    let mut writer = Writer { root: data.clone(), variables: Vec::new(), out: String::new() };
    writer.write(&nodes, data, context)?;
    some(writer.out.as_str())
}

/// Nodes up to an action that ends them, which is returned too (`end`, `else ...`, or nothing at the template's end).
fn parse(rest: &mut &str, depth: usize) -> Result<(Vec<Node>, String), BuiltinError> {
    if depth > MAX_DEPTH {
        return Err(super::args::beyond(format!("blocks are nested deeper than {MAX_DEPTH}")));
    }
    let mut nodes = Vec::new();
    loop {
        let Some((text, after)) = rest.split_once("{{") else {
            nodes.push(Node::Text(std::mem::take(rest).to_owned()));
            return Ok((nodes, String::new()));
        };
        let (action, after) = after.split_once("}}").ok_or_else(|| error("unclosed action"))?;
        let (action, text) = match action.strip_prefix("- ") {
            Some(action) => (action, text.trim_end()),
            None => (action, text),
        };
        nodes.push(Node::Text(text.to_owned()));
        let (action, after) = match action.strip_suffix(" -") {
            Some(action) => (action, after.trim_start()),
            None => (action, after),
        };
        *rest = after;
        let action = action.trim();
        let (word, words) = action.split_once(' ').unwrap_or((action, ""));
        match word {
            "end" | "else" => return Ok((nodes, action.to_owned())),
            _ if action.starts_with("/*") => {}
            "if" => nodes.push(block("if", words, rest, depth)?),
            "with" => nodes.push(block("with", words, rest, depth)?),
            "range" => nodes.push(block("range", words, rest, depth)?),
            "" => return Err(error("missing value for command")),
            _ => nodes.push(Node::Print(action.to_owned())),
        }
    }
}

fn block(kind: &'static str, words: &str, rest: &mut &str, depth: usize) -> Result<Node, BuiltinError> {
    let (under, end) = parse(rest, depth + 1)?;
    let otherwise = match end.strip_prefix("else").map(str::trim) {
        None if end == "end" => Vec::new(),
        None => return Err(error("unexpected EOF")),
        Some("") => {
            let (nodes, end) = parse(rest, depth + 1)?;
            if end != "end" {
                return Err(error(if end.is_empty() { "unexpected EOF" } else { "unexpected {{else}}" }));
            }
            nodes
        }
        // The block after `else` takes the `end` of the whole.
        Some(again) => match again.split_once(' ') {
            Some(("if", words)) => vec![block("if", words, rest, depth + 1)?],
            Some(("with", words)) => vec![block("with", words, rest, depth + 1)?],
            _ => return Err(error(format!("unexpected <{again}> in else"))),
        },
    };
    Ok(Node::Block(kind, words.trim().to_owned(), under, otherwise))
}

struct Writer {
    root: Value,
    variables: Vec<(String, Option<Value>)>,
    out: String,
}

impl Writer {
    fn write(&mut self, nodes: &[Node], dot: &Value, context: &mut Context) -> Result<(), BuiltinError> {
        let scope = self.variables.len();
        for node in nodes {
            context.spend(1)?;
            match node {
                Node::Text(text) => self.out.push_str(text),
                Node::Print(action) => match action.split_once(":=") {
                    Some((name, words)) if name.trim().starts_with('$') => {
                        let value = self.evaluate(words, dot)?;
                        self.variables.push((name.trim().to_owned(), value));
                    }
                    _ => {
                        let value = self.evaluate(action, dot)?;
                        self.out.push_str(&shown(value.as_ref()));
                    }
                },
                Node::Block(kind, words, under, otherwise) => {
                    self.block(kind, words, (under, otherwise), dot, context)?;
                }
            }
        }
        self.variables.truncate(scope);
        Ok(())
    }

    fn block(
        &mut self,
        kind: &str,
        words: &str,
        (under, otherwise): (&[Node], &[Node]),
        dot: &Value,
        context: &mut Context,
    ) -> Result<(), BuiltinError> {
        let (names, words) = match words.split_once(":=") {
            Some((names, words)) => (names.split(',').map(|name| name.trim().to_owned()).collect(), words),
            None => (Vec::new(), words),
        };
        let value = self.evaluate(words, dot)?;
        let Some(value) = value.filter(truth) else {
            return self.write(otherwise, dot, context);
        };
        let scope = self.variables.len();
        if kind == "range" {
            for (key, item) in entries(&value)? {
                match names.as_slice() {
                    [one] => self.variables.push((one.clone(), Some(item.clone()))),
                    [first, second] => {
                        self.variables.push((first.clone(), Some(key)));
                        self.variables.push((second.clone(), Some(item.clone())));
                    }
                    _ => {}
                }
                self.write(under, &item, context)?;
                self.variables.truncate(scope);
            }
            return Ok(());
        }
        self.variables.extend(names.into_iter().map(|name| (name, Some(value.clone()))));
        self.write(under, if kind == "with" { &value } else { dot }, context)?;
        self.variables.truncate(scope);
        Ok(())
    }

    /// An operand, or a function of operands.
    fn evaluate(&self, words: &str, dot: &Value) -> Result<Option<Value>, BuiltinError> {
        let words: Vec<&str> = words.split_whitespace().collect();
        let Some((first, rest)) = words.split_first() else {
            return Err(error("missing value for command"));
        };
        if rest.is_empty() {
            return self.operand(first, dot);
        }
        let operands: Vec<Option<Value>> = rest.iter().map(|word| self.operand(word, dot)).collect::<Result<_, _>>()?;
        let holds = |operand: &Option<Value>| operand.as_ref().is_some_and(truth);
        let last = || operands.last().cloned().flatten();
        match (*first, operands.as_slice()) {
            ("len", [Some(one)]) => {
                let count = if let Value::String(text) = one { text.len() } else { entries(one)?.len() };
                Ok(Some(Value::from(i64::try_from(count).unwrap_or(i64::MAX))))
            }
            ("index", [Some(whole), Some(key)]) => {
                Ok(entries(whole)?.into_iter().find(|(found, _)| found == key).map(|(_, item)| item))
            }
            ("eq", [one, others @ ..]) => Ok(Some(others.contains(one).into())),
            ("ne", [one, other]) => Ok(Some((one != other).into())),
            ("not", [one]) => Ok(Some((!holds(one)).into())),
            ("and", all) => Ok(all.iter().find(|one| !holds(one)).cloned().unwrap_or_else(last)),
            ("or", all) => Ok(all.iter().find(|one| holds(one)).cloned().unwrap_or_else(last)),
            (name, _) => Err(error(format!("function {} not defined", quote(name, false)))),
        }
    }

    /// `.a.b`, `$x.a`, a literal; none where a field is missing.
    fn operand(&self, word: &str, dot: &Value) -> Result<Option<Value>, BuiltinError> {
        let (start, path) = match word.find('.') {
            _ if word.starts_with(['"', '`']) => {
                return Ok(crate::json::parse(&crate::bytes::shown(&word.replace('`', "\""))).ok());
            }
            Some(at) if at == 0 || word.starts_with('$') => word.split_at(at),
            _ => (word, ""),
        };
        let base = match start {
            "" => Some(dot.clone()),
            "$" => Some(self.root.clone()),
            "nil" => None,
            name if name.starts_with('$') => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                known.ok_or_else(|| error(format!("undefined variable {}", quote(name, false))))?.1.clone()
            }
            literal => match crate::json::parse(literal) {
                Ok(value) => return Ok(Some(value)),
                Err(_) => return Err(error(format!("function {} not defined", quote(literal, false)))),
            },
        };
        let fields = path.split('.').filter(|field| !field.is_empty());
        Ok(fields.fold(base, |at, field| match at {
            Some(Value::Object(map)) => map.get(&Value::string(field)).cloned(),
            _ => None,
        }))
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.to_f64() != 0.0,
        Value::String(text) => !text.is_empty(),
        other => entries(other).is_ok_and(|entries| !entries.is_empty()),
    }
}

/// What `range` goes through.
fn entries(value: &Value) -> Result<Vec<(Value, Value)>, BuiltinError> {
    match value {
        Value::Array(items) => Ok((0i64..).map(Value::from).zip(items.iter().cloned()).collect()),
        Value::Set(items) => Ok((0i64..).map(Value::from).zip(items.iter().cloned()).collect()),
        Value::Object(map) => Ok(map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()),
        other => Err(error(format!("range can't iterate over {other}"))),
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "<undefined>".to_owned(),
        Some(Value::String(text)) => text.replace("<no value>", "<undefined>"),
        Some(Value::Array(items)) => {
            format!("[{}]", items.iter().map(|item| shown(Some(item))).collect::<Vec<_>>().join(" "))
        }
        Some(Value::Object(map)) => {
            let entry = |(key, value): (&Value, &Value)| format!("{}:{}", shown(Some(key)), shown(Some(value)));
            format!("map[{}]", map.iter().map(entry).collect::<Vec<_>>().join(" "))
        }
        Some(other) => other.to_string(),
    }
}
