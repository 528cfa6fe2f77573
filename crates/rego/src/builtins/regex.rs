//! `regex.*` and its older name `re_match`, with Go's syntax and results.

use super::{Builtin, BuiltinError, Context, Outcome, args, bounds, pure, some};
use crate::bytes;
use crate::globsect;
use crate::goregex::{self, Pattern, Refused, Search};
use crate::value::Value;
use regex_automata::util::interpolate;
use std::sync::Arc;

pub const ALL: &[Builtin] = &[
    pure("regex.match", 2, is_match),
    pure("re_match", 2, is_match),
    pure("regex.is_valid", 1, |a, _| args::is_valid(pattern(a, 1))),
    pure("regex.find_n", 3, find),
    pure("regex.find_all_string_submatch_n", 3, submatches),
    pure("regex.replace", 3, replace),
    pure("regex.split", 2, split),
    pure("regex.template_match", 4, template_match),
    pure("regex.globs_match", 2, |a, context| {
        let (first, second) = (args::string(a, 1)?, args::string(a, 2)?);
        some(globsect::intersect(first, second, &mut context.budget)?)
    }),
];

fn pattern(a: &[Value], position: usize) -> Result<Arc<Pattern>, BuiltinError> {
    let pattern = args::string(a, position)?;
    utf8(pattern)?;
    goregex::compile(pattern).map_err(refused)
}

