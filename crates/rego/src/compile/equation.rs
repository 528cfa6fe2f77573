//! Equations: what is called on either side comes first, and takes the other side for its result where it can.

use super::calls::Used;
use super::ir::{Expr, ExprKind, Term};
use super::lower::Lower;
use crate::ast::{self, Location, TermKind};
use crate::value::Value;

/// A side of an equation.
pub(super) enum Side {
    Term(Term),
    /// And where the call stands.
    Call(ExprKind, Location),
}

impl Lower<'_> {
    /// One side of an equation: a term or, of a call, the call without its result.
    pub(super) fn side(&mut self, term: &ast::Term, negated: bool, out: &mut Vec<Expr>) -> Side {
        match &term.kind {
            // Before a `not`: where the call is undefined, so is the whole.
            TermKind::Call(call) if !negated => Side::Call(self.call(call, Used::Value, out), term.location),
            _ => Side::Term(self.term(term, true, out)),
        }
    }

    /// Left equals right.
    pub(super) fn equal(&mut self, left: &ast::Term, right: Side, out: &mut Vec<Expr>) -> ExprKind {
        match right {
            Side::Term(right) => ExprKind::Eq(self.term(left, true, out), right),
            Side::Call(ExprKind::Call { callee, args, out: None }, location) => {
                let before = self.paths.len();
                let left = self.term(left, true, out);
                // The call comes first.
                if matches!(left, Term::Ref(_)) || self.paths.len() > before {
                    let slot = self.fresh();
                    out.push(Expr { location, kind: ExprKind::Call { callee, args, out: Some(Term::Var(slot)) } });
                    return match left {
                        Term::Ref(_) => ExprKind::Eq(Term::Var(slot), left),
                        left => ExprKind::Eq(left, Term::Var(slot)),
                    };
                }
                self.place = Some(location);
                ExprKind::Call { callee, args, out: Some(left) }
            }
            Side::Call(ExprKind::Holds(term), _) => ExprKind::Eq(self.term(left, true, out), term),
            // Wrong, and said already.
            Side::Call(..) => ExprKind::Holds(Term::Const(Value::Bool(false))),
        }
    }
}
