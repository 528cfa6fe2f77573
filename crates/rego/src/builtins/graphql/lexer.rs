//! Tokens of GraphQL documents, with places counted as the library under OPA counts them, its slips included. Knows no
//! grammar.

use super::fault::Place;
use std::borrow::Cow;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No token; its text is why.
    Invalid,
    End,
    Bang,
    Dollar,
    Amp,
    ParenL,
    ParenR,
    Spread,
    Colon,
    Equals,
    At,
    BracketL,
    BracketR,
    BraceL,
    BraceR,
    Pipe,
    Name,
    Int,
    Float,
    String,
    BlockString,
    Comment,
}

impl Kind {
    /// As errors write it.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Invalid => "<Invalid>",
            Self::End => "<EOF>",
            Self::Bang => "!",
            Self::Dollar => "$",
            Self::Amp => "&",
            Self::ParenL => "(",
            Self::ParenR => ")",
            Self::Spread => "...",
            Self::Colon => ":",
            Self::Equals => "=",
            Self::At => "@",
            Self::BracketL => "[",
            Self::BracketR => "]",
            Self::BraceL => "{",
            Self::BraceR => "}",
            Self::Pipe => "|",
            Self::Name => "Name",
            Self::Int => "Int",
            Self::Float => "Float",
            Self::String => "String",
            Self::BlockString => "BlockString",
            Self::Comment => "Comment",
        }
    }
}

/// One token. The text of punctuation is empty, that of a string what it stands for.
#[derive(Clone, Debug)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: Cow<'a, str>,
    pub place: Place,
}

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

    fn string(&mut self) -> Token<'a> {
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

    fn block_string(&mut self) -> Token<'a> {
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
