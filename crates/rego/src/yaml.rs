//! YAML to values, and values to YAML in the style of Go's `sigs.k8s.io/yaml`: keys sorted, blocks, lists not indented.

use crate::number::Number;
use crate::value::Value;
use crate::{bytes, json, text};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Deeper values are written as null.
const MAX_DEPTH: usize = 500;

/// Parses the first document; the error is a sentence. Of two equal keys the last wins, and `010` is octal, as in Go.
/// What follows the document is not looked at, even where it is no other one.
pub fn parse(yaml: &str) -> Result<Value, String> {
    let error = match first(yaml) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let after = error.contains("did not find expected <document start>").then(|| line(&error)).flatten();
    let end = after.and_then(|after| yaml.split_inclusive('\n').take(after - 1).map(str::len).reduce(|a, b| a + b));
    let document = end.and_then(|end| yaml.get(..end)).map(first);
    document.unwrap_or(Err(error)).map_err(|error| reason(yaml, &error))
}

fn first(yaml: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
    };
    let parsed = serde_saphyr::from_multiple_with_options::<serde_json::Value>(yaml, options);
    let documents = parsed.map_err(|error| error.to_string())?;
    Ok(documents.first().map_or(Value::Null, convert))
}

/// The line that an error names, from 1.
fn line(error: &str) -> Option<usize> {
    error
        .split("line ")
        .nth(1)
        .and_then(|rest| rest.split([' ', ',', ':']).next()?.parse().ok())
        .filter(|line| *line > 0)
}

/// As `Value::from_json`, but with doubles as Go's `encoding/json` writes them: `1.0` is `1`.
fn convert(parsed: &serde_json::Value) -> Value {
    match parsed {
        serde_json::Value::Number(n) => match n.as_f64().filter(|_| n.is_f64()) {
            Some(double) => {
                let plain = double.abs() >= 1e-6 && double.abs() < 1e21;
                let text = if plain { double.to_string() } else { crate::number::general(double, 1) };
                Value::Number(Number::parse(&text).unwrap_or_default())
            }
            None => Value::from_json(parsed),
        },
        serde_json::Value::Array(items) => Value::array(items.iter().map(convert)),
        serde_json::Value::Object(map) => {
            Value::object(map.iter().map(|(key, value)| (Value::entering(key), convert(value))))
        }
        other => Value::from_json(other),
    }
}

/// The error in libyaml's words where they are known.
fn reason(yaml: &str, error: &str) -> String {
    let line = line(error).unwrap_or(1);
    let what = if error.contains("unclosed bracket '['") {
        "did not find expected ',' or ']'"
    } else if error.contains("unclosed bracket '{'") {
        "did not find expected ',' or '}'"
    } else {
        let short = error.lines().next().unwrap_or("not valid");
        let short = short.trim_start_matches("error: ");
        // Its own place is said in another form, and not where it is the first line.
        let place = short.starts_with("line ").then(|| short.split_once(": ")).flatten();
        let short = place.map_or(short, |(_, what)| what);
        return if line > 1 { format!("yaml: line {line}: {short}") } else { format!("yaml: {short}") };
    };
    format!("yaml: line {}: {what}", line.max(yaml.lines().count()))
}

