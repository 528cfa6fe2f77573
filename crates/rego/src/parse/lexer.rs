//! Text to tokens, one at a time and from any place, so that the parser can go back. Knows nothing of the grammar but where
//! a template string goes on.

use super::token::{Keywords, Kind, Token};

/// A place in the text and what is known there. Copied to remember it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer {
    /// The byte of the next character.
    pos: usize,
    row: u32,
    /// The column of the next character.
    col: u32,
    pub keywords: Keywords,
}

/// What scanning one token may find wrong with it. Each is reported where the token starts.
pub(super) type Faults = Vec<&'static str>;

impl Lexer {
    /// At the start of a text.
    pub(super) fn new(text: &str, keywords: Keywords) -> Self {
        let mut lexer = Self { pos: 0, row: 1, col: 1, keywords };
        if text.starts_with('\u{feff}') {
            lexer.pos = '\u{feff}'.len_utf8();
            lexer.col = 2;
        }
        lexer
    }

    /// The next token; whitespace is a token for each character.
    pub(super) fn scan(&mut self, text: &str, faults: &mut Faults) -> Token {
        let (offset, row, col) = (self.pos, self.row, self.col);
        let kind = self.kind(text, faults);
        // The end, and that of a line, are at the last character before them.
        let (row, col) = match kind {
            Kind::Eof => (row, col.saturating_sub(1)),
            Kind::Whitespace if self.row > row => (self.row, 0),
            _ => (row, col),
        };
        Token { kind, offset, end: self.pos, row, col }
    }

    /// The rest of a template string after a `}`, which is the token's first character.
    pub(super) fn scan_template(&mut self, text: &str, raw: bool, from: Token, faults: &mut Faults) -> Token {
        let kind = self.template(text, raw, faults);
        Token { kind, offset: from.offset, end: self.pos, row: from.row, col: from.col }
    }

    /// Past the next whitespace characters, if that is what comes; says whether a line ended.
    pub(super) fn skip_space(&mut self, text: &str) -> bool {
        let mut newline = false;
        let bytes = text.as_bytes();
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = bytes.get(self.pos) {
            newline |= *byte == b'\n';
            self.step(*byte);
        }
        newline
    }

    fn peek(&self, text: &str) -> Option<u8> {
        text.as_bytes().get(self.pos).copied()
    }

    /// Past one byte of ASCII.
    fn step(&mut self, byte: u8) {
        self.pos += 1;
        if byte == b'\n' {
            self.row += 1;
            self.col = 1;
        } else {
            self.col += 1;
        }
    }

    /// Past one character of any kind.
    fn next(&mut self, text: &str, faults: &mut Faults) -> Option<char> {
        let c = text.get(self.pos..)?.chars().next()?;
        if c == '\n' {
            self.row += 1;
            self.col = 1;
        } else {
            self.col += 1;
        }
        self.pos += c.len_utf8();
        match c {
            '\0' => faults.push("illegal null character"),
            '\u{feff}' => faults.push("illegal byte-order mark"),
            _ => {}
        }
        Some(c)
    }

    /// Takes a byte if it comes next.
    fn take(&mut self, text: &str, byte: u8) -> bool {
        let there = self.peek(text) == Some(byte);
        if there {
            self.step(byte);
        }
        there
    }

    fn take_while(&mut self, text: &str, test: impl Fn(u8) -> bool) -> bool {
        let start = self.pos;
        while let Some(byte) = self.peek(text).filter(|b| test(*b)) {
            self.step(byte);
        }
        self.pos > start
    }

