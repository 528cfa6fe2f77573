//! Types of Rego values as OPA's checker knows them: what a term can be, as far as that is known before evaluation.

mod declared;
mod operations;
mod show;
mod unify;

pub use declared::{Declared, Malformed, builtin, declaration, names};
pub use show::arguments;

use crate::value::Value;
use std::sync::Arc;

/// A type. Derived order is OPA's: it decides how members of a union are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// Not known (shown as `???`); as the dynamic part of an array, that there is none.
    #[default]
    Unknown,
    /// `null`.
    Null,
    /// `true` and `false`.
    Boolean,
    /// Any number.
    Number,
    /// Any string.
    String,
    /// Some arrays.
    Array(Arc<Array>),
    /// Some objects.
    Object(Arc<Object>),
    /// Some sets.
    Set(Arc<Set>),
    /// One of several, sorted; of no member, any value whatever.
    Any(Arc<Any>),
    /// A function, which is no value.
    Function(Arc<Function>),
}

/// Members by position, then any number of others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Array {
    /// Of members behind the fixed ones; `Unknown` where there are none.
    pub dynamic: Type,
    /// Of the first members.
    pub fixed: Vec<Type>,
    size: Size,
}

/// Members by key, sorted, then any number of others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Of other keys and their values; none where there are no others.
    pub dynamic: Option<(Type, Type)>,
    /// Of known keys, sorted.
    pub fixed: Vec<(Value, Type)>,
    size: Size,
}

/// Members of one type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Set {
    /// Of each member.
    pub of: Type,
    size: Size,
}

/// A union.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Any {
    /// Sorted, each once.
    pub of: Vec<Type>,
    size: Size,
}

/// A function's type. Without a result, its calls are no values (`print`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    /// Of its arguments.
    pub args: Vec<Type>,
    /// Of its value; `Unknown` where it has none.
    pub result: Type,
    /// Of any number of further arguments.
    pub variadic: Type,
    /// Names of the arguments and of the result where they have one, for messages.
    pub names: Vec<Option<Arc<str>>>,
}

/// How large a type is; kept so that types built from types stay within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Size {
    depth: u32,
    nodes: u32,
}

/// A type of more than this is taken as any value, which only leaves something unchecked.
const MAX_NODES: u32 = 1 << 16;
const MAX_DEPTH: u32 = 128;

impl Size {
    fn of<'t>(parts: impl Iterator<Item = &'t Type>) -> Option<Self> {
        let (mut depth, mut nodes) = (0, 1u32);
        for part in parts {
            let size = part.size();
            depth = depth.max(size.depth);
            nodes = nodes.saturating_add(size.nodes);
        }
        (depth < MAX_DEPTH && nodes < MAX_NODES).then_some(Self { depth: depth + 1, nodes })
    }
}

impl Type {
    /// Any value whatever.
    pub fn any() -> Self {
        Self::Any(Arc::new(Any { of: Vec::new(), size: Size { depth: 1, nodes: 1 } }))
    }

    /// One of several; duplicates are kept out by [`Type::or`].
    fn union(mut of: Vec<Self>) -> Self {
        of.sort();
        Self::sorted_union(of)
    }

    fn sorted_union(of: Vec<Self>) -> Self {
        match Size::of(of.iter()) {
            Some(size) => Self::Any(Arc::new(Any { of, size })),
            None => Self::any(),
        }
    }

    /// An array; `Unknown` is no dynamic part.
    pub fn array(fixed: Vec<Self>, dynamic: Self) -> Self {
        match Size::of(fixed.iter().chain([&dynamic])) {
            Some(size) => Self::Array(Arc::new(Array { dynamic, fixed, size })),
            None => Self::any(),
        }
    }

    /// An object; of equal keys the last counts.
    pub fn object(mut fixed: Vec<(Value, Self)>, dynamic: Option<(Self, Self)>) -> Self {
        fixed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let parts = dynamic.iter().flat_map(|(key, value)| [key, value]);
        match Size::of(fixed.iter().map(|(_, value)| value).chain(parts)) {
            Some(size) => Self::Object(Arc::new(Object { dynamic, fixed, size })),
            None => Self::any(),
        }
    }

    /// A set.
    pub fn set(of: Self) -> Self {
        match Size::of([&of].into_iter()) {
            Some(size) => Self::Set(Arc::new(Set { of, size })),
            None => Self::any(),
        }
    }

    /// A function of a policy.
    pub fn function(args: Vec<Self>, result: Self) -> Self {
        Self::Function(Arc::new(Function { args, result, ..Function::default() }))
    }

    fn size(&self) -> Size {
        match self {
            Self::Array(array) => array.size,
            Self::Object(object) => object.size,
            Self::Set(set) => set.size,
            Self::Any(any) => any.size,
            // Functions are members of nothing.
            Self::Function(_) | Self::Unknown | Self::Null | Self::Boolean | Self::Number | Self::String => {
                Size { depth: 1, nodes: 1 }
            }
        }
    }

    /// Whether it is any value whatever.
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Any(any) if any.of.is_empty())
    }

    /// Of a constant key: members by position and by key, nothing else.
    pub fn of_key(key: &Value) -> Self {
        match key {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(items) => Self::array(items.iter().map(Self::of_key).collect(), Self::Unknown),
            Value::Set(items) => Self::array(items.iter().map(Self::of_key).collect(), Self::Unknown),
            Value::Object(items) => {
                Self::object(items.iter().map(|(key, value)| (key.clone(), Self::of_key(value))).collect(), None)
            }
        }
    }

    /// Of a constant, as a term of a policy.
    pub fn of_value(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::of_items(items.iter().map(Self::of_value).collect()),
            Value::Set(items) => {
                let of = items.iter().fold(Self::Unknown, |of, item| of.or(&Self::of_value(item)));
                Self::set(if of == Self::Unknown { Self::any() } else { of })
            }
            Value::Object(items) => {
                let fixed: Vec<_> = items.iter().map(|(key, value)| (key.clone(), Self::of_value(value))).collect();
                let dynamic = fixed.is_empty().then(|| (Self::any(), Self::any()));
                Self::object(fixed, dynamic)
            }
            scalar => Self::of_key(scalar),
        }
    }

    /// Of an array as written; of an empty one the members may be anything.
    pub fn of_items(items: Vec<Self>) -> Self {
        let dynamic = if items.is_empty() { Self::any() } else { Self::Unknown };
        Self::array(items, dynamic)
    }
}
