//! Values as Go has them while a template runs: decoded JSON, whose numbers are texts of a type of their own, and what
//! constants and functions give. `format` writes them.

use super::super::sprintf::Argument;
use super::Value;
use crate::value::{Array, Object};
use std::sync::Arc;

/// A value as `reflect` has it. What was taken out of a list or a map is boxed: of type `interface {}` until a pipeline
/// opens it. No value at all is `Nil` and not boxed.
#[derive(Clone, Debug)]
pub struct Go {
    pub data: Data,
    pub boxed: bool,
}

#[derive(Clone, Debug)]
pub enum Data {
    Nil,
    Bool(bool),
    Int(i64, IntType),
    Float(f64),
    /// `json.Number`.
    Number(Arc<str>),
    Text(Arc<str>),
    List(List),
    Map(Object),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntType {
    Int,
    Int64,
    Uint8,
}

/// A slice: the items from one index to before another, of which there may be fewer; those beyond are nil.
#[derive(Clone, Debug)]
pub struct List {
    pub items: Array,
    pub from: usize,
    pub to: usize,
    /// Up to where it may be sliced again, counted as `to` is; none if that is not known.
    pub end: Option<usize>,
}

/// Up to how many items Go's decoder makes room for powers of two.
const PLAIN_GROWTH: usize = 32;

impl List {
    fn new(items: Array) -> Self {
        let to = items.len();
        let end = match to {
            0 => Some(0),
            _ if to <= PLAIN_GROWTH => Some(to.next_power_of_two()),
            _ => None,
        };
        Self { items, from: 0, to, end }
    }

    pub fn len(&self) -> usize {
        self.to.saturating_sub(self.from)
    }

    pub fn get(&self, at: usize) -> Option<Go> {
        (at < self.len()).then(|| self.items.get(self.from + at).map_or(Go::NIL, Go::of))
    }

    pub fn iter(&self) -> impl Iterator<Item = Go> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

impl From<Data> for Go {
    fn from(data: Data) -> Self {
        Self { data, boxed: false }
    }
}

impl From<bool> for Go {
    fn from(b: bool) -> Self {
        Data::Bool(b).into()
    }
}

impl From<String> for Go {
    fn from(text: String) -> Self {
        Data::Text(text.into()).into()
    }
}

impl From<usize> for Go {
    fn from(n: usize) -> Self {
        Data::Int(i64::try_from(n).unwrap_or(i64::MAX), IntType::Int).into()
    }
}

impl Go {
    /// What is not there.
    pub const NONE: Self = Self { data: Data::Nil, boxed: false };
    /// An `interface {}` that holds nothing.
    pub const NIL: Self = Self { data: Data::Nil, boxed: true };

    /// A part of decoded JSON.
    pub fn of(value: &Value) -> Self {
        let data = match value {
            Value::Null => Data::Nil,
            Value::Bool(b) => Data::Bool(*b),
            Value::Number(n) => Data::Number(n.to_string().into()),
            Value::String(text) => Data::Text(Arc::clone(text)),
            Value::Array(items) => Data::List(List::new(items.clone())),
            Value::Object(map) => Data::Map(map.clone()),
            // JSON has none.
            Value::Set(_) => Data::Nil,
        };
        Self { data, boxed: true }
    }

    /// What is in the box.
    pub fn opened(self) -> Self {
        Self { boxed: false, ..self }
    }

    pub fn is_none(&self) -> bool {
        self.is_nil() && !self.boxed
    }

    pub fn is_nil(&self) -> bool {
        matches!(self.data, Data::Nil)
    }

    /// As `if` has it.
    pub fn truth(&self) -> bool {
        match &self.data {
            Data::Nil => false,
            Data::Bool(b) => *b,
            Data::Int(n, _) => *n != 0,
            Data::Float(n) => *n != 0.0,
            Data::Number(text) | Data::Text(text) => !text.is_empty(),
            Data::List(list) => list.len() > 0,
            Data::Map(map) => !map.is_empty(),
        }
    }

    /// The type as it is known from outside.
    pub fn static_type(&self) -> &'static str {
        if self.boxed { "interface {}" } else { self.go_type() }
    }

    /// The text of a string or of a number.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Number(text) | Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Operations that taking it out of the data took: the digits of a number are found by division.
    pub fn making(&self) -> usize {
        match &self.data {
            Data::Number(text) => 1 + (text.len() / 16).saturating_pow(2),
            _ => 1,
        }
    }
}
