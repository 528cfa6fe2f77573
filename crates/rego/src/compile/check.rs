//! What rules may not be to one another: of different kinds at one place, below a complete document, or recursive.

use super::ir::{Callee, CalleeKey, Comp, Expr, ExprKind, NodeId, Root, Rule, Term, With};
use super::tree::{ROOT, Tree};
use crate::ast::{Location, Source};
use crate::error::{Code, Error};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A node's path as OPA writes it.
pub fn shown(path: &[Value]) -> String {
    crate::ast::Ref::shown("data", path)
}

/// Rules and imports named as a root document, where the dialect forbids it.
pub fn roots(modules: &[crate::ast::Module], errors: &mut Vec<Error>) {
    for module in modules.iter().filter(|module| module.version.is_v1()) {
        for rule in &module.rules {
            let mut shadow = |whose: &str, what: &str, term: &crate::ast::Term, location: Location| {
                let bare = match &term.kind {
                    crate::ast::TermKind::Ref(r) if r.path.is_empty() => r.head.as_var(),
                    _ => term.as_var(),
                };
                if let Some(name) = bare.filter(|name| matches!(&***name, "data" | "input")) {
                    let message = format!("{whose} must not shadow {name} (use a different {what} name)");
                    errors.push(Error::at(Code::Compile, message, location, &module.source));
                }
            };
            if let Some(name) = rule.head.reference.first() {
                shadow("rules", "rule", name, rule.location);
            }
            for arg in &rule.head.args {
                shadow("args", "variable", arg, arg.location);
            }
        }
    }
}

/// Rules that cannot stand together.
pub fn conflicts(modules: &[crate::ast::Module], places: &[Vec<NodeId>], tree: &Tree, errors: &mut Vec<Error>) {
    let mut by_node: BTreeMap<NodeId, Vec<(&crate::ast::Module, &crate::ast::Rule)>> = BTreeMap::new();
    for (module, nodes) in modules.iter().zip(places) {
        for (rule, node) in module.rules.iter().zip(nodes) {
            by_node.entry(*node).or_default().push((module, rule));
        }
    }
    for (node, rules) in &by_node {
        let at = &tree.nodes[*node];
        let name = shown(&at.path);
        let Some((module, first)) = rules.first() else { continue };
        let defaults: Vec<String> = rules
            .iter()
            .filter(|(_, rule)| rule.default)
            .map(|(module, rule)| format!("{}:{}", module.source.name, rule.location.row))
            .collect();
        let mut fail = |message: String, at: Location| errors.push(Error::at(Code::Type, message, at, &module.source));
        if defaults.len() > 1 {
            let message = format!("multiple default rules {name} found at {}", defaults.join(", "));
            fail(message, module.package.location);
        }
        let kind = |rule: &crate::ast::Rule| (rule.head.kind, rule.head.args.len());
        let same = |rule: &crate::ast::Rule| at.partial && rule.head.args.is_empty() || kind(rule) == kind(first);
        if !rules.iter().all(|(_, rule)| same(rule)) {
            fail(format!("conflicting rules {name} found"), first.location);
        }
        if !at.partial && !at.children.is_empty() {
            let below: Vec<String> = at.children.values().map(|child| shown(&tree.nodes[*child].path)).collect();
            fail(format!("rule {name} conflicts with [{}]", below.join(" ")), first.location);
        }
    }
}

