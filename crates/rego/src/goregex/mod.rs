//! Go's regular expressions (RE2) in terms of the engine behind the `regex` crate: classes such as `\w` are ASCII, a `[` in a class is a
//! character, and what Go refuses is refused with Go's words. Compiled patterns are kept.

mod search;

use regex_automata::meta::{self, BuildError, Regex};
use regex_automata::util::syntax;
pub use search::Search;
use search::Slow;
use std::collections::HashMap;
use std::iter::Peekable;
use std::str::CharIndices;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

/// Patterns kept; beyond that all are dropped and collected anew.
const MAX_KEPT: usize = 1000;
/// Go's bound on `x{n}`.
const MAX_REPEAT: u32 = 1000;
/// Bytes that a compiled pattern may take.
const MAX_SIZE: usize = 16 << 20;
/// Where to begin trying how many it takes.
const LEAST_SIZE: usize = 8 << 10;
/// Classes of characters that a pattern may have, a Unicode class being as many as [`UNICODE`]: compiling takes as long.
const MAX_CLASSES: usize = 10_000;
const UNICODE: usize = 10;
/// Groups within groups.
const MAX_NEST: u32 = 200;

static KEPT: LazyLock<Mutex<HashMap<String, Arc<Pattern>>>> = LazyLock::new(Mutex::default);

/// A compiled pattern. A [`Search`] uses it.
#[derive(Debug)]
pub struct Pattern {
    /// As the engine reads it.
    translated: String,
    engine: Regex,
    /// Bytes that it takes, compiled: not more.
    weight: usize,
    slow: OnceLock<Option<Slow>>,
}

impl Pattern {
    fn new(translated: String) -> Result<Self, Box<BuildError>> {
        let build = |size: usize| {
            meta::Builder::new()
                .configure(meta::Config::new().nfa_size_limit(Some(size)))
                .syntax(syntax::Config::new().nest_limit(MAX_NEST))
                .build(&translated)
                .map_err(Box::new)
        };
        let mut weight = LEAST_SIZE;
        let mut built = build(weight);
        while weight < MAX_SIZE && built.as_ref().is_err_and(|error| error.size_limit().is_some()) {
            weight = (8 * weight).min(MAX_SIZE);
            built = build(weight);
        }
        Ok(Self { engine: built?, translated, weight, slow: OnceLock::new() })
    }

    /// What searches it byte by byte.
    fn slow(&self) -> Option<&Slow> {
        self.slow.get_or_init(|| Slow::new(&self.translated)).as_ref()
    }

    /// Whether nothing is written in it.
    pub fn is_empty(&self) -> bool {
        self.translated.is_empty()
    }
}

/// Compiles a pattern of Go's syntax; the error is Go's text. Shared rather than copied: a copy would warm up anew.
pub fn compile(pattern: &str) -> Result<Arc<Pattern>, String> {
    if let Some(known) = KEPT.lock().unwrap_or_else(PoisonError::into_inner).get(pattern) {
        return Ok(known.clone());
    }
    let compiled = Pattern::new(translate(pattern)?).map_err(|error| reason(pattern, &error))?;
    let compiled = Arc::new(compiled);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(pattern.to_owned(), compiled.clone());
    Ok(compiled)
}

/// A text as a pattern that matches nothing else.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn failure(what: &str, at: &str) -> String {
    format!("error parsing regexp: {what}: `{at}`")
}

fn reason(pattern: &str, error: &BuildError) -> String {
    match error.syntax_error() {
        None => failure("expression too large", pattern),
        Some(error) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or("invalid").trim_start_matches("error: ").to_owned();
            failure(&last, pattern)
        }
    }
}

struct Translator<'a> {
    pattern: &'a str,
    chars: Peekable<CharIndices<'a>>,
    out: String,
    /// Where each open group began.
    open: Vec<usize>,
    /// Something stands here that can be repeated.
    atom: bool,
    /// Where the repetition just read began.
    repetition: Option<usize>,
    /// So far.
    classes: usize,
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut t = Translator {
        pattern,
        chars: pattern.char_indices().peekable(),
        out: String::with_capacity(pattern.len() + 16),
        open: Vec::new(),
        atom: false,
        repetition: None,
        classes: 0,
    };
    while let Some((at, c)) = t.chars.next() {
        t.one(at, c)?;
    }
    if t.classes > MAX_CLASSES {
        return Err(failure("expression too large", pattern));
    }
    match t.open.is_empty() {
        true => Ok(t.out),
        false => Err(failure("missing closing )", pattern)),
    }
}

