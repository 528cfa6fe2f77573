//! Proofs: the rules and expressions that held or failed, with their places in the sources and the places of input and
//! data that they read. Data only; the evaluator records them.

use crate::ast::{Location, Ref};
use crate::value::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How a rule, or a query, came to its answer.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// From `data`; empty for a query.
    pub rule: Vec<Value>,
    /// Each way in which it held.
    pub solutions: Vec<Solution>,
    /// Where each other way ended. Bounded.
    pub failures: Vec<Failure>,
}

/// One way in which a body held.
#[derive(Clone, Debug)]
pub struct Solution {
    /// Of the clause: the rule, or its `else`.
    pub location: Location,
    /// What the rule gave; of a set, the member.
    pub value: Value,
    /// What held, in order.
    pub steps: Vec<Step>,
    /// What the value itself was made of.
    pub made_of: Vec<Source>,
}

/// An expression that held, and what it read.
#[derive(Clone, Debug)]
pub struct Step {
    /// Of the expression.
    pub location: Location,
    /// Where its values came from.
    pub sources: Vec<Source>,
}

/// The expression at which a way ended, and what it read.
pub type Failure = Step;

/// Where a value came from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A place below `input` or `data`, and what stands there.
    Place {
        /// From `input` or `data`, key by key.
        path: Vec<Value>,
        /// None where nothing stands there.
        found: Option<Value>,
    },
    /// A rule's document, of a set or object the member asked for, or the call of a function.
    Rule {
        /// How the rule came to its answer.
        proof: Arc<Proof>,
        /// The member that was asked for.
        member: Option<Value>,
    },
    /// A builtin of the host.
    Host {
        /// Of the builtin.
        name: Arc<str>,
        /// What it was asked.
        args: Vec<Value>,
    },
    /// Many together.
    Made(Arc<Vec<Source>>),
}

/// What decided: lines of the policy, and places of input and data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// Of expressions and rules that held, or at which they failed.
    pub lines: BTreeSet<Location>,
    /// From `input` or `data`, key by key; see [`place`].
    pub places: BTreeSet<Vec<Value>>,
}

impl Decided {
    /// What steps of a way decided, without what the answer itself was made of.
    pub fn by<'s>(steps: impl IntoIterator<Item = &'s Step>) -> Self {
        let mut decided = Self::default();
        let mut seen = BTreeSet::new();
        steps.into_iter().for_each(|step| step.gather(&mut decided, &mut seen));
        decided.narrow()
    }

    /// Leaves out a place where one below it is named.
    fn narrow(mut self) -> Self {
        let all: Vec<Vec<Value>> = std::mem::take(&mut self.places).into_iter().collect();
        // In order, what is below a place follows it at once.
        let inner = |i: usize| all.get(i + 1).is_some_and(|next| all.get(i).is_some_and(|at| next.starts_with(at)));
        self.places = all.iter().enumerate().filter(|(i, _)| !inner(*i)).map(|(_, place)| place.clone()).collect();
        self
    }
}

/// A place as a policy writes it, e.g. `input.tasks[0].name`.
pub fn place(path: &[Value]) -> String {
    match path.split_first() {
        Some((root, keys)) => Ref::shown(&crate::json::key_text(root), keys),
        None => String::new(),
    }
}

impl Proof {
    /// The ways in which it gave a value.
    pub fn of<'p>(&'p self, value: &'p Value) -> impl Iterator<Item = &'p Solution> {
        self.solutions.iter().filter(move |solution| solution.value == *value)
    }

    /// What decided that it holds, or where it does not hold at all, that it does not.
    pub fn decided(&self) -> Decided {
        let mut decided = Decided::default();
        self.gather(None, &mut decided, &mut BTreeSet::new());
        decided.narrow()
    }

    fn gather(&self, member: Option<&Value>, into: &mut Decided, seen: &mut BTreeSet<(usize, Option<Value>)>) {
        // The same proof is met by many ways.
        if !seen.insert((std::ptr::from_ref(self) as usize, member.cloned())) {
            return;
        }
        let mut held = false;
        for solution in &self.solutions {
            if member.is_none_or(|member| self.gave(solution, member)) {
                held = true;
                solution.gather(into, seen);
            }
        }
        // Of a set read whole, what is missing decides as well.
        if !held || member.is_none() && self.solutions.len() > 1 {
            for failure in &self.failures {
                failure.gather(into, seen);
            }
        }
    }

    /// Whether a solution gave a member: itself, or the value that it is the key of.
    fn gave(&self, solution: &Solution, member: &Value) -> bool {
        solution.value == *member || self.rule.is_empty()
    }
}

impl Solution {
    /// What made it hold.
    pub fn decided(&self) -> Decided {
        let mut decided = Decided::default();
        self.gather(&mut decided, &mut BTreeSet::new());
        decided.narrow()
    }

    fn gather(&self, into: &mut Decided, seen: &mut BTreeSet<(usize, Option<Value>)>) {
        // A query as a whole has no place.
        if self.location.row > 0 {
            into.lines.insert(self.location);
        }
        for step in &self.steps {
            step.gather(into, seen);
        }
        for source in &self.made_of {
            source.gather(into, seen);
        }
    }
}

impl Step {
    fn gather(&self, into: &mut Decided, seen: &mut BTreeSet<(usize, Option<Value>)>) {
        into.lines.insert(self.location);
        for source in &self.sources {
            source.gather(into, seen);
        }
    }
}

impl Source {
    fn gather(&self, into: &mut Decided, seen: &mut BTreeSet<(usize, Option<Value>)>) {
        match self {
            Self::Place { path, .. } => {
                into.places.insert(path.clone());
            }
            Self::Rule { proof, member } => proof.gather(member.as_ref(), into, seen),
            Self::Host { .. } => {}
            Self::Made(sources) => {
                if seen.insert((Arc::as_ptr(sources) as usize, None)) {
                    sources.iter().for_each(|source| source.gather(into, seen));
                }
            }
        }
    }
}
