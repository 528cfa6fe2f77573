//! Terms without variables become values: made once, and shared by all evaluations with what is known of them. Done last,
//! since checks look at terms as they are written.

use super::ir::{Expr, ExprKind, Rule, Term, With};
use crate::value::Value;

/// Folds a rule's terms.
pub fn rule(rule: &mut Rule) {
    rule.args.iter_mut().chain(&mut rule.suffix).for_each(term);
    for clause in &mut rule.clauses {
        body(&mut clause.body);
        term(&mut clause.value);
    }
}

/// Folds a body's terms.
pub fn body(body: &mut [Expr]) {
    body.iter_mut().for_each(expr);
}

fn expr(of: &mut Expr) {
    match &mut of.kind {
        ExprKind::Holds(of) => term(of),
        ExprKind::Eq(a, b) => {
            term(a);
            term(b);
        }
        ExprKind::Call { args, out, .. } => args.iter_mut().chain(out).for_each(term),
        ExprKind::Not(inner) => expr(inner),
        ExprKind::Every { domain, body: of, .. } => {
            term(domain);
            body(of);
        }
        ExprKind::Print(parts) => parts.iter_mut().for_each(term),
        ExprKind::With { with, body: of } => {
            for with in with {
                match with {
                    With::Input(_, value) | With::Data(_, _, value) | With::CallValue(_, value) => term(value),
                    With::CallOther(..) => {}
                }
            }
            body(of);
        }
    }
}

fn term(of: &mut Term) {
    let folded = match of {
        Term::Const(_) | Term::Var(_) => None,
        Term::Array(items) => values(items).map(Value::array),
        Term::Set(items) => values(items).map(Value::set),
        Term::Object(items) => {
            for (key, value) in items.iter_mut() {
                term(key);
                term(value);
            }
            let pair = |(key, value): &(Term, Term)| Some((constant(key)?, constant(value)?));
            items.iter().map(pair).collect::<Option<Vec<_>>>().map(Value::object)
        }
        Term::Ref(r) => {
            r.path.iter_mut().for_each(term);
            None
        }
        Term::Comp(comp) => {
            comp.head.terms_mut().for_each(term);
            body(&mut comp.body);
            None
        }
    };
    if let Some(value) = folded {
        *of = Term::Const(value);
    }
}

/// The values of terms, if all have one.
fn values(items: &mut [Term]) -> Option<Vec<Value>> {
    items.iter_mut().for_each(term);
    items.iter().map(constant).collect()
}

fn constant(term: &Term) -> Option<Value> {
    match term {
        Term::Const(value) => Some(value.clone()),
        _ => None,
    }
}
