//! Strings: searching, cutting, joining, replacing. Lengths and indices count code points, as in OPA.

use super::{Builtin, BuiltinError, Context, Outcome, args, bounds, pure, some};
use crate::bytes;
use crate::number::Number;
use crate::value::Value;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

pub const ALL: &[Builtin] = &[
    pure("concat", 2, |a, _| concat(a)),
    pure("contains", 2, |a, _| found(a, |s, t| s.contains(t).into())),
    pure("endswith", 2, |a, _| found(a, |s, t| s.ends_with(t).into())),
    pure("startswith", 2, |a, _| found(a, |s, t| s.starts_with(t).into())),
    pure("format_int", 2, |a, _| format_int(a)),
    pure("indexof", 2, |a, _| {
        let (text, search) = searched(a)?;
        let before = text.find(&*search).map(|at| text[..at].chars().count());
        some(before.map_or(-1, |n| i64::try_from(n).unwrap_or(i64::MAX)))
    }),
    pure("indexof_n", 2, |a, _| some(Value::array(indices(a)?.into_iter().map(Value::from)))),
    pure("lower", 1, |a, _| some(lower(args::string(a, 1)?))),
    pure("upper", 1, |a, _| some(upper(args::string(a, 1)?))),
    pure("replace", 3, |a, _| {
        let (text, from, to) = (args::string(a, 1)?, args::string(a, 2)?, args::string(a, 3)?);
        let grown = text.matches(from).count().saturating_mul(to.len());
        bounds::text(grown.saturating_add(text.len()))?;
        some(
            match from.is_empty() || bytes::may_hold(from) {
                true => bytes::gathered(&bytes::spread(text).replace(&bytes::spread(from), &bytes::spread(to))),
                false => bytes::joined(text.replace(from, to)),
            }
            .as_str(),
        )
    }),
    pure("strings.replace_n", 2, replace_n),
    pure("split", 2, |a, _| split(a)),
    pure("strings.any_prefix_match", 2, |a, _| any_match(a, <[u8]>::to_vec)),
    pure("strings.any_suffix_match", 2, |a, _| any_match(a, |text| text.iter().rev().copied().collect())),
    pure("strings.count", 2, |a, _| found(a, |s, t| i64::try_from(s.matches(t).count()).unwrap_or(i64::MAX).into())),
    pure("strings.reverse", 1, |a, _| some(runes(args::string(a, 1)?, |text| text.chars().rev().collect()))),
    pure("substring", 3, |a, _| substring(a)),
    pure("trim", 2, |a, _| trimmed(a, |s, of| s.trim_matches(of))),
    pure("trim_left", 2, |a, _| trimmed(a, |s, of| s.trim_start_matches(of))),
    pure("trim_right", 2, |a, _| trimmed(a, |s, of| s.trim_end_matches(of))),
    pure("trim_prefix", 2, |a, _| cut(a, |s, t| s.strip_prefix(t).unwrap_or(s))),
    pure("trim_suffix", 2, |a, _| cut(a, |s, t| s.strip_suffix(t).unwrap_or(s))),
    pure("trim_space", 1, |a, _| some(args::string(a, 1)?.trim())),
];

/// A question about one string in another. Go compares bytes, which makes a difference only where the one sought has
/// some that are no characters: any other begins and ends where characters do.
fn found(a: &[Value], f: impl Fn(&str, &str) -> Value) -> Outcome {
    let (text, sought) = (args::string(a, 1)?, args::string(a, 2)?);
    some(match bytes::may_hold(sought) {
        true => f(&bytes::spread(text), &bytes::spread(sought)),
        false => f(text, sought),
    })
}

/// A string without another at one of its ends, by bytes too.
fn cut(a: &[Value], f: impl for<'a> Fn(&'a str, &str) -> &'a str) -> Outcome {
    let (text, end) = (args::string(a, 1)?, args::string(a, 2)?);
    some(match bytes::may_hold(end) {
        true => Value::string(bytes::gathered(f(&bytes::spread(text), &bytes::spread(end)))),
        false => f(text, end).into(),
    })
}