/// One document with a line's end after it.
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => object(&mut out, map, 0, false),
        Value::Array(_) | Value::Set(_) => list(&mut out, value, 0, false),
        other => {
            scalar(&mut out, other, 0);
            out.push('\n');
        }
    }
    out
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Set(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

/// `continued` says that the first line has its indentation already.
fn object(out: &mut String, map: &BTreeMap<Value, Value>, depth: usize, mut continued: bool) {
    let keyed: BTreeMap<String, &Value> = map.iter().map(|(key, value)| (json::key_text(key), value)).collect();
    let mut keyed: Vec<(String, &Value)> = keyed.into_iter().collect();
    keyed.sort_by(|(a, _), (b, _)| before(a, b));
    for (key, value) in keyed {
        if !std::mem::take(&mut continued) {
            indent(out, depth);
        }
        string(out, &key, depth);
        out.push(':');
        match value {
            Value::Object(map) if !map.is_empty() && depth < MAX_DEPTH => {
                out.push('\n');
                object(out, map, depth + 1, false);
            }
            Value::Array(_) | Value::Set(_) if !items(value).is_empty() && depth < MAX_DEPTH => {
                out.push('\n');
                list(out, value, depth, false);
            }
            other => {
                out.push(' ');
                scalar(out, other, depth + 1);
                out.push('\n');
            }
        }
    }
}

/// The order of keys (`keyList` of Go's YAML): numbers within them by value, letters after what is none.
fn before(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let digit = |c: &char| c.is_ascii_digit();
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else { return a.len().cmp(&b.len()) };
    let (x, y) = (a[at], b[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero counts where other digits than zeros stand before it.
    let zero = x == '0' || y == '0';
    let led = zero && a[..at].iter().rev().take_while(|c| digit(c)).any(|c| *c != '0');
    let number = |text: &[char]| -> (i64, usize) {
        let digits = text[at..].iter().take_while(|c| digit(c));
        digits.fold((i64::from(led), 0), |(n, count), c| {
            (n.wrapping_mul(10).wrapping_add(i64::from(c.to_digit(10).unwrap_or(0))), count + 1)
        })
    };
    number(&a).cmp(&number(&b)).then(x.cmp(&y))
}

/// Whether Go's YAML, which reads the value's JSON again, refuses a character.
fn unreadable(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether all of a value's texts can be written.
pub fn is_writable(value: &Value) -> bool {
    let writable = |text: &str| !text.chars().any(unreadable);
    match value {
        Value::String(text) => writable(text),
        Value::Array(items) => items.iter().all(is_writable),
        Value::Set(items) => items.iter().all(is_writable),
        Value::Object(map) => map.iter().all(|(key, value)| is_writable(key) && is_writable(value)),
        _ => true,
    }
}

fn list(out: &mut String, value: &Value, depth: usize, mut continued: bool) {
    let items = items(value);
    if items.is_empty() {
        out.push_str("[]\n");
    }
    for item in items {
        if !std::mem::take(&mut continued) {
            indent(out, depth);
        }
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() && depth < MAX_DEPTH => object(out, map, depth + 1, true),
            Value::Array(_) | Value::Set(_) if depth < MAX_DEPTH => list(out, item, depth + 1, true),
            other => {
                scalar(out, other, depth + 1);
                out.push('\n');
            }
        }
    }
}

fn scalar(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        // What is no integer of 64 bits becomes a double on the way.
        Value::Number(n @ Number::Int(_)) => out.push_str(&n.to_string()),
        Value::Number(Number::Big(big)) if u64::try_from(&**big).is_ok() => out.push_str(&big.to_string()),
        Value::Number(n) => out.push_str(&crate::number::general(n.to_f64(), 6)),
        Value::String(text) => string(out, text, depth),
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Set(items) if items.is_empty() => out.push_str("[]"),
        _ => out.push_str("null"),
    }
}

/// Plain where it reads back as the same text; else in quotes, or as a block where it has lines.
fn string(out: &mut String, value: &str, depth: usize) {
    let value = &*bytes::shown(value);
    if value.chars().any(|c| c != '\n' && !text::printable(c)) {
        out.push_str(&text::quote(&bytes::entering(value), false));
    } else if value.contains('\n') {
        block(out, value, depth);
    } else if resolves(value) {
        out.push_str(&format!("\"{value}\""));
    } else if plain(value) {
        out.push_str(value);
    } else {
        out.push_str(&format!("'{}'", value.replace('\'', "''")));
    }
}

fn block(out: &mut String, value: &str, depth: usize) {
    out.push('|');
    if value.starts_with([' ', '\n']) {
        out.push('2');
    }
    let kept = value.trim_end_matches('\n');
    match value.len() - kept.len() {
        0 => out.push('-'),
        1 => {}
        _ => out.push('+'),
    }
    let body = value.strip_suffix('\n').unwrap_or(value);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(out, depth.max(1));
            out.push_str(line);
        }
    }
}

/// Whether YAML would read the bare text as something else than a string.
fn resolves(value: &str) -> bool {
    let word = matches!(
        value.to_ascii_lowercase().as_str(),
        "" | "~"
            | "null"
            | "true"
            | "false"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "y"
            | "n"
            | ".nan"
            | ".inf"
            | "-.inf"
            | "+.inf"
    );
    let bare = value.trim_start_matches(['+', '-']).replace('_', "");
    let starts = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number = starts && (bare.parse::<f64>().is_ok_and(f64::is_finite) || radix(&bare));
    word || number || value == "<<" || date(value)
}

fn radix(bare: &str) -> bool {
    [("0x", 16), ("0o", 8), ("0b", 2)].iter().any(|(prefix, radix)| {
        bare.strip_prefix(prefix).is_some_and(|digits| u64::from_str_radix(digits, *radix).is_ok())
    })
}

fn date(value: &str) -> bool {
    let head: Vec<&str> = value.get(..10).unwrap_or("").split('-').collect();
    let digits = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    head.len() == 3 && head.iter().all(digits) && head.first().is_some_and(|year| year.len() == 4)
}

fn plain(value: &str) -> bool {
    let bytes = value.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    let indicator = b"#,[]{}&*!|>'\"%@`".contains(first);
    let dash = b"-?:".contains(first) && bytes.get(1).is_none_or(|b| *b == b' ');
    let marker = value.starts_with("---") || value.starts_with("...");
    let inside = value.contains(": ") || value.contains(" #") || *last == b':';
    !(indicator || dash || marker || inside || *first == b' ' || *last == b' ')
}
