//! Strings and block strings: their escapes, their ends, and what they stand for.

use super::{Kind, Lexer, Token};
use std::borrow::Cow;

impl<'a> Lexer<'a> {
    /// A string on one line; it is at its opening quote.
    pub(super) fn string(&mut self) -> Token<'a> {
        self.advance(1);
        self.start = self.end;
        self.start_chars = self.end_chars;
        // Made only where there is an escape.
        let mut unescaped: Option<String> = None;
        while let Some(c) = self.peek() {
            match c {
                '\n' | '\r' => break,
                '"' => {
                    let mut token = self.token(Kind::String);
                    if let Some(text) = unescaped {
                        token.text = Cow::Owned(text);
                    }
                    self.advance(1);
                    return token;
                }
                '\\' => {
                    let mut text = unescaped
                        .take()
                        .unwrap_or_else(|| self.text.get(self.start..self.end).unwrap_or_default().to_owned());
                    match self.escape() {
                        Ok((c, length)) => {
                            text.push(c);
                            self.advance(length);
                        }
                        Err(message) => {
                            self.advance(1);
                            return self.invalid(message);
                        }
                    }
                    unescaped = Some(text);
                }
                c if c < ' ' && c != '\t' => {
                    return self.invalid(format!("Invalid character within String: \"\\u{:04}\".", u32::from(c)));
                }
                c => {
                    self.bump(c);
                    if let Some(text) = &mut unescaped {
                        text.push(c);
                    }
                }
            }
        }
        self.invalid("Unterminated string.".into())
    }

    /// The character that the escape at hand stands for and the length of the escape, or what is wrong with it.
    fn escape(&self) -> Result<(char, usize), String> {
        let bytes = self.rest().as_bytes();
        let simple = match bytes.get(1) {
            None => return Err("Invalid character escape sequence.".into()),
            Some(b'u') => {
                // There has to be a character after the four digits, too.
                if bytes.len() <= 6 {
                    let left = String::from_utf8_lossy(bytes.get(1..).unwrap_or_default());
                    return Err(format!("Invalid character escape sequence: \\{left}."));
                }
                let digits = bytes.get(2..6).unwrap_or_default();
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    let shown = String::from_utf8_lossy(bytes.get(1..6).unwrap_or_default());
                    return Err(format!("Invalid character escape sequence: \\{shown}."));
                }
                let code = std::str::from_utf8(digits).ok().and_then(|text| u32::from_str_radix(text, 16).ok());
                return Ok((code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER), 6));
            }
            Some(&byte @ (b'"' | b'/' | b'\\')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(&byte) => return Err(format!("Invalid character escape sequence: \\{}.", char::from(byte))),
        };
        Ok((simple, 2))
    }

    /// A block string; it is at its opening quotes.
    pub(super) fn block_string(&mut self) -> Token<'a> {
        self.advance(3);
        self.start = self.end;
        self.start_chars = self.end_chars;
        let mut raw = String::new();
        while let Some(c) = self.peek() {
            if c == '"' {
                let quotes = self.rest().bytes().take_while(|byte| *byte == b'"').count();
                // Of more than three quotes the last three end the string.
                if quotes >= 3 {
                    raw.extend(std::iter::repeat_n('"', quotes - 3));
                    let token = self.token_of(Kind::BlockString, Cow::Owned(block_value(&raw)));
                    self.advance(quotes);
                    return token;
                }
            }
            match c {
                '\\' if self.rest().starts_with("\\\"\"\"") => {
                    raw.push_str("\"\"\"");
                    self.advance(4);
                }
                '\r' => {
                    self.bump(c);
                    if self.peek() == Some('\n') {
                        self.bump('\n');
                    }
                    raw.push('\n');
                    self.new_line();
                }
                '\n' => {
                    raw.push('\n');
                    self.bump(c);
                    self.new_line();
                }
                c if c < ' ' && c != '\t' => {
                    return self.invalid(format!("Invalid character within String: \"\\u{:04}\".", u32::from(c)));
                }
                c => {
                    raw.push(c);
                    self.bump(c);
                }
            }
        }
        self.invalid("Unterminated string.".into())
    }
}

/// A block string without its common indentation and without blank lines at its start and end.
fn block_value(raw: &str) -> String {
    let indent = |line: &str| line.find(|c| c != ' ' && c != '\t');
    let lines: Vec<&str> = raw.split('\n').collect();
    let common = lines.iter().filter_map(|line| indent(line)).min().unwrap_or(0);
    let cut: Vec<&str> = lines
        .iter()
        .enumerate()
        .map(|(i, line)| if i == 0 { line } else { line.get(common..).unwrap_or_default() })
        .collect();
    let Some(first) = cut.iter().position(|line| indent(line).is_some()) else { return String::new() };
    let last = cut.iter().rposition(|line| indent(line).is_some()).unwrap_or(first);
    cut.get(first..=last).unwrap_or_default().join("\n")
}
