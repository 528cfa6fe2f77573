//! Documents that many rules make together: objects of any depth whose leaves are values or sets.

use crate::shared::Shared;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A document in the making.
pub(super) enum Build {
    Value(Value),
    Set(BTreeSet<Value>),
    Object(BTreeMap<Value, Build>),
}

/// Two rules gave different values for one place.
pub(super) struct Conflict;

impl Build {
    /// Puts a value, or a member of a set, at a path.
    pub fn put(&mut self, path: &[Value], leaf: Value, in_set: bool) -> Result<(), Conflict> {
        let Some((key, rest)) = path.split_first() else {
            return match self {
                Self::Set(items) if in_set => {
                    items.insert(leaf);
                    Ok(())
                }
                Self::Value(value) if !in_set && *value == leaf => Ok(()),
                _ => Err(Conflict),
            };
        };
        let Self::Object(map) = self else { return Err(Conflict) };
        match map.get_mut(key) {
            Some(inner) => inner.put(rest, leaf, in_set),
            None => {
                map.insert(key.clone(), Self::fresh(rest, leaf, in_set));
                Ok(())
            }
        }
    }

    fn fresh(path: &[Value], leaf: Value, in_set: bool) -> Self {
        match path.split_first() {
            Some((key, rest)) => Self::Object(BTreeMap::from([(key.clone(), Self::fresh(rest, leaf, in_set))])),
            None if in_set => Self::Set(BTreeSet::from([leaf])),
            None => Self::Value(leaf),
        }
    }

    /// What was made.
    pub fn finish(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Set(items) => Value::Set(Shared::from(items)),
            Self::Object(map) => {
                Value::Object(Shared::from(map.into_iter().map(|(k, v)| (k, v.finish())).collect::<BTreeMap<_, _>>()))
            }
        }
    }
}
