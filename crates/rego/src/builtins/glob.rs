//! `glob.*`: `*` within a segment, `**` across, `?`, `[a-z]`, `[!x]`, `{a,b}`; delimiters are the caller's.

use super::regex::matches;
use super::{Builtin, BuiltinError, Context, Outcome, args, pure, some};
use crate::bytes::bytes;
use crate::goregex;
use crate::value::Value;
use std::iter::Peekable;
use std::str::Chars;

/// Alternatives within alternatives.
const MAX_DEPTH: usize = 50;

pub const ALL: &[Builtin] = &[
    pure("glob.match", 3, is_match),
    pure("glob.quote_meta", 1, |a, _| {
        let mut out = String::new();
        for c in args::string(a, 1)?.chars() {
            if "*?\\[]{}".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        some(out.as_str())
    }),
];

fn is_match(a: &[Value], context: &mut Context) -> Outcome {
    let pattern = args::string(a, 1)?;
    let delimiters = delimiters(args::value(a, 2))?;
    let text = args::string(a, 3)?;
    if pattern == "?" && text.is_empty() {
        // So it is in the library that OPA uses, for this pattern alone.
        return some(true);
    }
    if std::str::from_utf8(&bytes(pattern)).is_err() {
        return Err(args::failed("could not read rune"));
    }
    let translated = translate(pattern, &delimiters)?;
    some(matches(&*goregex::compile(&translated).map_err(super::regex::refused)?, text, context)?)
}

/// None for null, a point for an empty array.
fn delimiters(value: &Value) -> Result<Vec<char>, BuiltinError> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) if items.is_empty() => return Ok(vec!['.']),
        Value::Array(items) => items,
        other => return Err(args::wrong_type(2, other, &["array", "null"])),
    };
    let one = |item: &Value| {
        let text = item.as_str().ok_or_else(|| args::wrong_element(2, value, item, &["string"]))?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(c),
            _ => Err(args::wrong_element(2, value, item, &["rune"])),
        }
    };
    items.iter().map(one).collect()
}

fn literal(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
    }
}

/// The pattern as a regular expression.
fn translate(pattern: &str, delimiters: &[char]) -> Result<String, BuiltinError> {
    let mut within = String::from(".");
    if !delimiters.is_empty() {
        within = String::from("[^");
        delimiters.iter().for_each(|c| literal(&mut within, *c));
        within.push(']');
    }
    let mut out = String::from("(?s)^(?:");
    let mut chars = pattern.chars().peekable();
    let mut depth = 0;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => out.push_str("(?:.*)"),
            '*' => out.push_str(&format!("(?:{within}*)")),
            '?' => out.push_str(&within),
            '[' => class(&mut chars, &mut out).map_err(args::failed)?,
            '{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(args::beyond(format!("alternatives are nested deeper than {MAX_DEPTH}")));
                }
                out.push_str("(?:");
            }
            ',' if depth > 0 => out.push('|'),
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            '\\' => {
                if let Some(c) = chars.next() {
                    literal(&mut out, c);
                }
            }
            c => literal(&mut out, c),
        }
    }
    // Alternatives left open end where the pattern ends.
    out.extend(std::iter::repeat_n(')', depth));
    out.push_str(")$");
    Ok(out)
}

/// After `[`: a range, or a list of characters; one of the two.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    let end = || "unexpected end of input".to_owned();
    out.push('[');
    if chars.next_if_eq(&'!').is_some() {
        out.push('^');
    }
    let first = chars.next().ok_or_else(end)?;
    if chars.next_if_eq(&'-').is_some() {
        let high = chars.next().ok_or_else(end)?;
        return match chars.next() {
            Some(']') if high < first => Err(format!("hi character '{high}' should be greater than lo '{first}'")),
            Some(']') => {
                literal(out, first);
                out.push('-');
                literal(out, high);
                out.push(']');
                Ok(())
            }
            Some(_) => Err("expected close range character".to_owned()),
            None => Err(end()),
        };
    }
    let mut next = Some(first);
    let mut empty = true;
    while let Some(c) = next {
        match c {
            ']' if empty => return Err("could not parse range".to_owned()),
            ']' => {
                out.push(']');
                return Ok(());
            }
            '\\' => literal(out, chars.next().ok_or_else(end)?),
            c => literal(out, c),
        }
        empty = false;
        next = chars.next();
    }
    Err(end())
}
