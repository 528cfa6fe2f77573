//! Whether two simple patterns (characters, `.`, `[a-z]`, each with `*` or `+`) have a text in common that is not empty;
//! what `regex.globs_match` asks.

use crate::builtins::BuiltinError;
use crate::limits::{Budget, Spent};
use std::collections::{BTreeSet, HashSet};

/// Characters and classes that a pattern may have.
const MAX_TOKENS: usize = 1000;
/// Code points that the ranges of one class may cover.
const MAX_CLASS: u32 = 0x11_0000;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Dot,
    Char(char),
    Class(BTreeSet<(char, char)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag {
    None,
    Plus,
    Star,
}

#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    flag: Flag,
}

/// Whether a text fits both.
///
/// # Errors
/// For patterns that are none, or longer than 1000 characters, and where a limit is reached.
pub fn intersect(first: &str, second: &str, budget: &mut Budget) -> Result<bool, BuiltinError> {
    let tokens = |pattern| {
        let found = tokens(pattern).map_err(BuiltinError::Failed)?;
        let large = || BuiltinError::Halt(format!("pattern has more than {MAX_TOKENS} characters"));
        if found.len() > MAX_TOKENS { Err(large()) } else { Ok(found) }
    };
    let (first, second) = (tokens(first)?, tokens(second)?);
    if first.is_empty() || second.is_empty() {
        return Ok(first.is_empty() && second.is_empty());
    }
    common(&first, &second, budget).map_err(BuiltinError::Limit)
}

fn invalid(pattern: &[char], at: usize, what: &str) -> String {
    let around: String = pattern.iter().collect();
    format!("input:{around}, pos:{at}, {what}: the input provided is invalid")
}

fn tokens(pattern: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    let mut out = Vec::new();
    while let Some((c, escaped)) = read(&chars, &mut at)? {
        let kind = match (c, escaped) {
            ('.', false) => Kind::Dot,
            ('[', false) => class(&chars, &mut at)?,
            (']', false) => return Err(invalid(&chars, at, "set-close ']' with no preceding '['")),
            ('*' | '+', false) => {
                return Err(invalid(&chars, at, &format!("flag '{c}' must be preceded by a non-flag")));
            }
            (c, _) => Kind::Char(c),
        };
        let flag = match chars.get(at) {
            Some('*') => Flag::Star,
            Some('+') => Flag::Plus,
            _ => Flag::None,
        };
        at += usize::from(flag != Flag::None);
        out.push(Token { kind, flag });
    }
    Ok(out)
}

/// The next character and whether a backslash stood before it.
fn read(chars: &[char], at: &mut usize) -> Result<Option<(char, bool)>, String> {
    let Some(c) = chars.get(*at).copied() else { return Ok(None) };
    *at += 1;
    if c != '\\' {
        return Ok(Some((c, false)));
    }
    let escaped = chars.get(*at).copied();
    *at += 1;
    escaped.map(|c| Some((c, true))).ok_or_else(|| invalid(chars, *at - 2, "input ends with a \\ (escape) character"))
}

fn class(chars: &[char], at: &mut usize) -> Result<Kind, String> {
    let mut ranges = BTreeSet::new();
    let mut previous: Option<char> = None;
    loop {
        let Some((c, escaped)) = read(chars, at)? else {
            return Err(invalid(chars, *at, "found [ without matching ]"));
        };
        match (c, escaped, previous) {
            (']', false, _) => break,
            ('-', false, Some(_)) if *at + 1 >= chars.len() => {
                return Err(invalid(chars, *at, "range character '-' must be followed by a Unicode character"));
            }
            ('-', false, Some(low)) => {
                let (high, escaped) = read(chars, at)?.unwrap_or((']', false));
                if !escaped && matches!(high, ']' | '-') {
                    return Err(invalid(chars, *at, "range character '-' cannot be followed by a special symbol"));
                }
                if high < low || u32::from(high) > MAX_CLASS {
                    return Err(invalid(
                        chars,
                        *at,
                        &format!("range is out of order: '{high}' comes before '{low}' in Unicode"),
                    ));
                }
                ranges.insert((low, high));
                previous = None;
            }
            ('-', false, None) => {
                return Err(invalid(chars, *at, "range character '-' must be preceded by a Unicode character"));
            }
            (c, _, _) => {
                ranges.insert((c, c));
                previous = Some(c);
            }
        }
    }
    Ok(Kind::Class(ranges))
}

/// Whether one character fits both.
fn meet(a: &Token, b: &Token) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Dot, _) | (_, Kind::Dot) => true,
        (Kind::Char(a), Kind::Char(b)) => a == b,
        (Kind::Char(c), Kind::Class(set)) | (Kind::Class(set), Kind::Char(c)) => {
            set.iter().any(|(low, high)| low <= c && c <= high)
        }
        (Kind::Class(a), Kind::Class(b)) => {
            a.iter().any(|(low, high)| b.iter().any(|(from, to)| low <= to && from <= high))
        }
    }
}

/// Walks all pairs of places; a place is a token and whether it has met a character already.
fn common(first: &[Token], second: &[Token], budget: &mut Budget) -> Result<bool, Spent> {
    // Of a class, its ranges.
    let size = |token: &Token| if let Kind::Class(ranges) = &token.kind { ranges.len() as u64 } else { 1 };
    let mut seen = HashSet::new();
    let mut todo = vec![((0, false), (0, false))];
    while let Some(state @ (a, b)) = todo.pop() {
        if !seen.insert(state) {
            continue;
        }
        if a.0 == first.len() && b.0 == second.len() {
            return Ok(true);
        }
        // Leaving a token that may end here.
        for (pair, tokens, place) in [(0, first, a), (1, second, b)] {
            let Some(token) = tokens.get(place.0) else { continue };
            let may_leave = token.flag == Flag::Star || token.flag == Flag::Plus && place.1;
            if may_leave {
                let next = (place.0 + 1, false);
                todo.push(if pair == 0 { (next, b) } else { (a, next) });
            }
        }
        // One character that both take.
        let (Some(x), Some(y)) = (first.get(a.0), second.get(b.0)) else { continue };
        budget.work(16 + size(x) * size(y))?;
        if meet(x, y) {
            let step = |place: (usize, bool), token: &Token| match token.flag {
                Flag::None => (place.0 + 1, false),
                Flag::Plus | Flag::Star => (place.0, true),
            };
            todo.push((step(a, x), step(b, y)));
        }
    }
    Ok(false)
}
