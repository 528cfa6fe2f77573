//! Bodies and their expressions.

use super::frame::Frame;
use super::record::Mark;
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

    /// Solves a body of its own (of a rule, a comprehension, a negation): `emit` once for each solution.
    #[inline]
    pub(super) fn solve(&mut self, body: &[Expr], frame: &mut Frame, emit: Next<'_, 'p>) -> Res {
        if self.watched { self.watched_solve(body, frame, emit) } else { self.body(body, frame, emit) }
    }

    /// Whether a body has a solution.
    pub(super) fn holds(&mut self, body: &[Expr], frame: &mut Frame) -> Res<bool> {
        let (mark, doubts, record) = (frame.mark(), self.doubts(), self.record_mark());
        let mut found = false;
        let outcome = self.solve(body, frame, &mut |_, _| {
            found = true;
            Err(Halt::Enough)
        });
        frame.undo(mark);
        self.record_reset(record);
        if found {
            self.settle(doubts);
        }
        match outcome {
            Err(Halt::Error(error)) => Err(Halt::Error(error)),
            Ok(()) | Err(Halt::Enough | Halt::Unknown) => Ok(found),
        }
    }

    fn expr(&mut self, expr: &Expr, frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        self.location = expr.location;
        if self.watched {
            return self.watched_expr(expr, frame, next);
        }
        self.plain_expr(expr, Mark::default(), frame, next)
    }

    /// An expression; `mark` is where it begins in the record.
    pub(super) fn plain_expr(&mut self, expr: &Expr, mark: Mark, frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        match &expr.kind {
            ExprKind::Holds(term) => self.each(term, frame, &mut |eval, frame, value| {
                if value.is_true() { next(eval, frame) } else { Ok(()) }
            }),
            ExprKind::Eq(a, b) => self.equal(a, b, frame, next),
            ExprKind::Call { callee, args, out } => self.call(callee, args, out.as_ref(), expr.location, frame, next),
            ExprKind::Not(inner) => {
                let doubts = self.doubts();
                let held = self.holds(std::slice::from_ref(&**inner), frame)?;
                self.record_within(mark);
                if held || self.doubted(doubts) { Ok(()) } else { next(self, frame) }
            }
            ExprKind::Every { key, value, domain, body } => {
                let given = self.bound(domain, frame)?;
                let origin = self.record_argument(domain, frame);
                self.record_set(origin);
                let doubts = self.doubts();
                let held = self.every(*key, *value, &given, body, frame)?;
                self.record_within(mark);
                if !held {
                    self.settle(doubts);
                    return Ok(());
                }
                if self.doubted(doubts) { Ok(()) } else { next(self, frame) }
            }
            ExprKind::With { with, body } => self.with(with, body, frame, next),
            ExprKind::Print(parts) => self.print(parts, expr.location, frame, next),
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
                eval.each(b, frame, &mut |eval, frame, right| {
                    if eval.same(left, right)? { next(eval, frame) } else { Ok(()) }
                })
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

    /// Whether a body holds for each item; not known where it perhaps does, which the doubts say.
    fn every(&mut self, key: Option<Slot>, value: Slot, domain: &Value, body: &[Expr], frame: &mut Frame) -> Res<bool> {
        let origin = self.record_current();
        let mut one = |eval: &mut Self, index: &Value, item: &Value| {
            let mark = frame.mark();
            if let Some(key) = key {
                frame.bind(key, index.clone());
            }
            frame.bind(value, item.clone());
            if eval.record.is_some() {
                frame.set_origin(value, origin.as_ref().map(|origin| origin.below(index)));
            }
            let doubts = eval.doubts();
            let held = eval.holds(body, frame);
            frame.undo(mark);
            // In doubt is not yet false.
            held.map(|held| held || eval.doubts() != doubts)
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
