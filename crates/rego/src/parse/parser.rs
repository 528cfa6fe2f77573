//! The parser's state: the current token, what was found so far, and how to go back. The grammar is in its siblings.

use super::Options;
use super::lexer::{Faults, Lexer};
use super::token::{Kind, Token};
use crate::ast::{Comment, Location, Name, Parens, Source};
use crate::error::{Code, Error};
use std::collections::HashSet;
use std::sync::Arc;

/// How deep a term may nest, and how long a chain of left associative operators may be. Whoever walks the syntax by
/// recursion needs no check of its own.
pub const MAX_DEPTH: usize = 110;

/// Parts that a ref, and so the path of a package or rule, may have: what it leads to nests as deeply.
pub(super) const MAX_PATH: usize = 500;

/// Errors beyond this many are not kept: they would only repeat the first ones.
const MAX_ERRORS: usize = 64;

/// A parser over one source.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    pub source: &'a Source,
    pub text: &'a str,
    pub options: Options,
    pub s: State,
    pub errors: Vec<Error>,
    pub comments: Vec<Comment>,
    pub parens: Vec<Parens>,
    pub hints: Vec<&'static str>,
    /// The nesting of the term or body that is being read.
    pub depth: usize,
    /// Of the term or expression read last: how deep it nests.
    pub height: usize,
    /// Offsets at which what follows a `|` was found to be no body.
    pub not_bodies: HashSet<usize>,
    /// Within an attempt that only serves a hint.
    pub hinting: bool,
}

/// What going back restores.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub lexer: Lexer,
    pub token: Token,
    /// The end of the last token that was not whitespace.
    pub last_end: usize,
    pub skipped_newline: bool,
    pub wildcards: u32,
}

/// A place to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    state: State,
    errors: usize,
    comments: usize,
    parens: usize,
    hints: usize,
}

impl<'a> Parser<'a> {
    /// At the first token.
    pub(super) fn new(source: &'a Source, options: Options, keywords: super::token::Keywords) -> Self {
        let lexer = Lexer::new(&source.text, keywords);
        let token = Token { kind: Kind::Whitespace, offset: 0, end: 0, row: 1, col: 1 };
        let mut parser = Self {
            source,
            text: &source.text,
            options,
            s: State { lexer, token, last_end: 0, skipped_newline: false, wildcards: 0 },
            errors: Vec::new(),
            comments: Vec::new(),
            parens: Vec::new(),
            hints: Vec::new(),
            depth: 0,
            height: 0,
            not_bodies: HashSet::new(),
            hinting: false,
        };
        parser.scan();
        parser
    }

    pub(super) fn kind(&self) -> Kind {
        self.s.token.kind
    }

    /// Whether the current token is of this kind.
    pub(super) fn at(&self, kind: Kind) -> bool {
        self.kind() == kind
    }

