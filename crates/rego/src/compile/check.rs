//! What rules may not be to one another: of different kinds at one place, below a complete document, or recursive.

use super::ir::{Callee, CalleeKey, Expr, ExprKind, NodeId, Root, Rule, Term, With};
use super::stage::{Errors, Stage};
use super::tree::{ROOT, Tree};
use crate::ast::{Location, Source};
use crate::error::{Code, Error};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A node's path as OPA writes it.
pub fn shown(path: &[Value]) -> String {
    crate::ast::Ref::shown("data", path)
}

/// A rule's ref in full, below the path of its constant part.
fn whole(path: &[Value], rule: &crate::ast::Rule) -> String {
    let constant = rule.head.constant_path().len();
    let scalar = |part: &Value| crate::ast::Term::new(Location::default(), crate::ast::TermKind::Scalar(part.clone()));
    let path = path.iter().map(scalar).chain(rule.head.reference.iter().skip(constant).cloned()).collect();
    crate::ast::Ref { head: Box::new(crate::ast::Term::var(Location::default(), "data")), path }.to_string()
}

/// Rules that cannot stand together.
pub fn conflicts(modules: &[crate::ast::Module], places: &[Vec<NodeId>], tree: &Tree, errors: &mut Errors) {
    let mut by_node: BTreeMap<NodeId, Vec<(&crate::ast::Module, &crate::ast::Rule)>> = BTreeMap::new();
    for (module, nodes) in modules.iter().zip(places) {
        for (rule, node) in module.rules.iter().zip(nodes) {
            by_node.entry(*node).or_default().push((module, rule));
        }
    }
    for (node, rules) in &by_node {
        let at = &tree.nodes[*node];
        let (Some((module, first)), Some((_, last))) = (rules.first(), rules.last()) else { continue };
        let name = whole(&at.path, last);
        let mut fail = |message: String, at: Location, source: &Source| {
            errors.push(Stage::Conflicts, Error::at(Code::Type, message, at, source));
        };
        // Of a rule, whether its whole ref is constant.
        let constant = |rule: &crate::ast::Rule| rule.head.constant_path().len() == rule.head.reference.len();
        let mut below = Vec::new();
        flatten(*node, tree, &mut below);
        if !below.is_empty() && rules.iter().any(|(_, rule)| constant(rule)) {
            fail(format!("rule {name} conflicts with [{}]", below.join(" ")), first.location, &module.source);
            continue;
        }
        let set = |rule: &crate::ast::Rule| rule.head.kind == crate::ast::HeadKind::PartialSet;
        let sort = |rule: &crate::ast::Rule| (set(rule), rule.head.args.len(), !set(rule) && constant(rule));
        if rules.iter().any(|(_, rule)| sort(rule) != sort(first)) {
            fail(format!("conflicting rules {name} found"), first.location, &module.source);
            continue;
        }
        let defaults = || rules.iter().filter(|(_, rule)| rule.default);
        if let (Some((module, _)), Some(_)) = (defaults().next(), defaults().nth(1)) {
            let places: Vec<String> =
                defaults().map(|(module, rule)| format!("{}:{}", module.source.name, rule.location.row)).collect();
            let message = format!("multiple default rules {name} found at {}", places.join(", "));
            fail(message, module.package.location, &module.source);
        }
    }
    packages(modules, places, tree, errors);
}

/// The places with rules nearest below a node.
fn flatten(node: NodeId, tree: &Tree, below: &mut Vec<String>) {
    for child in tree.nodes[node].children.values() {
        match tree.nodes[*child].ruled {
            true => below.push(shown(&tree.nodes[*child].path)),
            false => flatten(*child, tree, below),
        }
    }
}

