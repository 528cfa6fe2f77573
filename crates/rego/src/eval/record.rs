//! Recording of proofs: what the way at hand has read, and where other ways ended.

use super::frame::Frame;
use super::reads::{Origin, Places, Read, distinct};
use super::{Eval, Res};
use crate::ast::Location;
use crate::compile::ir::{Clause, Slot, Term};
use crate::value::Value;
use crate::why::{Failure, Proof, Solution, Source, Step};
use std::sync::Arc;

/// Failures kept of one rule.
const MOST: usize = 200;

/// What is recorded of the body at hand.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Shared by all bodies.
    places: Arc<Places>,
    /// Of the value that is being handed on.
    pub current: Option<Origin>,
    /// Expressions that hold on the way at hand.
    steps: Vec<Step>,
    /// What the expression at hand has read on the way at hand.
    reads: Vec<Read>,
    /// What it has read on any way.
    seen: Vec<Read>,
    failures: Vec<Failure>,
    /// Parts kept that are not charged yet.
    parts: usize,
}

/// Where an expression began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    steps: usize,
    reads: usize,
    seen: usize,
    failures: usize,
}

impl Record {
    /// Nothing recorded yet.
    pub fn new(places: Places) -> Self {
        Self { places: Arc::new(places), ..Self::default() }
    }

    fn read(&mut self, origin: &Origin, found: Option<&Value>) {
        origin.read(found, |read| self.add(read));
    }

    fn add(&mut self, read: Read) {
        self.parts += 2;
        self.seen.push(read.clone());
        self.reads.push(read);
    }
}

impl<'p> Eval<'p> {
    /// Where a value that is about to be bound came from.
    pub(super) fn record_origin_of(&self, value: &Value) -> Option<Origin> {
        let record = self.record.as_ref()?;
        match &record.current {
            Some(Origin::Place(place)) => Some(Origin::Place(place.clone())),
            other => record.places.find(value).or_else(|| other.clone()),
        }
    }

    /// Where the expression at hand begins.
    pub(super) fn record_mark(&self) -> Mark {
        let Some(record) = &self.record else { return Mark::default() };
        Mark {
            steps: record.steps.len(),
            reads: record.reads.len(),
            seen: record.seen.len(),
            failures: record.failures.len(),
        }
    }

    /// The expression holds; `next` goes on from it.
    pub(super) fn record_held(&mut self, mark: Mark, at: Location, next: impl FnOnce(&mut Self) -> Res) -> Res {
        if let Some(record) = &mut self.record {
            let sources = distinct(record.reads.get(mark.reads..).unwrap_or_default());
            record.parts += 1 + parts(&sources);
            record.steps.push(Step { location: at, sources });
        }
        self.record_charge()?;
        let outcome = next(self);
        if let Some(record) = &mut self.record {
            record.steps.truncate(mark.steps);
        }
        outcome
    }

    /// The expression is over.
    pub(super) fn record_end(&mut self, mark: Mark, at: Location, held: bool) -> Res {
        let Some(record) = &mut self.record else { return Ok(()) };
        if !held && record.failures.len() < MOST {
            let sources = distinct(record.seen.get(mark.seen..).unwrap_or_default());
            record.parts += 1 + parts(&sources);
            record.failures.push(Failure { location: at, sources });
        }
        record.reads.truncate(mark.reads);
        self.record_charge()
    }

    /// What is kept counts as memory.
    fn record_charge(&mut self) -> Res {
        let parts = self.record.as_mut().map_or(0, |record| std::mem::take(&mut record.parts));
        self.used(parts)
    }

    /// After a body of a rule: the way at hand is over.
    pub(super) fn record_reset_way(&mut self, mark: Mark) {
        if let Some(record) = &mut self.record {
            record.steps.truncate(mark.steps);
            record.reads.truncate(mark.reads);
        }
    }

    /// After a body within the expression: of its own, only what it has seen is kept.
    pub(super) fn record_reset(&mut self, mark: Mark) {
        if let Some(record) = &mut self.record {
            record.steps.truncate(mark.steps);
            record.reads.truncate(mark.reads);
            record.failures.truncate(mark.failures);
        }
    }

    /// What was read within (a comprehension, a negation) counts for the expression as a whole.
    pub(super) fn record_within(&mut self, mark: Mark) {
        if let Some(record) = &mut self.record {
            let made = Origin::of_all(record.seen.get(mark.seen..).unwrap_or_default());
            made.read(None, |read| record.reads.push(read));
            record.current = Some(made);
        }
    }

    /// The value being handed on was made of what the expression has read.
    pub(super) fn record_made(&mut self, mark: Mark) {
        if let Some(record) = &mut self.record {
            record.current = Some(Origin::of_all(record.reads.get(mark.reads..).unwrap_or_default()));
        }
    }

