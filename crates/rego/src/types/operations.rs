//! Unions, and what can be looked up in a type.

use super::{Any, Function, Type};
use crate::value::Value;
use std::sync::Arc;

impl Type {
    /// What is of either type; a superset stays as it is.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Unknown, other) => other.clone(),
            (one, Self::Unknown) => one.clone(),
            (Self::Function(a), Self::Function(b)) => function_union(a, b),
            (Self::Function(_), _) | (_, Self::Function(_)) => Self::Unknown,
            (Self::Any(any), other) => any.with(self, other),
            (one, Self::Any(any)) => any.with(other, one),
            (a, b) if a == b => a.clone(),
            (a, b) => Self::union(vec![a.clone(), b.clone()]),
        }
    }

    /// Whether all of another type are of this one.
    pub fn contains(&self, other: &Self) -> bool {
        match self {
            Self::Any(any) => any.contains(other),
            _ => self == other,
        }
    }

    /// The member at a constant key; unknown if there is none.
    pub fn select(&self, key: &Value) -> Self {
        match self {
            Self::Array(array) => match key {
                Value::Number(number) => {
                    let at = number.as_i64().and_then(|n| usize::try_from(n).ok());
                    at.map_or(Self::Unknown, |at| array.fixed.get(at).unwrap_or(&array.dynamic).clone())
                }
                _ => Self::Unknown,
            },
            Self::Object(object) => {
                if let Ok(at) = object.fixed.binary_search_by(|(other, _)| other.cmp(key)) {
                    return object.fixed[at].1.clone();
                }
                match &object.dynamic {
                    Some((keys, value)) if keys.contains(&Self::of_key(key)) => value.clone(),
                    _ => Self::Unknown,
                }
            }
            Self::Set(set) => {
                let of_key = Self::of_key(key);
                match &set.of {
                    of if *of == of_key => of_key,
                    Self::Any(any) if any.contains(&of_key) => of_key,
                    _ => Self::Unknown,
                }
            }
            Self::Any(any) if any.of.is_empty() => self.clone(),
            Self::Any(any) => any.of.iter().fold(Self::Unknown, |found, of| of.select(key).or(&found)),
            _ => Self::Unknown,
        }
    }

    /// What keys there can be; unknown of what has none.
    pub fn keys(&self) -> Self {
        match self {
            Self::Array(_) => Self::Number,
            Self::Object(object) => {
                let fixed = object.fixed.iter().fold(Self::Unknown, |keys, (key, _)| keys.or(&Self::of_key(key)));
                object.dynamic.iter().fold(fixed, |keys, (key, _)| keys.or(key))
            }
            Self::Set(set) => set.of.clone(),
            Self::Any(any) if any.of.is_empty() => self.clone(),
            Self::Any(any) => any.of.iter().fold(Self::Unknown, |keys, of| of.keys().or(&keys)),
            _ => Self::Unknown,
        }
    }

    /// What members there can be.
    pub fn values(&self) -> Self {
        match self {
            Self::Array(array) => array.fixed.iter().fold(Self::Unknown, |all, of| all.or(of)).or(&array.dynamic),
            Self::Object(object) => {
                let fixed = object.fixed.iter().fold(Self::Unknown, |all, (_, value)| all.or(value));
                object.dynamic.iter().fold(fixed, |all, (_, value)| all.or(value))
            }
            Self::Set(set) => set.of.clone(),
            Self::Any(any) if any.of.is_empty() => self.clone(),
            Self::Any(any) => any.of.iter().fold(Self::Unknown, |all, of| of.values().or(&all)),
            _ => Self::Unknown,
        }
    }

    /// Whether it or a part of it is not known.
    pub fn unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::Function(function) => function.args.iter().any(Self::unknown) || function.result.unknown(),
            Self::Array(array) => {
                array.fixed.iter().any(Self::unknown) || array.dynamic != Self::Unknown && array.dynamic.unknown()
            }
            Self::Object(object) => {
                object.fixed.iter().any(|(_, value)| value.unknown())
                    || object.dynamic.iter().any(|(key, value)| key.unknown() || value.unknown())
            }
            Self::Set(set) => set.of.unknown(),
            Self::Null | Self::Boolean | Self::Number | Self::String | Self::Any(_) => false,
        }
    }
}

impl Any {
    fn contains(&self, other: &Type) -> bool {
        !matches!(other, Type::Function(_)) && (self.of.is_empty() || self.of.binary_search(other).is_ok())
    }

    /// With another member, or with those of another union; `this` is the union as a type.
    fn with(&self, this: &Type, other: &Type) -> Type {
        match other {
            Type::Any(_) if self.of.is_empty() => this.clone(),
            Type::Any(any) if any.of.is_empty() => other.clone(),
            Type::Any(any) => {
                let mut of: Vec<Type> = self.of.iter().chain(&any.of).cloned().collect();
                of.sort();
                of.dedup();
                Type::union(of)
            }
            other => match self.of.binary_search(other) {
                _ if self.contains(other) => this.clone(),
                Ok(_) => this.clone(),
                Err(at) => {
                    let (before, after) = self.of.split_at(at);
                    Type::sorted_union(before.iter().chain([other]).chain(after).cloned().collect())
                }
            },
        }
    }
}

/// Of two definitions of one function; unknown if they have nothing in common.
fn function_union(a: &Function, b: &Function) -> Type {
    let variadic = |function: &Function| function.variadic != Type::Unknown;
    if a.args.len() != b.args.len() || variadic(a) != variadic(b) {
        return Type::Unknown;
    }
    let args = a.args.iter().zip(&b.args).map(|(a, b)| a.or(b)).collect();
    let (result, variadic) = (a.result.or(&b.result), a.variadic.or(&b.variadic));
    Type::Function(Arc::new(Function { args, result, variadic, names: Vec::new() }))
}
