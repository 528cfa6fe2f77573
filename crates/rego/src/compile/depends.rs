//! What rules need: the order in which that comes first, and rules that need themselves. A ref may need all that is below a
//! node; that is one edge, not one for each of them, to a node that stands for them.

use super::check::shown;
use super::ir::{Callee, CalleeKey, Expr, ExprKind, NodeId, Root, Rule, Term, With};
use super::stage::{self, Errors, Stage};
use super::tree::{ROOT, Tree};
use crate::ast::Source;
use crate::error::{Code, Error};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What each node needs. From the number of the tree's nodes on, a node stands for all below one.
type Edges = BTreeMap<NodeId, BTreeSet<NodeId>>;

/// The nodes of rules, those that others need first; rules that need themselves are errors.
pub fn order(tree: &Tree, rules: &[Rule], sources: &[Source], errors: &mut Errors) -> Vec<NodeId> {
    let mut edges = Edges::new();
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
    below(tree, &mut edges);
    let (mut order, round) = sorted(&edges);
    if round {
        recursion(tree, rules, (&order, &direct, &edges), sources, errors);
    }
    order.retain(|node| *node < tree.nodes.len());
    order
}

/// Adds what the nodes that stand for others lead to.
fn below(tree: &Tree, edges: &mut Edges) {
    let stands = |node: &NodeId| *node >= tree.nodes.len();
    let mut todo: Vec<NodeId> = edges.values().flatten().copied().filter(stands).collect();
    while let Some(node) = todo.pop() {
        let Entry::Vacant(place) = edges.entry(node) else { continue };
        let mut reached = Reached { tree, nodes: BTreeSet::new() };
        tree.nodes[node - tree.nodes.len()].children.values().for_each(|child| reached.data(*child, &[]));
        todo.extend(reached.nodes.iter().filter(|node| stands(node)));
        place.insert(reached.nodes);
    }
}

/// Nodes after those they lead to, and whether some lead to themselves.
fn sorted(edges: &Edges) -> (Vec<NodeId>, bool) {
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
    (order, direct, edges): (&[NodeId], &[BTreeSet<NodeId>], &Edges),
    sources: &[Source],
    errors: &mut Errors,
) {
    let mut seen = BTreeSet::new();
    let rounds = rounds(order, edges);
    let mut of_file: BTreeMap<u32, usize> = BTreeMap::new();
    for (rule, direct) in rules.iter().zip(direct) {
        // A way back never leaves the nodes that lead to each other.
        let Some(round) = rounds.get(&rule.node) else { continue };
        let found = of_file.entry(rule.location.file).or_default();
        if *found > stage::LIMIT || !direct.iter().any(|next| rounds.get(next) == Some(round)) {
            continue;
        }
        let near = |next: &NodeId| rounds.get(next) == Some(round);
        let Some(cycle) = cycle(tree, rule.node, direct, edges, near) else { continue };
        *found += 1;
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

/// Of each node, the nodes that it leads to and that lead to it, by one that stands for them (Kosaraju: backwards, the last
/// node of the order reaches nothing but its own).
fn rounds(order: &[NodeId], edges: &Edges) -> BTreeMap<NodeId, NodeId> {
    let mut back: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (from, to) in edges {
        to.iter().for_each(|to| back.entry(*to).or_default().push(*from));
    }
    let mut rounds = BTreeMap::new();
    for start in order.iter().rev() {
        let mut todo = vec![*start];
        while let Some(node) = todo.pop() {
            if let Entry::Vacant(place) = rounds.entry(node) {
                place.insert(*start);
                todo.extend(back.get(&node).into_iter().flatten());
            }
        }
    }
    rounds
}

/// A shortest way from a node back to it, beginning with one of the given edges.
fn cycle(
    tree: &Tree,
    start: NodeId,
    direct: &BTreeSet<NodeId>,
    edges: &Edges,
    near: impl Fn(&NodeId) -> bool,
) -> Option<Vec<NodeId>> {
    let mut from: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    // What a node stands for is reached when it is met first.
    let mut met = BTreeSet::new();
    while let Some(at) = queue.pop_front() {
        let mut next = BTreeSet::new();
        let mut todo = if at == start { vec![direct] } else { edges.get(&at).into_iter().collect() };
        while let Some(nodes) = todo.pop() {
            for node in nodes.iter().filter(|node| near(node)) {
                if *node < tree.nodes.len() {
                    next.insert(*node);
                } else if met.insert(*node) {
                    todo.extend(edges.get(node));
                }
            }
        }
        for next in next {
            if next == start {
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
            if let Entry::Vacant(place) = from.entry(next) {
                place.insert(at);
                queue.push_back(next);
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
            Some((_, rest)) if !rest.is_empty() => at.children.values().for_each(|child| self.data(*child, rest)),
            _ if at.children.is_empty() => {}
            _ => drop(self.nodes.insert(self.tree.nodes.len() + node)),
        }
    }
}
