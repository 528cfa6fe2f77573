//! From modules to a policy that can be evaluated many times: names resolved, rules put into one tree, bodies lowered and
//! ordered. Knows nothing of data or input.

mod capture;
mod check;
mod declared;
mod equations;
pub mod ir;
mod lower;
mod metadata;
pub mod names;
mod replace;
mod rules;
mod safety;
mod slots;
mod stages;
pub(crate) mod template;
pub mod tree;
mod vars;

use crate::ast::{Module, Name, Source};
use crate::builtins::{self, HostBuiltin};
use crate::error::{Code, Error};
pub use capture::capture;
use ir::{Callee, Expr, Rule, Slot};
use lower::Lower;
use names::Names;
use slots::Slots;
use stages::Stage;
use std::collections::{BTreeMap, HashSet};
use tree::Tree;

/// A compiled policy.
#[derive(Clone, Debug)]
pub struct Policy {
    pub tree: Tree,
    pub rules: Vec<Rule>,
    /// By the index that locations name.
    pub sources: Vec<Source>,
}

/// A compiled query.
#[derive(Clone, Debug)]
pub struct Query {
    pub body: Vec<Expr>,
    pub slots: usize,
    /// Variables whose values are the answer.
    pub vars: Vec<(Name, Slot)>,
}

/// Compiles modules together, with builtins of the host.
///
/// # Errors
/// All that is wrong with them, in order.
pub fn compile(modules: &[Module], hosts: &[HostBuiltin], prints: bool) -> Result<Policy, Vec<Error>> {
    let mut tree = Tree { hosts: hosts.to_vec(), prints, ..Tree::default() };
    let mut errors = Vec::new();
    let mut by_package: BTreeMap<_, HashSet<Name>> = BTreeMap::new();
    for module in modules {
        let package = tree::package(module);
        tree.make(&package);
        let names = by_package.entry(package).or_default();
        names.extend(module.rules.iter().filter_map(|rule| rule.head.reference.first()?.as_var().cloned()));
    }
    let metadata = metadata::Metadata::new(modules);
    let places = rules::places(modules, &mut tree);
    let mut found = Vec::new();
    check::roots(modules, &mut found);
    errors.extend(found.drain(..).map(|error| (Stage::Names, error)));
    check::conflicts(modules, &places, &tree, &mut found);
    errors.extend(found.into_iter().map(|error| (Stage::Conflicts, error)));
    let mut compiled = Vec::new();
    for (module, nodes) in modules.iter().zip(places) {
        let rules = by_package.get(&tree::package(module)).cloned().unwrap_or_default();
        let names = Names::new(module, rules);
        for (rule, node) in module.rules.iter().zip(nodes) {
            let find = |name: &str| match name {
                "chain" => Some(metadata.chain(module, rule)),
                "rule" => Some(metadata::rule(module, rule)),
                _ => None,
            };
            let mut lower = Lower::new(&tree, &names, &module.source).with_metadata(&find);
            let lowered = rules::rule(&mut lower, rule, node);
            errors.append(&mut lower.errors);
            compiled.push((rule.default, lowered));
        }
    }
    let mut rules = Vec::with_capacity(compiled.len());
    for (default, rule) in compiled {
        let node = &mut tree.nodes[rule.node];
        if default {
            node.default = Some(rules.len());
        } else {
            node.rules.push(rules.len());
        }
        rules.push(rule);
    }
    let mut sources: Vec<Source> = modules.iter().map(|module| module.source.clone()).collect();
    sources.sort_by_key(|source| source.index);
    let mut errors = stages::first(errors);
    if errors.is_empty() {
        check::recursion(&tree, &rules, &sources, &mut errors);
    }
    if errors.is_empty() { Ok(Policy { tree, rules, sources }) } else { Err(errors) }
}

/// Compiles a query against a policy.
///
/// # Errors
/// All that is wrong with it.
pub fn compile_query(policy: &Policy, source: &Source, body: &[crate::ast::Expr]) -> Result<Query, Vec<Error>> {
    compile_query_in(policy, &Names::default(), source, body)
}

/// As `compile_query`, with names that lead to documents.
///
/// # Errors
/// All that is wrong with it.
pub fn compile_query_in(
    policy: &Policy,
    names: &Names,
    source: &Source,
    body: &[crate::ast::Expr],
) -> Result<Query, Vec<Error>> {
    if body.is_empty() {
        return Err(vec![Error::new(Code::Compile, "empty query cannot be compiled")]);
    }
    let mut lower = Lower::new(&policy.tree, names, source).of_query();
    let mut lowered = lower.body(body);
    let vars = lower.query_vars();
    lower.leave();
    let (slots, mut errors) = (lower.slots, lower.errors);
    let mut missing = Vec::new();
    safety::order(&mut lowered, &mut Slots::default(), &mut missing);
    unsafe_errors(Stage::Bodies, &missing, &slots, source, &mut errors);
    let errors = stages::first(errors);
    if errors.is_empty() { Ok(Query { body: lowered, slots: slots.len(), vars }) } else { Err(errors) }
}

/// Unsafe variables of a body as errors: each name once, where it stands first; where only generated ones are unsafe,
/// their expressions.
fn unsafe_errors(
    stage: Stage,
    missing: &[safety::Unsafe],
    slots: &[Name],
    source: &Source,
    errors: &mut Vec<(Stage, Error)>,
) {
    let name = |slot: Slot| slots.get(slot).map_or("", |name| name).trim_start_matches("$template");
    let mut missing: Vec<&safety::Unsafe> = missing.iter().collect();
    missing.sort_by_key(|one| (one.location.row, one.location.col));
    let named = missing.iter().any(|one| !name(one.slot).is_empty());
    let (mut seen, mut places) = (HashSet::new(), HashSet::new());
    for one in missing {
        let message = match name(one.slot) {
            "" if named => continue,
            "" => "expression is unsafe".to_owned(),
            name if name.starts_with('$') => "var _ is unsafe".to_owned(),
            name @ ("every" | "in" | "if" | "contains") => {
                format!("var {name} is unsafe (hint: `import future.keywords.{name}` to import a future keyword)")
            }
            name => format!("var {name} is unsafe"),
        };
        if seen.insert(one.slot) && (named || places.insert(one.location)) {
            errors.push((stage, Error::at(Code::UnsafeVar, message, one.location, source)));
        }
    }
}

/// The builtin of a name.
fn builtin(name: &str, tree: &Tree) -> Option<Callee> {
    if let Some(host) = tree.hosts.iter().position(|host| &*host.name == name) {
        return Some(Callee::Host(host));
    }
    if name == "walk" {
        return Some(Callee::Walk);
    }
    if name == template::TEMPLATE.name {
        return Some(Callee::Builtin(&template::TEMPLATE));
    }
    builtins::lookup(name).map(Callee::Builtin)
}

/// How many arguments a call has, without its result.
fn arity(callee: &Callee, tree: &Tree) -> usize {
    match callee {
        Callee::Builtin(builtin) => builtin.arity,
        Callee::Host(host) => tree.hosts.get(*host).map_or(0, |host| host.arity),
        Callee::Walk => 1,
        Callee::Function(node) => tree.nodes[*node].arity.unwrap_or_default(),
    }
}
