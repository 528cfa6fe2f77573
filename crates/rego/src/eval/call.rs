//! Calls of builtins and functions, replaced ones included.

use super::frame::Frame;
use super::reads::Origin;
use super::{Eval, Halt, Next, Res};
use crate::ast::Location;
use crate::builtins::{Builtin, BuiltinError, Outcome};
use crate::bytes;
use crate::compile::ir::{Callee, HostId, Term};
use crate::compile::template::shown;
use crate::error::Code;
use crate::trace::Happening;
use crate::value::Value;
use std::rc::Rc;
use std::sync::Arc;

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
        let mark = self.record_mark();
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.bound(arg, frame)?);
        }
        self.record_made(mark);
        if self.scope.replaced_calls() {
            let key = callee.key();
            if let Some(value) = self.scope.values.get(&key).cloned() {
                return self.result(&value, out, frame, next);
            }
            if let Some(other) = self.scope.others.get(&key).cloned() {
                return self.replaced(&other, &values, out, location, frame, next);
            }
        }
        if let (Callee::Walk, Some(value)) = (callee, values.first()) {
            let origin = args.first().and_then(|arg| self.record_argument(arg, frame));
            self.record_set(origin);
            return self.walk(value, out, frame, next);
        }
        let origins = match self.record {
            Some(_) => args.iter().map(|arg| self.record_argument(arg, frame)).collect(),
            None => Vec::new(),
        };
        let value = self.invoke(callee, values, &origins, location)?;
        if matches!(callee, Callee::Host(_)) {
            self.record_made(mark);
        }
        match value {
            Some(value) => self.result(&value, out, frame, next),
            None => Ok(()),
        }
    }

    /// A call that `with` has sent elsewhere; within it nothing is replaced.
    fn replaced(
        &mut self,
        other: &Callee,
        values: &[Value],
        out: Option<&Term>,
        location: Location,
        frame: &mut Frame,
        next: Next<'_, 'p>,
    ) -> Res {
        if let (Callee::Walk, Some(value)) = (other, values.first()) {
            return self.walk(value, out, frame, next);
        }
        let mut inner = self.scope.inner();
        inner.values.clear();
        inner.others.clear();
        let outer = std::mem::replace(&mut self.scope, Rc::new(inner));
        let value = self.invoke(other, values.to_vec(), &[], location);
        self.scope = outer;
        match value? {
            Some(value) => self.result(&value, out, frame, next),
            None => Ok(()),
        }
    }

    fn invoke(
        &mut self,
        callee: &Callee,
        args: Vec<Value>,
        origins: &[Option<Origin>],
        location: Location,
    ) -> Res<Option<Value>> {
        match callee {
            Callee::Builtin(builtin) => self.builtin(builtin, &args, location),
            Callee::Host(host) => self.host(*host, args, location),
            Callee::Function(node) => self.function(*node, args, origins),
            Callee::Walk => Ok(None),
        }
    }

    fn builtin(&mut self, builtin: &Builtin, args: &[Value], location: Location) -> Res<Option<Value>> {
        if builtin.name == "trace"
            && let Some(Value::String(text)) = args.first()
        {
            self.tell(Happening::Note(&bytes::shown(text)), location);
        }
        let spent = self.context.budget.long();
        self.within(spent)?;
        let outcome = (builtin.call)(args, &mut self.context);
        self.outcome(outcome, builtin.name, location)
    }

    /// A builtin of the host, asked once for the same arguments.
    fn host(&mut self, id: HostId, args: Vec<Value>, location: Location) -> Res<Option<Value>> {
        let policy = self.policy;
        let Some(host) = policy.tree.hosts.get(id) else { return Ok(None) };
        self.record_host(&host.name, &args);
        let key = (id, args);
        let outcome = match self.context.asked.get(&key) {
            Some(known) => known.clone(),
            None => {
                let outcome = (host.call)(&key.1, &mut self.context);
                self.context.asked.insert(key.clone(), outcome.clone());
                outcome
            }
        };
        if matches!(outcome, Err(BuiltinError::Unprepared)) && self.unknown.is_some() {
            let args: Vec<String> = key.1.iter().map(crate::json::to_string).collect();
            self.hole(Arc::from(format!("{}({})", host.name, args.join(", "))));
            return Ok(None);
        }
        self.outcome(outcome, &host.name, location)
    }

    fn outcome(&mut self, outcome: Outcome, name: &str, location: Location) -> Res<Option<Value>> {
        match outcome {
            Ok(Some(value)) => self.made(value).map(Some),
            Ok(None) => Ok(None),
            Err(BuiltinError::Limit(spent)) => Err(self.fail(Code::EvalCancel, spent, location)),
            Err(BuiltinError::Halt(message)) => Err(self.fail(Code::EvalBuiltin, message, location)),
            Err(BuiltinError::Unprepared) => {
                Err(self.fail(Code::EvalBuiltin, format!("{name}: the host has no answer to this call"), location))
            }
            Err(error) if !self.strict => {
                if self.tracer.is_some()
                    && let Halt::Error(fault) = self.fault(&error, name, location)
                {
                    self.tell(Happening::Fault(&fault), location);
                }
                Ok(None)
            }
            Err(error) => Err(self.fault(&error, name, location)),
        }
    }

    /// An error of a builtin's as one of the evaluation.
    fn fault(&self, error: &BuiltinError, name: &str, location: Location) -> Halt {
        let code = if matches!(error, BuiltinError::Type(_)) { Code::EvalType } else { Code::EvalBuiltin };
        self.fail(code, format!("{name}: {error}"), location)
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

    /// `print`: each part is the set of what an operand came to; empty where it is undefined.
    pub(super) fn print(&mut self, parts: &[Term], location: Location, frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        if self.tracer.is_some() {
            let mut lines = vec![String::new()];
            for (i, part) in parts.iter().enumerate() {
                let texts: Vec<String> = match self.bound(part, frame)? {
                    Value::Set(items) if items.is_empty() => vec!["<undefined>".to_owned()],
                    Value::Set(items) => items.iter().map(shown).collect(),
                    other => vec![shown(&other)],
                };
                let space = if i > 0 { " " } else { "" };
                let mut longer = Vec::new();
                for line in &lines {
                    for text in &texts {
                        let made = Value::string(format!("{line}{space}{text}"));
                        if let Value::String(text) = self.made(made)? {
                            longer.push(text.to_string());
                        }
                    }
                }
                lines = longer;
            }
            for line in lines {
                self.tell(Happening::Print(&bytes::shown(&line)), location);
            }
        }
        next(self, frame)
    }
}
