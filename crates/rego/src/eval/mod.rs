//! Evaluation of compiled policies: bodies are solved from left to right, each expression handing every solution it finds
//! to what follows and taking back its bindings afterwards. Documents and calls are found once for each scope of `with`.
//! Steps and depth are limited, so any policy ends.

mod body;
mod build;
mod call;
mod frame;
mod refs;
mod rules;
mod scope;
mod unify;
mod walk;
mod with;

use crate::ast::Location;
use crate::builtins::Context;
use crate::compile::ir::Rule;
use crate::compile::{Policy, Query};
use crate::error::{Code, Error};
use crate::value::Value;
use frame::Frame;
use scope::Scope;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What an evaluation may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Expressions evaluated.
    pub steps: u64,
    /// Expressions and rules within one another.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 1_000_000_000, depth: 10_000 }
    }
}

/// Why an evaluation goes no further.
pub(crate) enum Halt {
    /// Whoever asked has enough; caught by it.
    Enough,
    Error(Box<Error>),
}

/// An outcome within the evaluation.
pub(crate) type Res<T = ()> = Result<T, Halt>;

/// What follows an expression.
pub(crate) type Next<'k, 'p> = &'k mut dyn FnMut(&mut Eval<'p>, &mut Frame) -> Res;

/// The state of one evaluation.
pub(crate) struct Eval<'p> {
    policy: &'p Policy,
    scope: Rc<Scope>,
    context: Context,
    limits: Limits,
    strict: bool,
    steps: u64,
    depth: usize,
    /// Of the expression at hand, for errors.
    location: Location,
}

/// What an evaluation starts from.
#[derive(Debug)]
pub struct Start {
    pub input: Option<Value>,
    pub data: Value,
    pub context: Context,
    pub limits: Limits,
    /// Errors of builtins end the evaluation rather than being undefined.
    pub strict: bool,
}

/// All solutions of a query: the values of its variables.
///
/// # Errors
/// The error that ended the evaluation.
pub fn solve(policy: &Policy, query: &Query, start: Start) -> Result<Vec<BTreeMap<String, Value>>, Error> {
    let mut eval = Eval {
        policy,
        scope: Rc::new(Scope::new(start.input, start.data)),
        context: start.context,
        limits: start.limits,
        strict: start.strict,
        steps: 0,
        depth: 0,
        location: Location::default(),
    };
    let mut solutions = Vec::new();
    let outcome = eval.body(&query.body, &mut Frame::new(query.slots), &mut |_, frame| {
        let bound = query.vars.iter().filter_map(|(name, slot)| Some((name.to_string(), frame.get(*slot)?.clone())));
        solutions.push(bound.collect());
        Ok(())
    });
    match outcome {
        Ok(()) | Err(Halt::Enough) => Ok(solutions),
        Err(Halt::Error(error)) => Err(*error),
    }
}

impl<'p> Eval<'p> {
    /// An error at a place.
    fn fail(&self, code: Code, message: impl Into<String>, location: Location) -> Halt {
        let sources = &self.policy.sources;
        let source = sources.iter().find(|source| source.index == location.file);
        Halt::Error(Box::new(match source {
            Some(source) if location.row > 0 => Error::at(code, message, location, source),
            // Of the query, which has no file.
            _ => Error { location, ..Error::new(code, message) },
        }))
    }

    /// One step further and one level deeper, for the time of `work`.
    fn step<T>(&mut self, work: impl FnOnce(&mut Self) -> Res<T>) -> Res<T> {
        self.steps += 1;
        if self.steps > self.limits.steps {
            return Err(self.fail(Code::EvalCancel, "the evaluation takes more steps than allowed", self.location));
        }
        if self.depth >= self.limits.depth {
            return Err(self.fail(
                Code::EvalCancel,
                "the evaluation is nested more deeply than allowed",
                self.location,
            ));
        }
        self.depth += 1;
        let outcome = work(self);
        self.depth -= 1;
        outcome
    }

    /// A rule.
    fn rule(&self, index: usize) -> &'p Rule {
        &self.policy.rules[index]
    }
}
