//! `walk`: each place within a value, with its path.

use super::frame::Frame;
use super::reads::Origin;
use super::{Eval, Next, Res};
use crate::compile::ir::Term;
use crate::value::Value;

impl<'p> Eval<'p> {
    /// `[path, value]` of each place.
    pub(super) fn walk(&mut self, value: &Value, out: Option<&Term>, frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        let mut path = Vec::new();
        let origin = self.record_current();
        self.walk_from(value, origin.as_ref(), &mut path, out, frame, next)
    }

    fn walk_from(
        &mut self,
        value: &Value,
        origin: Option<&Origin>,
        path: &mut Vec<Value>,
        out: Option<&Term>,
        frame: &mut Frame,
        next: Next<'_, 'p>,
    ) -> Res {
        let place = self.made(Value::array([Value::array(path.iter().cloned()), value.clone()]))?;
        self.record_set(origin.map(|origin| origin.made(value)));
        self.result(&place, out, frame, next)?;
        let mut one = |eval: &mut Self, key: Value, item: &Value| {
            let below = origin.map(|origin| origin.below(&key));
            path.push(key);
            let outcome = eval.step(|eval| eval.walk_from(item, below.as_ref(), path, out, frame, next));
            path.pop();
            outcome
        };
        match value {
            Value::Array(items) => {
                for (index, item) in (0_i64..).zip(items.iter()) {
                    one(self, Value::from(index), item)?;
                }
            }
            Value::Object(map) => {
                for (key, item) in map.iter() {
                    one(self, key.clone(), item)?;
                }
            }
            Value::Set(items) => {
                for item in items.iter() {
                    one(self, item.clone(), item)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
