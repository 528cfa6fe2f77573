//! What one evaluation may use, and how its host ends it. Knows no clock: the host's is asked.

use crate::value::{PART, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What an evaluation may use; what goes beyond ends it with an error.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Expressions and iterations; what a builtin does in loops of its own counts likewise.
    pub steps: u64,
    /// Expressions and rules within one another.
    pub depth: usize,
    /// Bytes of values made, about; what is dropped again counts, too. No single value may be larger, written out.
    pub memory: u64,
    /// Bytes of the answer's values, about.
    pub output: u64,
    /// When it has to end.
    pub deadline: Option<Deadline>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 1_000_000_000, depth: 10_000, memory: 8 << 30, output: 1 << 30, deadline: None }
    }
}

/// A time by the host's clock.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// Monotonic; asked now and then.
    pub clock: fn() -> Duration,
    /// Counted as the clock counts.
    pub at: Duration,
}

/// Ends an evaluation from another thread. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Ends the evaluations that were given it, soon.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether they have been told to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is left of the limits.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: Limits,
    cancel: Option<Cancel>,
    steps: u64,
    /// Done, and not yet counted as a step.
    work: u64,
    /// Until the next look at the clock.
    until_look: u32,
    depth: usize,
    memory: u64,
}

/// Steps between looks at the clock, where each takes little.
const LOOK: u32 = 64;

/// What may take long without a step: a call of a builtin, or a comparison of collections, counts as so many.
const LONG: u32 = 16;

/// Values within one another. Whoever drops, compares or writes a value goes as deep on the stack, the host with it.
/// Twice what JSON may nest.
const NESTED: u32 = 2_000;

/// Operations of a loop within a builtin (a character read, two keys compared) that count as one step.
const WORK: u64 = 64;

/// Why no more may be used.
pub(crate) type Spent = &'static str;

const VALUES: Spent = "the evaluation makes more values than allowed";

const STEPS: Spent = "the evaluation takes more steps than allowed";

impl Default for Budget {
    /// Of the limits that let any honest policy through.
    fn default() -> Self {
        Self::new(Limits::default(), None)
    }
}

impl Budget {
    /// All of it.
    pub fn new(limits: Limits, cancel: Option<Cancel>) -> Self {
        Self { limits, cancel, steps: 0, work: 0, until_look: LOOK, depth: 0, memory: limits.memory }
    }

    /// Steps taken so far.
    #[cfg(test)]
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// One step further and one level deeper.
    #[inline]
    pub(crate) fn enter(&mut self) -> Result<(), Spent> {
        self.steps += 1;
        if self.steps > self.limits.steps {
            return Err(STEPS);
        }
        if self.depth >= self.limits.depth {
            return Err("the evaluation is nested more deeply than allowed");
        }
        self.toward_look(1)?;
        self.depth += 1;
        Ok(())
    }

    /// Something that may take long is about to be done.
    #[inline]
    pub(crate) fn long(&mut self) -> Result<(), Spent> {
        self.toward_look(LONG)
    }

    /// Steps, if as many are left.
    pub(crate) fn take(&mut self, steps: u64) -> Result<(), Spent> {
        let after = self.steps.saturating_add(steps);
        if after > self.limits.steps {
            return Err(STEPS);
        }
        self.steps = after;
        self.toward_look(u32::try_from(steps).unwrap_or(u32::MAX))
    }

    /// So many operations within one step, before or after they are done.
    #[inline]
    pub(crate) fn work(&mut self, operations: u64) -> Result<(), Spent> {
        self.work = self.work.saturating_add(operations);
        if self.work < WORK {
            return Ok(());
        }
        let steps = self.work / WORK;
        self.work %= WORK;
        self.take(steps)
    }

    #[inline]
    fn toward_look(&mut self, steps: u32) -> Result<(), Spent> {
        if let Some(left) = self.until_look.checked_sub(steps) {
            self.until_look = left;
            return Ok(());
        }
        self.until_look = LOOK;
        self.look()
    }

    /// One level up again.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    fn look(&self) -> Result<(), Spent> {
        if self.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
            return Err("caller cancelled query execution");
        }
        match &self.limits.deadline {
            Some(deadline) if (deadline.clock)() >= deadline.at => Err("the evaluation takes longer than allowed"),
            _ => Ok(()),
        }
    }

    /// A value was made.
    #[inline]
    pub(crate) fn made(&mut self, value: &Value) -> Result<(), Spent> {
        let Some(left) = self.memory.checked_sub(value.own_size()) else {
            return Err(VALUES);
        };
        self.memory = left;
        let (size, nested) = value.measure();
        match () {
            () if size > self.limits.memory => Err("a value is larger than allowed"),
            () if nested > NESTED => Err("a value is nested more deeply than allowed"),
            () => Ok(()),
        }
    }

    /// Whether a value of so many parts may still be made: asked before it is.
    pub(crate) fn room(&self, parts: u64) -> Result<(), Spent> {
        let bytes = parts.saturating_mul(PART);
        if bytes > self.memory { Err(VALUES) } else { Ok(()) }
    }

    /// What a builtin made on the way to its value, in parts.
    pub(crate) fn used(&mut self, parts: u64) -> Result<(), Spent> {
        self.room(parts)?;
        self.memory -= parts * PART;
        self.work(parts)
    }

    /// What the answer takes, so far.
    pub(crate) fn answered(&self, size: u64) -> Result<(), Spent> {
        if size > self.limits.output { Err("the answer is larger than allowed") } else { Ok(()) }
    }
}
