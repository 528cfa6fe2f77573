//! From modules to a policy that can be evaluated many times: names resolved, rules put into one tree, bodies lowered and
//! ordered. Knows nothing of data or input.

mod calls;
mod capture;
mod careless;
mod check;
mod declared;
mod depends;
mod doubts;
mod equation;
mod fold;
pub(crate) mod ir;
mod lower;
mod members;
mod metadata;
pub(crate) mod names;
mod replace;
mod rules;
mod safety;
mod scope;
mod slots;
mod stage;
pub(crate) mod template;
pub(crate) mod tree;
mod typing;
mod vars;

use crate::Value;
use crate::ast::{Location, Module, Name, Source, Version};
use crate::builtins::{self, Builtin, HostBuiltin};
use crate::error::{Code, Error};
use crate::{hints, parse};
pub(crate) use capture::capture;
use ir::{Callee, Expr, Rule, Slot};
use lower::Lower;
use names::Names;
use slots::Slots;
use stage::{Errors, Stage};
use std::collections::{BTreeMap, HashSet};
use tree::Tree;
use typing::Documents;

/// A compiled policy.
#[derive(Clone, Debug)]
pub struct Policy {
    pub tree: Tree,
    pub rules: Vec<Rule>,
    /// By the index that locations name.
    pub sources: Vec<Source>,
    /// Types of rules, for queries.
    pub documents: Documents,
    /// What is no error but hardly meant.
    pub warnings: Vec<Error>,
}

/// What is checked beyond what makes a policy run, and what the host adds.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Unused imports, variables and arguments are errors, and V1's rules hold in V0 too.
    pub strict: bool,
    /// They come before builtins of the same name here.
    pub hosts: Vec<HostBuiltin>,
    /// `print` is kept rather than dropped.
    pub prints: bool,
}

/// A compiled query.
#[derive(Clone, Debug)]
pub struct Query {
    pub body: Vec<Expr>,
    pub slots: usize,
    /// Variables whose values are the answer.
    pub vars: Vec<(Name, Slot)>,
}