impl Translator<'_> {
    fn one(&mut self, at: usize, c: char) -> Result<(), String> {
        match c {
            '*' | '+' | '?' => return self.repeat(at, c.to_string()),
            '{' => match self.bounds(at)? {
                Some(bounds) => return self.repeat(at, bounds),
                None => self.out.push_str("\\{"),
            },
            '\\' => self.escape(at)?,
            '[' => self.class(at)?,
            '(' => {
                self.open.push(at);
                self.out.push('(');
                if self.next_is('?') {
                    self.flags(at)?;
                }
                self.atom = false;
                self.repetition = None;
                return Ok(());
            }
            ')' => {
                if self.open.pop().is_none() {
                    return Err(failure("unexpected )", self.pattern));
                }
                self.out.push(')');
            }
            '|' => {
                self.out.push('|');
                self.atom = false;
                self.repetition = None;
                return Ok(());
            }
            '}' | ']' => self.out.extend(['\\', c]),
            c => self.out.push(c),
        }
        self.atom = true;
        self.repetition = None;
        Ok(())
    }

    fn next_is(&mut self, expected: char) -> bool {
        self.chars.peek().is_some_and(|(_, c)| *c == expected)
    }

    fn here(&mut self) -> usize {
        self.chars.peek().map_or(self.pattern.len(), |(at, _)| *at)
    }

    fn repeat(&mut self, at: usize, mut operator: String) -> Result<(), String> {
        if self.next_is('?') {
            self.chars.next();
            operator.push('?');
        }
        let end = self.here();
        if let Some(before) = self.repetition {
            return Err(failure("invalid nested repetition operator", &self.pattern[before..end]));
        }
        if !self.atom {
            return Err(failure("missing argument to repetition operator", &self.pattern[at..end]));
        }
        self.out.push_str(&operator);
        self.repetition = Some(at);
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else is a plain brace.
    fn bounds(&mut self, at: usize) -> Result<Option<String>, String> {
        let rest = &self.pattern[at + 1..];
        // Two counts of up to eight digits: whatever closes farther off is another brace.
        let Some(inside) = rest.bytes().take(18).position(|byte| byte == b'}').map(|end| &rest[..end]) else {
            return Ok(None);
        };
        let (low, high) = inside.split_once(',').unwrap_or((inside, inside));
        let digits = |text: &str| !text.is_empty() && text.len() <= 8 && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(low) || !(high.is_empty() || digits(high)) {
            return Ok(None);
        }
        let count = |text: &str| text.parse::<u32>().ok();
        let valid = match (count(low), count(high)) {
            (Some(low), Some(high)) => low <= high && high <= MAX_REPEAT,
            (Some(low), None) => low <= MAX_REPEAT,
            _ => false,
        };
        let whole = &self.pattern[at..at + inside.len() + 2];
        if !valid {
            return Err(failure("invalid repeat count", whole));
        }
        for _ in inside.chars().chain(['}']) {
            self.chars.next();
        }
        Ok(Some(whole.to_owned()))
    }

    /// After `(`: flags, a name, or neither.
    fn flags(&mut self, at: usize) -> Result<(), String> {
        let rest = &self.pattern[at..];
        if rest.starts_with("(?P<") || rest.starts_with("(?<") {
            let named = rest.split_once('>').map(|(head, _)| head);
            let name = named.and_then(|head| head.split_once('<')).map(|(_, name)| name);
            let valid = name.is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            let (Some(name), true) = (name, valid) else {
                return Err(failure("invalid named capture", named.map_or(rest, |head| &rest[..=head.len()])));
            };
            // A name that begins with a digit is Go's alone; numbers still reach the group.
            let head = rest.find('>').unwrap_or(0);
            if !name.starts_with(|c: char| c.is_ascii_digit()) {
                self.out.push_str(&rest[1..=head]);
            }
            while self.here() <= at + head && self.chars.next().is_some() {}
            return Ok(());
        }
        let end = rest.find([':', ')']).ok_or_else(|| failure("missing argument to repetition operator", "?"))?;
        let known = rest[2..end].chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-'));
        if !known || rest[2..end].ends_with('-') {
            let upto = rest[2..].find(|c| !matches!(c, 'i' | 'm' | 's' | 'U' | '-')).map_or(end, |bad| bad + 2);
            let upto = rest[upto..].chars().next().map_or(upto, |c| upto + c.len_utf8());
            return Err(failure("invalid or unsupported Perl syntax", &rest[..upto]));
        }
        if rest.starts_with("(?)") {
            // No flags at all, which is nothing in Go and no syntax in Rust.
            self.out.pop();
        } else {
            self.out.push_str(&rest[1..=end]);
        }
        while self.here() <= at + end && self.chars.next().is_some() {}
        if rest[end..].starts_with(')') {
            self.open.pop();
        }
        Ok(())
    }

    /// Outside a class.
    fn escape(&mut self, at: usize) -> Result<(), String> {
        let Some((_, c)) = self.chars.next() else {
            return Err(format!("error parsing regexp: trailing backslash at end of expression: {}", "``"));
        };
        match c {
            'A' | 'z' | 'B' => self.out.extend(['\\', c]),
            'b' => self.out.push_str("(?-u:\\b)"),
            'Q' => self.literal(),
            'd' | 's' | 'w' => self.out.push_str(&format!("[{}]", perl(c))),
            'D' | 'S' | 'W' => self.out.push_str(&format!("[^{}]", perl(c.to_ascii_lowercase()))),
            c => self.character(at, c)?,
        }
        Ok(())
    }

    /// `\Q...\E`.
    fn literal(&mut self) {
        let from = self.here();
        let rest = &self.pattern[from..];
        let text = rest.split_once("\\E").map_or(rest, |(text, _)| text);
        self.out.push_str(&escape(text));
        let end = from + text.len() + 2;
        while self.here() < end && self.chars.next().is_some() {}
    }

    /// An escape that stands for the same inside and outside of classes.
    fn character(&mut self, at: usize, c: char) -> Result<(), String> {
        match c {
            'a' | 'f' | 't' | 'n' | 'r' | 'v' => self.out.extend(['\\', c]),
            'p' | 'P' | 'x' => {
                self.classes += if c == 'x' { 0 } else { UNICODE };
                self.out.extend(['\\', c]);
                if let Some((_, open)) = self.chars.next_if(|(_, c)| *c == '{') {
                    self.out.push(open);
                    for (_, c) in self.chars.by_ref() {
                        self.out.push(c);
                        if c == '}' {
                            break;
                        }
                    }
                }
            }
            '0'..='7' => {
                let octal: String =
                    self.pattern[at + 1..].chars().take(3).take_while(|c| ('0'..='7').contains(c)).collect();
                if octal.len() < 2 && c != '0' {
                    return Err(failure("invalid escape sequence", &self.pattern[at..at + 2]));
                }
                for _ in 1..octal.len() {
                    self.chars.next();
                }
                let code = u32::from_str_radix(&octal, 8).unwrap_or(0);
                self.out.push_str(&format!("\\x{{{code:x}}}"));
            }
            c if c.is_ascii_alphanumeric() || !c.is_ascii() => {
                let end = at + 1 + c.len_utf8();
                return Err(failure("invalid escape sequence", &self.pattern[at..end]));
            }
            c => self.out.push_str(&escape(&c.to_string())),
        }
        Ok(())
    }

    /// After `[`.
    fn class(&mut self, at: usize) -> Result<(), String> {
        self.classes += 1;
        self.out.push('[');
        if self.next_is('^') {
            self.chars.next();
            self.out.push('^');
        }
        let mut first = true;
        while let Some((here, c)) = self.chars.next() {
            match c {
                ']' if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.pattern[here..].starts_with("[:") && self.pattern[here + 2..].contains(":]") => {
                    let end = here + self.pattern[here..].find(":]").unwrap_or(0) + 2;
                    let class = &self.pattern[here..end];
                    if !POSIX.contains(&class.trim_matches(['[', ':', '^', ']'])) {
                        return Err(failure("invalid character class range", class));
                    }
                    self.out.push_str(class);
                    while self.here() < end && self.chars.next().is_some() {}
                }
                '\\' => {
                    let Some((_, c)) = self.chars.next() else { break };
                    match c {
                        'd' | 's' | 'w' => self.out.push_str(perl(c)),
                        'D' | 'S' | 'W' => self.out.push_str(&format!("[^{}]", perl(c.to_ascii_lowercase()))),
                        c => self.character(here, c)?,
                    }
                }
                '-' => {
                    let edge = first || self.next_is(']');
                    self.out.push_str(if edge { "\\-" } else { "-" });
                }
                '[' | ']' | '&' | '~' | '^' => self.out.extend(['\\', c]),
                c => self.out.push(c),
            }
            first = false;
        }
        Err(failure("missing closing ]", &self.pattern[at..]))
    }
}

/// The classes `[:name:]`; `[:^name:]` is what is not in one.
const POSIX: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// What a Perl class holds in Go: ASCII only.
fn perl(class: char) -> &'static str {
    match class {
        'd' => "0-9",
        's' => "\\t\\n\\x0c\\r ",
        _ => "0-9A-Za-z_",
    }
}
