//! `walk`: each place within a value, with its path.

use super::frame::Frame;
use super::{Eval, Next, Res};
use crate::compile::ir::Term;
use crate::value::Value;

impl<'p> Eval<'p> {
    /// `[path, value]` of each place.
    pub(super) fn walk(&mut self, value: &Value, out: Option<&Term>, frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        let mut path = Vec::new();
        self.walk_from(value, &mut path, out, frame, next)
    }

    fn walk_from(
        &mut self,
        value: &Value,
        path: &mut Vec<Value>,
        out: Option<&Term>,
        frame: &mut Frame,
        next: Next<'_, 'p>,
    ) -> Res {
        let place = Value::array([Value::array(path.iter().cloned()), value.clone()]);
        self.result(&place, out, frame, next)?;
        let mut one = |eval: &mut Self, key: Value, item: &Value| {
            path.push(key);
            let outcome = eval.step(|eval| eval.walk_from(item, path, out, frame, next));
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
