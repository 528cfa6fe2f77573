//! What rules may not be: of different kinds at one place, below a complete document, or functions without a name.

use super::ir::NodeId;
use super::stage::{Errors, Stage};
use super::tree::Tree;
use crate::ast::{Location, Source};
use crate::error::{Code, Error};
use crate::value::Value;
use std::collections::BTreeMap;

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
    functions(modules, errors);
}

/// Functions whose names are only known when evaluated: nothing could call them. (OPA makes objects of them, whose members
/// have their arguments for variables that nothing binds.)
fn functions(modules: &[crate::ast::Module], errors: &mut Errors) {
    for module in modules {
        for rule in &module.rules {
            let head = &rule.head;
            let constant = head.constant_path();
            if head.kind == crate::ast::HeadKind::Function && constant.len() < head.reference.len() {
                let mut path = module.path();
                path.extend(constant);
                let name = whole(&path, rule);
                let message = format!("function {name} has a name that is not constant, by which nothing can call it");
                errors.push(Stage::Conflicts, Error::at(Code::Type, message, head.location, &module.source));
            }
        }
    }
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