    /// The current token's text.
    pub(super) fn lit(&self) -> &'a str {
        self.text.get(self.s.token.offset..self.s.token.end).unwrap_or_default()
    }

    /// Where the current token is.
    pub(super) fn loc(&self) -> Location {
        let token = self.s.token;
        Location {
            file: self.source.index,
            row: token.row,
            col: token.col,
            offset: narrow(token.offset),
            len: narrow(token.end - token.offset),
        }
    }

    /// A place from where a location starts to the end of the last token.
    pub(super) fn span(&self, from: Location) -> Location {
        self.span_to(from, self.s.last_end)
    }

    /// A place from where a location starts to an offset.
    pub(super) fn span_to(&self, from: Location, end: usize) -> Location {
        Location { len: narrow(end).saturating_sub(from.offset), ..from }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            state: self.s,
            errors: self.errors.len(),
            comments: self.comments.len(),
            parens: self.parens.len(),
            hints: self.hints.len(),
        }
    }

    /// Goes back, and forgets what was found since.
    pub(super) fn restore(&mut self, mark: Mark) {
        self.s = mark.state;
        self.errors.truncate(mark.errors);
        self.comments.truncate(mark.comments);
        self.parens.truncate(mark.parens);
        self.hints.truncate(mark.hints);
    }

    /// To the next token that is not whitespace.
    pub(super) fn scan(&mut self) {
        self.do_scan(true);
    }

    /// To the next token, which may be whitespace.
    pub(super) fn scan_space(&mut self) {
        self.do_scan(false);
    }

    /// The kind of the token directly after the current one.
    pub(super) fn following(&mut self) -> Kind {
        let mark = self.mark();
        self.scan_space();
        let kind = self.kind();
        self.restore(mark);
        kind
    }

    fn before_scan(&mut self) {
        if !self.at(Kind::Whitespace) {
            self.s.last_end = self.s.token.end;
            self.s.skipped_newline = false;
        }
    }

    fn do_scan(&mut self, skip_space: bool) {
        self.before_scan();
        let mut faults = Faults::new();
        loop {
            if skip_space {
                self.s.skipped_newline |= self.s.lexer.skip_space(self.text);
            }
            self.s.token = self.s.lexer.scan(self.text, &mut faults);
            self.report(&mut faults);
            match self.kind() {
                Kind::Whitespace => {
                    self.s.skipped_newline |= self.lit() == "\n";
                    return;
                }
                Kind::Comment => self.comment(),
                _ => return,
            }
        }
    }

    /// Goes on in a template string, at its `}`.
    pub(super) fn scan_template(&mut self, raw: bool) {
        self.before_scan();
        let mut faults = Faults::new();
        self.s.token = self.s.lexer.scan_template(self.text, raw, self.s.token, &mut faults);
        self.report(&mut faults);
    }

    fn report(&mut self, faults: &mut Faults) {
        for fault in faults.drain(..) {
            self.error(self.loc(), fault);
            self.s.token.kind = Kind::Illegal;
        }
    }

    fn comment(&mut self) {
        let text = self.lit().strip_prefix('#').unwrap_or_default();
        let text = Name::from(text.strip_suffix('\r').unwrap_or(text));
        self.comments.push(Comment { location: self.loc(), text });
    }

    /// One level deeper, if that is allowed.
    pub(super) fn enter(&mut self) -> Option<()> {
        if self.depth >= MAX_DEPTH {
            self.error(self.loc(), "max parsing recursion depth exceeded");
            return None;
        }
        self.depth += 1;
        Some(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Notes that what was read last nests one deeper than its deepest part.
    pub(super) fn grow(&mut self, parts: usize) -> Option<()> {
        self.height = parts + 1;
        if self.height > MAX_DEPTH {
            self.error(self.loc(), "max parsing recursion depth exceeded");
            return None;
        }
        Some(())
    }

    /// Whether the current token may be a part of a ref though it is a keyword.
    pub(super) fn is_name(&self) -> bool {
        self.at(Kind::Ident) || self.kind().is_keyword()
    }

    /// Makes a keyword that a `.` or `[` follows an identifier; says whether it did.
    pub(super) fn keyword_as_name(&mut self) -> bool {
        if self.kind().is_keyword() && matches!(self.following(), Kind::Dot | Kind::LBrack) {
            self.s.token.kind = Kind::Ident;
            return true;
        }
        false
    }

    /// A name for a `_`.
    pub(super) fn wildcard(&mut self) -> Name {
        let name = format!("${}", self.s.wildcards);
        self.s.wildcards += 1;
        Arc::from(name)
    }

    pub(super) fn hint(&mut self, hint: &'static str) {
        self.hints.push(hint);
    }

    /// An error at a place, with the hints so far.
    pub(super) fn error(&mut self, location: Location, message: impl Into<String>) {
        let mut message = message.into();
        let hints = std::mem::take(&mut self.hints);
        match hints.as_slice() {
            [] => {}
            [hint] => message.push_str(&format!(" (hint: {hint})")),
            _ => message.push_str(&format!(" (hints: {})", hints.join(", "))),
        }
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(Error::at(Code::Parse, message, location, self.source));
        }
    }

    /// The errors that stayed, each with its line: those of attempts that were given up have none to look for.
    pub(super) fn into_errors(self) -> Vec<Error> {
        let mut errors = self.errors;
        for error in &mut errors {
            error.excerpt = Some(excerpt(self.text, error.location.offset as usize));
        }
        errors
    }

    /// The current token is not what can stand here.
    pub(super) fn illegal(&mut self, note: &str) {
        if self.at(Kind::Illegal) {
            return self.error(self.loc(), "illegal token");
        }
        let sort = if self.kind().is_keyword() { "keyword" } else { "token" };
        let colon = if note.is_empty() { "" } else { ": " };
        self.error(self.loc(), format!("unexpected {} {sort}{colon}{note}", self.kind().name()));
    }
}

/// Offsets fit, as sources beyond 4 GiB are refused.
fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The line at an offset without its leading tabs, and where the caret stands below it.
fn excerpt(text: &str, offset: usize) -> (String, usize) {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return (String::new(), 0);
    }
    let newline = |b: u8| b == b'\n' || b == b'\r';
    let mut offset = offset.min(bytes.len() - 1);
    while offset > 0 && (bytes[offset].is_ascii_whitespace() || bytes[offset] == 0x0b) {
        offset -= 1;
    }
    let mut begin = offset;
    while begin > 0 && !newline(bytes[begin]) {
        begin -= 1;
    }
    if newline(bytes[begin]) {
        begin += 1;
    }
    let end = bytes[offset..].iter().position(|b| newline(*b)).map_or(bytes.len(), |i| offset + i);
    let line = text.get(begin.min(end)..end).unwrap_or_default();
    let shown = line.trim_start_matches('\t');
    // Columns of the terminal: characters, not bytes.
    let before = text.get(begin.min(end)..offset.max(begin.min(end))).unwrap_or_default().chars().count();
    (shown.to_owned(), before.saturating_sub(line.len() - shown.len()))
}
