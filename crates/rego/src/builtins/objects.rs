//! `object.*`.

use super::{Builtin, BuiltinError, Context, Outcome, args, pure, some};
use crate::shared::Shared;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Objects within objects are merged and compared down to this depth.
const MAX_DEPTH: usize = 200;

pub const ALL: &[Builtin] = &[
    pure("object.filter", 2, |a, _| {
        let (map, keys) = (args::object(a, 1)?, keys(a)?);
        some(select(map, |key| keys.contains(key)))
    }),
    pure("object.remove", 2, |a, _| {
        let (map, keys) = (args::object(a, 1)?, keys(a)?);
        some(select(map, |key| !keys.contains(key)))
    }),
    pure("object.get", 3, |a, _| get(a)),
    pure("object.keys", 1, |a, _| some(Value::set(args::object(a, 1)?.keys().cloned()))),
    pure("object.subset", 2, |a, context| subset(args::value(a, 1), args::value(a, 2), context)),
    pure("object.union", 2, |a, context| {
        let (first, second) = (args::object(a, 1)?, args::object(a, 2)?);
        let mut out = first.clone();
        merge(&mut out, second, (0, false), context)?;
        some(Value::Object(Shared::from(out)))
    }),
    pure("object.union_n", 1, |a, context| {
        let mut out = BTreeMap::new();
        for item in args::array(a, 1)? {
            let Value::Object(map) = item else {
                return Err(args::wrong_element(1, args::value(a, 1), item, &["object"]));
            };
            merge(&mut out, map, (0, true), context)?;
        }
        some(Value::Object(Shared::from(out)))
    }),
];

fn select(map: &BTreeMap<Value, Value>, keep: impl Fn(&Value) -> bool) -> Value {
    Value::object(map.iter().filter(|(key, _)| keep(key)).map(|(key, value)| (key.clone(), value.clone())))
}

/// The second argument as a set of keys.
fn keys(a: &[Value]) -> Result<BTreeSet<&Value>, BuiltinError> {
    match args::value(a, 2) {
        Value::Array(items) => Ok(items.iter().collect()),
        Value::Set(items) => Ok(items.iter().collect()),
        Value::Object(map) => Ok(map.keys().collect()),
        other => Err(args::wrong_type(2, other, &["object", "set", "array"])),
    }
}

/// What stands under one key; in an array the index is a number, in a set the item itself.
fn child<'a>(whole: &'a Value, key: &Value) -> Option<&'a Value> {
    match whole {
        Value::Object(map) => map.get(key),
        Value::Set(items) => items.get(key),
        Value::Array(items) => match key {
            Value::Number(n) => items.get(usize::try_from(n.as_i64()?).ok()?),
            _ => None,
        },
        _ => None,
    }
}

/// By key, or by a path of keys where the key is an array.
fn get(a: &[Value]) -> Outcome {
    let map = args::object(a, 1)?;
    let (key, default) = (args::value(a, 2), args::value(a, 3));
    let found = match key {
        Value::Array(path) => path.iter().try_fold(args::value(a, 1), |at, key| child(at, key)),
        key => map.get(key),
    };
    some(found.unwrap_or(default).clone())
}

/// Adds what is in the second; it wins, but objects under the same key are merged. With `rekey`, a key is then written as in
/// the second, `2.0` or `2`.
fn merge(
    out: &mut BTreeMap<Value, Value>,
    second: &BTreeMap<Value, Value>,
    (depth, rekey): (usize, bool),
    context: &mut Context,
) -> Result<(), BuiltinError> {
    if depth > MAX_DEPTH {
        return Err(args::beyond(format!("objects are nested deeper than {MAX_DEPTH}")));
    }
    context.work(second.len())?;
    for (key, value) in second {
        if rekey
            && !matches!(key, Value::String(_))
            && let Some(old) = out.remove(key)
        {
            out.insert(key.clone(), old);
        }
        match (out.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                if old.is_shared() {
                    context.used(old.len())?;
                }
                merge(old.make_mut(), new, (depth + 1, rekey), context)?;
            }
            (Some(old), _) => *old = value.clone(),
            (None, _) => drop(out.insert(key.clone(), value.clone())),
        }
    }
    Ok(())
}

fn subset(whole: &Value, part: &Value, context: &mut Context) -> Outcome {
    match (whole, part) {
        (Value::Object(_), Value::Object(_)) | (Value::Set(_), Value::Set(_)) | (Value::Array(_), Value::Array(_)) => {
            some(within(whole, part, 0, context)?)
        }
        (Value::Array(items), Value::Set(wanted)) => {
            // An empty set is in no empty array: OPA asks each item whether all were met.
            let mut missing = wanted.len();
            some(items.iter().any(|item| {
                missing = missing.saturating_sub(usize::from(wanted.contains(item)));
                missing == 0
            }))
        }
        _ => {
            Err(BuiltinError::Type("both arguments object.subset must be of the same type or array and set".to_owned()))
        }
    }
}

fn within(whole: &Value, part: &Value, depth: usize, context: &mut Context) -> Result<bool, BuiltinError> {
    if depth > MAX_DEPTH {
        return Err(args::beyond(format!("objects are nested deeper than {MAX_DEPTH}")));
    }
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part.iter() {
                let Some(found) = whole.get(key) else { return Ok(false) };
                context.compare(found, value)?;
                if found != value && !within(found, value, depth + 1, context)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Set(whole), Value::Set(part)) => Ok(part.is_subset(whole)),
        (Value::Array(whole), Value::Array(part)) => {
            for window in whole.windows(part.len().max(1)) {
                let same = window.iter().zip(part.iter()).take_while(|(a, b)| a == b).count();
                context.work(1 + same)?;
                if same == part.len() {
                    return Ok(true);
                }
            }
            Ok(part.is_empty())
        }
        _ => Ok(false),
    }
}
