//! Expressions and bodies while somebody watches: traced, recorded, or with parts of the input unknown.

use super::frame::Frame;
use super::{Eval, Halt, Next, Res};
use crate::ast::Location;
use crate::compile::ir::Expr;
use crate::trace::Happening;

impl<'p> Eval<'p> {
    /// Tells whoever listens.
    pub(super) fn tell(&mut self, what: Happening<'_>, at: Location) {
        if let Some(tracer) = &mut self.tracer
            && (self.watched || matches!(what, Happening::Note(_) | Happening::Print(_) | Happening::Fault(_)))
        {
            tracer.happened(what, at);
        }
    }

    /// An expression.
    pub(super) fn watched_expr(&mut self, expr: &Expr, frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        self.tell(Happening::Eval, expr.location);
        let mark = self.record_mark();
        let holes = self.holes_met();
        let mut held = false;
        let outcome = self.plain_expr(expr, mark, frame, &mut |eval, frame| {
            held = true;
            eval.tell(Happening::Held, expr.location);
            eval.record_held(mark, expr.location, |eval| next(eval, frame))
        });
        let own = self.take_holes(holes);
        match outcome {
            Ok(()) | Err(Halt::Unknown) => {}
            other => return other,
        }
        let Some(own) = own else {
            if !held {
                self.tell(Happening::Failed, expr.location);
            }
            return self.record_end(mark, expr.location, held);
        };
        self.record_end(mark, expr.location, true)?;
        self.beyond(own, frame, next)
    }

    /// Solves a body by itself: `emit` once for each solution.
    pub(super) fn watched_solve(&mut self, body: &[Expr], frame: &mut Frame, emit: Next<'_, 'p>) -> Res {
        if self.unknown.is_none() {
            return self.body(body, frame, emit);
        }
        let (mut branch, mut around) = (Vec::new(), 0);
        if let Some(unknown) = &mut self.unknown {
            branch = std::mem::take(&mut unknown.branch);
            around = unknown.around.len();
            unknown.around.extend(branch.iter().cloned());
        }
        let outcome = self.body(body, frame, &mut |eval, frame| eval.reached(frame, emit));
        if let Some(unknown) = &mut self.unknown {
            unknown.branch = branch;
            unknown.around.truncate(around);
        }
        outcome
    }
}
