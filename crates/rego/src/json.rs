//! JSON text to values and back: numbers keep their text, objects and arrays are bounded in depth, and the output is that
//! of Go's `encoding/json`.

use crate::bytes;
use crate::number::Number;
use crate::shared::Shared;
use crate::value::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// As deep as Go's decoder goes would overflow small stacks; deeper documents are an error.
const MAX_DEPTH: usize = 1000;

/// What is said of a text that ends too soon.
pub(crate) const UNENDED: &str = "unexpected end of JSON input";

/// Why a text is no JSON, with the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JsonError {
    /// In the words of Go's decoder.
    pub message: String,
    /// In bytes from the start.
    pub offset: usize,
    /// It may be JSON, but is beyond the bounds here.
    pub large: bool,
}

/// Parses one document with nothing but space after it.
///
/// # Errors
/// For text that is no JSON, deeper than 1000, or with a number whose exponent is beyond 100,000.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = reader.value()?;
    reader.space();
    match reader.text[reader.at..].chars().next() {
        None => Ok(value),
        Some(c) => Err(reader.error(format!("invalid character {} after top-level value", shown(c)))),
    }
}

/// A character as Go's errors name it: by its first byte alone.
fn shown(c: char) -> String {
    match char::from(c.encode_utf8(&mut [0; 4]).as_bytes().first().copied().unwrap_or_default()) {
        '\'' => r"'\''".to_owned(),
        '"' => r#"'"'"#.to_owned(),
        c => crate::text::quote_char(c, false),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, message: impl Into<String>) -> JsonError {
        JsonError { message: message.into(), offset: self.at, large: false }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// What stands here is not what `context` says should.
    fn unexpected(&self, context: &str) -> JsonError {
        match self.text[self.at..].chars().next() {
            None => self.error(UNENDED),
            Some(c) => self.error(format!("invalid character {} {context}", shown(c))),
        }
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        self.space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Value::String(Arc::from(bytes::entering(self.string()?)))),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn nested(&mut self, f: fn(&mut Self) -> Result<Value, JsonError>) -> Result<Value, JsonError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(JsonError { large: true, ..self.error("exceeded max depth") });
        }
        self.at += 1;
        let value = f(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        for (i, expected) in word.bytes().enumerate() {
            if self.peek() != Some(expected) {
                let context = format!("in literal {word} (expecting {})", shown(char::from(expected)));
                debug_assert!(i > 0, "the caller saw the first letter");
                return Err(self.unexpected(&context));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, JsonError> {
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::array(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::array(items));
                }
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        let mut map = BTreeMap::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(Shared::from(map)));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = Value::String(Arc::from(bytes::entering(self.string()?)));
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            map.insert(key, self.value()?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Object(Shared::from(map)));
                }
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        let digits = |reader: &mut Self, context: &str| {
            if !reader.peek().is_some_and(|b| b.is_ascii_digit()) {
                return Err(reader.unexpected(context));
            }
            while reader.peek().is_some_and(|b| b.is_ascii_digit()) {
                reader.at += 1;
            }
            Ok(())
        };
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            digits(self, "in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            digits(self, "after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            digits(self, "in exponent of numeric literal")?;
        }
        let text = &self.text[start..self.at];
        let large = || JsonError { large: true, ..self.error(format!("number {text:.40} is too large")) };
        Number::parse(text).map(Value::Number).ok_or_else(large)
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let c = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        Ok(c)
    }

    /// The code point of `\uXXXX`; a lone half of a pair is the replacement character, as in Go.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let mut n = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            n = n * 16 + digit;
            self.at += 1;
        }
        Ok(n)
    }
}

/// Writes a value as Go's `json.Marshal` does: keys sorted, sets as arrays, `<`, `>` and `&` escaped.
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, None, 0);
    out
}

/// As Go's `json.MarshalIndent`; the first line has no prefix.
pub fn to_string_indented(value: &Value, prefix: &str, indent: &str) -> String {
    let mut out = String::new();
    write(&mut out, value, Some((prefix, indent)), 0);
    out
}

fn line(out: &mut String, style: Option<(&str, &str)>, depth: usize) {
    if let Some((prefix, indent)) = style {
        out.push('\n');
        out.push_str(prefix);
        out.extend(std::iter::repeat_n(indent, depth));
    }
}

fn write(out: &mut String, value: &Value, style: Option<(&str, &str)>, depth: usize) {
    if depth > 2 * MAX_DEPTH {
        return out.push_str("null");
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&n.to_string()),
        Value::String(text) => string(out, text),
        Value::Array(items) => list(out, items.iter(), style, depth),
        Value::Set(items) => list(out, items.iter(), style, depth),
        Value::Object(map) => {
            let keyed: BTreeMap<String, &Value> = map.iter().map(|(key, value)| (key_text(key), value)).collect();
            out.push('{');
            for (i, (key, value)) in keyed.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                line(out, style, depth + 1);
                string(out, key);
                out.push_str(if style.is_some() { ": " } else { ":" });
                write(out, value, style, depth + 1);
            }
            if !keyed.is_empty() {
                line(out, style, depth);
            }
            out.push('}');
        }
    }
}

fn list<'a>(
    out: &mut String,
    items: impl ExactSizeIterator<Item = &'a Value>,
    style: Option<(&str, &str)>,
    depth: usize,
) {
    let empty = items.len() == 0;
    out.push('[');
    for (i, item) in items.enumerate() {
        out.push_str(if i == 0 { "" } else { "," });
        line(out, style, depth + 1);
        write(out, item, style, depth + 1);
    }
    if !empty {
        line(out, style, depth);
    }
    out.push(']');
}

/// A key as JSON has it: a string as it is, anything else as its JSON. A text of the engine's (see `bytes`).
pub fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.to_string(),
        other => bytes::entering(to_string(other)).into_owned(),
    }
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    for chunk in bytes::bytes(text).utf8_chunks() {
        characters(out, chunk.valid());
        out.extend(std::iter::repeat_n("\\ufffd", chunk.invalid().len()));
    }
    out.push('"');
}

fn characters(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}
