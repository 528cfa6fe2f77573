//! Which names an expression or a pattern declares.

use crate::ast::{Expr, ExprKind, Name, SomeDecl, TemplatePart, Term, TermKind};
use std::collections::HashSet;

/// The names that an expression declares in its own body.
pub fn names(expr: &Expr, into: &mut HashSet<Name>) {
    let mut add = |name: &Name| {
        if !name.starts_with('$') {
            into.insert(name.clone());
        }
    };
    match &expr.kind {
        ExprKind::Call(call) if call.operator.dotted().as_deref() == Some("assign") => {
            if let Some(left) = call.args.first() {
                pattern(left, &mut add);
            }
        }
        ExprKind::Some(some) => match &**some {
            SomeDecl::Vars(vars) => vars.iter().for_each(|var| pattern(var, &mut add)),
            SomeDecl::In { key, value, domain } => {
                let mut taken = HashSet::new();
                used(domain, &mut |name| {
                    taken.insert(name.clone());
                });
                let mut add = |name: &Name| {
                    if !taken.contains(name) {
                        add(name);
                    }
                };
                if let Some(key) = key {
                    pattern(key, &mut add);
                }
                pattern(value, &mut add);
            }
        },
        _ => {}
    }
}

/// The variables of a pattern: those not inside refs, calls or comprehensions; of objects, those of values.
pub fn pattern(term: &Term, add: &mut dyn FnMut(&Name)) {
    match &term.kind {
        TermKind::Var(name) => add(name),
        TermKind::Array(items) => items.iter().for_each(|item| pattern(item, add)),
        TermKind::Object(items) => items.iter().for_each(|(_, value)| pattern(value, add)),
        _ => {}
    }
}

/// The variables of a term, but for those inside comprehensions and the operators of calls.
pub fn used(term: &Term, add: &mut dyn FnMut(&Name)) {
    match &term.kind {
        TermKind::Var(name) => add(name),
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|item| used(item, add)),
        TermKind::Object(items) => items.iter().for_each(|(key, value)| {
            used(key, add);
            used(value, add);
        }),
        TermKind::Ref(r) => {
            used(&r.head, add);
            r.path.iter().for_each(|part| used(part, add));
        }
        TermKind::Call(call) => call.args.iter().for_each(|arg| used(arg, add)),
        TermKind::TemplateString(template) => {
            for part in &template.parts {
                match part {
                    TemplatePart::Scalar(_) => {}
                    TemplatePart::Expr(expr) => match &expr.kind {
                        ExprKind::Term(term) => used(term, add),
                        ExprKind::Call(call) => call.args.iter().for_each(|arg| used(arg, add)),
                        ExprKind::Some(_) | ExprKind::Every(_) => {}
                    },
                }
            }
        }
        _ => {}
    }
}

/// What of an assignment's left side is no pattern, and its type's name.
pub fn unassignable(term: &Term, found: &mut dyn FnMut(&Term, &'static str)) {
    let what = match &term.kind {
        TermKind::Var(_) => return,
        TermKind::Array(items) => return items.iter().for_each(|item| unassignable(item, found)),
        TermKind::Object(items) => return items.iter().for_each(|(_, value)| unassignable(value, found)),
        // A bare root document is reported as a name that is taken.
        TermKind::Ref(r) if r.path.is_empty() => return,
        TermKind::Scalar(value) => value.type_name(),
        TermKind::Ref(_) => "ref",
        TermKind::Set(_) => "set",
        TermKind::Call(_) => "call",
        TermKind::ArrayComp(_) => "arraycomprehension",
        TermKind::SetComp(_) => "setcomprehension",
        TermKind::ObjectComp(_) => "objectcomprehension",
        TermKind::TemplateString(_) => "templatestring",
    };
    found(term, what);
}
