//! Cuts a template into texts and actions (`text/template/parse/lex.go`); what is within actions is in `action`.

use super::token::{Item, Kind};
use crate::bytes;
use std::borrow::Cow;

const LEFT: &[u8] = b"{{";
pub(super) const RIGHT: &[u8] = b"}}";

pub struct Lexer<'a> {
    pub(super) input: &'a [u8],
    pub(super) pos: usize,
    /// Where the token at hand begins, and on which line.
    pub(super) start: usize,
    pub(super) start_line: usize,
    pub(super) line: usize,
    pub(super) parens: usize,
    pub(super) inside_action: bool,
}

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_space_byte(byte: &u8) -> bool {
    is_space(char::from(*byte))
}

/// The first character, U+FFFD where there is none, and its length.
pub(super) fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let start = bytes.get(..4).unwrap_or(bytes);
    let chunk = start.utf8_chunks().next()?;
    Some(chunk.valid().chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8())))
}

fn trims_left(action: &[u8]) -> bool {
    matches!(action, [b'-', space, ..] if is_space_byte(space))
}

fn trims_right(rest: &[u8]) -> bool {
    matches!(rest, [space, b'-', ..] if is_space_byte(space))
}

pub(super) fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

impl<'a> Lexer<'a> {
    pub fn new(input: &'a [u8]) -> Self {
        Self { input, pos: 0, start: 0, start_line: 1, line: 1, parens: 0, inside_action: false }
    }

    pub fn next_item(&mut self) -> Item {
        if self.inside_action { self.action() } else { self.text() }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.input.get(self.pos..).unwrap_or_default()
    }

    pub(super) fn taken(&self) -> &'a [u8] {
        self.input.get(self.start..self.pos).unwrap_or_default()
    }

    pub(super) fn taken_text(&self) -> String {
        bytes::text(self.taken())
    }

    pub(super) fn peek(&self) -> Option<char> {
        decode(self.rest()).map(|(c, _)| c)
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let (c, width) = decode(self.rest())?;
        self.pos += width;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    pub(super) fn accept(&mut self, valid: &str) -> bool {
        let accepted = self.peek().is_some_and(|c| valid.contains(c));
        if accepted {
            self.next();
        }
        accepted
    }

    pub(super) fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    pub(super) fn emit(&mut self, kind: Kind) -> Item {
        let item = Item { kind, pos: self.start, text: self.taken_text().into(), line: self.start_line };
        self.start = self.pos;
        self.start_line = self.line;
        item
    }

    /// Passes over what was skipped without a look at its lines.
    fn ignore(&mut self) {
        self.line += newlines(self.taken());
        self.start = self.pos;
        self.start_line = self.line;
    }

    /// Ends the template.
    pub(super) fn error<'t>(&mut self, text: impl Into<Cow<'t, str>>) -> Item {
        let item = Item { kind: Kind::Error, pos: self.start, text: text.into().into(), line: self.start_line };
        (self.start, self.pos, self.input) = (0, 0, b"");
        item
    }

    /// Up to an action, comments left out.
    fn text(&mut self) -> Item {
        loop {
            let Some(at) = self.rest().windows(2).position(|two| two == LEFT) else {
                self.pos = self.input.len();
                let kind = if self.pos > self.start { Kind::Text } else { Kind::Eof };
                self.line += newlines(self.taken());
                return self.emit(kind);
            };
            if at > 0 {
                self.pos += at;
                let action = self.rest().get(LEFT.len()..).unwrap_or_default();
                let trimmed = match trims_left(action) {
                    true => self.taken().iter().rev().take_while(|byte| is_space_byte(byte)).count(),
                    false => 0,
                };
                self.pos -= trimmed;
                self.line += newlines(self.taken());
                let item = self.emit(Kind::Text);
                self.pos += trimmed;
                self.ignore();
                if !item.text.is_empty() {
                    return item;
                }
            }
            if let Some(item) = self.left() {
                return item;
            }
        }
    }

    /// `{{`, or none where a comment follows it.
    fn left(&mut self) -> Option<Item> {
        self.pos += LEFT.len();
        let marker = if trims_left(self.rest()) { 2 } else { 0 };
        if self.rest().get(marker..).is_some_and(|rest| rest.starts_with(b"/*")) {
            self.pos += marker;
            self.ignore();
            return self.comment();
        }
        let item = self.emit(Kind::LeftDelim);
        self.inside_action = true;
        self.pos += marker;
        self.ignore();
        self.parens = 0;
        Some(item)
    }

    fn comment(&mut self) -> Option<Item> {
        self.pos += 2;
        let Some(at) = self.rest().windows(2).position(|two| two == b"*/") else {
            return Some(self.error("unclosed comment"));
        };
        self.pos += at + 2;
        let Some(trims) = self.at_right() else {
            return Some(self.error("comment ends before closing delimiter"));
        };
        self.ignore();
        self.pos += if trims { 2 } else { 0 } + RIGHT.len();
        if trims {
            self.skip_spaces();
        }
        self.ignore();
        None
    }

    fn skip_spaces(&mut self) {
        self.pos += self.rest().iter().take_while(|byte| is_space_byte(byte)).count();
    }

    /// Whether the action ends here, and if so whether it trims the text behind it.
    pub(super) fn at_right(&self) -> Option<bool> {
        let rest = self.rest();
        if trims_right(rest) && rest.get(2..).is_some_and(|rest| rest.starts_with(RIGHT)) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    pub(super) fn right(&mut self) -> Item {
        let trims = self.at_right() == Some(true);
        if trims {
            self.pos += 2;
            self.ignore();
        }
        self.pos += RIGHT.len();
        let item = self.emit(Kind::RightDelim);
        if trims {
            self.skip_spaces();
            self.ignore();
        }
        self.inside_action = false;
        item
    }
}
