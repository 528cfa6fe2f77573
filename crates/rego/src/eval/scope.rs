//! What `with` changes, and what was found under it.

use crate::compile::ir::{Callee, CalleeKey, NodeId};
use crate::value::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a document is while and after it is found.
#[derive(Clone)]
pub(crate) enum Found {
    /// Being found: to meet it again is recursion.
    Busy,
    Done(Option<Value>),
}

/// A function and what it is called with.
pub(crate) type Invocation = (NodeId, Vec<Value>);

/// Input, base data and replacements; documents and calls already found under them.
#[derive(Default)]
pub(crate) struct Scope {
    pub input: Option<Value>,
    pub data: Option<Value>,
    /// Nodes whose place data has taken.
    pub hidden: BTreeSet<NodeId>,
    pub values: BTreeMap<CalleeKey, Value>,
    pub others: BTreeMap<CalleeKey, Callee>,
    pub documents: RefCell<HashMap<NodeId, Found>>,
    pub calls: RefCell<HashMap<Invocation, Option<Value>>>,
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
            data: self.data.clone(),
            hidden: self.hidden.clone(),
            values: self.values.clone(),
            others: self.others.clone(),
            ..Self::default()
        }
    }
}

/// A document with the value of a path replaced; what stands in the way becomes an object.
pub(crate) fn replaced(document: Option<&Value>, path: &[Value], value: Value) -> Value {
    let Some((key, rest)) = path.split_first() else { return value };
    let mut map = match document {
        Some(Value::Object(map)) => (**map).clone(),
        _ => BTreeMap::new(),
    };
    let inner = replaced(map.get(key), rest, value);
    map.insert(key.clone(), inner);
    Value::Object(map.into())
}
