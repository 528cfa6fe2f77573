//! Rules: where they stand in the tree, and their lowering.

use super::ir::{Clause, Expr, ExprKind, Kind, NodeId, Rule, Term};
use super::lower::Lower;
use super::scope::How;
use super::slots::Slots;
use super::stage::Stage;
use super::tree::Tree;
use super::vars::Vars;
use super::{safety, unsafe_errors};
use crate::ast::{self, HeadKind, Module, TermKind};
use crate::error::Code;
use crate::value::Value;

/// The node of each rule of each module.
pub fn places(modules: &[Module], tree: &mut Tree) -> Vec<Vec<NodeId>> {
    let mut places = Vec::new();
    for module in modules {
        let package = module.path();
        let mut nodes = Vec::new();
        for rule in &module.rules {
            let constant = rule.head.constant_path();
            let mut path = package.clone();
            path.extend(constant.iter().cloned());
            let id = tree.make(&path);
            let node = &mut tree.nodes[id];
            match rule.head.kind {
                HeadKind::Function => node.arity = Some(rule.head.args.len()),
                HeadKind::PartialSet if constant.len() == rule.head.reference.len() => node.set = true,
                _ => {}
            }
            node.ruled = true;
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
    }
    let named: Vec<Vec<ast::Name>> = head.args.iter().map(|arg| looked_up(lower, arg)).collect();
    named.iter().flatten().for_each(|name| _ = lower.declare(name, How::Argument));
    let args: Vec<Term> = head.args.iter().map(|arg| lower.value(arg, &mut before)).collect();
    let mut safe = Slots::default();
    let mut bound = Vars::default();
    args.iter().for_each(|arg| bound.term(arg));
    lower.used_args.clear();
    // What an argument looks up (it is not a pattern then) is bound by the call and compared by the body.
    safe.extend(&bound.direct);
    let mut missing = Missing::default();

    let truth = ast::Term::scalar(head.location, true);
    let value = head.key.as_ref().or(head.value.as_ref()).unwrap_or(&truth);
    let mut clauses = Vec::new();
    let constant = head.constant_path().len();
    let mut suffix = Vec::new();
    {
        let mut body = before.clone();
        body.extend(lower.body(&rule.body));
        for term in head.reference.iter().skip(constant) {
            let term = lower.value(term, &mut body);
            suffix.push(term);
        }
        clauses.push(finish(lower, body, value, &safe, &mut suffix, rule.location, &mut missing));
        lower.leave();
    }
    for branch in &rule.elses {
        let mut body = before.clone();
        body.extend(lower.body(&branch.body));
        clauses.push(finish(lower, body, &branch.value, &safe, &mut [], branch.location, &mut missing));
        lower.leave();
    }
    lower.leave();
    lower.named();
    if lower.strict {
        unused_args(lower, head);
    }
    for unsafe_var in &mut missing.head {
        let name = lower.slots.get(unsafe_var.slot);
        if let Some(place) = name.and_then(|name| place_in_head(head, name)) {
            unsafe_var.location = place;
        }
    }
    unsafe_errors(Stage::Heads, &missing.head, &lower.slots, (lower.names, lower.source), &mut lower.errors);
    unsafe_errors(Stage::Bodies, &missing.body, &lower.slots, (lower.names, lower.source), &mut lower.errors);
    Rule {
        location: rule.location,
        kind,
        args,
        suffix,
        clauses,
        slots: lower.slots.clone(),
        places: std::mem::take(&mut lower.places),
        node,
    }
}

/// Arguments that nothing uses: neither the body nor another argument of the same name.
fn unused_args(lower: &mut Lower<'_>, head: &ast::Head) {
    let (mut named, mut matched) = (Vec::new(), Vec::new());
    head.args.iter().for_each(|arg| names(arg, &mut named, &mut matched));
    for name in named {
        let twice = matched.iter().filter(|other| **other == name).count() > 1;
        if !twice && !name.starts_with('$') && !lower.used_args.contains(&name) {
            let message = format!("unused argument {name}. (hint: use _ (wildcard variable) instead)");
            lower.error(Stage::Locals, Code::Compile, message, head.location);
        }
    }
}

/// The names in an argument, each once, and those that a value is matched with, as often as they stand there: sets and keys
/// are not matched.
fn names(arg: &ast::Term, named: &mut Vec<ast::Name>, matched: &mut Vec<ast::Name>) {
    match &arg.kind {
        TermKind::Var(name) => {
            matched.push(name.clone());
            if !named.contains(name) {
                named.push(name.clone());
            }
        }
        TermKind::Array(items) => items.iter().for_each(|item| names(item, named, matched)),
        TermKind::Set(items) => items.iter().for_each(|item| names(item, named, &mut Vec::new())),
        TermKind::Object(items) => items.iter().for_each(|(key, value)| {
            names(key, named, &mut Vec::new());
            names(value, named, matched);
        }),
        TermKind::Ref(r) => std::iter::once(&*r.head).chain(&r.path).for_each(|part| names(part, named, matched)),
        _ => {}
    }
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
        TermKind::Call(_) => {
            lower.error(Stage::Locals, Code::Compile, "rule arguments cannot contain calls", arg.location);
        }
        _ => lower.declare_pattern(arg, How::Argument),
    }
}

