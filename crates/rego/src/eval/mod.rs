//! Evaluation of compiled policies: bodies are solved from left to right, each expression handing every solution it finds
//! to what follows and taking back its bindings afterwards. Documents and calls are found once for each scope of `with`.
//! Everything that is used is limited, so any policy ends. Whoever asks is told what happens (`watch`), why an answer is
//! what it is (`record`), and what cannot be told yet (`unknown`).

mod body;
mod build;
mod call;
mod frame;
mod reads;
mod record;
mod refs;
mod rules;
mod scope;
mod unify;
mod unknown;
mod walk;
mod watch;
mod with;

pub use unknown::Reason;

use crate::ast::Location;
use crate::builtins::Context;
use crate::bytes;
use crate::compile::ir::Rule;
use crate::compile::{Policy, Query};
use crate::error::{Code, Error};
use crate::limits::Spent;
use crate::trace::Tracer;
use crate::value::{PART, Value};
use crate::why::Proof;
use frame::Frame;
use reads::Places;
use record::Record;
use scope::Scope;
use std::collections::BTreeMap;
use std::rc::Rc;
use unknown::Unknown;

/// Why an evaluation goes no further.
pub(crate) enum Halt {
    /// Whoever asked has enough; caught by it.
    Enough,
    /// The expression needs what is not known; caught by it.
    Unknown,
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
    strict: bool,
    /// Of the expression at hand, for errors.
    location: Location,
    /// One of the following is on.
    watched: bool,
    tracer: Option<&'p mut dyn Tracer>,
    record: Option<Box<Record>>,
    /// Of the rules at hand, the innermost last.
    proofs: Vec<Proof>,
    unknown: Option<Box<Unknown>>,
}

/// What an evaluation starts from.
#[derive(Debug)]
pub(crate) struct Start {
    pub input: Option<Value>,
    pub data: Value,
    pub context: Context,
    /// Errors of builtins end the evaluation rather than being undefined.
    pub strict: bool,
    /// Record a proof.
    pub prove: bool,
    /// Places below `input` that are not known.
    pub unknown: Option<Vec<Vec<Value>>>,
}

/// What an evaluation came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The values of the query's variables, in each solution.
    pub solutions: Vec<BTreeMap<String, Value>>,
    pub proof: Option<Proof>,
    /// Why there may be more.
    pub perhaps: Vec<Reason>,
}

/// All solutions of a query.
///
/// # Errors
/// The error that ended the evaluation.
pub(crate) fn solve<'p>(
    policy: &'p Policy,
    query: &'p Query,
    start: Start,
    tracer: Option<&'p mut dyn Tracer>,
) -> Result<Outcome, Error> {
    let watched = start.prove || start.unknown.is_some() || tracer.as_ref().is_some_and(|tracer| tracer.wants_steps());
    let record = start.prove.then(|| Box::new(Record::new(Places::of(start.input.as_ref(), &start.data))));
    let mut eval = Eval {
        policy,
        scope: Rc::new(Scope::new(start.input, start.data)),
        context: start.context,
        strict: start.strict,
        location: Location::default(),
        watched,
        tracer,
        record,
        proofs: Vec::new(),
        unknown: start.unknown.map(|paths| Box::new(Unknown::new(paths))),
    };
    let mut solutions = Vec::new();
    let mut answered = 0;
    let (outcome, proof) = eval.record_apart(|eval| {
        eval.solve(&query.body, &mut Frame::new(query.slots), &mut |eval, frame| {
            let bound =
                query.vars.iter().filter_map(|(name, slot)| Some((name.to_string(), frame.get(*slot)?.clone())));
            let bound: BTreeMap<String, Value> = bound.collect();
            answered += PART + bound.values().map(Value::size).sum::<u64>();
            let spent = eval.context.budget.answered(answered);
            eval.within(spent)?;
            eval.record_solution(None, &Value::Bool(true), eval.record_mark());
            solutions.push(bound);
            Ok(())
        })
    });
    let perhaps = eval.unknown.map(|unknown| unknown.perhaps).unwrap_or_default();
    match outcome {
        Ok(()) | Err(Halt::Enough | Halt::Unknown) => Ok(Outcome { solutions, proof, perhaps }),
        Err(Halt::Error(error)) => Err(*error),
    }
}

impl<'p> Eval<'p> {
    /// An error at a place.
    fn fail(&self, code: Code, message: impl Into<String>, location: Location) -> Halt {
        let message = message.into();
        let message = bytes::shown(&message);
        let sources = &self.policy.sources;
        let source = sources.iter().find(|source| source.index == location.file);
        Halt::Error(Box::new(match source {
            Some(source) if location.row > 0 => Error::at(code, message, location, source),
            // Of the query, which no file holds.
            _ => {
                let mut error = Error::new(code, message);
                error.location = location;
                error
            }
        }))
    }

    /// What a limit says, as an error at the expression at hand.
    #[inline]
    fn within(&self, spent: Result<(), Spent>) -> Res {
        spent.map_err(|message| self.fail(Code::EvalCancel, message, self.location))
    }

    /// A value was made.
    #[inline]
    fn made(&mut self, value: Value) -> Res<Value> {
        let spent = self.context.budget.made(&value);
        self.within(spent)?;
        Ok(value)
    }

    /// Whether a collection may still grow to so many parts.
    #[inline]
    fn room(&self, parts: usize) -> Res {
        self.within(self.context.budget.room(parts as u64))
    }

    /// Something of so many parts is kept that is no value.
    #[inline]
    fn used(&mut self, parts: usize) -> Res {
        let spent = self.context.budget.used(parts as u64);
        self.within(spent)
    }

    /// One step further and one level deeper, for the time of `work`.
    #[inline]
    fn step<T>(&mut self, work: impl FnOnce(&mut Self) -> Res<T>) -> Res<T> {
        let spent = self.context.budget.enter();
        self.within(spent)?;
        let outcome = work(self);
        self.context.budget.leave();
        outcome
    }

    /// A rule.
    fn rule(&self, index: usize) -> &'p Rule {
        &self.policy.rules[index]
    }
}
