//! Sets: the operators `&` and `|`, and `union`, `intersection`, `set_diff`. (`-` on sets is in arithmetic.)

use super::{Builtin, BuiltinError, Outcome, args, pure, some};
use crate::value::Value;
use std::collections::BTreeSet;

pub const ALL: &[Builtin] = &[
    pure("and", 2, |a, _| {
        let (first, second) = (args::set(a, 1)?, args::set(a, 2)?);
        some(Value::set(common(first, second)))
    }),
    pure("or", 2, |a, _| {
        let (first, second) = (args::set(a, 1)?, args::set(a, 2)?);
        some(Value::set(first.union(second).cloned()))
    }),
    pure("set_diff", 2, |a, _| {
        let (first, second) = (args::set(a, 1)?, args::set(a, 2)?);
        some(Value::set(first.difference(second).cloned()))
    }),
    pure("union", 1, |a, _| {
        let sets = members(a)?;
        some(Value::set(sets.into_iter().flatten().cloned()))
    }),
    pure("intersection", 1, |a, _| intersection(a)),
];

/// The sets of a set of sets.
fn members(a: &[Value]) -> Result<Vec<&BTreeSet<Value>>, BuiltinError> {
    args::set(a, 1)?
        .iter()
        .map(|item| match item {
            Value::Set(inner) => Ok(inner.as_ref()),
            other => Err(args::wrong_type(1, other, &["set"])),
        })
        .collect()
}

fn intersection(a: &[Value]) -> Outcome {
    let sets = members(a)?;
    let Some((first, rest)) = sets.split_first() else {
        return some(Value::set([]));
    };
    some(Value::set(rest.iter().fold((*first).clone(), |found, set| common(&found, set))))
}

/// The members of both, as they are in the smaller set: `2.0` is equal to `2`, but not written like it.
fn common(first: &BTreeSet<Value>, second: &BTreeSet<Value>) -> BTreeSet<Value> {
    let (from, other) = if second.len() < first.len() { (second, first) } else { (first, second) };
    from.iter().filter(|item| other.contains(*item)).cloned().collect()
}
