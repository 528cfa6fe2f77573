//! Go's regular expressions (RE2) in terms of the engine behind the `regex` crate: classes such as `\w` are ASCII, a `[` in
//! a class is a character, and what Go refuses is refused with Go's words (`regexp/syntax/parse.go`). Compiled patterns
//! are kept.

mod class;
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

/// Bytes of a pattern's text: as long to compile as some evaluations may take at all.
const MAX_TEXT: usize = 256 << 10;

/// Why there is no compiled pattern.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is none for Go, in Go's words.
    Wrong(String),
    /// It is beyond the bounds here, though perhaps not beyond Go's.
    Large(String),
}

/// A compiled pattern. A [`Search`] uses it.
#[derive(Debug)]
pub struct Pattern {
    /// As the engine reads it.
    translated: String,
    engine: Regex,
    /// Of groups, in order; several may have one.
    names: Vec<(String, usize)>,
    /// Bytes that it takes, compiled: not more.
    weight: usize,
    slow: OnceLock<Option<Slow>>,
}

impl Pattern {
    fn new(translated: String, names: Vec<(String, usize)>) -> Result<Self, Box<BuildError>> {
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
        Ok(Self { engine: built?, translated, names, weight, slow: OnceLock::new() })
    }

    /// What searches it byte by byte.
    fn slow(&self) -> Option<&Slow> {
        self.slow.get_or_init(|| Slow::new(&self.translated)).as_ref()
    }

    /// The groups of a name.
    pub fn named<'p>(&'p self, name: &'p str) -> impl Iterator<Item = usize> + 'p {
        self.names.iter().filter(move |(known, _)| known == name).map(|(_, group)| *group)
    }

    /// Whether nothing is written in it.
    pub fn is_empty(&self) -> bool {
        self.translated.is_empty()
    }
}

/// Compiles a pattern of Go's syntax. Shared rather than copied: a copy would warm up anew.
pub fn compile(pattern: &str) -> Result<Arc<Pattern>, Refused> {
    if pattern.len() > MAX_TEXT {
        return Err(Refused::Large(format!("a regular expression of more than {MAX_TEXT} bytes")));
    }
    if let Some(known) = KEPT.lock().unwrap_or_else(PoisonError::into_inner).get(pattern) {
        return Ok(known.clone());
    }
    let translated = translate(pattern).map_err(Refused::Wrong)?;
    if translated.classes > MAX_CLASSES {
        return Err(Refused::Large(format!("a regular expression of more than {MAX_CLASSES} classes of characters")));
    }
    let compiled = Pattern::new(translated.out, translated.names).map_err(|error| reason(pattern, &error))?;
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

fn reason(pattern: &str, error: &BuildError) -> Refused {
    match error.syntax_error() {
        None => Refused::Large(format!("a regular expression that takes more than {MAX_SIZE} bytes, compiled")),
        Some(error) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or("invalid").trim_start_matches("error: ").to_owned();
            match last.starts_with("exceed the maximum number of nested") {
                true => Refused::Large(format!("a regular expression with more than {MAX_NEST} groups within groups")),
                false => Refused::Wrong(failure(&last, pattern)),
            }
        }
    }
}

struct Translator<'a> {
    pattern: &'a str,
    chars: Peekable<CharIndices<'a>>,
    out: String,
    /// Where each open group began.
    open: Vec<usize>,
    /// Names of groups, and how many groups there are.
    names: Vec<(String, usize)>,
    groups: usize,
    /// How often repetitions within one another repeat, at most: what stands here, and each open group around it.
    repeated: usize,
    around: Vec<usize>,
    /// Something stands here that can be repeated.
    atom: bool,
    /// Where the repetition just read began.
    repetition: Option<usize>,
    /// Where in `out` flags stand (`(?i)`), if nothing has followed them: a repetition is of what was before.
    flags: Option<usize>,
    /// So far.
    classes: usize,
}

fn translate(pattern: &str) -> Result<Translator<'_>, String> {
    let mut t = Translator {
        pattern,
        chars: pattern.char_indices().peekable(),
        out: String::with_capacity(pattern.len() + 16),
        open: Vec::new(),
        names: Vec::new(),
        groups: 0,
        repeated: 0,
        around: vec![0],
        atom: false,
        repetition: None,
        flags: None,
        classes: 0,
    };
    while let Some((at, c)) = t.chars.next() {
        t.one(at, c)?;
    }
    match t.open.is_empty() {
        true => Ok(t),
        false => Err(failure("missing closing )", pattern)),
    }
}