/// Rules that need themselves.
pub fn recursion(tree: &Tree, rules: &[Rule], sources: &[Source], errors: &mut Vec<Error>) {
    let mut edges: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for rule in rules {
        let mut reached = Reached { tree, nodes: BTreeSet::new() };
        rule.args.iter().chain(&rule.suffix).for_each(|term| reached.term(term));
        for clause in &rule.clauses {
            reached.body(&clause.body);
            reached.term(&clause.value);
        }
        edges.entry(rule.node).or_default().extend(reached.nodes);
    }
    for rule in rules {
        let Some(cycle) = cycle(rule.node, &edges) else { continue };
        let names: Vec<String> = cycle.iter().map(|node| shown(&tree.nodes[*node].path)).collect();
        let message = format!("rule {} is recursive: {}", names[0], names.join(" -> "));
        let error = match sources.iter().find(|source| source.index == rule.location.file) {
            Some(source) => Error::at(Code::Recursion, message, rule.location, source),
            None => Error::new(Code::Recursion, message),
        };
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
}

/// A shortest way from a node back to it.
fn cycle(start: NodeId, edges: &BTreeMap<NodeId, BTreeSet<NodeId>>) -> Option<Vec<NodeId>> {
    let mut from: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in edges.get(&at).into_iter().flatten() {
            if *next == start {
                let mut way = vec![start, at];
                while let Some(before) = way.last().and_then(|last| from.get(last)) {
                    way.push(*before);
                }
                if way.len() == 2 && at == start {
                    return Some(way);
                }
                way.reverse();
                return Some(way);
            }
            if !from.contains_key(next) {
                from.insert(*next, at);
                queue.push_back(*next);
            }
        }
    }
    None
}

/// The documents and functions that a rule reaches.
struct Reached<'t> {
    tree: &'t Tree,
    nodes: BTreeSet<NodeId>,
}

impl Reached<'_> {
    fn body(&mut self, body: &[Expr]) {
        body.iter().for_each(|expr| self.expr(expr));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Holds(term) => self.term(term),
            ExprKind::Eq(a, b) => {
                self.term(a);
                self.term(b);
            }
            ExprKind::Call { callee, args, out } => {
                self.callee(callee);
                args.iter().chain(out).for_each(|term| self.term(term));
            }
            ExprKind::Print(parts) => parts.iter().for_each(|part| self.term(part)),
            ExprKind::Not(inner) => self.expr(inner),
            ExprKind::Every { domain, body, .. } => {
                self.term(domain);
                self.body(body);
            }
            ExprKind::With { with, body } => {
                for with in with {
                    match with {
                        With::Data(path, _, value) => {
                            let path: Vec<Term> = path.iter().cloned().map(Term::Const).collect();
                            self.data(ROOT, &path);
                            self.term(value);
                        }
                        With::Input(_, value) => self.term(value),
                        With::CallValue(key, value) => {
                            self.replaced(*key);
                            self.term(value);
                        }
                        With::CallOther(key, other) => {
                            self.replaced(*key);
                            self.callee(other);
                        }
                    }
                }
                self.body(body);
            }
        }
    }

    fn replaced(&mut self, key: CalleeKey) {
        if let CalleeKey::Function(node) = key {
            self.nodes.insert(node);
        }
    }

    fn callee(&mut self, callee: &Callee) {
        if let Callee::Function(node) = callee {
            self.nodes.insert(*node);
        }
    }

    fn term(&mut self, term: &Term) {
        match term {
            Term::Const(_) | Term::Var(_) => {}
            Term::Array(items) | Term::Set(items) => items.iter().for_each(|item| self.term(item)),
            Term::Object(items) => items.iter().for_each(|(key, value)| {
                self.term(key);
                self.term(value);
            }),
            Term::Ref(r) => {
                r.path.iter().for_each(|part| self.term(part));
                if r.root == Root::Data {
                    self.data(ROOT, &r.path);
                }
            }
            Term::Comp(comp) => match &**comp {
                Comp::Array(head, body) | Comp::Set(head, body) => {
                    self.body(body);
                    self.term(head);
                }
                Comp::Object(key, value, body) => {
                    self.body(body);
                    self.term(key);
                    self.term(value);
                }
            },
        }
    }

    /// What a path leads to, and all below where it ends or takes any key.
    fn data(&mut self, node: NodeId, path: &[Term]) {
        let at = &self.tree.nodes[node];
        if at.defined() {
            // A function, too, though what holds it shows none of it.
            self.nodes.insert(node);
            if !at.partial {
                return;
            }
        }
        match path.split_first() {
            Some((Term::Const(key), rest)) => {
                if let Some(child) = at.children.get(key) {
                    self.data(*child, rest);
                }
            }
            Some((_, rest)) => at.children.values().for_each(|child| self.data(*child, rest)),
            None => at.children.values().for_each(|child| self.data(*child, &[])),
        }
    }
}