/// Packages at a place where a rule of another module stands.
fn packages(modules: &[crate::ast::Module], places: &[Vec<NodeId>], tree: &Tree, errors: &mut Errors) {
    let mut at: BTreeMap<NodeId, Vec<&crate::ast::Module>> = BTreeMap::new();
    for module in modules {
        if let Some(node) = tree.find(&module.path()) {
            at.entry(node).or_default().push(module);
        }
    }
    for (module, nodes) in modules.iter().zip(places) {
        for (rule, node) in module.rules.iter().zip(nodes) {
            if rule.head.constant_path().len() < rule.head.reference.len() {
                continue;
            }
            for _ in at.get(node).into_iter().flatten() {
                let package = shown(&tree.nodes[*node].path);
                let package = package.strip_prefix("data.").unwrap_or(&package);
                let head = rule.head.reference.clone();
                let mut terms = head.into_iter();
                let head = crate::ast::Ref { head: Box::new(terms.next().unwrap_or_default()), path: terms.collect() };
                let place = format!("{}:{}", module.source.name, rule.location.row);
                let message = format!("package {package} conflicts with rule {head} defined at {place}");
                errors.push(Stage::Conflicts, Error::at(Code::Type, message, module.package.location, &module.source));
            }
        }
    }
}

/// The nodes of rules, those that others need first; rules that need themselves are errors.
pub fn order(tree: &Tree, rules: &[Rule], sources: &[Source], errors: &mut Errors) -> Vec<NodeId> {
    let mut edges: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    let mut direct = Vec::with_capacity(rules.len());
    for rule in rules {
        let mut reached = Reached { tree, nodes: BTreeSet::new() };
        rule.args.iter().chain(&rule.suffix).for_each(|term| reached.term(term));
        for clause in &rule.clauses {
            reached.body(&clause.body);
            reached.term(&clause.value);
        }
        edges.entry(rule.node).or_default().extend(&reached.nodes);
        direct.push(reached.nodes);
    }
    let (order, round) = sorted(&edges);
    if round {
        recursion(tree, rules, (&direct, &edges), sources, errors);
    }
    order
}

/// Nodes after those they lead to, and whether some lead to themselves.
fn sorted(edges: &BTreeMap<NodeId, BTreeSet<NodeId>>) -> (Vec<NodeId>, bool) {
    let (mut order, mut round) = (Vec::new(), false);
    // Entered, and done.
    let mut state: BTreeMap<NodeId, bool> = BTreeMap::new();
    for start in edges.keys() {
        let mut stack = vec![(*start, false)];
        while let Some((node, leave)) = stack.pop() {
            if leave {
                state.insert(node, true);
                order.push(node);
                continue;
            }
            if state.contains_key(&node) {
                continue;
            }
            state.insert(node, false);
            stack.push((node, true));
            for next in edges.get(&node).into_iter().flatten() {
                match state.get(next) {
                    Some(true) => {}
                    // Entered and not left: on the way to here.
                    Some(false) => round = true,
                    None => stack.push((*next, false)),
                }
            }
        }
    }
    (order, round)
}

/// Rules that need themselves.
fn recursion(
    tree: &Tree,
    rules: &[Rule],
    (direct, edges): (&[BTreeSet<NodeId>], &BTreeMap<NodeId, BTreeSet<NodeId>>),
    sources: &[Source],
    errors: &mut Errors,
) {
    let mut seen = BTreeSet::new();
    for (rule, direct) in rules.iter().zip(direct) {
        let Some(cycle) = cycle(rule.node, direct, edges) else { continue };
        let names: Vec<String> = cycle.iter().map(|node| shown(&tree.nodes[*node].path)).collect();
        let message = format!("rule {} is recursive: {}", names[0], names.join(" -> "));
        let error = match sources.iter().find(|source| source.index == rule.location.file) {
            Some(source) => Error::at(Code::Recursion, message, rule.location, source),
            None => Error::new(Code::Recursion, message),
        };
        if seen.insert((rule.location, error.message.clone())) {
            errors.push(Stage::Recursion, error);
        }
    }
}

/// A shortest way from a node back to it, beginning with one of the given edges.
fn cycle(start: NodeId, direct: &BTreeSet<NodeId>, edges: &BTreeMap<NodeId, BTreeSet<NodeId>>) -> Option<Vec<NodeId>> {
    let mut from: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        let next = if at == start { Some(direct) } else { edges.get(&at) };
        for next in next.into_iter().flatten() {
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
                        With::Input(_, value) => self.term(value),
                        With::Data(path, _, value) => {
                            let path: Vec<Term> = path.iter().cloned().map(Term::Const).collect();
                            self.data(ROOT, &path);
                            self.term(value);
                        }
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
            Term::Comp(comp) => {
                self.body(&comp.body);
                comp.head.terms().for_each(|head| self.term(head));
            }
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
