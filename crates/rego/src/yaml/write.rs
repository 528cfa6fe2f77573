//! Values as YAML, in the style of Go's `sigs.k8s.io/yaml`: keys sorted, blocks, lists not indented.

use super::bare::{plain, resolves};
use crate::number::Number;
use crate::value::Value;
use crate::{bytes, json};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Deeper values are written as null.
const MAX_DEPTH: usize = 500;
/// Bytes of a key that is written as most are.
const LONG_KEY: usize = 128;

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
        // A key of several lines, or a long one, has a mark before it and its value one of its own.
        let marked = key.contains('\n') || key.len() > LONG_KEY;
        if marked {
            out.push_str("? ");
        }
        string(out, &key, if marked { depth + 1 } else { depth });
        if marked {
            out.push('\n');
            indent(out, depth);
        }
        out.push(':');
        match value {
            Value::Object(map) if !map.is_empty() && depth < MAX_DEPTH => {
                out.push(if marked { ' ' } else { '\n' });
                object(out, map, depth + 1, marked);
            }
            Value::Array(_) | Value::Set(_) if !items(value).is_empty() && depth < MAX_DEPTH => {
                out.push(if marked { ' ' } else { '\n' });
                list(out, value, if marked { depth + 1 } else { depth }, marked);
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
    let spaced = value.contains(" \n") || value.contains('\n') && value.ends_with(' ');
    if spaced || value.chars().any(|c| !printable(c)) {
        quoted(out, value);
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

/// What need not be escaped (`is_printable` of Go's `yamlprivateh.go`).
fn printable(c: char) -> bool {
    c == '\n' || matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// In double quotes (`yaml_emitter_write_double_quoted` of Go's `emitterc.go`).
fn quoted(out: &mut String, value: &str) {
    out.push('"');
    for c in value.chars() {
        match c {
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '"' | '\\' => out.extend(['\\', c]),
            c if printable(c) => out.push(c),
            c if u32::from(c) <= 0xff => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
}

fn block(out: &mut String, value: &str, depth: usize) {
    out.push('|');
    if value.starts_with([' ', '\n']) {
        out.push('2');
    }
    let kept = value.trim_end_matches('\n');
    match value.len() - kept.len() {
        0 => out.push('-'),
        1 if !kept.is_empty() => {}
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