/// A string without characters of a set at its ends; all bytes that are no characters are one of them, U+FFFD.
fn trimmed(a: &[Value], f: impl for<'a> Fn(&'a str, &dyn Fn(char) -> bool) -> &'a str) -> Outcome {
    let (text, set) = (args::string(a, 1)?, bytes::shown(args::string(a, 2)?));
    let within = one_of(&set);
    let within = |c| within(if bytes::stands(c) { char::REPLACEMENT_CHARACTER } else { c });
    some(f(text, &within))
}

/// A function that in Go goes by code points, of which bytes that are no characters are U+FFFD.
fn runes(text: &str, f: impl Fn(&str) -> String) -> Value {
    Value::string(bytes::entering(f(&bytes::shown(text))))
}

/// Whether a character is one of a text's.
fn one_of(set: &str) -> impl Fn(char) -> bool {
    let set: HashSet<char> = set.chars().collect();
    move |c| set.contains(&c)
}

/// Go maps code points one by one, so that lengths in code points stay the same.
fn lower(text: &str) -> Value {
    runes(text, |text| text.chars().map(|c| single(c, c.to_lowercase())).collect())
}

fn upper(text: &str) -> Value {
    runes(text, |text| text.chars().map(|c| single(c, c.to_uppercase())).collect())
}

/// The one code point that a mapping gives; the original where it gives several. (`İ` has a simple lower case, `i`.)
fn single(original: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        (Some(one), Some(_)) if original == 'İ' => one,
        _ => original,
    }
}

fn concat(a: &[Value]) -> Outcome {
    let delimiter = args::string(a, 1)?;
    let parts = args::strings(a, 2, &["set", "array"])?;
    let size = |part: &&str| part.len().saturating_add(delimiter.len());
    bounds::text(parts.iter().map(size).fold(0, usize::saturating_add))?;
    some(bytes::joined(parts.join(delimiter)).as_str())
}

fn format_int(a: &[Value]) -> Outcome {
    let n = args::number(a, 1)?;
    let radix = match args::number(a, 2)? {
        Number::Int(2) => 2,
        Number::Int(8) => 8,
        Number::Int(10) => 10,
        Number::Int(16) => 16,
        _ => return Err(args::not_listed(2, &["2", "8", "10", "16"])),
    };
    let wide = n.to_wide();
    if wide.is_extreme() {
        return Err(args::failed("number too large"));
    }
    some(wide.truncate().to_str_radix(radix).as_str())
}

/// A text and what is searched for in it, as code points: bytes that are no characters are U+FFFD.
fn searched(a: &[Value]) -> Result<(Cow<'_, str>, Cow<'_, str>), BuiltinError> {
    let (text, search) = (bytes::shown(args::string(a, 1)?), bytes::shown(args::string(a, 2)?));
    if search.is_empty() {
        return Err(args::failed("empty search character"));
    }
    Ok((text, search))
}

/// Where the second string occurs in the first, in code points; occurrences may overlap. Each byte is read once (Knuth,
/// Morris, Pratt).
fn indices(a: &[Value]) -> Result<Vec<i64>, BuiltinError> {
    let (text, search) = searched(a)?;
    let search = search.as_bytes();
    // Of each start of what is searched for: the length of its longest other start that it ends with.
    let mut shorter = vec![0; search.len()];
    let mut matched = 0;
    let advance = |shorter: &[usize], mut matched: usize, byte: u8| {
        while matched > 0 && search.get(matched) != Some(&byte) {
            matched = shorter[matched - 1];
        }
        matched + usize::from(search[matched] == byte)
    };
    for at in 1..search.len() {
        matched = advance(&shorter, matched, search[at]);
        shorter[at] = matched;
    }
    let (mut matched, mut found) = (0, Vec::new());
    // Characters begun before each place, and where the last ones began.
    let characters = search.iter().filter(|byte| begins(**byte)).count();
    let mut begun = 0;
    for byte in text.bytes() {
        begun += usize::from(begins(byte));
        if matched == search.len() {
            matched = shorter[matched - 1];
        }
        matched = advance(&shorter, matched, byte);
        if matched == search.len() {
            found.push(i64::try_from(begun - characters).unwrap_or(i64::MAX));
        }
    }
    Ok(found)
}