/// Refs in arguments: they have no documents to look into, only what is declared by the others. The names that nothing
/// declares; they are arguments all the same.
fn looked_up(lower: &mut Lower<'_>, arg: &ast::Term) -> Vec<ast::Name> {
    match &arg.kind {
        TermKind::Object(items) => items.iter().flat_map(|(_, value)| looked_up(lower, value)).collect(),
        TermKind::Array(items) => items.iter().flat_map(|item| looked_up(lower, item)).collect(),
        TermKind::Ref(r) if !r.path.is_empty() => {
            let mut names: Vec<_> =
                super::declared::used(arg).into_iter().filter(|name| !lower.is_local(name)).collect();
            names.sort();
            for name in &names {
                let name = if name.starts_with('$') { "_" } else { &**name };
                lower.error(Stage::Heads, Code::UnsafeVar, format!("var {name} is unsafe"), arg.location);
            }
            names.retain(|name| !name.starts_with('$'));
            names
        }
        _ => Vec::new(),
    }
}

/// Where a head first names a variable.
fn place_in_head(head: &ast::Head, name: &ast::Name) -> Option<ast::Location> {
    struct Find<'n>(&'n ast::Name, Option<ast::Location>);
    impl ast::visit::Visit for Find<'_> {
        fn term(&mut self, node: &ast::Term) {
            if node.as_var() == Some(self.0) && self.1.is_none() {
                self.1 = Some(node.location);
            }
            ast::visit::term(self, node);
        }
    }
    let mut find = Find(name, None);
    let terms = head.reference.iter().skip(1).chain(&head.key).chain(&head.value);
    terms.for_each(|node| ast::visit::Visit::term(&mut find, node));
    find.1
}

/// Variables that nothing binds, in heads and in bodies.
#[derive(Default)]
struct Missing {
    head: Vec<safety::Unsafe>,
    body: Vec<safety::Unsafe>,
}

/// A clause of a body: with its value, in order.
fn finish(
    lower: &mut Lower<'_>,
    mut body: Vec<Expr>,
    value: &ast::Term,
    safe: &Slots,
    suffix: &mut [Term],
    location: ast::Location,
    missing: &mut Missing,
) -> Clause {
    let place = value.location;
    let mut value = lower.value(value, &mut body);
    let mut safe = safe.clone();
    safety::order(&mut body, &mut safe, &lower.slots, &mut missing.body);
    // What the body names without binding it, it has complained of already.
    let mut named = Vars::default();
    named.body(&body);
    for (term, at) in std::iter::once((&mut value, place)).chain(suffix.iter_mut().map(|term| (term, location))) {
        let errors = (&mut missing.head, &mut missing.body);
        safety::head(term, &safe, &named.direct, (&lower.slots, at), errors);
    }
    // `true` alone holds: nothing to evaluate.
    body.retain(|expr| !matches!(&expr.kind, ExprKind::Holds(Term::Const(value)) if *value != Value::Bool(false)));
    Clause { body, value, location }
}
