//! What V1 forbids beyond its syntax and OPA refuses to format: imports of one name, names that hide documents, and builtins
//! that it no longer has.

use crate::ast::{Body, Call, Expr, ExprKind, Head, Location, Module, Ref, SomeDecl, TemplatePart, Term, TermKind};
use crate::error::{Code, Error};
use std::collections::HashMap;

/// Builtins of V0 that V1 does without.
const DEPRECATED: [&str; 11] = [
    "all",
    "any",
    "cast_array",
    "cast_boolean",
    "cast_null",
    "cast_object",
    "cast_set",
    "cast_string",
    "net.cidr_overlap",
    "re_match",
    "set_diff",
];

/// The errors of a module, if it has any.
pub(super) fn check(module: &Module) -> Result<(), Vec<Error>> {
    let mut errors = Vec::new();
    let fail = |code, message: String, place| {
        let mut error = Error::at(code, message, place, &module.source);
        error.excerpt = None;
        error
    };
    let mut imports = HashMap::new();
    for import in &module.imports {
        let Some(name) = import.name() else { continue };
        match imports.get(name) {
            None => drop(imports.insert(name, import)),
            Some(first) => {
                let message = format!("import must not shadow {}", shown(first));
                errors.push(fail(Code::Compile, message, import.location));
            }
        }
    }
    let mut walk = Walk::default();
    for rule in &module.rules {
        let name = rule.head.name();
        if is_document(name) {
            let message = format!("rules must not shadow {name} (use a different rule name)");
            errors.push(fail(Code::Compile, message, rule.location));
        }
        for arg in &rule.head.args {
            let TermKind::Ref(Ref { head, path }) = &arg.kind else { continue };
            if let Some(name) = head.as_var().filter(|name| path.is_empty() && is_document(name)) {
                let message = format!("args must not shadow {name} (use a different variable name)");
                errors.push(fail(Code::Compile, message, arg.location));
            }
        }
        walk.head(&rule.head);
        walk.body(&rule.body);
        for other in &rule.elses {
            other.args.iter().for_each(|arg| walk.term(arg));
            walk.term(&other.value);
            walk.body(&other.body);
        }
    }
    for (name, place) in walk.assigned {
        let message = format!("variables must not shadow {name} (use a different variable name)");
        errors.push(fail(Code::Compile, message, place));
    }
    for (name, place) in walk.deprecated {
        errors.push(fail(Code::Type, format!("deprecated built-in function calls in expression: {name}"), place));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn is_document(name: &str) -> bool {
    name == "input" || name == "data"
}

fn shown(import: &crate::ast::Import) -> String {
    let mut parts = import.path.iter();
    let head = Box::new(Term::var(Location::default(), parts.next().map_or("", |name| name)));
    let path = parts.map(|part| Term::scalar(Location::default(), &**part)).collect();
    let path = Ref { head, path };
    match &import.alias {
        Some(alias) => format!("import {path} as {alias}"),
        None => format!("import {path}"),
    }
}

/// What is found in the syntax.
#[derive(Default)]
struct Walk {
    assigned: Vec<(&'static str, Location)>,
    deprecated: Vec<(&'static str, Location)>,
}

impl Walk {
    fn head(&mut self, head: &Head) {
        let parts = head.reference.iter().chain(&head.args).chain(&head.key).chain(&head.value);
        parts.for_each(|term| self.term(term));
    }

    fn body(&mut self, body: &Body) {
        body.iter().for_each(|expr| self.expr(expr));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Term(term) => self.term(term),
            ExprKind::Call(call) => {
                if call.operator.dotted().as_deref() == Some("assign")
                    && let Some(TermKind::Ref(Ref { head, path })) = call.args.first().map(|arg| &arg.kind)
                    && path.is_empty()
                {
                    let name = head.as_var().map_or("", |name| name);
                    let names = ["input", "data"].into_iter().filter(|document| *document == name);
                    self.assigned.extend(names.map(|name| (name, expr.location)));
                }
                self.call(call, expr.location);
            }
            ExprKind::Some(decl) => match &**decl {
                SomeDecl::Vars(_) => {}
                SomeDecl::In { key, value, domain } => {
                    key.iter().chain([value, domain]).for_each(|term| self.term(term));
                }
            },
            ExprKind::Every(every) => {
                self.term(&every.domain);
                self.body(&every.body);
            }
        }
        for with in &expr.with {
            self.term(&with.target);
            self.term(&with.value);
        }
    }

    fn call(&mut self, call: &Call, place: Location) {
        if let Some(name) = call.operator.dotted() {
            let names = DEPRECATED.into_iter().filter(|known| *known == name);
            self.deprecated.extend(names.map(|name| (name, place)));
        }
        self.term(&call.operator.head);
        call.operator.path.iter().chain(&call.args).for_each(|term| self.term(term));
    }

    fn term(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Scalar(_) | TermKind::Var(_) => {}
            TermKind::Ref(r) => {
                self.term(&r.head);
                r.path.iter().for_each(|part| self.term(part));
            }
            TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| self.term(item)),
            TermKind::Object(items) => items.iter().for_each(|(key, value)| {
                self.term(key);
                self.term(value);
            }),
            TermKind::Call(call) => self.call(call, call.location),
            TermKind::ArrayComp(comp) | TermKind::SetComp(comp) => {
                self.term(&comp.head);
                self.body(&comp.body);
            }
            TermKind::ObjectComp(comp) => {
                self.term(&comp.key);
                self.term(&comp.value);
                self.body(&comp.body);
            }
            TermKind::TemplateString(template) => template.parts.iter().for_each(|part| match part {
                TemplatePart::Scalar(_) => {}
                TemplatePart::Expr(expr) => self.expr(expr),
            }),
        }
    }
}