/// Whether a byte is the first of a character.
fn begins(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// All pairs at once, from left to right: at each place the first key in order that fits wins.
fn replace_n(a: &[Value], context: &mut Context) -> Outcome {
    let patterns = args::object(a, 1)?;
    let text = args::string(a, 2)?;
    let mut pairs = Vec::new();
    for (key, value) in patterns {
        let Value::String(key) = key else {
            return Err(args::operand(1, "non-string key found in pattern object"));
        };
        let Value::String(value) = value else {
            return Err(args::operand(1, "non-string value found in pattern object"));
        };
        pairs.push((key.as_ref(), value.as_ref()));
    }
    // Nothing is found before every byte, within characters too.
    if !pairs.iter().any(|(key, _)| key.is_empty() || bytes::may_hold(key)) {
        return some(bytes::joined(replaced(&pairs, text, context)?).as_str());
    }
    let spread: Vec<_> = pairs.iter().map(|(key, value)| (bytes::spread(key), bytes::spread(value))).collect();
    let pairs: Vec<_> = spread.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    some(bytes::gathered(&replaced(&pairs, &bytes::spread(text), context)?).as_str())
}

fn replaced(pairs: &[(&str, &str)], text: &str, context: &mut Context) -> Result<String, BuiltinError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_empty = false;
    let longest = pairs.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    loop {
        context.work(pairs.len().saturating_mul(1 + longest.min(rest.len()) / 64))?;
        let found = pairs.iter().find(|(key, _)| rest.starts_with(key) && !(after_empty && key.is_empty()));
        if let Some((key, value)) = found {
            out.push_str(value);
            bounds::text(out.len())?;
            rest = &rest[key.len()..];
            after_empty = key.is_empty();
            continue;
        }
        after_empty = false;
        let mut chars = rest.chars();
        let Some(c) = chars.next() else { break };
        out.push(c);
        rest = chars.as_str();
    }
    Ok(out)
}

fn split(a: &[Value]) -> Outcome {
    let (text, delimiter) = (args::string(a, 1)?, args::string(a, 2)?);
    if delimiter.is_empty() {
        if bytes::may_hold(text) {
            return some(Value::array(bytes::characters(text).into_iter().map(Value::string)));
        }
        let mut buffer = [0; 4];
        return some(Value::array(text.chars().map(|c| Value::string(&*c.encode_utf8(&mut buffer)))));
    }
    some(Value::array(match bytes::may_hold(delimiter) {
        true => bytes::spread(text).split(&bytes::spread(delimiter)).map(bytes::gathered).map(Value::string).collect(),
        false => text.split(delimiter).map(Value::string).collect::<Vec<_>>(),
    }))
}

/// Whether any string of the first (a string, or a collection) begins with any of the second, both read one way.
fn any_match(a: &[Value], read: impl Fn(&[u8]) -> Vec<u8>) -> Outcome {
    let (texts, patterns) = (one_or_more(a, 1)?, one_or_more(a, 2)?);
    let sorted: BTreeSet<Vec<u8>> = patterns.into_iter().map(|pattern| read(&bytes::bytes(pattern))).collect();
    // Without those that begin with another: then only the last one not after a text can be its beginning.
    let mut shortest: Vec<Vec<u8>> = Vec::new();
    for pattern in sorted {
        if !shortest.last().is_some_and(|before| pattern.starts_with(before)) {
            shortest.push(pattern);
        }
    }
    some(texts.into_iter().any(|text| {
        let text = read(&bytes::bytes(text));
        let after = shortest.partition_point(|pattern| *pattern <= text);
        after.checked_sub(1).and_then(|at| shortest.get(at)).is_some_and(|pattern| text.starts_with(pattern))
    }))
}

fn one_or_more(a: &[Value], position: usize) -> Result<Vec<&str>, BuiltinError> {
    match args::value(a, position) {
        Value::String(text) => Ok(vec![text]),
        _ => args::strings(a, position, &["string", "set", "array"]),
    }
}

/// A negative length means up to the end.
fn substring(a: &[Value]) -> Outcome {
    let text = args::string(a, 1)?;
    let (offset, length) = (args::integer(a, 2)?, args::integer(a, 3)?);
    let Ok(offset) = usize::try_from(offset) else {
        return Err(args::failed("negative offset"));
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    some(runes(text, |text| text.chars().skip(offset).take(length).collect()))
}
