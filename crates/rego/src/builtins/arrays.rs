//! `array.*`.

use super::{Builtin, Context, Outcome, args, pure, some};
use crate::value::Value;

pub const ALL: &[Builtin] = &[
    pure("array.concat", 2, |a, context| {
        let (first, second) = (args::array(a, 1)?, args::array(a, 2)?);
        context.room(first.len() + second.len())?;
        some(Value::array(first.iter().chain(second).cloned()))
    }),
    pure("array.flatten", 1, flatten),
    pure("array.reverse", 1, |a, _| some(Value::array(args::array(a, 1)?.iter().rev().cloned()))),
    pure("array.slice", 3, |a, _| slice(a)),
];

/// One level of nested arrays becomes part of the outer one.
fn flatten(a: &[Value], context: &mut Context) -> Outcome {
    let mut out = Vec::new();
    for item in args::array(a, 1)? {
        match item {
            Value::Array(inner) => {
                context.work(inner.len())?;
                context.room(out.len() + inner.len())?;
                out.extend(inner.iter().cloned());
            }
            other => out.push(other.clone()),
        }
    }
    some(Value::array(out))
}

/// Indices beyond either end mean that end; never an error.
fn slice(a: &[Value]) -> Outcome {
    let items = args::array(a, 1)?;
    let (start, stop) = (args::integer(a, 2)?, args::integer(a, 3)?);
    let stop = usize::try_from(stop.max(0)).unwrap_or(usize::MAX).min(items.len());
    let start = usize::try_from(start.max(0)).unwrap_or(usize::MAX).min(stop);
    some(Value::array(items.get(start..stop).unwrap_or_default().iter().cloned()))
}
