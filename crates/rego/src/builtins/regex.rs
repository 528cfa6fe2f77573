//! `regex.*` and its older name `re_match`, with Go's syntax and results.

use super::{Builtin, BuiltinError, Outcome, args, bounds, pure, some};
use crate::bytes;
use crate::globsect;
use crate::goregex;
use crate::value::Value;
use ::regex::Regex;
use std::sync::Arc;

pub const ALL: &[Builtin] =
    &[
        pure("regex.match", 2, |a, _| is_match(a)),
        pure("re_match", 2, |a, _| is_match(a)),
        pure("regex.is_valid", 1, |a, _| some(args::string(a, 1).is_ok() && pattern(a, 1).is_ok())),
        pure("regex.find_n", 3, |a, _| {
            let (text, n) = (args::string(a, 2)?, limit(a)?);
            let found = pattern(a, 1)?;
            some(Value::array(found.find_iter(text).take(n).map(|m| Value::string(m.as_str()))))
        }),
        pure("regex.find_all_string_submatch_n", 3, |a, _| {
            let (text, n) = (args::string(a, 2)?, limit(a)?);
            let found = pattern(a, 1)?;
            some(Value::array(found.captures_iter(text).take(n).map(|groups| {
                Value::array(groups.iter().map(|group| Value::string(group.map_or("", |m| m.as_str()))))
            })))
        }),
        pure("regex.replace", 3, |a, _| {
            let (base, value) = (args::string(a, 1)?, args::string(a, 3)?);
            let found = pattern(a, 2)?;
            some(bytes::joined(replace(&found, base, value)?).as_str())
        }),
        pure("regex.split", 2, |a, _| split(a)),
        pure("regex.template_match", 4, |a, _| template_match(a)),
        pure("regex.globs_match", 2, |a, _| {
            let (first, second) = (args::string(a, 1)?, args::string(a, 2)?);
            some(globsect::intersect(first, second).map_err(args::failed)?)
        }),
    ];

fn pattern(a: &[Value], position: usize) -> Result<Arc<Regex>, BuiltinError> {
    let pattern = args::string(a, position)?;
    utf8(pattern)?;
    goregex::compile(pattern).map_err(args::failed)
}

/// Unlike a text, a pattern has no bytes that are no characters.
fn utf8(pattern: &str) -> Result<(), BuiltinError> {
    match std::str::from_utf8(&bytes::bytes(pattern)) {
        Ok(_) => Ok(()),
        Err(_) => {
            let shown = bytes::shown(pattern);
            Err(args::failed(format!("error parsing regexp: invalid UTF-8: `{shown}`")))
        }
    }
}

fn is_match(a: &[Value]) -> Outcome {
    let (pattern, text) = (args::string(a, 1)?, args::string(a, 2)?);
    utf8(pattern)?;
    let pattern = goregex::compile(&bytes::shown(pattern)).map_err(args::failed)?;
    some(pattern.is_match(&bytes::shown(text)))
}

/// All matches replaced by a value in which `$1` and the like stand for what was matched.
fn replace(found: &Regex, base: &str, value: &str) -> Result<String, BuiltinError> {
    let named = value.matches('$').count();
    let (mut out, mut from) = (String::with_capacity(base.len()), 0);
    for groups in found.captures_iter(base) {
        let Some(whole) = groups.get(0) else { continue };
        out.push_str(base.get(from..whole.start()).unwrap_or_default());
        bounds::text(out.len().saturating_add(value.len()).saturating_add(named.saturating_mul(whole.len())))?;
        groups.expand(value, &mut out);
        from = whole.end();
    }
    out.push_str(base.get(from..).unwrap_or_default());
    Ok(out)
}

/// How many matches are asked for; a negative number asks for all.
fn limit(a: &[Value]) -> Result<usize, BuiltinError> {
    Ok(usize::try_from(args::integer(a, 3)?).unwrap_or(usize::MAX))
}

/// A match at the very start that is empty cuts nothing off, and one at the very end leaves nothing.
fn split(a: &[Value]) -> Outcome {
    let text = args::string(a, 2)?;
    let found = pattern(a, 1)?;
    if text.is_empty() && !found.as_str().is_empty() {
        return some(Value::array([Value::string("")]));
    }
    let (mut begin, mut end) = (0, 0);
    let mut parts = Vec::new();
    for m in found.find_iter(text) {
        end = m.start();
        if m.end() != 0 {
            parts.push(Value::string(&text[begin..end]));
        }
        begin = m.end();
    }
    if end != text.len() {
        parts.push(Value::string(&text[begin..]));
    }
    some(Value::array(parts))
}

/// Text with patterns between delimiters, e.g. `urn:foo:{.*}`.
fn template_match(a: &[Value]) -> Outcome {
    let (template, text) = (args::string(a, 1)?, args::string(a, 2)?);
    let (start, end) = (args::string(a, 3)?, args::string(a, 4)?);
    let one = |which: &str, text: &str| match text.as_bytes() {
        [byte] => Ok(*byte),
        // The length is the first delimiter's for both, as in OPA.
        _ => Err(args::failed(format!(
            "{which} delimiter has to be exactly one character long but is {} long",
            start.len()
        ))),
    };
    let (start, end) = (one("start", start)?, one("end", end)?);
    let mut translated = String::from("^");
    let (mut level, mut from, mut raw_from) = (0u32, 0, 0);
    let unbalanced = || args::failed(format!("unbalanced braces in {}", crate::text::quote(template, false)));
    for (i, byte) in template.bytes().enumerate() {
        if byte == start {
            level += 1;
            if level == 1 {
                from = i;
            }
        } else if byte == end {
            level = level.checked_sub(1).ok_or_else(unbalanced)?;
            if level == 0 {
                translated.push_str(&::regex::escape(&template[raw_from..from]));
                translated.push_str(&format!("({})", &template[from + 1..i]));
                raw_from = i + 1;
            }
        }
    }
    if level != 0 {
        return Err(unbalanced());
    }
    translated.push_str(&::regex::escape(&template[raw_from..]));
    translated.push('$');
    some(goregex::compile(&translated).map_err(args::failed)?.is_match(text))
}