    fn kind(&mut self, text: &str, faults: &mut Faults) -> Kind {
        let Some(byte) = self.peek(text) else { return Kind::Eof };
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                self.step(byte);
                return Kind::Whitespace;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => return self.word(text),
            b'0'..=b'9' => {
                self.number(text, faults);
                return Kind::Number;
            }
            _ => {}
        }
        let Some(c) = self.next(text, faults) else { return Kind::Eof };
        match c {
            '#' => {
                while self.peek(text).is_some_and(|b| b != b'\n') {
                    self.next(text, faults);
                }
                Kind::Comment
            }
            '"' => self.string(text, faults),
            '`' => self.raw_string(text, faults),
            '[' => Kind::LBrack,
            ']' => Kind::RBrack,
            '{' => Kind::LBrace,
            '}' => Kind::RBrace,
            '(' => Kind::LParen,
            ')' => Kind::RParen,
            ',' => Kind::Comma,
            ':' if self.take(text, b'=') => Kind::Assign,
            ':' => Kind::Colon,
            '+' => Kind::Add,
            '-' => Kind::Sub,
            '*' => Kind::Mul,
            '/' => Kind::Quo,
            '%' => Kind::Rem,
            '&' => Kind::And,
            '|' => Kind::Or,
            '=' if self.take(text, b'=') => Kind::Equal,
            '=' => Kind::Unify,
            '>' if self.take(text, b'=') => Kind::Gte,
            '>' => Kind::Gt,
            '<' if self.take(text, b'=') => Kind::Lte,
            '<' => Kind::Lt,
            '!' if self.take(text, b'=') => Kind::Neq,
            '!' => {
                faults.push("illegal ! character");
                Kind::Illegal
            }
            ';' => Kind::Semicolon,
            '.' => Kind::Dot,
            '$' if self.take(text, b'`') => self.template(text, true, faults),
            '$' if self.take(text, b'"') => self.template(text, false, faults),
            '$' => {
                faults.push("illegal $ character");
                Kind::Illegal
            }
            _ => Kind::Illegal,
        }
    }

    fn word(&mut self, text: &str) -> Kind {
        let start = self.pos;
        self.letters(text);
        self.keywords.kind(text.get(start..self.pos).unwrap_or_default())
    }

    /// Letters, `_` and digits, those of other scripts too.
    fn letters(&mut self, text: &str) {
        loop {
            self.take_while(text, |b| b.is_ascii_alphanumeric() || b == b'_');
            let Some(c) = text.get(self.pos..).and_then(|rest| rest.chars().next()) else { return };
            if c.is_ascii() || !is_decimal_digit(c) {
                return;
            }
            self.pos += c.len_utf8();
            self.col += 1;
        }
    }

    fn number(&mut self, text: &str, faults: &mut Faults) {
        self.take_while(text, |b| b.is_ascii_digit());
        if self.take(text, b'.') && !self.take_while(text, |b| b.is_ascii_digit()) {
            faults.push("expected fraction");
        }
        if self.take(text, b'e') || self.take(text, b'E') {
            let _ = self.take(text, b'+') || self.take(text, b'-');
            if !self.take_while(text, |b| b.is_ascii_digit()) {
                faults.push("expected exponent");
            }
        }
        if self.peek(text).is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
            faults.push("illegal number format");
            self.letters(text);
        }
    }

    fn string(&mut self, text: &str, faults: &mut Faults) -> Kind {
        loop {
            match self.peek(text) {
                None | Some(b'\n') => {
                    faults.push("non-terminated string");
                    return Kind::String;
                }
                _ => match self.next(text, faults) {
                    Some('"') => return Kind::String,
                    Some('\\') => self.escape(text, false, faults),
                    _ => {}
                },
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, text: &str, template: bool, faults: &mut Faults) {
        match self.peek(text) {
            Some(byte @ (b'\\' | b'"' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => self.step(byte),
            Some(byte @ b'{') if template => self.step(byte),
            Some(b'u') => {
                for _ in 0..4 {
                    self.next(text, faults);
                }
            }
            _ => faults.push("illegal escape sequence"),
        }
    }

    fn raw_string(&mut self, text: &str, faults: &mut Faults) -> Kind {
        loop {
            match self.next(text, faults) {
                Some('`') => return Kind::String,
                None => {
                    faults.push("non-terminated string");
                    return Kind::String;
                }
                _ => {}
            }
        }
    }

    fn template(&mut self, text: &str, raw: bool, faults: &mut Faults) -> Kind {
        let (part, end, quote) = if raw {
            (Kind::RawTemplatePart, Kind::RawTemplateEnd, '`')
        } else {
            (Kind::TemplatePart, Kind::TemplateEnd, '"')
        };
        loop {
            let next = self.peek(text);
            if next.is_none() || (next == Some(b'\n') && !raw) {
                faults.push("non-terminated string");
                return part;
            }
            match self.next(text, faults) {
                Some('{') => return part,
                Some('\\') if raw => {
                    self.take(text, b'{');
                }
                Some('\\') => self.escape(text, true, faults),
                c if c == Some(quote) => return end,
                _ => {}
            }
        }
    }
}

/// Whether a character is a decimal digit of some script (Unicode's Nd, as far as common scripts have them).
fn is_decimal_digit(c: char) -> bool {
    // The standard library knows only "numeric", which has fractions and roman numerals too; Nd comes in runs of ten.
    const ZEROS: [u32; 22] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20,
        0x1040, 0x17e0, 0x1810, 0xff10, 0x1d7ce, 0x1d7d8, 0x1d7e2,
    ];
    let c = u32::from(c);
    ZEROS.iter().any(|zero| (*zero..zero + 10).contains(&c))
}
