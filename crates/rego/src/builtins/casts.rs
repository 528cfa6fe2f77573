//! `to_number` and the `cast_*` of older Rego.

use super::{Builtin, Outcome, args, pure, some};
use crate::number::Number;
use crate::text::quote;
use crate::value::Value;
use std::borrow::Cow;

pub const ALL: &[Builtin] = &[
    pure("to_number", 1, |a, _| to_number(args::value(a, 1))),
    pure("cast_array", 1, |a, _| some(Value::array(args::items(a, 1, &["array", "set"])?.into_iter().cloned()))),
    pure("cast_set", 1, |a, _| some(Value::set(args::items(a, 1, &["array", "set"])?.into_iter().cloned()))),
    pure("cast_string", 1, |a, _| keep(args::value(a, 1), "string")),
    pure("cast_boolean", 1, |a, _| keep(args::value(a, 1), "boolean")),
    pure("cast_null", 1, |a, _| keep(args::value(a, 1), "null")),
    pure("cast_object", 1, |a, _| keep(args::value(a, 1), "object")),
];

/// A text without the underscores between its digits, as Go reads numbers (`underscoreOK` of its `strconv`); none where
/// they stand elsewhere.
pub(super) fn underscored(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(text.into());
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let based = digits.get(..2).filter(|base| ["0b", "0o", "0x"].contains(&base.to_ascii_lowercase().as_str()));
    let hexadecimal = based.is_some_and(|base| base.ends_with(['x', 'X']));
    // What stood before: a digit (the base counts as one), an underscore, or anything else.
    let mut before = if based.is_some() { '0' } else { '!' };
    for c in digits.chars().skip(if based.is_some() { 2 } else { 0 }) {
        let digit = if hexadecimal { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        before = match (c, before) {
            _ if digit => '0',
            ('_', '0') => '_',
            ('_', _) | (_, '_') => return None,
            _ => '!',
        };
    }
    (before != '_').then(|| text.replace('_', "").into())
}

/// The value itself if it is of the type.
fn keep(value: &Value, type_name: &str) -> Outcome {
    if value.type_name() == type_name {
        return some(value.clone());
    }
    Err(args::wrong_type(1, value, &[type_name]))
}

fn to_number(value: &Value) -> Outcome {
    match value {
        Value::Null => some(0),
        Value::Bool(b) => some(i64::from(*b)),
        Value::Number(_) => some(value.clone()),
        Value::String(text) => {
            let bare = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
            if matches!(bare.as_str(), "inf" | "infinity" | "nan") {
                return Err(args::wrong_type(1, value, &["valid number string"]));
            }
            let bad = |why| args::failed(format!("strconv.ParseFloat: parsing {}: {why}", quote(text, false)));
            match underscored(text).and_then(|text| Number::parse_lenient(&text)) {
                // Go reads more than JSON can write, such as `1.`.
                Some(n) if n.to_f64().is_finite() && Number::parse(&n.to_string()).is_none() => {
                    some(Value::Number(Number::from_f64(n.to_f64()).unwrap_or_default()))
                }
                Some(n) if n.to_f64().is_finite() => some(Value::Number(n)),
                Some(_) => Err(bad("value out of range")),
                None => Err(bad("invalid syntax")),
            }
        }
        other => Err(args::wrong_type(1, other, &["null", "boolean", "number", "string"])),
    }
}
