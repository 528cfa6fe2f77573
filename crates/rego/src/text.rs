//! Values as Rego writes them, e.g. in `sprintf("%v")`: `{"a": [1, 2]}`, `set()`; and strings in Go's quotes.

use crate::value::Value;
use std::fmt::{self, Write};

/// Deeper values are cut off with `...`.
const MAX_DEPTH: usize = 1000;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self, 0)
    }
}

fn write(f: &mut fmt::Formatter<'_>, value: &Value, depth: usize) -> fmt::Result {
    if depth > MAX_DEPTH {
        return f.write_str("...");
    }
    match value {
        Value::Null => f.write_str("null"),
        Value::Bool(b) => write!(f, "{b}"),
        Value::Number(n) => write!(f, "{n}"),
        Value::String(text) => f.write_str(&quote(text, false)),
        Value::Array(items) => list(f, '[', items.iter(), ']', depth),
        Value::Set(items) if items.is_empty() => f.write_str("set()"),
        Value::Set(items) => list(f, '{', items.iter(), '}', depth),
        Value::Object(map) => {
            f.write_char('{')?;
            for (i, (key, value)) in map.iter().enumerate() {
                f.write_str(if i == 0 { "" } else { ", " })?;
                write(f, key, depth + 1)?;
                f.write_str(": ")?;
                write(f, value, depth + 1)?;
            }
            f.write_char('}')
        }
    }
}

fn list<'a>(
    f: &mut fmt::Formatter<'_>,
    open: char,
    items: impl Iterator<Item = &'a Value>,
    close: char,
    depth: usize,
) -> fmt::Result {
    f.write_char(open)?;
    for (i, item) in items.enumerate() {
        f.write_str(if i == 0 { "" } else { ", " })?;
        write(f, item, depth + 1)?;
    }
    f.write_char(close)
}

/// As Go's `strconv.Quote`, or `QuoteToASCII`.
pub fn quote(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for chunk in crate::bytes::bytes(text).utf8_chunks() {
        chunk.valid().chars().for_each(|c| escape(&mut out, c, '"', ascii));
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out.push('"');
    out
}

/// As Go's `strconv.QuoteRune`.
pub fn quote_char(c: char, ascii: bool) -> String {
    let mut out = String::from("'");
    escape(&mut out, c, '\'', ascii);
    out.push('\'');
    out
}

fn escape(out: &mut String, c: char, mark: char, ascii: bool) {
    match c {
        '\\' => out.push_str("\\\\"),
        c if c == mark => out.extend(['\\', c]),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        ' '..='~' => out.push(c),
        c if c < '\u{80}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if !ascii && printable(c) => out.push(c),
        c if u32::from(c) < 0x10000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

/// Whether Go would print it as it is.
pub fn printable(c: char) -> bool {
    // What cannot be printed is escaped, and a combining mark only at the start.
    matches!(c, ' '..='~') || c >= '\u{80}' && !String::from_iter(['a', c]).escape_debug().to_string().contains("\\u{")
}
