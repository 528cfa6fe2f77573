//! Documents by path: `json.filter`, `json.remove` and `json.patch`. A path is a JSON pointer in a string, or an array of
//! its keys, which may then be any values, members of sets included.

mod patch;

use super::{Builtin, BuiltinError, args, pure, some};
use crate::value::Value;
use std::collections::BTreeMap;

pub const ALL: &[Builtin] = &[
    pure("json.filter", 2, |a, _| {
        args::object(a, 1)?;
        let tree = Tree::of(a)?;
        some(filter(args::value(a, 1), &tree))
    }),
    pure("json.remove", 2, |a, _| {
        args::object(a, 1)?;
        let tree = Tree::of(a)?;
        Ok(remove(args::value(a, 1), Some(&tree)))
    }),
    pure("json.patch", 2, |a, context| patch::apply(args::value(a, 1), args::array(a, 2)?, context)),
];

/// A path's keys.
fn parse(path: &Value) -> Result<Vec<Value>, BuiltinError> {
    match path {
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::String(text) => {
            let keys = text.trim_start_matches('/').split('/');
            Ok(keys.map(|key| Value::string(key.replace("~1", "/").replace("~0", "~"))).collect())
        }
        Value::Array(keys) => Ok(keys.to_vec()),
        other => {
            let what = "must be one of {set, array} containing string paths or array of path segments but got";
            Err(args::operand(2, format!("{what} {}", other.type_name())))
        }
    }
}

/// Paths as a tree of their keys.
enum Tree {
    /// A path ends here: all that is below is meant.
    All,
    Keys(BTreeMap<Value, Tree>),
}

impl Tree {
    /// From the second argument, an array or a set of paths.
    fn of(a: &[Value]) -> Result<Self, BuiltinError> {
        let mut root = Self::Keys(BTreeMap::new());
        for path in args::items(a, 2, &["set", "array"])? {
            let path = parse(path)?;
            if !path.is_empty() {
                root.add(&path);
            }
        }
        Ok(root)
    }

    /// Adds a path; one that ends on the way to another covers it.
    fn add(&mut self, path: &[Value]) {
        let mut node = self;
        for key in path {
            match node {
                Self::All => return,
                Self::Keys(keys) => {
                    node = keys.entry(key.clone()).or_insert_with(|| Self::Keys(BTreeMap::new()));
                }
            }
        }
        *node = Self::All;
    }

    fn get(&self, key: &Value) -> Option<&Self> {
        match self {
            Self::All => None,
            Self::Keys(keys) => keys.get(key),
        }
    }
}

/// An array's index as paths name it.
fn index_key(index: usize) -> Value {
    Value::string(index.to_string())
}

/// What the paths reach.
fn filter(value: &Value, tree: &Tree) -> Value {
    if matches!(tree, Tree::All) {
        return value.clone();
    }
    match value {
        Value::Array(items) => {
            Value::array(items.iter().enumerate().filter_map(|(i, item)| Some(filter(item, tree.get(&index_key(i))?))))
        }
        Value::Set(items) => Value::set(items.iter().filter_map(|item| Some(filter(item, tree.get(item)?)))),
        Value::Object(map) => {
            Value::object(map.iter().filter_map(|(key, item)| Some((key.clone(), filter(item, tree.get(key)?)))))
        }
        scalar => scalar.clone(),
    }
}

/// What the paths do not reach; none where all of it is meant. Arrays close up.
fn remove(value: &Value, tree: Option<&Tree>) -> Option<Value> {
    let tree = match tree {
        None => return Some(value.clone()),
        Some(Tree::All) => return None,
        Some(tree) => tree,
    };
    Some(match value {
        Value::Array(items) => {
            Value::array(items.iter().enumerate().filter_map(|(i, item)| remove(item, tree.get(&index_key(i)))))
        }
        Value::Set(items) => Value::set(items.iter().filter_map(|item| remove(item, tree.get(item)))),
        Value::Object(map) => {
            Value::object(map.iter().filter_map(|(key, item)| Some((key.clone(), remove(item, tree.get(key))?))))
        }
        scalar => scalar.clone(),
    })
}
