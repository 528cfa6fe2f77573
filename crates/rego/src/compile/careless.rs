//! What V1 and strict mode refuse though it could be evaluated: `data` and `input` taken for something else, and imports
//! that are given twice or that nothing uses.

use super::names::Names;
use super::stage::{Errors, Stage};
use crate::ast::visit::{self, Visit};
use crate::ast::{Expr, ExprKind, Import, Module, Name, Rule, Term, TermKind};
use crate::error::{Code, Error};
use std::collections::HashMap;

/// Checks one module.
pub fn check(module: &Module, errors: &mut Errors) {
    let mut found = Shadows { module, errors };
    for rule in &module.rules {
        found.head(rule);
    }
    for rule in &module.rules {
        visit::rule(&mut found, rule);
    }
    imports(module, errors);
}

/// Imports under one name.
fn imports(module: &Module, errors: &mut Errors) {
    let mut seen: HashMap<&Name, &Import> = HashMap::new();
    for import in &module.imports {
        let Some(name) = import.name() else { continue };
        match seen.get(name) {
            Some(first) => {
                let message = format!("import must not shadow {first}");
                errors.push(Stage::Imports, Error::at(Code::Compile, message, import.location, &module.source));
            }
            None => {
                seen.insert(name, import);
            }
        }
    }
}

/// Imports that nothing used while the module was compiled.
pub fn unused(module: &Module, names: &Names) -> Vec<Error> {
    let unused = |import: &&Import| !import.is_syntax() && import.name().is_some_and(|name| !names.is_used(name));
    let error = |import: &Import| Error::at(Code::Compile, format!("{import} unused"), import.location, &module.source);
    module.imports.iter().filter(unused).map(error).collect()
}

/// Arguments that shadow a root document, which no dialect allows.
pub fn arguments(module: &Module, errors: &mut Errors) {
    for rule in &module.rules {
        if let Some(root) = rule.head.args.iter().find_map(root_within) {
            let message = format!("args must not shadow {root} (use a different variable name)");
            errors.push(Stage::Names, Error::at(Code::Compile, message, rule.location, &module.source));
        }
    }
}

/// `data` or `input` itself.
fn root(term: &Term) -> Option<&Name> {
    match &term.kind {
        TermKind::Ref(r) if r.path.is_empty() => r.head.as_var().filter(|name| matches!(&***name, "data" | "input")),
        TermKind::Var(name) if matches!(&**name, "data" | "input") => Some(name),
        _ => None,
    }
}

/// The same within a pattern.
fn root_within(term: &Term) -> Option<&Name> {
    match &term.kind {
        TermKind::Array(items) => items.iter().find_map(root_within),
        TermKind::Object(items) => items.iter().find_map(|(_, value)| root_within(value)),
        _ => root(term),
    }
}

struct Shadows<'m, 'e> {
    module: &'m Module,
    errors: &'e mut Errors,
}

impl Shadows<'_, '_> {
    fn head(&mut self, rule: &Rule) {
        if matches!(rule.head.name(), "data" | "input") {
            let message = format!("rules must not shadow {} (use a different rule name)", rule.head.name());
            self.fail(message, rule.location);
        }
        for arg in &rule.head.args {
            if let Some(name) = root(arg) {
                self.fail(format!("args must not shadow {name} (use a different variable name)"), arg.location);
            }
        }
    }

    fn fail(&mut self, message: String, location: crate::ast::Location) {
        self.errors.push(Stage::Shadows, Error::at(Code::Compile, message, location, &self.module.source));
    }
}

impl Visit for Shadows<'_, '_> {
    fn expr(&mut self, expr: &Expr) {
        if let ExprKind::Call(call) = &expr.kind
            && call.operator.dotted().as_deref() == Some("assign")
            && let Some(name) = call.args.first().and_then(root)
        {
            let message = format!("variables must not shadow {name} (use a different variable name)");
            self.fail(message, expr.location);
        }
        visit::expr(self, expr);
    }
}