impl Translator<'_> {
    fn one(&mut self, at: usize, c: char) -> Result<(), String> {
        let mut within = 0;
        match c {
            '*' | '+' | '?' => return self.repeat(at, c.to_string()),
            '{' => match self.bounds(at)? {
                Some(bounds) => return self.repeat(at, bounds),
                None => self.out.push_str("\\{"),
            },
            '\\' => self.escape(at)?,
            '[' => self.class(at)?,
            '(' => {
                let before = self.out.len();
                self.open.push(at);
                self.around.push(0);
                self.out.push('(');
                self.repetition = None;
                if !self.next_is('?') {
                    self.groups += 1;
                } else if !self.flags(at)? {
                    self.around.pop();
                    self.flags.get_or_insert(before);
                    return Ok(());
                }
                self.flags = None;
                self.atom = false;
                return Ok(());
            }
            ')' => {
                if self.open.pop().is_none() {
                    return Err(failure("unexpected )", self.pattern));
                }
                self.out.push(')');
                within = self.around.pop().unwrap_or_default();
            }
            '|' => {
                self.out.push('|');
                self.atom = false;
                self.repetition = None;
                self.flags = None;
                return Ok(());
            }
            '}' | ']' => self.out.extend(['\\', c]),
            c => self.out.push(c),
        }
        self.atom = true;
        self.repetition = None;
        self.flags = None;
        self.repeats(within);
        Ok(())
    }

    /// What stands here repeats so often.
    fn repeats(&mut self, repeated: usize) {
        self.repeated = repeated;
        if let Some(around) = self.around.last_mut() {
            *around = repeated.max(*around);
        }
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
        if let Some(inside) = operator.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            let (low, high) = inside.0.split_once(',').unwrap_or((inside.0, inside.0));
            let count: usize = high.parse().or_else(|_| low.parse()).unwrap_or_default();
            let repeated = count * self.repeated.max(1);
            if repeated > MAX_REPEAT as usize {
                return Err(failure("invalid repeat count", &self.pattern[at..end]));
            }
            self.repeats(repeated);
        }
        match self.flags.take() {
            // In braces, so that it does not change a repetition that it then stands behind.
            Some(before) => {
                for (sign, bounds) in [("*", "{0,}"), ("+", "{1,}"), ("?", "{0,1}")] {
                    if let Some(rest) = operator.strip_prefix(sign) {
                        operator = format!("{bounds}{rest}");
                        break;
                    }
                }
                self.out.insert_str(before, &operator);
            }
            None => self.out.push_str(&operator),
        }
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

    /// After `(`: flags or a name (`parsePerlFlags`); whether it begins a group.
    fn flags(&mut self, at: usize) -> Result<bool, String> {
        let rest = &self.pattern[at..];
        if rest.starts_with("(?P<") || rest.starts_with("(?<") {
            let named = rest.split_once('>').map(|(head, _)| head);
            let name = named.and_then(|head| head.split_once('<')).map(|(_, name)| name);
            let valid = name.is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            let (Some(name), true) = (name, valid) else {
                return Err(failure("invalid named capture", named.map_or(rest, |head| &rest[..=head.len()])));
            };
            // The engine does not know the names, which may be of several groups and begin with digits.
            let head = rest.find('>').unwrap_or(0);
            self.groups += 1;
            self.names.push((name.to_owned(), self.groups));
            self.skip(at + head + 1);
            return Ok(true);
        }
        let wrong = |end: usize| failure("invalid or unsupported Perl syntax", &rest[..end]);
        let (mut on, mut off, mut negated, mut end) = (String::new(), String::new(), false, None);
        for (i, c) in rest.char_indices().skip(2) {
            match c {
                'i' | 'm' | 's' | 'U' => {
                    on.retain(|known| known != c);
                    let list = if negated { &mut off } else { &mut on };
                    list.retain(|known| known != c);
                    list.push(c);
                }
                '-' if !negated => negated = true,
                ':' | ')' if !negated || !off.is_empty() => {
                    end = Some(i);
                    break;
                }
                c => return Err(wrong(i + c.len_utf8())),
            }
        }
        let end = end.ok_or_else(|| wrong(rest.len()))?;
        // Each flag once, as Rust wants it. No flags at all are nothing in Go, and alone no syntax in Rust.
        let off = if off.is_empty() { off } else { format!("-{off}") };
        if rest[end..].starts_with(')') && on.is_empty() && off.is_empty() {
            self.out.pop();
        } else {
            self.out.push_str(&format!("?{on}{off}{}", &rest[end..=end]));
        }
        self.skip(at + end + 1);
        let group = rest[end..].starts_with(':');
        if !group {
            self.open.pop();
        }
        Ok(group)
    }

    /// Goes on at that byte of the pattern.
    fn skip(&mut self, to: usize) {
        while self.here() < to && self.chars.next().is_some() {}
    }

    /// Outside a class.
    fn escape(&mut self, at: usize) -> Result<(), String> {
        match self.chars.peek().map(|(_, c)| *c) {
            Some(c @ ('A' | 'z')) => self.out.extend(['\\', c]),
            Some('b') => self.out.push_str("(?-u:\\b)"),
            Some('B') => self.out.push_str("(?-u:\\B)"),
            Some('Q') => {
                self.chars.next();
                self.literal();
                return Ok(());
            }
            _ => {
                let set = match self.named_set(at)? {
                    Some(set) => set,
                    None => {
                        let code = self.character(at)?;
                        class::range(code, code)
                    }
                };
                self.out.push_str(&format!("[{set}]"));
                return Ok(());
            }
        }
        self.chars.next();
        Ok(())
    }

    /// `\Q...\E`.
    fn literal(&mut self) {
        let from = self.here();
        let rest = &self.pattern[from..];
        let text = rest.split_once("\\E").map_or(rest, |(text, _)| text);
        self.out.push_str(&escape(text));
        self.skip(from + text.len() + 2);
    }
}
