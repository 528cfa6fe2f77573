//! Tokens of GraphQL documents, with places counted as the library under OPA counts them, its slips included. Knows no
//! grammar.

mod strings;
mod token;

pub use token::{Kind, Token};

use super::fault::Place;
use std::borrow::Cow;

/// Where reading stands: bytes for slicing, characters for columns.
pub struct Lexer<'a> {
    text: &'a str,
    start: usize,
    start_chars: i64,
    end: usize,
    end_chars: i64,
    line: i64,
    line_start_chars: i64,
    /// The text is the engine's own.
    prelude: bool,
}

impl<'a> Lexer<'a> {
    /// At the start of a text.
    pub fn new(text: &'a str, prelude: bool) -> Self {
        Self { text, start: 0, start_chars: 0, end: 0, end_chars: 0, line: 1, line_start_chars: 0, prelude }
    }

    /// The next token; after the last one, `End` for ever.
    pub fn read(&mut self) -> Token<'a> {
        self.skip_space();
        self.start = self.end;
        self.start_chars = self.end_chars;
        let Some(c) = self.peek() else { return self.token(Kind::End) };
        let rest = self.rest();
        let kind = match c {
            '!' => Kind::Bang,
            '$' => Kind::Dollar,
            '&' => Kind::Amp,
            '(' => Kind::ParenL,
            ')' => Kind::ParenR,
            '.' if rest.starts_with("...") => {
                self.advance(3);
                return self.punctuation(Kind::Spread);
            }
            ':' => Kind::Colon,
            '=' => Kind::Equals,
            '@' => Kind::At,
            '[' => Kind::BracketL,
            ']' => Kind::BracketR,
            '{' => Kind::BraceL,
            '}' => Kind::BraceR,
            '|' => Kind::Pipe,
            '#' => {
                self.take_while(|c| c > '\u{1f}' || c == '\t');
                return self.token(Kind::Comment);
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
                return self.token(Kind::Name);
            }
            '-' | '0'..='9' => return self.number(),
            '"' if rest.starts_with("\"\"\"") => return self.block_string(),
            '"' => return self.string(),
            '\'' => {
                return self
                    .invalid("Unexpected single quote character ('), did you mean to use a double quote (\")?".into());
            }
            c if c < ' ' => {
                return self.invalid(format!("Cannot contain the invalid character \"\\u{:04}\"", u32::from(c)));
            }
            _ => {
                let shown = self.byte_shown();
                return self.invalid(format!("Cannot parse the unexpected character \"{shown}\"."));
            }
        };
        self.advance(1);
        self.punctuation(kind)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.end..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The next byte as a character of its own, as the library shows what it cannot read.
    fn byte_shown(&self) -> String {
        self.rest().bytes().next().map(|byte| char::from(byte).to_string()).unwrap_or_default()
    }

    /// Over ASCII characters.
    fn advance(&mut self, count: usize) {
        self.end += count;
        self.end_chars += count as i64;
    }

    /// Over any one character.
    fn bump(&mut self, c: char) {
        self.end += c.len_utf8();
        self.end_chars += 1;
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) {
        while let Some(c) = self.peek().filter(|&c| accept(c)) {
            self.bump(c);
        }
    }

    fn new_line(&mut self) {
        self.line += 1;
        self.line_start_chars = self.end_chars;
    }

    /// Blanks, commas, line ends and byte order marks.
    fn skip_space(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                '\t' | ' ' | ',' | '\u{feff}' => self.bump(c),
                '\n' => {
                    self.bump(c);
                    self.new_line();
                }
                '\r' => {
                    self.bump(c);
                    self.new_line();
                    // The column counts from before the line feed that follows.
                    if self.peek() == Some('\n') {
                        self.bump('\n');
                    }
                }
                _ => return,
            }
        }
    }

    fn token_of(&self, kind: Kind, text: Cow<'a, str>) -> Token<'a> {
        let place =
            Place { line: self.line, column: self.start_chars - self.line_start_chars + 1, prelude: self.prelude };
        Token { kind, text, place }
    }

    fn token(&self, kind: Kind) -> Token<'a> {
        self.token_of(kind, Cow::Borrowed(self.text.get(self.start..self.end).unwrap_or_default()))
    }

    fn punctuation(&self, kind: Kind) -> Token<'a> {
        self.token_of(kind, Cow::Borrowed(""))
    }

    /// Its place is where reading failed.
    fn invalid(&self, message: String) -> Token<'a> {
        let place =
            Place { line: self.line, column: self.end_chars - self.line_start_chars + 1, prelude: self.prelude };
        Token { kind: Kind::Invalid, text: Cow::Owned(message), place }
    }

    fn accept(&mut self, characters: &[char]) -> bool {
        let found = self.peek().is_some_and(|c| characters.contains(&c));
        if found {
            self.advance(1);
        }
        found
    }

    fn digits(&mut self) -> usize {
        let before = self.end;
        self.take_while(|c| c.is_ascii_digit());
        self.end - before
    }

    fn expected_digit(&self) -> Token<'a> {
        let found = if self.rest().is_empty() { "<EOF>".into() } else { format!("\"{}\"", self.byte_shown()) };
        self.invalid(format!("Invalid number, expected digit but got: {found}."))
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
    fn number(&mut self) -> Token<'a> {
        let mut kind = Kind::Int;
        self.accept(&['-']);
        if self.accept(&['0']) {
            if self.peek().is_some_and(|c| c.is_ascii_digit()) {
                let shown = self.byte_shown();
                return self.invalid(format!("Invalid number, unexpected digit after 0: \"{shown}\"."));
            }
        } else if self.digits() == 0 {
            return self.expected_digit();
        }
        if self.accept(&['.']) {
            kind = Kind::Float;
            if self.digits() == 0 {
                return self.expected_digit();
            }
        }
        if self.accept(&['e', 'E']) {
            kind = Kind::Float;
            self.accept(&['-', '+']);
            if self.digits() == 0 {
                return self.expected_digit();
            }
        }
        self.token(kind)
    }
}
