//! What stands for one character of several: classes in brackets, escapes, and the sets that have names.

use super::{Translator, UNICODE, failure};
use regex_automata::meta::Regex;

/// No character at all, as a member of a class.
const NOTHING: &str = "[^\\s\\S]";
const EVERYTHING: &str = "\\s\\S";

/// The classes `[:name:]`; `[:^name:]` is what is not in one.
const POSIX: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// Scripts whose names have four letters. All others of four letters are codes of scripts, which Go does not know.
const SHORT_SCRIPTS: &[&str] = &["ahom", "cham", "kawi", "lisu", "modi", "newa", "thai", "toto"];

impl Translator<'_> {
    /// After `[` (`parseClass`).
    pub(super) fn class(&mut self, at: usize) -> Result<(), String> {
        self.classes += 1;
        self.out.push('[');
        if self.next_is('^') {
            self.chars.next();
            self.out.push('^');
        }
        let mut first = true;
        while first || !self.next_is(']') {
            first = false;
            let member = match self.posix()? {
                Some(set) => set,
                None => self.member(at)?,
            };
            self.out.push_str(&member);
        }
        self.chars.next();
        self.out.push(']');
        Ok(())
    }

    /// `[:name:]`, if it stands here.
    fn posix(&mut self) -> Result<Option<String>, String> {
        let rest = &self.pattern[self.here()..];
        let Some(end) = rest.strip_prefix("[:").and_then(|inside| inside.find(":]")) else { return Ok(None) };
        let (name, whole) = (&rest[2..end + 2], &rest[..end + 4]);
        if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(failure("invalid character class range", whole));
        }
        let from = self.here();
        self.skip(from + whole.len());
        Ok(Some(whole.to_owned()))
    }

    /// A named set, a character or a range of a class that begins at `class`.
    fn member(&mut self, class: usize) -> Result<String, String> {
        let at = self.here();
        if self.next_is('\\') {
            self.chars.next();
            if let Some(set) = self.named_set(at)? {
                return Ok(set);
            }
        }
        let low = self.bound(at, class)?;
        let after = &self.pattern[self.here()..];
        if !after.starts_with('-') || after.len() == 1 || after.starts_with("-]") {
            return Ok(range(low, low));
        }
        self.chars.next();
        let from = self.here();
        if self.next_is('\\') {
            self.chars.next();
        }
        let high = self.bound(from, class)?;
        if high < low {
            return Err(failure("invalid character class range", &self.pattern[at..self.here()]));
        }
        Ok(range(low, high))
    }

    /// A character of a class, whose backslash, if it has one, is read already (`parseClassChar`).
    fn bound(&mut self, at: usize, class: usize) -> Result<u32, String> {
        if self.here() > at {
            return self.character(at);
        }
        let (_, c) = self.chars.next().ok_or_else(|| failure("missing closing ]", &self.pattern[class..]))?;
        Ok(u32::from(c))
    }

    /// `\d`, `\pL`, `\p{Greek}` and the like after their backslash, if one stands here, as members of a class
    /// (`parsePerlClassEscape`, `parseUnicodeClass`).
    pub(super) fn named_set(&mut self, at: usize) -> Result<Option<String>, String> {
        let Some((_, c)) = self.chars.next_if(|(_, c)| "dswDSWpP".contains(*c)) else { return Ok(None) };
        if !matches!(c, 'p' | 'P') {
            let set = perl(c.to_ascii_lowercase());
            return Ok(Some(if c.is_ascii_lowercase() { set.to_owned() } else { format!("[^{set}]") }));
        }
        self.classes += UNICODE;
        let rest = &self.pattern[at..];
        let (name, whole) = match self.chars.next() {
            Some((_, '{')) => {
                let end = rest.find('}').ok_or_else(|| failure("invalid character class range", rest))?;
                self.skip(at + end + 1);
                (&rest[3..end], &rest[..=end])
            }
            _ => (&self.pattern[at + 2..self.here()], &self.pattern[at..self.here()]),
        };
        let set = property(name.strip_prefix('^').unwrap_or(name));
        let set = set.ok_or_else(|| failure("invalid character class range", whole))?;
        let inverted = (c == 'P') != name.starts_with('^');
        Ok(Some(if inverted { format!("[^{set}]") } else { set }))
    }

    /// The character that an escape stands for, after its backslash (`parseEscape`).
    pub(super) fn character(&mut self, at: usize) -> Result<u32, String> {
        let Some((_, c)) = self.chars.next() else {
            return Err(format!("error parsing regexp: trailing backslash at end of expression: {}", "``"));
        };
        let code = match c {
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            'x' => self.hexadecimal(),
            '0'..='7' => self.octal(c),
            c => (c.is_ascii() && !c.is_ascii_alphanumeric()).then_some(u32::from(c)),
        };
        code.ok_or_else(|| failure("invalid escape sequence", &self.pattern[at..self.here()]))
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        let (_, first) = self.chars.next()?;
        if first != '{' {
            let (_, second) = self.chars.next()?;
            return Some(first.to_digit(16)? * 16 + second.to_digit(16)?);
        }
        let (mut code, mut digits) = (0, 0);
        loop {
            let (_, c) = self.chars.next()?;
            if c == '}' {
                return (digits > 0).then_some(code);
            }
            code = code * 16 + c.to_digit(16)?;
            digits += 1;
            if code > u32::from(char::MAX) {
                return None;
            }
        }
    }

    /// Up to three digits; one alone would be a reference to a group, which there is not.
    fn octal(&mut self, first: char) -> Option<u32> {
        let mut code = first.to_digit(8)?;
        let mut digits = 1;
        while digits < 3 {
            let Some((_, c)) = self.chars.next_if(|(_, c)| c.is_digit(8)) else { break };
            code = code * 8 + c.to_digit(8)?;
            digits += 1;
        }
        (digits > 1 || first == '0').then_some(code)
    }
}

/// A range of code points as a member of a class. Surrogates are no characters of a text.
pub(super) fn range(low: u32, high: u32) -> String {
    let low = if (0xd800..0xe000).contains(&low) { 0xe000 } else { low };
    let high = if (0xd800..0xe000).contains(&high) { 0xd7ff } else { high };
    if low > high { NOTHING.to_owned() } else { format!("\\x{{{low:x}}}-\\x{{{high:x}}}") }
}

/// The set of a category or a script: of what has a name in Unicode, Go knows these alone (`unicodeTable`).
fn property(name: &str) -> Option<String> {
    let plain: String = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect::<String>().to_ascii_lowercase();
    // Unicode would pass over an `is` before a name; Go does not.
    if plain.is_empty() || plain.starts_with("is") || !plain.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    match plain.as_str() {
        "any" => return Some(EVERYTHING.to_owned()),
        "cs" | "surrogate" => return Some(NOTHING.to_owned()),
        _ => {}
    }
    let known = |set: &String| Regex::new(set).is_ok();
    let category = Some(format!("\\p{{gc={plain}}}")).filter(known);
    let script = || plain.len() != 4 || SHORT_SCRIPTS.contains(&plain.as_str());
    category.or_else(|| Some(format!("\\p{{sc={plain}}}")).filter(|set| script() && known(set)))
}

/// What a Perl class holds in Go: ASCII only.
fn perl(class: char) -> &'static str {
    match class {
        'd' => "0-9",
        's' => "\\t\\n\\x0c\\r ",
        _ => "0-9A-Za-z_",
    }
}
