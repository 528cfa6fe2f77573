//! The tree of packages and rules: which node a ref's constant path leads to.

use super::ir::{HostId, Node, NodeId};
use crate::builtins::HostBuiltin;
use crate::types::{self, Function, Type};
use crate::value::Value;
use std::sync::Arc;

/// The root of the tree: `data`.
pub const ROOT: NodeId = 0;

/// All nodes; the first is `data`.
#[derive(Clone, Debug)]
pub struct Tree {
    pub nodes: Vec<Node>,
    /// Builtins of the host; they come before those of the same name here.
    pub hosts: Vec<HostBuiltin>,
    /// `print` is kept rather than dropped.
    pub prints: bool,
}

impl Default for Tree {
    /// Only the root.
    fn default() -> Self {
        Self { nodes: vec![Node::default()], hosts: Vec::new(), prints: false }
    }
}

impl Tree {
    /// The node of a path, made where it is not there yet.
    pub fn make(&mut self, path: &[Value]) -> NodeId {
        let mut at = ROOT;
        for (depth, key) in path.iter().enumerate() {
            at = match self.nodes[at].children.get(key) {
                Some(child) => *child,
                None => {
                    let child = self.nodes.len();
                    self.nodes.push(Node { path: path[..=depth].to_vec(), ..Node::default() });
                    self.nodes[at].children.insert(key.clone(), child);
                    child
                }
            };
        }
        at
    }

    /// The node of exactly this path.
    pub fn find(&self, path: &[Value]) -> Option<NodeId> {
        path.iter().try_fold(ROOT, |at, key| self.nodes[at].children.get(key).copied())
    }

    /// The type of one of OPA's builtins.
    pub fn builtin_type(&self, name: &str) -> Option<Arc<Function>> {
        types::builtin(name).map(|declared| declared.function.clone())
    }

    /// The type of a builtin of the host: what it was declared with, else that of OPA's builtin of its name, else anything.
    pub fn host_type(&self, host: HostId) -> Option<Arc<Function>> {
        let host = self.hosts.get(host)?;
        let same = self.builtin_type(&host.name).filter(|function| function.args.len() == host.arity);
        Some(host.types.clone().or(same).unwrap_or_else(|| {
            let args = vec![Type::any(); host.arity];
            Arc::new(Function { args, result: Type::any(), ..Function::default() })
        }))
    }

    /// The function of a path.
    pub fn function(&self, path: &[Value]) -> Option<NodeId> {
        self.find(path).filter(|node| self.nodes[*node].arity.is_some())
    }
}
