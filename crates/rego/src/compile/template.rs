//! Template strings as a call: their parts are texts, or sets of what an expression gave (none where it is undefined).

use super::ir::{Comp, Expr, Head, Term};
use super::lower::Lower;
use super::scope::How;
use crate::ast::{self, Name, TermKind};
use crate::builtins::{Builtin, BuiltinError, Context, Outcome};
use crate::value::Value;
use std::sync::Arc;

/// Joins the parts of a template.
pub static TEMPLATE: Builtin =
    Builtin { name: "internal.template_string", arity: 1, nondeterministic: false, call: template };

fn template(args: &[Value], _: &mut Context) -> Outcome {
    let mut text = String::new();
    if let Some(Value::Array(parts)) = args.first() {
        for part in parts.iter() {
            match part {
                Value::Set(items) => match (items.len(), items.first()) {
                    (1, Some(value)) => push(&mut text, value),
                    (0, _) => text.push_str("<undefined>"),
                    _ => {
                        let message = "template-strings must not produce multiple outputs";
                        return Err(BuiltinError::Halt(message.to_owned()));
                    }
                },
                value => push(&mut text, value),
            }
        }
    }
    Ok(Some(Value::string(crate::bytes::joined(text))))
}

impl Lower<'_> {
    /// A part of a template: what it can be is a set, empty where it is undefined.
    pub(super) fn template_part(&mut self, part: &ast::TemplatePart, out: &mut Vec<Expr>) -> Term {
        match part {
            ast::TemplatePart::Scalar(term) => self.term(term, false, out),
            ast::TemplatePart::Expr(expr) => {
                let term = match &expr.kind {
                    ast::ExprKind::Term(term) => (**term).clone(),
                    ast::ExprKind::Call(call) => ast::Term::new(expr.location, TermKind::Call(call.clone())),
                    _ => return Term::Set(Vec::new()),
                };
                // As in OPA, a variable needs no closure.
                if let TermKind::Var(name) = &term.kind
                    && (self.is_local(name) || self.global(name).is_none())
                {
                    return Term::Set(vec![self.term(&term, false, out)]);
                }
                let location = expr.location;
                let name: Name = Arc::from("$template");
                let assign = ast::Call::builtin(location, "assign", vec![ast::Term::var(location, "$template"), term]);
                let mut assign = ast::Expr::new(location, ast::ExprKind::Call(Box::new(assign)));
                assign.with.clone_from(&expr.with);
                self.enter();
                let slot = self.declare(&name, How::Declared);
                let body = self.body(std::slice::from_ref(&assign));
                // What a template names is named in the body around it.
                let seen = self.scopes.last_mut().map(|scope| std::mem::take(&mut scope.seen)).unwrap_or_default();
                self.leave();
                self.leave();
                if let Some(scope) = self.scopes.last_mut() {
                    scope.seen.extend(seen);
                }
                Term::Comp(Box::new(Comp { location, head: Head::Set(Term::Var(slot)), body }))
            }
        }
    }
}

fn push(text: &mut String, value: &Value) {
    text.push_str(&shown(value));
}

/// A value as text: a string without quotes, others as they are written.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    }
}
