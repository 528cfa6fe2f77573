//! Bodies and their expressions.

use super::frame::Frame;
use super::{Eval, Halt, Next, Res};
use crate::compile::ir::{Expr, ExprKind, Slot, Term};
use crate::value::Value;

impl<'p> Eval<'p> {
    /// Solves a body: `next` once for each solution, with its bindings.
    pub(super) fn body(&mut self, body: &[Expr], frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        match body.split_first() {
            None => next(self, frame),
            Some((first, rest)) => self.step(|eval| {
                if rest.is_empty() {
                    return eval.expr(first, frame, next);
                }
                eval.expr(first, frame, &mut |eval, frame| eval.body(rest, frame, next))
            }),
        }
    }

    /// Whether a body has a solution.
    pub(super) fn holds(
        &mut self,
        frame: &mut Frame,
        work: impl FnOnce(&mut Self, &mut Frame, Next<'_, 'p>) -> Res,
    ) -> Res<bool> {
        let mark = frame.mark();
        let mut found = false;
        let outcome = work(self, frame, &mut |_, _| {
            found = true;
            Err(Halt::Enough)
        });
        frame.undo(mark);
        match outcome {
            Err(Halt::Error(error)) => Err(Halt::Error(error)),
            Ok(()) | Err(Halt::Enough) => Ok(found),
        }
    }

    fn expr(&mut self, expr: &Expr, frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        self.location = expr.location;
        match &expr.kind {
            ExprKind::Holds(term) => self.each(term, frame, &mut |eval, frame, value| {
                if value.is_true() { next(eval, frame) } else { Ok(()) }
            }),
            ExprKind::Eq(a, b) => self.equal(a, b, frame, next),
            ExprKind::Call { callee, args, out } => self.call(callee, args, out.as_ref(), expr.location, frame, next),
            ExprKind::Not(inner) => {
                if self.holds(frame, |eval, frame, next| eval.expr(inner, frame, next))? {
                    Ok(())
                } else {
                    next(self, frame)
                }
            }
            ExprKind::Every { key, value, domain, body } => {
                let domain = self.bound(domain, frame)?;
                if self.every(*key, *value, &domain, body, frame)? { next(self, frame) } else { Ok(()) }
            }
            ExprKind::With { with, body } => self.with(with, body, frame, next),
        }
    }

    /// Each value of a term.
    pub(super) fn each(
        &mut self,
        term: &Term,
        frame: &mut Frame,
        next: &mut dyn FnMut(&mut Eval<'p>, &mut Frame, &Value) -> Res,
    ) -> Res {
        match term {
            Term::Ref(r) => self.reference(r, frame, next),
            _ => {
                let value = self.bound(term, frame)?;
                next(self, frame, &value)
            }
        }
    }

    fn equal(&mut self, a: &Term, b: &Term, frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        match (a, b) {
            (Term::Ref(_), Term::Ref(_)) => self.each(a, frame, &mut |eval, frame, left| {
                eval.each(b, frame, &mut |eval, frame, right| if left == right { next(eval, frame) } else { Ok(()) })
            }),
            (Term::Ref(r), pattern) | (pattern, Term::Ref(r)) => self.reference(r, frame, &mut |eval, frame, value| {
                let mark = frame.mark();
                if eval.matches(pattern, value, frame)? {
                    next(eval, frame)?;
                }
                frame.undo(mark);
                Ok(())
            }),
            _ => {
                let mark = frame.mark();
                if self.unify(a, b, frame)? {
                    next(self, frame)?;
                }
                frame.undo(mark);
                Ok(())
            }
        }
    }

    fn every(&mut self, key: Option<Slot>, value: Slot, domain: &Value, body: &[Expr], frame: &mut Frame) -> Res<bool> {
        let mut one = |eval: &mut Self, index: &Value, item: &Value| {
            let mark = frame.mark();
            if let Some(key) = key {
                frame.bind(key, index.clone());
            }
            frame.bind(value, item.clone());
            let held = eval.holds(frame, |eval, frame, next| eval.body(body, frame, next));
            frame.undo(mark);
            held
        };
        match domain {
            Value::Array(items) => {
                for (index, item) in (0_i64..).zip(items.iter()) {
                    if !one(self, &Value::from(index), item)? {
                        return Ok(false);
                    }
                }
            }
            Value::Object(map) => {
                for (key, item) in map.iter() {
                    if !one(self, key, item)? {
                        return Ok(false);
                    }
                }
            }
            Value::Set(items) => {
                for item in items.iter() {
                    if !one(self, item, item)? {
                        return Ok(false);
                    }
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
