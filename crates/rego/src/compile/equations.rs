//! Equations of which one side may be a call: it is made first, and its result is the other side.

use super::ir::{Expr, ExprKind, Term};
use super::lower::Lower;
use super::stages::Stage;
use crate::ast::{self, Location, TermKind};
use crate::error::Code;
use crate::value::Value;

/// A side of an equation.
pub enum Side {
    Term(Term),
    Call(ExprKind),
}

impl Lower<'_> {
    /// One side of an equation: a term or, of a call, the call without its result.
    pub fn side(&mut self, term: &ast::Term, out: &mut Vec<Expr>) -> Side {
        match &term.kind {
            TermKind::Call(call) => Side::Call(self.call(call, None, out)),
            _ => Side::Term(self.term(term, true, out)),
        }
    }

    /// Left equals right.
    pub fn equal(&mut self, left: &ast::Term, right: Side, location: Location, out: &mut Vec<Expr>) -> ExprKind {
        match right {
            Side::Term(right) => ExprKind::Eq(self.term(left, true, out), right),
            Side::Call(ExprKind::Call { callee, args, out: None }) => match self.term(left, true, out) {
                // The call comes first.
                path @ Term::Ref(_) => {
                    let slot = self.fresh();
                    let kind = ExprKind::Call { callee, args, out: Some(Term::Var(slot)) };
                    out.push(Expr { location, kind });
                    ExprKind::Eq(Term::Var(slot), path)
                }
                left => ExprKind::Call { callee, args, out: Some(left) },
            },
            Side::Call(ExprKind::Holds(term)) => ExprKind::Eq(self.term(left, true, out), term),
            Side::Call(_) => {
                self.error(Stage::Last, Code::Type, "a call with its result given has no value", location);
                ExprKind::Holds(Term::Const(Value::Bool(false)))
            }
        }
    }
}
