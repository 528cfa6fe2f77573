//! What `with` changes, and what was found under it.

use super::reads::Origin;
use super::rules::Answer;
use crate::compile::ir::{Callee, CalleeKey, NodeId};
use crate::value::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a document is while and after it is found.
#[derive(Clone)]
pub(super) enum Found {
    /// Being found: to meet it again is recursion.
    Busy,
    Done(Answer),
}

/// A function and what it is called with.
pub(super) type Invocation = (NodeId, Vec<Value>);

/// Where the arguments of a call came from, and what it gave.
pub(super) type Called = (Vec<Option<Origin>>, Answer);

/// Input, base data and replacements; documents and calls already found under them.
#[derive(Default)]
pub(super) struct Scope {
    pub input: Option<Value>,
    /// All of `input` is a replacement, so nothing of it is unknown.
    pub given_input: bool,
    /// Where a replacement of `input` came from.
    pub input_origin: Option<Origin>,
    pub data: Option<Value>,
    /// Nodes whose place data has taken.
    pub hidden: BTreeSet<NodeId>,
    pub values: BTreeMap<CalleeKey, Value>,
    pub others: BTreeMap<CalleeKey, Callee>,
    pub documents: RefCell<HashMap<NodeId, Found>>,
    pub calls: RefCell<HashMap<Invocation, Called>>,
}

impl Scope {
    /// The outermost scope.
    pub fn new(input: Option<Value>, data: Value) -> Self {
        Self { input, data: Some(data), ..Self::default() }
    }

    /// The same replacements, nothing found yet.
    pub fn inner(&self) -> Self {
        Self {
            input: self.input.clone(),
            given_input: self.given_input,
            input_origin: self.input_origin.clone(),
            data: self.data.clone(),
            hidden: self.hidden.clone(),
            values: self.values.clone(),
            others: self.others.clone(),
            ..Self::default()
        }
    }

    /// Whether calls may be replaced.
    #[inline]
    pub fn replaced_calls(&self) -> bool {
        !self.values.is_empty() || !self.others.is_empty()
    }
}

/// A document with the value of a path replaced; what stands in the way becomes an object.
pub(super) fn replaced(document: Option<&Value>, path: &[Value], value: Value) -> Value {
    let Some((key, rest)) = path.split_first() else { return value };
    let mut map = match document {
        Some(Value::Object(map)) => (**map).clone(),
        _ => BTreeMap::new(),
    };
    let inner = replaced(map.get(key), rest, value);
    map.insert(key.clone(), inner);
    Value::Object(map.into())
}
