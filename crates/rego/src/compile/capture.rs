//! Lets a query give the values of its expressions: each expression that has one is put equal to a variable of its own.

use super::names::{Global, Names};
use super::tree::Tree;
use super::{arity, builtin};
use crate::ast::{Body, Call, Expr, ExprKind, Name, Ref, SomeDecl, TemplatePart, Term, TermKind};
use crate::value::Value;
use std::sync::Arc;

/// Rewrites a query; for each of its expressions, the variable that will hold its value, if it has one. What assigns, what is
/// negated and what declares has none. Where there may be several answers or there are several expressions, `false` is not
/// one of them, so the value must hold as well.
pub fn capture(body: &mut Body, names: &Names, tree: &Tree) -> Vec<Option<Name>> {
    let must_hold = body.len() > 1 || body.iter().any(iterates);
    let mut checks = Vec::new();
    let mut captured = Vec::with_capacity(body.len());
    for (index, expr) in body.iter_mut().enumerate() {
        let term = match &mut expr.kind {
            _ if expr.negated => None,
            ExprKind::Term(term) => Some(std::mem::take(&mut **term)),
            ExprKind::Call(call) if gives_value(call, names, tree) => {
                Some(Term::new(expr.location, TermKind::Call(call.clone())))
            }
            ExprKind::Call(_) | ExprKind::Some(_) | ExprKind::Every(_) => None,
        };
        let Some(term) = term else {
            captured.push(None);
            continue;
        };
        // No name of a query holds a space.
        let name: Name = Arc::from(format!("value {index}"));
        let variable = || Term::var(expr.location, &name);
        expr.kind = ExprKind::Call(Box::new(Call::builtin(expr.location, "eq", vec![term, variable()])));
        if must_hold {
            checks.push(Expr::new(expr.location, ExprKind::Term(Box::new(variable()))));
        }
        captured.push(Some(name));
    }
    body.extend(checks);
    captured
}

/// Whether a call is one of a function with all its arguments and nothing for its result.
fn gives_value(call: &Call, names: &Names, tree: &Tree) -> bool {
    let Some(name) = call.operator.dotted() else { return false };
    if matches!(name.as_str(), "assign" | "eq" | "print") {
        return false;
    }
    let function = call.operator.head.as_var().and_then(|head| names.global(head)).and_then(|global| match global {
        Global::Data(mut path) => {
            path.extend(call.operator.path.iter().filter_map(Term::as_str).map(Value::string));
            tree.nodes[tree.function(&path)?].arity
        }
        Global::Input(_) => None,
    });
    let wanted = function.or_else(|| builtin(&name, tree).map(|callee| arity(&callee, tree)));
    wanted == Some(call.args.len())
}

/// Whether an expression may hold more than once: it looks at something by a variable, or walks. Comprehensions are whole.
fn iterates(expr: &Expr) -> bool {
    let found = match &expr.kind {
        ExprKind::Term(term) => term_iterates(term),
        ExprKind::Call(call) => call_iterates(call),
        ExprKind::Some(decl) => match &**decl {
            SomeDecl::Vars(_) => false,
            SomeDecl::In { key, value, domain } => key.iter().chain([value, domain]).any(term_iterates),
        },
        ExprKind::Every(every) => term_iterates(&every.domain) || every.body.iter().any(iterates),
    };
    found || expr.with.iter().any(|with| term_iterates(&with.target) || term_iterates(&with.value))
}

fn call_iterates(call: &Call) -> bool {
    call.operator.dotted().as_deref() == Some("walk") || call.args.iter().any(term_iterates)
}

fn ref_iterates(r: &Ref) -> bool {
    r.path.iter().any(|part| part.as_var().is_some() || term_iterates(part)) || term_iterates(&r.head)
}

fn term_iterates(term: &Term) -> bool {
    match &term.kind {
        TermKind::Scalar(_) | TermKind::Var(_) => false,
        TermKind::Ref(r) => ref_iterates(r),
        TermKind::Array(items) | TermKind::Set(items) => items.iter().any(term_iterates),
        TermKind::Object(items) => items.iter().any(|(key, value)| term_iterates(key) || term_iterates(value)),
        TermKind::Call(call) => call_iterates(call),
        TermKind::ArrayComp(_) | TermKind::SetComp(_) | TermKind::ObjectComp(_) => false,
        TermKind::TemplateString(template) => template.parts.iter().any(|part| match part {
            TemplatePart::Scalar(_) => false,
            TemplatePart::Expr(expr) => iterates(expr),
        }),
    }
}
