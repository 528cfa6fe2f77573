//! `count`, `sum`, `product`, `max`, `min`, `sort`, `all` and `any`.

use super::{Builtin, BuiltinError, Context, Outcome, args, pure, some};
use crate::number::Number;
use crate::value::Value;
use crate::wide::Wide;

pub const ALL: &[Builtin] = &[
    pure("count", 1, |a, _| count(args::value(a, 1))),
    pure("sum", 1, sum),
    pure("product", 1, |a, context| fold(a, Wide::from_i64(1), Wide::mul, context)),
    pure("max", 1, |a, _| Ok(collection(a)?.into_iter().max().cloned())),
    pure("min", 1, |a, _| min(a)),
    pure("sort", 1, |a, _| {
        let mut items = collection(a)?;
        items.sort();
        some(Value::array(items.into_iter().cloned()))
    }),
    pure("all", 1, |a, _| {
        let items = args::items(a, 1, &["array", "set"])?;
        some(items.into_iter().all(|item| *item == Value::Bool(true)))
    }),
    pure("any", 1, |a, _| {
        let items = args::items(a, 1, &["array", "set"])?;
        some(items.into_iter().any(|item| *item == Value::Bool(true)))
    }),
];

fn collection(a: &[Value]) -> Result<Vec<&Value>, BuiltinError> {
    args::items(a, 1, &["set", "array"])
}

/// The least, of equal ones the last. As for OPA's, a set's `null` is less than nothing else: it is what it begins with.
fn min(a: &[Value]) -> Outcome {
    let set = matches!(args::value(a, 1), Value::Set(_));
    let items = collection(a)?;
    let least = items.iter().rev().filter(|item| !set || items.len() == 1 || ***item != Value::Null).min();
    Ok(least.map(|least| (*least).clone()))
}

fn count(value: &Value) -> Outcome {
    let n = match value {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        Value::Set(items) => items.len(),
        Value::String(text) => crate::bytes::shown(text).chars().count(),
        other => return Err(args::wrong_type(1, other, &["array", "object", "set", "string"])),
    };
    some(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Exactly where all are integers and the sum fits.
fn sum(a: &[Value], context: &mut Context) -> Outcome {
    let exact = collection(a)?.into_iter().try_fold(0i64, |sum, item| match item {
        Value::Number(n) => n.as_i64().and_then(|n| sum.checked_add(n)),
        _ => None,
    });
    match exact {
        Some(n) => some(n),
        None => fold(a, Wide::from_i64(0), Wide::add, context),
    }
}

fn fold(a: &[Value], start: Wide, f: fn(Wide, Wide) -> Wide, context: &mut Context) -> Outcome {
    let mut total = start;
    for item in collection(a)? {
        let Value::Number(n) = item else {
            return Err(args::wrong_element(1, args::value(a, 1), item, &["number"]));
        };
        context.work(n.cost())?;
        total = f(total, n.to_wide());
    }
    Number::from_wide(total).map(|n| Some(Value::Number(n))).ok_or_else(|| args::failed("number too large"))
}
