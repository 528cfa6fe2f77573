//! Rules: where they stand in the tree, and their lowering.

use super::ir::{Clause, Expr, ExprKind, Kind, NodeId, Rule, Term};
use super::lower::{How, Lower};
use super::slots::Slots;
use super::stages::Stage;
use super::tree::{self, Tree};
use super::vars::Vars;
use super::{safety, unsafe_errors};
use crate::ast::{self, HeadKind, Module, TermKind};
use crate::error::Code;
use crate::value::Value;

/// The node of each rule of each module.
pub fn places(modules: &[Module], tree: &mut Tree) -> Vec<Vec<NodeId>> {
    let mut places = Vec::new();
    for module in modules {
        let package = tree::package(module);
        let mut nodes = Vec::new();
        for rule in &module.rules {
            let constant = tree::constant_part(&rule.head.reference);
            let mut path = package.clone();
            path.extend(constant.iter().cloned());
            let id = tree.make(&path);
            let node = &mut tree.nodes[id];
            match rule.head.kind {
                HeadKind::Function => node.arity = Some(rule.head.args.len()),
                HeadKind::PartialSet if constant.len() == rule.head.reference.len() => node.set = true,
                _ => {}
            }
            node.partial |= constant.len() < rule.head.reference.len();
            nodes.push(id);
        }
        places.push(nodes);
    }
    places
}

/// Lowers and orders a rule.
pub fn rule(lower: &mut Lower<'_>, rule: &ast::Rule, node: NodeId) -> Rule {
    let head = &rule.head;
    let kind = match head.kind {
        HeadKind::Function => Kind::Function,
        HeadKind::PartialSet => Kind::Set,
        HeadKind::Complete | HeadKind::PartialObject => Kind::Value,
    };
    lower.enter();
    let mut before = Vec::new();
    for arg in &head.args {
        argument(lower, arg);
        if calls(arg) {
            lower.error(Stage::With, Code::Compile, "rule arguments cannot contain calls", arg.location);
        }
    }
    let args: Vec<Term> = head.args.iter().map(|arg| lower.term(arg, false, &mut before)).collect();
    let mut safe = Slots::default();
    let mut bound = Vars::default();
    args.iter().for_each(|arg| bound.term(arg));
    // What an argument looks up (it is not a pattern then) is bound by the call and compared by the body.
    safe.extend(&bound.direct);

    let truth = ast::Term::scalar(head.location, true);
    let value = head.key.as_ref().or(head.value.as_ref()).unwrap_or(&truth);
    let mut clauses = Vec::new();
    let constant = tree::constant_part(&head.reference).len();
    let mut suffix = Vec::new();
    {
        let mut body = before.clone();
        body.extend(lower.body(&rule.body));
        for term in head.reference.iter().skip(constant) {
            let term = lower.term(term, false, &mut body);
            suffix.push(term);
        }
        let more: Vec<&ast::Term> = head.reference.iter().skip(constant).collect();
        clauses.push(finish(lower, body, value, &safe, (&mut suffix, &more), rule.location));
        lower.leave();
    }
    for branch in &rule.elses {
        let mut body = before.clone();
        body.extend(lower.body(&branch.body));
        clauses.push(finish(lower, body, &branch.value, &safe, (&mut [], &[]), branch.location));
        lower.leave();
    }
    lower.leave();
    Rule { location: rule.location, kind, args, suffix, clauses, slots: lower.slots.clone(), node }
}

/// Declares an argument's variables.
fn argument(lower: &mut Lower<'_>, arg: &ast::Term) {
    match &arg.kind {
        TermKind::Object(items) => {
            for (key, value) in items {
                argument(lower, key);
                argument(lower, value);
            }
        }
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| argument(lower, item)),
        _ => lower.declare_pattern(arg, How::Argument),
    }
}

/// Whether a pattern has calls.
fn calls(term: &ast::Term) -> bool {
    match &term.kind {
        TermKind::Call(_) => true,
        TermKind::Array(items) | TermKind::Set(items) => items.iter().any(calls),
        TermKind::Object(items) => items.iter().any(|(key, value)| calls(key) || calls(value)),
        TermKind::Ref(r) => calls(&r.head) || r.path.iter().any(calls),
        _ => false,
    }
}

/// A clause of a body: with its value, in order. `suffix` has the terms of the head's ref that are not constant.
fn finish(
    lower: &mut Lower<'_>,
    mut body: Vec<Expr>,
    value: &ast::Term,
    safe: &Slots,
    suffix: (&mut [Term], &[&ast::Term]),
    location: ast::Location,
) -> Clause {
    let mut lowered = lower.term(value, false, &mut body);
    let mut own = Vars::default();
    own.body(&body);
    let mut safe = safe.clone();
    let (mut missing, mut heads) = (Vec::new(), Vec::new());
    safety::order(&mut body, &mut safe, &mut missing);
    safety::head(&mut lowered, &safe, location, &mut heads, &mut missing);
    for term in suffix.0 {
        safety::head(term, &safe, location, &mut heads, &mut missing);
    }
    // What the body has too is unsafe there.
    heads.retain(|one| !own.direct.contains(one.slot));
    for one in &mut heads {
        let name = lower.slots.get(one.slot).cloned().unwrap_or_default();
        let written = std::iter::once(value).chain(suffix.1.iter().copied());
        one.location = written.filter_map(|term| place(term, &name)).next().unwrap_or(one.location);
    }
    unsafe_errors(Stage::Heads, &heads, &lower.slots, lower.source, &mut lower.errors);
    unsafe_errors(Stage::Bodies, &missing, &lower.slots, lower.source, &mut lower.errors);
    // `true` alone holds: nothing to evaluate.
    body.retain(|expr| !matches!(&expr.kind, ExprKind::Holds(Term::Const(value)) if *value != Value::Bool(false)));
    Clause { body, value: lowered, location }
}

/// Where a variable stands in a head's term.
fn place(term: &ast::Term, name: &str) -> Option<ast::Location> {
    match &term.kind {
        TermKind::Var(var) => (**var == *name).then_some(term.location),
        TermKind::Array(items) | TermKind::Set(items) => items.iter().find_map(|item| place(item, name)),
        TermKind::Object(items) => {
            items.iter().find_map(|(key, value)| place(key, name).or_else(|| place(value, name)))
        }
        _ => None,
    }
}
