//! The comparison operators and membership (`in`), over OPA's total order of values.

use super::{Builtin, args, pure, some};
use crate::value::Value;

pub const ALL: &[Builtin] = &[
    pure("equal", 2, |a, _| some(args::value(a, 1) == args::value(a, 2))),
    pure("neq", 2, |a, _| some(args::value(a, 1) != args::value(a, 2))),
    pure("lt", 2, |a, _| some(args::value(a, 1) < args::value(a, 2))),
    pure("lte", 2, |a, _| some(args::value(a, 1) <= args::value(a, 2))),
    pure("gt", 2, |a, _| some(args::value(a, 1) > args::value(a, 2))),
    pure("gte", 2, |a, _| some(args::value(a, 1) >= args::value(a, 2))),
    pure("internal.member_2", 2, |a, _| some(member(args::value(a, 1), args::value(a, 2)))),
    pure("internal.member_3", 3, |a, _| some(member_at(args::value(a, 1), args::value(a, 2), args::value(a, 3)))),
];

/// `item in whole`; false where `whole` is no collection.
fn member(item: &Value, whole: &Value) -> bool {
    match whole {
        Value::Set(items) => items.contains(item),
        Value::Array(items) => items.contains(item),
        Value::Object(map) => map.values().any(|value| value == item),
        _ => false,
    }
}

/// `key, item in whole`; a set has no keys here.
fn member_at(key: &Value, item: &Value, whole: &Value) -> bool {
    match whole {
        Value::Object(map) => map.get(key) == Some(item),
        Value::Array(items) => match key {
            Value::Number(n) => n
                .as_i64()
                .and_then(|i| usize::try_from(i).ok())
                .and_then(|i| items.get(i))
                .is_some_and(|found| found == item),
            _ => false,
        },
        _ => false,
    }
}