    /// The value being handed on is a term's.
    pub(super) fn record_term(&mut self, term: &Term, mark: Mark, frame: &Frame) {
        if self.record.is_some() {
            match term {
                Term::Var(slot) => self.record_slot(*slot, frame),
                _ => self.record_made(mark),
            }
        }
    }

    /// The value being handed on comes from a slot.
    pub(super) fn record_slot(&mut self, slot: Slot, frame: &Frame) {
        if let Some(record) = &mut self.record {
            record.current = frame.origin(slot).cloned();
        }
    }

    /// Where the value being handed on came from.
    #[inline]
    pub(super) fn record_current(&self) -> Option<Origin> {
        self.record.as_ref()?.current.clone()
    }

    /// The value being handed on comes from here.
    #[inline]
    pub(super) fn record_set(&mut self, origin: Option<Origin>) {
        if let Some(record) = &mut self.record {
            record.current = origin;
        }
    }

    /// The value being handed on stands at a key of another.
    #[inline]
    pub(super) fn record_at(&mut self, whole: Option<&Origin>, key: &Value) {
        if let Some(record) = &mut self.record {
            record.current = whole.map(|origin| origin.below(key));
        }
    }

    /// The value being handed on is read, or there is none; how much was read before.
    pub(super) fn record_read(&mut self, found: Option<&Value>) -> usize {
        let Some(record) = &mut self.record else { return 0 };
        let before = record.reads.len();
        let placed = match (&record.current, found) {
            (Some(Origin::Made(_) | Origin::Of(..)) | None, Some(value)) => record.places.find(value),
            _ => None,
        };
        for origin in record.current.clone().iter().chain(&placed) {
            record.read(origin, found);
        }
        before
    }

    /// What was read is of a way that has been tried.
    pub(super) fn record_unread(&mut self, before: usize) {
        if let Some(record) = &mut self.record {
            record.reads.truncate(before);
        }
    }

    /// A slot's value is used.
    #[inline]
    pub(super) fn record_use(&mut self, slot: Slot, frame: &Frame) {
        if let Some(record) = &mut self.record
            && let Some(origin) = frame.origin(slot)
        {
            record.read(origin, frame.get(slot));
        }
    }

    /// A builtin of the host is asked.
    pub(super) fn record_host(&mut self, name: &Arc<str>, args: &[Value]) {
        if let Some(record) = &mut self.record {
            record.add(Read::Source(Source::Host { name: name.clone(), args: args.to_vec() }));
        }
    }

    /// Where an argument's value came from.
    pub(super) fn record_argument(&self, term: &Term, frame: &Frame) -> Option<Origin> {
        self.record.as_ref()?;
        match term {
            Term::Var(slot) => frame.origin(*slot).cloned(),
            _ => None,
        }
    }

    /// Records a rule or query by itself; its proof, apart from the rule's name.
    pub(super) fn record_apart<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, Option<Proof>) {
        let Some(record) = &mut self.record else { return (work(self), None) };
        let places = record.places.clone();
        let outer = std::mem::replace(&mut **record, Record { places, ..Record::default() });
        self.proofs.push(Proof::default());
        let outcome = work(self);
        let inner = match &mut self.record {
            Some(record) => std::mem::replace(&mut **record, outer),
            None => Record::default(),
        };
        let proof = self.proofs.pop().map(|proof| Proof { failures: inner.failures, ..proof });
        (outcome, proof)
    }

    /// The body at hand has a solution.
    pub(super) fn record_solution(&mut self, clause: Option<&Clause>, value: &Value, made_of: Mark) {
        let (Some(record), Some(proof)) = (&mut self.record, self.proofs.last_mut()) else { return };
        let made_of = distinct(record.reads.get(made_of.reads..).unwrap_or_default());
        record.parts += 2 + parts(&made_of) + record.steps.iter().map(|step| 2 + parts(&step.sources)).sum::<usize>();
        proof.solutions.push(Solution {
            location: clause.map(|clause| clause.location).unwrap_or_default(),
            value: value.clone(),
            steps: record.steps.clone(),
            made_of,
        });
    }

    /// The value being handed on is a rule's.
    pub(super) fn record_rule(&mut self, proof: Option<&Arc<Proof>>, member: Option<&Value>) {
        let (Some(record), Some(proof)) = (&mut self.record, proof) else { return };
        let source = Source::Rule { proof: proof.clone(), member: member.cloned() };
        record.current = Some(Origin::Made(Arc::new(vec![source])));
    }
}

/// What sources take, in parts of values.
fn parts(sources: &[Source]) -> usize {
    let keys = |source: &Source| match source {
        Source::Place { path, .. } => path.len(),
        _ => 1,
    };
    sources.iter().map(|source| 1 + keys(source)).sum()
}