/// Compiles modules together.
///
/// # Errors
/// All that is wrong with them, in order.
pub fn compile(modules: &[Module], options: &Options) -> Result<Policy, Vec<Error>> {
    let mut tree = Tree { hosts: options.hosts.clone(), prints: options.prints, ..Tree::default() };
    let mut errors = Errors::default();
    let mut by_package: BTreeMap<_, HashSet<Name>> = BTreeMap::new();
    for module in modules {
        let package = module.path();
        tree.make(&package);
        let names = by_package.entry(package).or_default();
        names.extend(module.rules.iter().filter_map(|rule| rule.head.reference.first()?.as_var().cloned()));
    }
    let metadata = metadata::Metadata::new(modules);
    let places = rules::places(modules, &mut tree);
    check::conflicts(modules, &places, &tree, &mut errors);
    let (mut compiled, mut warnings) = (Vec::new(), Vec::new());
    for (module, nodes) in modules.iter().zip(places) {
        let rules = by_package.get(&module.path()).cloned().unwrap_or_default();
        let names = Names::new(module, rules);
        careless::arguments(module, &mut errors);
        if options.strict || module.version.is_v1() {
            careless::check(module, &mut errors);
        }
        for (rule, node) in module.rules.iter().zip(nodes) {
            let find = |name: &str| match name {
                "chain" => Some(metadata.chain(module, rule)),
                "rule" => Some(metadata::rule(module, rule)),
                _ => None,
            };
            let mut lower = Lower::new(&tree, &names, &module.source).with_metadata(&find);
            lower.errors = errors.part();
            lower.strict = options.strict;
            lower.v1 = options.strict || module.version.is_v1();
            let lowered = rules::rule(&mut lower, rule, node);
            errors.append(&mut lower.errors);
            compiled.push((rule.default, lowered));
        }
        for error in careless::unused(module, &names) {
            match options.strict {
                true => errors.push(Stage::Names, error),
                false => warnings.push(error),
            }
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
    let mut documents = Documents::new(&tree);
    if !errors.until(Stage::Bodies) {
        let order = depends::order(&tree, &rules, &sources, &mut errors);
        if !errors.until(Stage::Recursion) {
            let mut wrong = Vec::new();
            documents = typing::rules(&tree, &rules, &order, &sources, &mut wrong);
            wrong.into_iter().for_each(|error| errors.push(Stage::Types, error));
        }
    }
    errors.finish()?;
    warnings.extend(doubts::find(&tree, &rules, &sources));
    rules.iter_mut().for_each(fold::rule);
    tree.nodes.iter_mut().for_each(|node| node.settled = settled(node, &rules));
    Ok(Policy { tree, rules, sources, documents, warnings })
}

/// Whether all rules of a node have one value, a constant.
fn settled(node: &ir::Node, rules: &[Rule]) -> bool {
    let clauses = node.rules.iter().filter_map(|rule| rules.get(*rule)).flat_map(|rule| &rule.clauses);
    let mut values = clauses.map(|clause| &clause.value);
    let Some(ir::Term::Const(first)) = values.next() else { return false };
    !node.partial && !node.set && values.all(|value| matches!(value, ir::Term::Const(other) if other == first))
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
    let mut lower = Lower::new(&policy.tree, names, source);
    lower.query = true;
    let mut lowered = lower.body(body);
    let vars = lower.query_vars();
    lower.leave();
    let mut missing = Vec::new();
    safety::order(&mut lowered, &mut Slots::default(), &lower.slots, &mut missing);
    lower.named();
    let (slots, mut errors, places) = (lower.slots, lower.errors, lower.places);
    unsafe_errors(Stage::Bodies, &missing, &slots, (names, source), &mut errors);
    if !errors.until(Stage::Bodies) {
        let wrong = typing::query(&policy.tree, &policy.documents, &lowered, (&slots, &places), source);
        wrong.into_iter().for_each(|error| errors.push(Stage::Types, error));
    }
    errors.finish()?;
    fold::body(&mut lowered);
    Ok(Query { body: lowered, slots: slots.len(), vars })
}

/// Unsafe variables as errors, each once.
fn unsafe_errors(
    stage: Stage,
    missing: &[safety::Unsafe],
    slots: &[Name],
    (names, source): (&Names, &Source),
    errors: &mut Errors,
) {
    let named = |slot: Slot| slots.get(slot).map(|name| &**name).filter(|name| !matches!(*name, "" | "$template"));
    // Each variable once, where it is first; expressions only where there is no variable to name.
    let mut first: BTreeMap<Option<&str>, Location> = BTreeMap::new();
    for unsafe_var in missing {
        let place = first.entry(named(unsafe_var.slot)).or_insert(unsafe_var.location);
        *place = (*place).min(unsafe_var.location);
    }
    let mut found: Vec<(Location, Option<&str>)> = first.into_iter().map(|(name, place)| (place, name)).collect();
    if found.iter().any(|(_, name)| name.is_some()) {
        found.retain(|(_, name)| name.is_some());
    }
    // Wildcards, and the variables that hold the values of a query's expressions.
    let nameless = |name: &str| name.starts_with('$') || name.contains(' ');
    found.sort_by_key(|(place, name)| (*place, name.is_some_and(nameless), *name));
    for (location, name) in found {
        let message = match name {
            None => "expression is unsafe".to_owned(),
            Some(name) if nameless(name) => "var _ is unsafe".to_owned(),
            Some(name)
                if stage != Stage::Heads
                    && !parse::is_keyword(name, Version::V0)
                    && parse::is_keyword(name, Version::V1) =>
            {
                format!("var {name} is unsafe (hint: `import future.keywords.{name}` to import a future keyword)")
            }
            Some(name) => format!("var {name} is unsafe"),
        };
        let known = slots.iter().map(|name| &**name).filter(|name| !name.is_empty() && !name.starts_with('$'));
        let hint = name
            .filter(|_| errors.wants_hint(stage, source.index))
            .and_then(|name| hints::did_you_mean(name, known.chain(names.known())));
        errors.push(stage, Error::at(Code::UnsafeVar, message, location, source).with_hint(hint));
    }
}

/// `==` as an expression of a rule, until it is known that all its variables are bound: then it is an equation.
static EQUATION: Builtin = Builtin {
    name: "eq",
    arity: 2,
    nondeterministic: false,
    call: |args, _| Ok(Some(Value::Bool(args.first() == args.get(1)))),
};

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
