//! `with`: a body under replaced input, data and functions.

use super::frame::Frame;
use super::scope::replaced;
use super::{Eval, Next, Res};
use crate::compile::ir::{Expr, With};
use std::rc::Rc;

impl<'p> Eval<'p> {
    /// Solves a body under replacements; what follows it is outside of them.
    pub(super) fn with(&mut self, with: &[With], body: &[Expr], frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        let mut scope = self.scope.inner();
        for replacement in with {
            let spent = self.context.budget.long();
            self.within(spent)?;
            match replacement {
                With::Input(path, term) => {
                    let mark = self.record_mark();
                    let value = self.bound(term, frame)?;
                    if self.record.is_some() && path.is_empty() {
                        self.record_term(term, mark, frame);
                        scope.input_origin = self.record_current();
                    }
                    scope.given_input |= path.is_empty();
                    scope.input = Some(self.made(replaced(scope.input.as_ref(), path, value))?);
                }
                With::Data(path, node, value) => {
                    let value = self.bound(value, frame)?;
                    scope.data = Some(self.made(replaced(scope.data.as_ref(), path, value))?);
                    scope.hidden.extend(node);
                }
                With::CallValue(key, value) => {
                    let value = self.bound(value, frame)?;
                    scope.others.remove(key);
                    scope.values.insert(*key, value);
                }
                With::CallOther(key, other) => {
                    scope.values.remove(key);
                    scope.others.insert(*key, other.clone());
                }
            }
        }
        let outer = self.scope.clone();
        self.scope = Rc::new(scope);
        let outcome = self.body(body, frame, &mut |eval, frame| {
            let inner = std::mem::replace(&mut eval.scope, outer.clone());
            let outcome = next(eval, frame);
            eval.scope = inner;
            outcome
        });
        self.scope = outer;
        outcome
    }
}
