//! A walk over all expressions and terms.

use super::{Body, Call, Expr, ExprKind, Rule, SomeDecl, TemplatePart, Term, TermKind};

/// Looks at expressions and terms on the way down. Each method goes on to what is below unless it is replaced; then
/// [`expr`] and [`term`] do.
pub trait Visit {
    /// An expression.
    fn expr(&mut self, node: &Expr) {
        expr(self, node);
    }

    /// A term.
    fn term(&mut self, node: &Term) {
        term(self, node);
    }
}

/// All of a rule, its `else`s included.
pub fn rule<V: Visit + ?Sized>(v: &mut V, rule: &Rule) {
    let head = &rule.head;
    head.reference.iter().chain(&head.args).chain(&head.key).chain(&head.value).for_each(|node| v.term(node));
    body(v, &rule.body);
    for branch in &rule.elses {
        branch.args.iter().for_each(|node| v.term(node));
        v.term(&branch.value);
        body(v, &branch.body);
    }
}

/// All of a body.
pub fn body<V: Visit + ?Sized>(v: &mut V, body: &Body) {
    body.iter().for_each(|node| v.expr(node));
}

/// What is below an expression.
pub fn expr<V: Visit + ?Sized>(v: &mut V, expr: &Expr) {
    match &expr.kind {
        ExprKind::Term(node) => v.term(node),
        ExprKind::Call(node) => call(v, node),
        ExprKind::Some(some) => match &**some {
            SomeDecl::Vars(vars) => vars.iter().for_each(|node| v.term(node)),
            SomeDecl::In { key, value, domain } => {
                key.iter().chain([value, domain]).for_each(|node| v.term(node));
            }
        },
        ExprKind::Every(every) => {
            every.key.iter().chain([&every.value, &every.domain]).for_each(|node| v.term(node));
            body(v, &every.body);
        }
    }
    for with in &expr.with {
        v.term(&with.target);
        v.term(&with.value);
    }
}

/// What is below a call.
pub fn call<V: Visit + ?Sized>(v: &mut V, call: &Call) {
    v.term(&call.operator.head);
    call.operator.path.iter().chain(&call.args).for_each(|node| v.term(node));
}

/// What is below a term.
pub fn term<V: Visit + ?Sized>(v: &mut V, term: &Term) {
    match &term.kind {
        TermKind::Scalar(_) | TermKind::Var(_) => {}
        TermKind::Ref(r) => {
            v.term(&r.head);
            r.path.iter().for_each(|node| v.term(node));
        }
        TermKind::Array(items) | TermKind::Set(items) => items.iter().for_each(|node| v.term(node)),
        TermKind::Object(items) => items.iter().for_each(|(key, value)| {
            v.term(key);
            v.term(value);
        }),
        TermKind::Call(node) => call(v, node),
        TermKind::ArrayComp(c) | TermKind::SetComp(c) => {
            v.term(&c.head);
            body(v, &c.body);
        }
        TermKind::ObjectComp(c) => {
            v.term(&c.key);
            v.term(&c.value);
            body(v, &c.body);
        }
        TermKind::TemplateString(template) => template.parts.iter().for_each(|part| match part {
            TemplatePart::Scalar(node) => v.term(node),
            TemplatePart::Expr(node) => v.expr(node),
        }),
    }
}
