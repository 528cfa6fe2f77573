//! Calls of builtins and functions, replaced ones included.

use super::frame::Frame;
use super::{Eval, Next, Res};
use crate::ast::Location;
use crate::builtins::{Builtin, BuiltinError};
use crate::compile::ir::{Callee, Term};
use crate::error::Code;
use crate::value::Value;
use std::rc::Rc;

impl<'p> Eval<'p> {
    /// A call: its value equals `out`, or without it is not false.
    pub(super) fn call(
        &mut self,
        callee: &Callee,
        args: &[Term],
        out: Option<&Term>,
        location: Location,
        frame: &mut Frame,
        next: Next<'_, 'p>,
    ) -> Res {
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.bound(arg, frame)?);
        }
        let key = callee.key();
        if let Some(value) = self.scope.values.get(&key).cloned() {
            return self.result(&value, out, frame, next);
        }
        if let Some(other) = self.scope.others.get(&key).cloned() {
            // Within a replacement nothing is replaced.
            let mut inner = self.scope.inner();
            inner.values.clear();
            inner.others.clear();
            let outer = std::mem::replace(&mut self.scope, Rc::new(inner));
            if let (Callee::Walk, Some(value)) = (&other, values.first()) {
                let value = value.clone();
                self.scope = outer;
                return self.walk(&value, out, frame, next);
            }
            let value = self.invoke(&other, &values, location);
            self.scope = outer;
            return match value? {
                Some(value) => self.result(&value, out, frame, next),
                None => Ok(()),
            };
        }
        if let (Callee::Walk, Some(value)) = (callee, values.first()) {
            return self.walk(value, out, frame, next);
        }
        match self.invoke(callee, &values, location)? {
            Some(value) => self.result(&value, out, frame, next),
            None => Ok(()),
        }
    }

    fn invoke(&mut self, callee: &Callee, args: &[Value], location: Location) -> Res<Option<Value>> {
        match callee {
            Callee::Builtin(builtin) => self.builtin(builtin, args, location),
            Callee::Function(node) => self.function(*node, args),
            Callee::Walk => Ok(None),
        }
    }

    fn builtin(&mut self, builtin: &Builtin, args: &[Value], location: Location) -> Res<Option<Value>> {
        match (builtin.call)(args, &mut self.context) {
            Ok(value) => Ok(value),
            Err(BuiltinError::Halt(message)) => Err(self.fail(Code::EvalBuiltin, message, location)),
            Err(_) if !self.strict => Ok(None),
            Err(BuiltinError::Type(message)) => {
                Err(self.fail(Code::EvalType, format!("{}: {message}", builtin.name), location))
            }
            Err(BuiltinError::Failed(message)) => {
                Err(self.fail(Code::EvalBuiltin, format!("{}: {message}", builtin.name), location))
            }
        }
    }

    /// What a call gave, against what is asked of it.
    pub(super) fn result(&mut self, value: &Value, out: Option<&Term>, frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        match out {
            None if value.is_true() => next(self, frame),
            None => Ok(()),
            Some(pattern) => {
                let mark = frame.mark();
                if self.matches(pattern, value, frame)? {
                    next(self, frame)?;
                }
                frame.undo(mark);
                Ok(())
            }
        }
    }
}
