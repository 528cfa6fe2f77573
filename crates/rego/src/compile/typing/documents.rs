//! Types of virtual documents: a type where rules stand, in the tree of packages and rules.

use crate::compile::ir::NodeId;
use crate::compile::tree::{ROOT, Tree};
use crate::types::Type;
use crate::value::Value;
use std::sync::OnceLock;

/// What is known of each node of a tree.
#[derive(Clone, Debug)]
pub struct Documents {
    nodes: Vec<Node>,
    pub input: Type,
}

#[derive(Clone, Debug, Default)]
struct Node {
    /// Of the rules here; `Unknown` where there are none.
    of: Type,
    /// Rules here or below have been checked.
    known: bool,
    /// What all that is below makes, where somebody has asked since that last changed.
    extent: OnceLock<Extent>,
}

/// The type of a node with all that is below it, and of its keys and values.
#[derive(Clone, Debug)]
pub struct Extent {
    pub of: Type,
    pub keys: Type,
    pub values: Type,
}

impl Documents {
    /// Nothing is known yet.
    pub fn new(tree: &Tree) -> Self {
        Self { nodes: vec![Node::default(); tree.nodes.len()], input: Type::any() }
    }

    /// The type of the rules at a node, `Unknown` where there are none.
    pub fn at(&self, node: NodeId) -> &Type {
        &self.nodes[node].of
    }

    /// Whether rules at or below a node are known.
    pub fn known(&self, node: NodeId) -> bool {
        self.nodes[node].known
    }

    /// The known node below another.
    pub fn child(&self, tree: &Tree, node: NodeId, key: &Value) -> Option<NodeId> {
        tree.nodes[node].children.get(key).copied().filter(|child| self.known(*child))
    }

    /// The keys of known nodes below another.
    pub fn keys(&self, tree: &Tree, node: NodeId) -> Vec<Value> {
        let children = tree.nodes[node].children.iter();
        children.filter(|(_, child)| self.known(**child)).map(|(key, _)| key.clone()).collect()
    }

    /// Notes that rules stand at a node, without a type.
    pub fn touch(&mut self, tree: &Tree, node: NodeId) {
        self.way(tree, node).into_iter().for_each(|at| {
            self.nodes[at].known = true;
            self.nodes[at].extent = OnceLock::new();
        });
    }

    /// Rules that are wrong: whoever looks at them shall not be wrong for it.
    pub fn unchecked(&mut self, tree: &Tree, node: NodeId) {
        self.touch(tree, node);
        self.nodes[node].of = Type::any();
    }

    /// Adds the type of one rule.
    pub fn insert(&mut self, tree: &Tree, node: NodeId, of: &Type) {
        let way = self.way(tree, node);
        let path = &tree.nodes[node].path;
        for (depth, at) in way.iter().enumerate() {
            self.nodes[*at].known = true;
            self.nodes[*at].extent = OnceLock::new();
            if depth < path.len() && matches!(self.nodes[*at].of, Type::Object(_)) {
                self.nodes[*at].of = insert_into(&self.nodes[*at].of, &path[depth..], of);
            }
        }
        self.nodes[node].of = merge(&self.nodes[node].of, of);
        if matches!(of, Type::Object(_)) {
            let mut below = Vec::new();
            self.leaves(tree, node, &mut Vec::new(), &mut below);
            for (path, leaf) in below {
                self.nodes[node].of = insert_into(&self.nodes[node].of, &path, &leaf);
            }
        }
    }

    /// The type of a node with all that is below it.
    pub fn extent(&self, tree: &Tree, node: NodeId) -> &Extent {
        self.nodes[node].extent.get_or_init(|| {
            let of = self.made(tree, node);
            Extent { keys: of.keys(), values: of.values(), of }
        })
    }

    fn made(&self, tree: &Tree, node: NodeId) -> Type {
        if self.nodes[node].of != Type::Unknown {
            return self.nodes[node].of.clone();
        }
        let children = tree.nodes[node].children.iter();
        let fixed = children
            .filter(|(key, child)| {
                self.known(**child) && matches!(key, Value::String(_) | Value::Number(_) | Value::Bool(_))
            })
            .map(|(key, child)| (key.clone(), self.extent(tree, *child).of.clone()))
            .collect();
        Type::object(fixed, Some((Type::String, Type::any())))
    }

    /// The nodes from the root to a node, both included.
    fn way(&self, tree: &Tree, node: NodeId) -> Vec<NodeId> {
        let mut way = vec![ROOT];
        for key in &tree.nodes[node].path {
            let Some(child) = way.last().and_then(|at| tree.nodes[*at].children.get(key)) else { break };
            way.push(*child);
        }
        way
    }

    fn leaves(&self, tree: &Tree, node: NodeId, path: &mut Vec<Value>, found: &mut Vec<(Vec<Value>, Type)>) {
        for (key, child) in &tree.nodes[node].children {
            path.push(key.clone());
            match &self.nodes[*child].of {
                Type::Unknown => self.leaves(tree, *child, path, found),
                of => found.push((path.clone(), of.clone())),
            }
            path.pop();
        }
    }
}

/// Adds a member deep in an object; other types stay as they are.
fn insert_into(object: &Type, path: &[Value], of: &Type) -> Type {
    let (Type::Object(known), Some((key, rest))) = (object, path.split_first()) else { return object.clone() };
    let value = match rest {
        [] => of.clone(),
        rest => insert_into(&Type::object(Vec::new(), None), rest, of),
    };
    let key = Type::of_value(key);
    let dynamic = match &known.dynamic {
        Some((keys, values)) => (keys.or(&key), values.or(&value)),
        None => (key, value),
    };
    Type::object(known.fixed.clone(), Some(dynamic))
}

/// The type of two rules at one place: sets and objects without fixed members grow together.
fn merge(a: &Type, b: &Type) -> Type {
    match (a, b) {
        (Type::Unknown, one) | (one, Type::Unknown) => one.clone(),
        // A function of which some clause is wrong. In OPA it depends on the order of a map whether it is then unknown.
        (wrong, Type::Function(_)) if wrong.is_any() => wrong.clone(),
        (Type::Object(x), Type::Object(y)) if x.fixed.is_empty() && y.fixed.is_empty() => {
            match (&x.dynamic, &y.dynamic) {
                (Some((keys, values)), Some((more_keys, more_values))) => {
                    Type::object(Vec::new(), Some((keys.or(more_keys), merge(values, more_values))))
                }
                _ => a.or(b),
            }
        }
        (Type::Object(object), Type::Any(any)) | (Type::Any(any), Type::Object(object)) if object.fixed.is_empty() => {
            let Some((keys, values)) = &object.dynamic else { return a.or(b) };
            let open = |of: &Type| match of {
                Type::Object(other) if other.fixed.is_empty() => other.dynamic.clone(),
                _ => None,
            };
            match any.of.iter().find_map(|of| open(of).map(|dynamic| (of, dynamic))) {
                Some((member, (more_keys, more_values))) => {
                    let grown = Type::object(Vec::new(), Some((more_keys.or(keys), more_values.or(values))));
                    let others = any.of.iter().filter(|of| *of != member);
                    others.fold(grown, |all, of| all.or(of))
                }
                None => a.or(b),
            }
        }
        (Type::Set(x), Type::Set(y)) => Type::set(x.of.or(&y.of)),
        _ => a.or(b),
    }
}
