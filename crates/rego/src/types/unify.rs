//! Whether values of two types can be equal.

use super::{Any, Array, Object, Type};

impl Type {
    /// Whether a value of one can equal a value of the other.
    pub fn unifies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => false,
            (Self::Any(a), Self::Any(b)) => a.unifies(other) || b.unifies(self),
            (Self::Any(any), other) | (other, Self::Any(any)) => any.unifies(other),
            (Self::Null, Self::Null)
            | (Self::Boolean, Self::Boolean)
            | (Self::Number, Self::Number)
            | (Self::String, Self::String) => true,
            (Self::Array(a), Self::Array(b)) => {
                arrays(a, b)
                    && arrays(b, a)
                    && (a.dynamic == Self::Unknown || b.dynamic == Self::Unknown || a.dynamic.unifies(&b.dynamic))
            }
            (Self::Object(a), Self::Object(b)) => {
                objects(a, other)
                    && objects(b, self)
                    && match (&a.dynamic, &b.dynamic) {
                        (Some((_, a)), Some((_, b))) if *a != Self::Unknown && *b != Self::Unknown => a.unifies(b),
                        _ => true,
                    }
            }
            (Self::Set(a), Self::Set(b)) => a.of.unifies(&b.of),
            (Self::Function(a), Self::Function(b)) => {
                a.args.len() == b.args.len() && a.args.iter().zip(&b.args).all(|(a, b)| a.unifies(b))
            }
            _ => false,
        }
    }
}

impl Any {
    fn unifies(&self, other: &Type) -> bool {
        !matches!(other, Type::Function(_)) && (self.of.is_empty() || self.of.iter().any(|of| of.unifies(other)))
    }
}

/// Whether each member by position of one has its like in the other.
fn arrays(a: &Array, b: &Array) -> bool {
    a.fixed.iter().enumerate().all(|(at, of)| of.unifies(b.fixed.get(at).unwrap_or(&b.dynamic)))
}

/// Whether each member by key of one has its like in the other.
fn objects(a: &Object, b: &Type) -> bool {
    a.fixed.iter().all(|(key, of)| of.unifies(&b.select(key)))
}
