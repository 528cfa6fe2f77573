//! Cuts what is within an action into tokens (`text/template/parse/lex.go`).

use super::lexer::{Lexer, RIGHT, is_space, newlines};
use super::token::{Item, Kind, keyword};
use crate::gofmt::{Arg, Flags};
use crate::text::quote;
use regex_automata::meta::Regex;
use std::sync::LazyLock;

/// A letter or a digit of Unicode, or an underscore.
fn is_word(c: char) -> bool {
    static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A[\p{L}\p{Nd}]\z").ok());
    if c.is_ascii() {
        return c == '_' || c.is_ascii_alphanumeric();
    }
    WORD.as_ref().is_some_and(|word| word.is_match(&*c.encode_utf8(&mut [0; 4])))
}

/// `%#U`.
fn unicode(c: char) -> String {
    let mut out = String::new();
    Arg::Int(i64::from(u32::from(c))).write(&mut out, 'U', Flags { sharp: true, ..Flags::default() });
    out
}

impl Lexer<'_> {
    pub(super) fn action(&mut self) -> Item {
        if self.at_right().is_some() {
            return if self.parens == 0 { self.right() } else { self.error("unclosed left paren") };
        }
        let after_point = self.rest().get(1).copied();
        match self.peek() {
            None => self.error("unclosed action"),
            Some(c) if is_space(c) => self.space(),
            Some('.') if after_point.is_some_and(|byte| !byte.is_ascii_digit()) => self.named(Kind::Field, Kind::Dot),
            Some('.' | '+' | '-' | '0'..='9') => self.number(),
            Some(c) if is_word(c) => self.identifier(),
            Some(c) => {
                self.next();
                self.mark(c)
            }
        }
    }

    /// What a character begins that is no part of a name or a number.
    fn mark(&mut self, c: char) -> Item {
        match c {
            '=' => self.emit(Kind::Assign),
            ':' if self.next() != Some('=') => self.error("expected :="),
            ':' => self.emit(Kind::Declare),
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted(c, Kind::String, "unterminated quoted string"),
            '\'' => self.quoted(c, Kind::CharConstant, "unterminated character constant"),
            '`' => loop {
                match self.next() {
                    None => return self.error("unterminated raw quoted string"),
                    Some('`') => return self.emit(Kind::RawString),
                    Some(_) => {}
                }
            },
            '$' => {
                self.pos -= 1;
                self.named(Kind::Variable, Kind::Variable)
            }
            '(' => {
                self.parens += 1;
                self.emit(Kind::LeftParen)
            }
            ')' => match self.parens.checked_sub(1) {
                Some(parens) => {
                    self.parens = parens;
                    self.emit(Kind::RightParen)
                }
                None => self.error("unexpected right paren"),
            },
            ' '..='~' => self.emit(Kind::Char),
            c => self.error(format!("unrecognized character in action: {}", unicode(c))),
        }
    }

    /// Spaces; the last of them may belong to what ends the action.
    fn space(&mut self) -> Item {
        let before = self.pos;
        while self.peek().is_some_and(is_space) {
            self.next();
        }
        self.pos -= 1;
        if self.at_right() == Some(true) {
            self.line -= newlines(self.rest().get(..1).unwrap_or_default());
            if self.pos == before {
                return self.right();
            }
        } else {
            self.pos += 1;
        }
        self.emit(Kind::Space)
    }

    fn quoted(&mut self, mark: char, kind: Kind, unterminated: &'static str) -> Item {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.next(), None | Some('\n')) => {}
                None | Some('\n' | '\\') => return self.error(unterminated),
                Some(c) if c == mark => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    /// Whether a name may end here.
    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_space(c) || self.rest().starts_with(RIGHT),
        }
    }

    fn words(&mut self) -> Option<Item> {
        while self.peek().is_some_and(is_word) {
            self.next();
        }
        if self.at_terminator() {
            return None;
        }
        let bad = self.peek().unwrap_or_default();
        Some(self.error(format!("bad character {}", unicode(bad))))
    }

    fn identifier(&mut self) -> Item {
        if let Some(error) = self.words() {
            return error;
        }
        let word = self.taken_text();
        let constant = (word == "true" || word == "false").then_some(Kind::Bool);
        self.emit(keyword(&word).or(constant).unwrap_or(Kind::Identifier))
    }

    /// `.name` or `$name`, or only the first character of them.
    fn named(&mut self, kind: Kind, alone: Kind) -> Item {
        self.next();
        if self.at_terminator() {
            return self.emit(alone);
        }
        match self.words() {
            Some(error) => error,
            None => self.emit(kind),
        }
    }

    fn number(&mut self) -> Item {
        let mut good = self.digits();
        let complex = good && matches!(self.peek(), Some('+' | '-'));
        if complex {
            // `1+2i`.
            good = self.digits() && self.taken().ends_with(b"i");
        }
        if !good {
            let text = quote(&self.taken_text(), false);
            return self.error(format!("bad number syntax: {text}"));
        }
        self.emit(if complex { Kind::Complex } else { Kind::Number })
    }

    /// What looks like a number; whether it is one is seen later (`constants`).
    fn digits(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            digits = match () {
                () if self.accept("xX") => "0123456789abcdefABCDEF_",
                () if self.accept("oO") => "01234567_",
                () if self.accept("bB") => "01_",
                () => digits,
            };
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_word) {
            self.next();
            return false;
        }
        true
    }
}
