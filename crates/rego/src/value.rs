//! Values of Rego: JSON and sets, with OPA's total order (null < false < true < numbers < strings < arrays < objects <
//! sets). Immutable and cheap to share.

use crate::number::Number;
use crate::shared::Shared;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The items of an array.
pub type Array = Shared<Vec<Value>>;
/// The keys and values of an object, in order.
pub type Object = Shared<BTreeMap<Value, Value>>;
/// The members of a set, in order.
pub type Set = Shared<BTreeSet<Value>>;

/// Bytes of a value without what it points to, about.
pub(crate) const PART: u64 = 32;

/// A value. Derived order is OPA's, as variants stand in its order and `Number` orders by magnitude.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `null`, which is not undefined.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number of any size, exact.
    Number(Number),
    /// Text.
    String(Arc<str>),
    /// Values in order.
    Array(Array),
    /// Values by keys of any kind.
    Object(Object),
    /// Values, each once.
    Set(Set),
}

impl Value {
    /// A string of a text as the engine holds it.
    pub fn string(text: impl AsRef<str>) -> Self {
        Self::String(Arc::from(text.as_ref()))
    }

    /// A string of a text from outside (see [`crate::bytes`]).
    pub fn entering(text: &str) -> Self {
        Self::string(crate::bytes::entering(text))
    }

    /// An array.
    pub fn array(items: impl IntoIterator<Item = Value>) -> Self {
        Self::Array(Shared::from(items.into_iter().collect::<Vec<_>>()))
    }

    /// An object; of equal keys the first is kept (they may differ in text: `1` and `1.0`), with the last value.
    pub fn object(items: impl IntoIterator<Item = (Value, Value)>) -> Self {
        // One by one, as that is how a map keeps the first key; a map made of all at once keeps the last.
        let mut map = BTreeMap::new();
        map.extend(items);
        Self::Object(Shared::from(map))
    }

    /// A set; of equal members the first is kept.
    pub fn set(items: impl IntoIterator<Item = Value>) -> Self {
        let mut set = BTreeSet::new();
        set.extend(items);
        Self::Set(Shared::from(set))
    }

    /// `null`, `boolean`, `number`, `string`, `array`, `object` or `set`, as `type_name` says.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Set(_) => "set",
        }
    }

    /// What stands at a key: of an array by its index, of a set the member itself.
    pub fn at(&self, key: &Value) -> Option<&Value> {
        match self {
            Self::Array(items) => match key {
                Self::Number(n) => n.as_i64().and_then(|i| usize::try_from(i).ok()).and_then(|i| items.get(i)),
                _ => None,
            },
            Self::Object(map) => map.get(key),
            Self::Set(items) => items.get(key),
            _ => None,
        }
    }

    /// The text of a string, as the engine holds it.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Everything but `false` is true in a body.
    pub fn is_true(&self) -> bool {
        *self != Self::Bool(false)
    }

    /// Where it is kept, if it is kept apart: the same for all that share it.
    pub(crate) fn address(&self) -> Option<usize> {
        match self {
            Self::String(text) => Some(Arc::as_ptr(text).cast::<u8>() as usize),
            Self::Array(items) => Some(items.address()),
            Self::Object(map) => Some(map.address()),
            Self::Set(items) => Some(items.address()),
            Self::Null | Self::Bool(_) | Self::Number(_) => None,
        }
    }

    /// Bytes that it takes on its own, about: what it shares with others counts as one word each.
    pub(crate) fn own_size(&self) -> u64 {
        let items = match self {
            Self::String(text) => return PART + text.len() as u64,
            Self::Number(n) => return PART + n.extra_size(),
            Self::Array(items) => items.len(),
            Self::Object(map) => 2 * map.len(),
            Self::Set(items) => items.len(),
            _ => 0,
        };
        PART + PART * items as u64
    }

    /// Bytes that it takes written out, about: what stands in it twice counts twice.
    pub(crate) fn size(&self) -> u64 {
        self.measure().0
    }

    /// Its size, and how many values are within one another in it.
    pub(crate) fn measure(&self) -> (u64, u32) {
        let with = |(sum, deepest): (u64, u32), item: &Value| {
            let (size, nested) = item.measure();
            (sum.saturating_add(size), deepest.max(nested))
        };
        match self {
            Self::Array(items) => items.measured(|items| items.iter().fold((PART, 0), with)),
            Self::Object(map) => {
                map.measured(|map| map.iter().fold((PART, 0), |so_far, (k, v)| with(with(so_far, k), v)))
            }
            Self::Set(items) => items.measured(|items| items.iter().fold((PART, 0), with)),
            other => (other.own_size(), 0),
        }
    }

    /// From JSON.
    pub fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(b) => Self::Bool(*b),
            serde_json::Value::Number(n) => Self::Number(Number::parse(&n.to_string()).unwrap_or_default()),
            serde_json::Value::String(s) => Self::entering(s),
            serde_json::Value::Array(items) => Self::array(items.iter().map(Self::from_json)),
            serde_json::Value::Object(map) => {
                Self::object(map.iter().map(|(k, v)| (Self::entering(k), Self::from_json(v))))
            }
        }
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Number(Number::from(n))
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        Self::from(i64::from(n))
    }
}
