//! Which variables terms and expressions have: in their own place, and inside comprehensions and the like.

use super::ir::{Expr, ExprKind, Ref, Root, Term, With};
use super::slots::Slots;

/// The variables of an expression.
#[derive(Clone, Debug, Default)]
pub struct Vars {
    pub direct: Slots,
    /// Inside comprehensions and `every`.
    pub closed: Slots,
}

impl Vars {
    /// Of a term.
    pub fn term(&mut self, term: &Term) {
        match term {
            Term::Const(_) => {}
            Term::Var(slot) => self.direct.insert(*slot),
            Term::Array(items) | Term::Set(items) => items.iter().for_each(|item| self.term(item)),
            Term::Object(items) => items.iter().for_each(|(key, value)| {
                self.term(key);
                self.term(value);
            }),
            Term::Ref(r) => self.reference(r),
            Term::Comp(comp) => {
                let mut inner = Vars::default();
                comp.head.terms().for_each(|head| inner.term(head));
                inner.body(&comp.body);
                self.close(&inner);
            }
        }
    }

    fn close(&mut self, inner: &Vars) {
        self.closed.extend(&inner.direct);
        self.closed.extend(&inner.closed);
    }

    fn reference(&mut self, r: &Ref) {
        if let Root::Var(slot) = r.root {
            self.direct.insert(slot);
        }
        r.path.iter().for_each(|part| self.term(part));
    }

    /// Of a body.
    pub fn body(&mut self, body: &[Expr]) {
        body.iter().for_each(|expr| self.expr(expr));
    }

    /// Of an expression.
    pub fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Holds(term) => self.term(term),
            ExprKind::Eq(a, b) => {
                self.term(a);
                self.term(b);
            }
            ExprKind::Call { args, out, .. } => {
                args.iter().for_each(|arg| self.term(arg));
                out.iter().for_each(|out| self.term(out));
            }
            ExprKind::Print(parts) => parts.iter().for_each(|part| self.term(part)),
            ExprKind::Not(inner) => self.expr(inner),
            ExprKind::Every { key, value, domain, body } => {
                self.term(domain);
                let mut inner = Vars::default();
                inner.direct.insert(*value);
                key.iter().for_each(|key| inner.direct.insert(*key));
                inner.body(body);
                self.close(&inner);
            }
            ExprKind::With { with, body } => {
                with.iter().for_each(|with| self.with(with));
                self.body(body);
            }
        }
    }

    /// Of a `with`: its value's.
    pub fn with(&mut self, with: &With) {
        match with {
            With::Input(_, value) | With::Data(_, _, value) | With::CallValue(_, value) => self.term(value),
            With::CallOther(..) => {}
        }
    }
}
