//! Evaluates pipelines: commands, fields, methods and calls (`text/template/exec.go`).

use super::Value;
use super::exec::{Ran, Run};
use super::functions::{self, Failure, Parameter};
use super::node::{Command, Number, Operand, Pipe, Term};
use super::value::{Data, Go, IntType};
use crate::text::quote;
use std::fmt::Display;
use std::sync::Arc;

impl<'a> Run<'a> {
    /// The value of a pipeline, which its variables have from here on.
    pub(super) fn pipe(&mut self, dot: &Go, pipe: &'a Pipe) -> Ran<Go> {
        self.at = (pipe.pos, pipe);
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(dot, command, last)?.opened());
        }
        let value = last.unwrap_or(Go::NONE);
        for name in &pipe.variables {
            if pipe.assigns {
                self.set(name, value.clone())?;
            } else {
                self.variables.push((Arc::clone(name), value.clone()));
            }
        }
        Ok(value)
    }

    fn known(&mut self, name: &str) -> Ran<usize> {
        let found = self.variables.iter().rposition(|(known, _)| &**known == name);
        self.context.work(self.variables.len() - found.unwrap_or(0))?;
        match found {
            Some(at) => Ok(at),
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    /// Sets the variable of a name that was declared last.
    pub(super) fn set(&mut self, name: &str, value: Go) -> Ran<()> {
        let at = self.known(name)?;
        if let Some((_, known)) = self.variables.get_mut(at) {
            *known = value;
        }
        Ok(())
    }

    /// A command, with the value of the one before it as its last argument.
    fn command(&mut self, dot: &Go, command: &'a Command, last: Option<Go>) -> Ran<Go> {
        let Command { pos, first, arguments } = command;
        self.context.work(1)?;
        if let Term::Identifier(name) = &first.term {
            self.at = (first.pos, first);
            return self.call(dot, (*pos, command), name, arguments, last);
        }
        if let Term::Field(_) | Term::Chain(..) | Term::Variable(..) = &first.term {
            return self.fields(dot, first, arguments.len(), last);
        }
        if !matches!(first.term, Term::Pipe(_)) {
            self.at = (first.pos, first);
        }
        self.no_arguments(first, arguments.len(), last.as_ref())?;
        match &first.term {
            Term::Pipe(pipe) => self.pipe(dot, pipe),
            Term::Nil => self.error("nil is not a command"),
            _ => self.plain(dot, first),
        }
    }

    fn no_arguments(&self, first: &Operand, arguments: usize, last: Option<&Go>) -> Ran<()> {
        if arguments > 0 || last.is_some() {
            return self.error(format!("can't give argument to non-function {first}"));
        }
        Ok(())
    }

    /// The dot or a constant.
    fn plain(&mut self, dot: &Go, operand: &'a Operand) -> Ran<Go> {
        self.at = (operand.pos, operand);
        Ok(match &operand.term {
            Term::Dot => dot.clone(),
            Term::Bool(b) => Go::from(*b),
            Term::Text(text, _) => Data::Text(Arc::clone(text)).into(),
            Term::Number(Number::Int(n), _) => Data::Int(*n, IntType::Int).into(),
            Term::Number(Number::Float(n), _) => Data::Float(*n).into(),
            Term::Number(Number::Overflow, written) => return self.error(format!("{written} overflows int")),
            _ => Go::NONE,
        })
    }

    /// `.a.b`, `$x.a.b` or `(pipeline).a.b`; only a method at the end could take arguments.
    fn fields(&mut self, dot: &Go, operand: &'a Operand, arguments: usize, last: Option<Go>) -> Ran<Go> {
        self.at = (operand.pos, operand);
        let (mut value, names) = match &operand.term {
            Term::Field(names) => (dot.clone(), names),
            Term::Variable(name, names) => {
                let at = self.known(name)?;
                (self.variables.get(at).map_or(Go::NONE, |(_, value)| value.clone()), names)
            }
            Term::Chain(inner, _) if matches!(inner.term, Term::Nil) => {
                return self.error(format!("indirection through explicit nil in {operand}"));
            }
            Term::Chain(inner, names) => (self.argument(dot, Parameter::Value, inner)?, names),
            _ => return Ok(Go::NONE),
        };
        let Some(final_name) = names.len().checked_sub(1) else {
            self.no_arguments(operand, arguments, last.as_ref())?;
            return Ok(value);
        };
        for (i, name) in names.iter().enumerate() {
            let given = if i == final_name { arguments + usize::from(last.is_some()) } else { 0 };
            value = self.field(operand, name, given, &value)?;
            self.context.work(value.making())?;
        }
        Ok(value)
    }

    fn field(&mut self, operand: &'a Operand, name: &str, given: usize, value: &Go) -> Ran<Go> {
        match &value.data {
            Data::Nil if value.is_none() => Ok(Go::NONE),
            Data::Nil => self.error(format!("nil pointer evaluating interface {{}}.{name}")),
            Data::Number(text) if functions::METHODS.contains(&name) => {
                if given > 0 {
                    return self.error(format!("wrong number of args for {name}: want 0 got {given}"));
                }
                functions::method(name, text).or_else(|failure| {
                    self.at = (operand.pos, operand);
                    self.error(format!("error calling {name}: {failure}"))
                })
            }
            Data::Map(_) if given > 0 => self.error(format!("{name} is not a method but has arguments")),
            Data::Map(map) => Ok(map.get(&Value::string(name)).map_or(Go::NONE, Go::of)),
            _ => self.error(format!("can't evaluate field {name} in type {}", value.static_type())),
        }
    }

    /// A function with its arguments.
    fn call(
        &mut self,
        dot: &Go,
        whole: (usize, &'a dyn Display),
        name: &str,
        arguments: &'a [Operand],
        last: Option<Go>,
    ) -> Ran<Go> {
        let Some((fixed, rest)) = functions::signature(name) else {
            return self.error(format!("{} is not a defined function", quote(name, false)));
        };
        let (count, given) = (fixed.len(), arguments.len() + usize::from(last.is_some()));
        if rest.is_some() && given < count {
            let got = arguments.len();
            return self.error(format!("wrong number of args for {name}: want at least {count} got {got}"));
        }
        if rest.is_none() && given != count {
            return self.error(format!("wrong number of args for {name}: want {count} got {given}"));
        }
        let parameter = |at: usize| fixed.get(at).copied().or(rest).unwrap_or(Parameter::Value);
        let short = match name {
            "and" => Some(false),
            "or" => Some(true),
            _ => None,
        };
        let mut values = Vec::with_capacity(given);
        for (at, argument) in arguments.iter().enumerate() {
            let value = self.argument(dot, parameter(at), argument)?;
            // These two look no further than they need.
            if short == Some(value.truth()) {
                return Ok(value);
            }
            values.push(value);
        }
        let callee = match (arguments.first(), &last) {
            (Some(first), _) => first.to_string(),
            (None, Some(last)) => functions::called(last),
            (None, None) => String::new(),
        };
        if let Some(last) = last {
            values.push(self.fitting(last, parameter(given - 1))?);
        }
        if short.is_some() {
            return Ok(values.pop().unwrap_or(Go::NONE));
        }
        functions::call(name, &values, &callee, self.context).or_else(|failure| match failure {
            Failure::Halt(error) => Err(error),
            Failure::Error(text) => {
                self.at = whole;
                self.error(format!("error calling {name}: {text}"))
            }
        })
    }

    /// An operand as an argument.
    fn argument(&mut self, dot: &Go, parameter: Parameter, operand: &'a Operand) -> Ran<Go> {
        self.context.work(1)?;
        self.at = (operand.pos, operand);
        let value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Nil if parameter == Parameter::Text => return self.error("cannot assign nil to string"),
            Term::Nil => return Ok(Go::NONE),
            Term::Field(_) | Term::Variable(..) | Term::Chain(..) => self.fields(dot, operand, 0, None)?,
            Term::Pipe(pipe) => self.pipe(dot, pipe)?,
            Term::Identifier(name) => self.call(dot, (operand.pos, operand), name, &[], None)?,
            Term::Bool(_) | Term::Number(..) if parameter == Parameter::Text => {
                return self.error(format!("expected string; found {operand}"));
            }
            Term::Bool(_) | Term::Number(..) | Term::Text(..) => return self.plain(dot, operand),
        };
        self.fitting(value, parameter)
    }

    /// A value as an argument (`validateType`).
    fn fitting(&self, value: Go, parameter: Parameter) -> Ran<Go> {
        match (parameter, &value.data) {
            (Parameter::Value, _) => Ok(value),
            (Parameter::Any, _) | (Parameter::Text, Data::Text(_)) => Ok(value.opened()),
            (Parameter::Text, Data::Nil) if value.is_none() => self.error("invalid value; expected string"),
            (Parameter::Text, Data::Nil) => self.error("wrong type for value; expected string; got interface {}"),
            (Parameter::Text, _) => {
                let got = value.opened().static_type();
                self.error(format!("wrong type for value; expected string; got {got}"))
            }
        }
    }
}
