//! What policies and a query contain that decides whether an answer can be compared.

use serde_json::Value as Json;
use sluice_rego::ast::visit::{self, Visit};
use sluice_rego::ast::{Expr, ExprKind, Source, Term, TermKind, Version};
use sluice_rego::parse;
use std::collections::BTreeSet;

/// Of all modules, or of a query and the modules that it may reach.
#[derive(Debug, Default)]
pub struct Features {
    pub comprehension: bool,
    pub every: bool,
    pub with: bool,
    /// `with` inside a comprehension, a template or an `every` of the query.
    pub closed_with: bool,
    /// `true` that is negated or has a `with`, as an expression.
    pub qualified_true: bool,
    /// An object as written with several keys that are not constant.
    pub dynamic_keys: bool,
    /// An expression that closes over a name that only a later one of its body has outside of closures.
    pub late: bool,
    /// Names that are to equal a set or an object which holds them in a set or in a key.
    pub in_themselves: BTreeSet<String>,
    /// A rule whose value is a collection that is not constant.
    pub collected_value: bool,
    /// Names inside templates.
    pub in_templates: BTreeSet<String>,
    /// All that is called or named, with dots.
    pub named: BTreeSet<String>,
    /// Bodies around what is visited.
    closures: usize,
    templates: usize,
}

/// Features of a query by its index, or of the modules.
pub fn of(request: &Json, query: Option<usize>) -> Features {
    let version = if request["v0"] == Json::Bool(true) { Version::V0 } else { Version::V1 };
    let options = parse::Options { version, ..parse::Options::default() };
    let mut found = Features::default();
    let mut reached = true;
    if let Some(query) = query {
        let text = request["queries"][query]["query"].as_str().unwrap_or_default();
        reached = text.contains("data");
        let body = parse::parse_query(&Source::new(0, "", text), &options).unwrap_or_default();
        found.late |= late(&body);
        visit::body(&mut found, &body);
    }
    let closed_with = found.closed_with && query.is_some();
    for text in request["modules"].as_object().into_iter().flatten().filter(|_| reached) {
        let text = text.1.as_str().unwrap_or_default();
        let Ok(module) = parse::parse_module(&Source::new(0, "", text), &options) else { continue };
        for rule in &module.rules {
            let collection = |term: &Term| {
                !constant(term) && matches!(term.kind, TermKind::Array(_) | TermKind::Set(_) | TermKind::Object(_))
            };
            found.collected_value |= rule.head.value.as_ref().is_some_and(collection);
            found.late |= late(&rule.body) || rule.elses.iter().any(|branch| late(&branch.body));
            visit::rule(&mut found, rule);
        }
    }
    Features { closed_with, ..found }
}

impl Visit for Features {
    fn expr(&mut self, node: &Expr) {
        self.with |= !node.with.is_empty();
        self.closed_with |= !node.with.is_empty() && self.closures > 0;
        let yes = matches!(&node.kind, ExprKind::Term(term) if matches!(&term.kind, TermKind::Scalar(value) if value.to_string() == "true"));
        self.qualified_true |= yes && (node.negated || !node.with.is_empty());
        self.named.extend(node.operator());
        self.in_themselves.extend(in_itself(node));
        let every = matches!(node.kind, ExprKind::Every(_));
        self.every |= every;
        if let ExprKind::Every(every) = &node.kind {
            self.late |= late(&every.body);
        }
        self.closures += usize::from(every);
        visit::expr(self, node);
        self.closures -= usize::from(every);
    }

    fn term(&mut self, node: &Term) {
        let (mut closure, mut template) = (false, false);
        match &node.kind {
            TermKind::ArrayComp(comp) | TermKind::SetComp(comp) => {
                (closure, self.comprehension) = (true, true);
                self.late |= late(&comp.body);
            }
            TermKind::ObjectComp(comp) => {
                (closure, self.comprehension) = (true, true);
                self.late |= late(&comp.body);
            }
            TermKind::TemplateString(_) => (closure, template) = (true, true),
            TermKind::Object(items) => {
                self.dynamic_keys |= items.iter().filter(|(key, _)| !constant(key)).nth(1).is_some();
            }
            TermKind::Call(call) => self.named.extend(call.operator.dotted()),
            TermKind::Ref(r) => self.named.extend(r.dotted()),
            TermKind::Var(name) if self.templates > 0 => drop(self.in_templates.insert(name.to_string())),
            _ => {}
        }
        self.closures += usize::from(closure);
        self.templates += usize::from(template);
        visit::term(self, node);
        self.templates -= usize::from(template);
        self.closures -= usize::from(closure);
    }
}

/// The names of expressions, and of them those inside closures, sets, keys of objects and templates.
#[derive(Default)]
struct Names {
    all: BTreeSet<String>,
    closed: BTreeSet<String>,
    closures: usize,
}

impl Visit for Names {
    fn term(&mut self, node: &Term) {
        if let TermKind::Var(name) = &node.kind {
            self.all.insert(name.to_string());
            if self.closures > 0 {
                self.closed.insert(name.to_string());
            }
        }
        let plain =
            matches!(node.kind, TermKind::Scalar(_) | TermKind::Ref(_) | TermKind::Array(_) | TermKind::Call(_));
        self.closures += usize::from(!plain);
        visit::term(self, node);
        self.closures -= usize::from(!plain);
    }
}

/// The name that an equation puts into what it is to equal.
fn in_itself(node: &Expr) -> Option<String> {
    let ExprKind::Call(call) = &node.kind else { return None };
    let ("eq", [left, right]) = (&*call.operator.dotted()?, call.args.as_slice()) else { return None };
    [(left, right), (right, left)].into_iter().find_map(|(name, other)| {
        let name = name.as_var()?;
        let mut names = Names::default();
        names.term(other);
        names.closed.contains(&**name).then(|| name.to_string())
    })
}

/// Whether an expression of a body closes over a name that none before it has, but one after it.
fn late(body: &[Expr]) -> bool {
    let names: Vec<Names> = body
        .iter()
        .map(|expr| {
            let mut names = Names::default();
            names.expr(expr);
            names
        })
        .collect();
    let root = |name: &String| name == "data" || name == "input";
    (0..names.len()).any(|at| {
        let (before, after) = (&names[..at], &names[at + 1..]);
        let mut closed = names[at].closed.iter().filter(|name| !root(name));
        closed.any(|name| {
            !before.iter().any(|names| names.all.contains(name)) && after.iter().any(|names| names.all.contains(name))
        })
    })
}

fn constant(term: &Term) -> bool {
    match &term.kind {
        TermKind::Scalar(_) => true,
        TermKind::Array(items) | TermKind::Set(items) => items.iter().all(constant),
        TermKind::Object(items) => items.iter().all(|(key, value)| constant(key) && constant(value)),
        _ => false,
    }
}
