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
            TermKind::Call(call) if !negated => {
                Side::Call(self.call(call, Used::Value(term.location), out), term.location)
            }
            _ => Side::Term(self.term(term, true, out)),
        }
    }

    /// The other side, and whether something is looked up for it.
    pub(super) fn other_side(&mut self, term: &ast::Term, out: &mut Vec<Expr>) -> (Term, bool) {
        let before = self.paths.len();
        let term = self.term(term, true, out);
        (term, self.paths.len() > before)
    }

    /// Left equals right.
    pub(super) fn equal(&mut self, (left, looks_up): (Term, bool), right: Side, out: &mut Vec<Expr>) -> ExprKind {
        match right {
            Side::Term(right) => ExprKind::Eq(left, right),
            Side::Call(ExprKind::Call { callee, args, out: None }, location) => {
                // The call comes first.
                if looks_up || matches!(left, Term::Ref(_)) {
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
            Side::Call(ExprKind::Holds(term), _) => ExprKind::Eq(left, term),
            // Wrong, and said already.
            Side::Call(..) => ExprKind::Holds(Term::Const(Value::Bool(false))),
        }
    }
}
