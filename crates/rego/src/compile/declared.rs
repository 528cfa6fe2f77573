//! Which names an expression or a pattern declares.

use crate::ast::visit::{self, Visit};
use crate::ast::{Expr, ExprKind, Name, SomeDecl, TemplatePart, Term, TermKind};
use std::collections::HashSet;

/// The names in what an expression declares in its own body, wherever they stand: in that body none of them means
/// anything outside of it (OPA's `declaredVars`), whether it is declared in the end or not.
pub fn names(expr: &Expr, into: &mut HashSet<Name>) {
    let mut named = Named(into);
    match &expr.kind {
        ExprKind::Call(call) if assigns(expr) => {
            call.args.iter().take(1).for_each(|left| named.term(left));
        }
        ExprKind::Some(some) => match &**some {
            SomeDecl::Vars(vars) => vars.iter().for_each(|var| named.term(var)),
            SomeDecl::In { key, value, .. } => key.iter().chain([value]).for_each(|term| named.term(term)),
        },
        _ => {}
    }
}

/// Whether it is an assignment.
pub fn assigns(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call(call) if call.operator.dotted().as_deref() == Some("assign"))
}

/// Collects all names but wildcards and the roots, which mean the same everywhere.
struct Named<'n>(&'n mut HashSet<Name>);

impl Visit for Named<'_> {
    fn term(&mut self, node: &Term) {
        if let Some(name) = node.as_var().filter(|name| !name.starts_with('$') && !is_root(name)) {
            self.0.insert(name.clone());
        }
        visit::term(self, node);
    }
}

pub fn is_root(name: &str) -> bool {
    matches!(name, "data" | "input")
}

/// The variables of a pattern: those not inside refs, calls or comprehensions; of objects, those of values.
pub fn pattern(term: &Term, add: &mut dyn FnMut(&Name)) {
    match &term.kind {
        TermKind::Var(name) => add(name),
        // `input` and `data` alone can be declared (in V0).
        TermKind::Ref(r) if r.path.is_empty() => pattern(&r.head, add),
        TermKind::Array(items) => items.iter().for_each(|item| pattern(item, add)),
        TermKind::Object(items) => items.iter().for_each(|(_, value)| pattern(value, add)),
        _ => {}
    }
}

/// Finds what in the left side of an assignment is no pattern of variables.
pub fn assignable<'t>(term: &'t Term, wrong: &mut dyn FnMut(&'t Term)) {
    match &term.kind {
        TermKind::Var(_) => {}
        TermKind::Ref(r) if r.path.is_empty() => {}
        TermKind::Array(items) => items.iter().for_each(|item| assignable(item, wrong)),
        TermKind::Object(items) => items.iter().for_each(|(_, value)| assignable(value, wrong)),
        _ => wrong(term),
    }
}

/// The variables of a term, but for those inside comprehensions and the operators of calls.
pub fn used(term: &Term) -> HashSet<Name> {
    let mut names = HashSet::new();
    collect(term, &mut names);
    names
}

fn collect(term: &Term, into: &mut HashSet<Name>) {
    match &term.kind {
        TermKind::Var(name) => {
            into.insert(name.clone());
        }
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| collect(item, into)),
        TermKind::Object(items) => items.iter().for_each(|(key, value)| {
            collect(key, into);
            collect(value, into);
        }),
        TermKind::Ref(r) => {
            collect(&r.head, into);
            r.path.iter().for_each(|part| collect(part, into));
        }
        TermKind::Call(call) => call.args.iter().for_each(|arg| collect(arg, into)),
        TermKind::TemplateString(template) => {
            for part in &template.parts {
                match part {
                    TemplatePart::Scalar(_) => {}
                    TemplatePart::Expr(expr) => match &expr.kind {
                        ExprKind::Term(term) => collect(term, into),
                        ExprKind::Call(call) => call.args.iter().for_each(|arg| collect(arg, into)),
                        ExprKind::Some(_) | ExprKind::Every(_) => {}
                    },
                }
            }
        }
        TermKind::Scalar(_) | TermKind::ArrayComp(_) | TermKind::SetComp(_) | TermKind::ObjectComp(_) => {}
    }
}
