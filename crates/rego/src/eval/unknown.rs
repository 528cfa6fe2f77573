//! Evaluation where parts of the input are not known yet. An expression that needs one is neither true nor false: what
//! follows it is tried all the same (it may be false whatever comes), but a solution reached over it is only perhaps one.

use super::frame::Frame;
use super::{Eval, Halt, Next, Res};
use crate::ast::Location;
use crate::value::Value;
use std::sync::Arc;

/// Reasons kept where there are many.
const MOST: usize = 64;

/// Why something cannot be told: what is not known, and the expression that needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// A place such as `input.attestations`, or a call of the host's such as `ec.oci.blob("...")`.
    pub what: Arc<str>,
    /// Of the expression.
    pub location: Location,
}

/// What is not known, and what that leaves open.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    /// Below `input`.
    pub paths: Vec<Vec<Value>>,
    /// Met by the expression at hand; each reason once, those of the expressions around it included.
    pub holes: Vec<Reason>,
    /// How many were met, by it and by those.
    pub met: u64,
    /// Met on the way to it.
    pub branch: Vec<Reason>,
    /// Met on the way to the bodies around the one at hand.
    pub around: Vec<Reason>,
    /// Why solutions of the body at hand are only perhaps ones.
    pub perhaps: Vec<Reason>,
    /// How many there are; their reasons are kept each once.
    count: u64,
}

/// A point of the evaluation, to ask what has been doubted since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubts {
    count: u64,
    reasons: usize,
}

impl Unknown {
    pub fn new(paths: Vec<Vec<Value>>) -> Self {
        Self { paths, ..Self::default() }
    }

    /// Solutions that are only perhaps ones.
    pub fn doubt(&mut self, reasons: impl IntoIterator<Item = Reason>) {
        self.count += 1;
        add(&mut self.perhaps, reasons);
    }

    /// The unknown places that go on from a key at a depth.
    pub fn below(&self, at: &[usize], depth: usize, key: &Value) -> Vec<usize> {
        at.iter().copied().filter(|i| self.paths.get(*i).and_then(|path| path.get(depth)) == Some(key)).collect()
    }
}

/// Adds reasons, bounded and each once.
fn add(reasons: &mut Vec<Reason>, more: impl IntoIterator<Item = Reason>) {
    for reason in more {
        if reasons.is_empty() || reasons.len() < MOST && !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
}

impl<'p> Eval<'p> {
    /// The expression at hand needs what is not known.
    pub(super) fn hole(&mut self, what: Arc<str>) {
        let location = self.location;
        self.holes([Reason { what, location }]);
    }

    /// The expression at hand needs what cannot be told.
    pub(super) fn holes(&mut self, reasons: impl IntoIterator<Item = Reason>) {
        if let Some(unknown) = &mut self.unknown {
            unknown.met += 1;
            add(&mut unknown.holes, reasons);
        }
    }

    /// Where the evaluation is, for the holes that are met from here on.
    pub(super) fn holes_met(&self) -> (u64, usize) {
        self.unknown.as_ref().map_or((0, 0), |unknown| (unknown.met, unknown.holes.len()))
    }

    /// Takes the holes met since a point out of the expression at hand; none where none were met.
    pub(super) fn take_holes(&mut self, (met, kept): (u64, usize)) -> Option<Vec<Reason>> {
        let unknown = self.unknown.as_mut().filter(|unknown| unknown.met > met)?;
        let mut holes = unknown.holes.split_off(kept.min(unknown.holes.len()));
        if holes.is_empty() {
            // They are those that the expressions around it have met, too.
            holes.clone_from(&unknown.holes);
        }
        unknown.met = met;
        Some(holes)
    }

    /// A variable has no value: after something unknown that is unknown, too, and else a defect.
    pub(super) fn unbound(&mut self) -> Halt {
        match &mut self.unknown {
            Some(unknown) if !unknown.branch.is_empty() || !unknown.around.is_empty() => {
                unknown.met += 1;
                add(&mut unknown.holes, unknown.branch.iter().chain(&unknown.around).cloned());
                Halt::Unknown
            }
            _ => self.fail(crate::error::Code::EvalInternal, "unbound variable", self.location),
        }
    }

    /// Where the evaluation is, for what is doubted from here on.
    pub(super) fn doubts(&self) -> Doubts {
        self.unknown
            .as_ref()
            .map_or_else(Doubts::default, |unknown| Doubts { count: unknown.count, reasons: unknown.perhaps.len() })
    }

    /// Forgets doubts that no longer matter.
    pub(super) fn settle(&mut self, since: Doubts) {
        if let Some(unknown) = &mut self.unknown {
            unknown.perhaps.truncate(since.reasons);
            unknown.count = since.count;
        }
    }

    /// Takes the doubts since a point out of the body at hand; none where there are none.
    pub(super) fn take_doubts(&mut self, since: Doubts) -> Option<Vec<Reason>> {
        let unknown = self.unknown.as_mut().filter(|unknown| unknown.count > since.count)?;
        let mut reasons = unknown.perhaps.split_off(since.reasons.min(unknown.perhaps.len()));
        if reasons.is_empty() {
            // They are those that others have given, too.
            reasons.clone_from(&unknown.perhaps);
        }
        unknown.count = since.count;
        Some(reasons)
    }

    /// Makes the doubts since a point holes of the expression at hand; whether there are any.
    pub(super) fn doubted(&mut self, since: Doubts) -> bool {
        let Some(reasons) = self.take_doubts(since) else { return false };
        self.holes(reasons);
        true
    }

    /// The end of a body: a solution, or only perhaps one.
    pub(super) fn reached(&mut self, frame: &mut Frame, emit: Next<'_, 'p>) -> Res {
        if let Some(unknown) = &mut self.unknown
            && !unknown.branch.is_empty()
        {
            let branch = unknown.branch.clone();
            unknown.doubt(branch);
            return Ok(());
        }
        let before = self.holes_met();
        match emit(self, frame) {
            // What it gives needs what is not known.
            Err(Halt::Unknown) => {
                let holes = self.take_holes(before);
                if let (Some(unknown), Some(holes)) = (&mut self.unknown, holes) {
                    unknown.doubt(holes);
                }
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// After an expression that met holes: what follows, as on a way that is only perhaps there.
    pub(super) fn beyond(&mut self, holes: Vec<Reason>, frame: &mut Frame, next: Next<'_, 'p>) -> Res {
        let Some(unknown) = &mut self.unknown else { return Ok(()) };
        let before = unknown.branch.len();
        unknown.branch.extend(holes);
        let outcome = next(self, frame);
        if let Some(unknown) = &mut self.unknown {
            unknown.branch.truncate(before);
        }
        outcome
    }
}