/// What is beyond a bound is never undefined, since a rule might then say nothing.
pub(super) fn refused(why: Refused) -> BuiltinError {
    match why {
        Refused::Wrong(text) => args::failed(text),
        Refused::Large(text) => args::beyond(text),
    }
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

/// Whether a pattern matches anywhere in a text.
pub(super) fn matches(pattern: &Pattern, text: &str, context: &mut Context) -> Result<bool, BuiltinError> {
    Search::new(pattern, text, &mut context.budget).is_match().map_err(BuiltinError::Limit)
}

fn is_match(a: &[Value], context: &mut Context) -> Outcome {
    let (pattern, text) = (args::string(a, 1)?, args::string(a, 2)?);
    utf8(pattern)?;
    let pattern = goregex::compile(&bytes::shown(pattern)).map_err(refused)?;
    some(matches(&pattern, &bytes::shown(text), context)?)
}

fn find(a: &[Value], context: &mut Context) -> Outcome {
    let (_, text, n) = (args::string(a, 1)?, args::string(a, 2)?, limit(a)?);
    let pattern = pattern(a, 1)?;
    let mut search = Search::new(&pattern, text, &mut context.budget);
    let mut all = Vec::new();
    while all.len() < n
        && let Some(found) = search.next().map_err(BuiltinError::Limit)?
    {
        all.push(Value::string(&text[found]));
    }
    some(Value::array(all))
}

fn submatches(a: &[Value], context: &mut Context) -> Outcome {
    let (_, text, n) = (args::string(a, 1)?, args::string(a, 2)?, limit(a)?);
    let pattern = pattern(a, 1)?;
    let mut search = Search::new(&pattern, text, &mut context.budget);
    let (mut all, mut size) = (Vec::new(), 0);
    while all.len() < n
        && let Some(found) = search.next().map_err(BuiltinError::Limit)?
    {
        let groups = search.groups(&found).map_err(BuiltinError::Limit)?;
        // Many groups may each hold most of the match.
        size += groups.iter().map(|group| 2 + group.map_or(0, |group| group.len())).sum::<usize>();
        bounds::text(size)?;
        all.push(Value::array(
            groups.iter().map(|group| Value::string(group.map_or("", |group| &text[group.range()]))),
        ));
    }
    some(Value::array(all))
}

/// All matches replaced by a value in which `$1` and the like stand for what was matched.
fn replace(a: &[Value], context: &mut Context) -> Outcome {
    let (base, _, value) = (args::string(a, 1)?, args::string(a, 2)?, args::string(a, 3)?);
    let pattern = pattern(a, 2)?;
    let mut search = Search::new(&pattern, base, &mut context.budget);
    let named = value.matches('$').count();
    let (mut out, mut from) = (String::with_capacity(base.len()), 0);
    while let Some(whole) = search.next().map_err(BuiltinError::Limit)? {
        out.push_str(base.get(from..whole.start).unwrap_or_default());
        bounds::text(out.len().saturating_add(value.len()).saturating_add(named.saturating_mul(whole.len())))?;
        match named {
            0 => out.push_str(value),
            _ => {
                let groups = search.groups(&whole).map_err(BuiltinError::Limit)?;
                let append = |group, out: &mut String| {
                    out.push_str(groups.get_group(group).map_or("", |group| &base[group.range()]));
                };
                let index = |name: &str| pattern.named(name).find(|group| groups.get_group(*group).is_some());
                interpolate::string(value, append, index, &mut out);
            }
        }
        from = whole.end;
    }
    out.push_str(base.get(from..).unwrap_or_default());
    some(bytes::joined(out).as_str())
}

/// How many matches are asked for; a negative number asks for all.
fn limit(a: &[Value]) -> Result<usize, BuiltinError> {
    Ok(usize::try_from(args::integer(a, 3)?).unwrap_or(usize::MAX))
}

/// A match at the very start that is empty cuts nothing off, and one at the very end leaves nothing.
fn split(a: &[Value], context: &mut Context) -> Outcome {
    let (_, text) = (args::string(a, 1)?, args::string(a, 2)?);
    let pattern = pattern(a, 1)?;
    if text.is_empty() && !pattern.is_empty() {
        return some(Value::array([Value::string("")]));
    }
    let mut search = Search::new(&pattern, text, &mut context.budget);
    let (mut begin, mut end) = (0, 0);
    let mut parts = Vec::new();
    while let Some(found) = search.next().map_err(BuiltinError::Limit)? {
        end = found.start;
        if found.end != 0 {
            parts.push(Value::string(&text[begin..end]));
        }
        begin = found.end;
    }
    if end != text.len() {
        parts.push(Value::string(&text[begin..]));
    }
    some(Value::array(parts))
}

/// Text with patterns between delimiters, e.g. `urn:foo:{.*}`.
fn template_match(a: &[Value], context: &mut Context) -> Outcome {
    let (template, text) = (args::string(a, 1)?, args::string(a, 2)?);
    let (start, end) = (bytes::bytes(args::string(a, 3)?), bytes::bytes(args::string(a, 4)?));
    let one = |which: &str, text: &[u8]| match text {
        [byte] => Ok(*byte),
        // The length is the first delimiter's for both, as in OPA.
        _ => Err(args::failed(format!(
            "{which} delimiter has to be exactly one character long but is {} long",
            start.len()
        ))),
    };
    let (start, end) = (one("start", &start)?, one("end", &end)?);
    let parts = bytes::bytes(template);
    let part = |from: usize, to: usize| bytes::text(&parts[from..to]);
    let mut translated = String::from("^");
    let (mut level, mut from, mut raw_from) = (0u32, 0, 0);
    let unbalanced = || args::failed(format!("unbalanced braces in {}", crate::text::quote(template, false)));
    for (i, byte) in parts.iter().copied().enumerate() {
        if byte == start {
            level += 1;
            if level == 1 {
                from = i;
            }
        } else if byte == end {
            level = level.checked_sub(1).ok_or_else(unbalanced)?;
            if level == 0 {
                translated.push_str(&goregex::escape(&part(raw_from, from)));
                translated.push_str(&format!("({})", part(from + 1, i)));
                raw_from = i + 1;
            }
        }
    }
    if level != 0 {
        return Err(unbalanced());
    }
    translated.push_str(&goregex::escape(&part(raw_from, parts.len())));
    translated.push('$');
    some(matches(&*goregex::compile(&translated).map_err(refused)?, text, context)?)
}
