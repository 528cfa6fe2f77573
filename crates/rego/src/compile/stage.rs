//! Errors by the stage of compilation that finds them: of several stages only the first that found any speaks, as what
//! later ones say often only follows from it.

use crate::error::{Code, Error};
use std::collections::BTreeMap;

/// What is checked, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Names and imports that nothing uses.
    Names,
    /// `data` and `input` taken for something else.
    Shadows,
    Imports,
    Locals,
    /// Calls without a value, taken for values.
    Values,
    With,
    Conflicts,
    Functions,
    /// Variables of heads, then of bodies, that nothing binds.
    Heads,
    Bodies,
    Recursion,
    Types,
    Deprecated,
}

/// How many errors are given.
pub const LIMIT: usize = 10;

/// The errors of a compilation.
#[derive(Debug, Default)]
pub struct Errors {
    all: Vec<(Stage, Error)>,
    /// How often [`Errors::wants_hint`] was asked.
    asked: BTreeMap<(Stage, u32), usize>,
}

impl Errors {
    /// Adds one.
    pub fn push(&mut self, stage: Stage, error: Error) {
        self.all.push((stage, error));
    }

    /// Whether the next error of a stage and file may be one of those given, so that a hint is worth looking for: that looks
    /// at all names there are.
    pub fn wants_hint(&mut self, stage: Stage, file: u32) -> bool {
        let asked = self.asked.entry((stage, file)).or_default();
        *asked += 1;
        *asked <= LIMIT
    }

    /// No errors, for a part of the policy that is one of several.
    pub fn part(&mut self) -> Self {
        Self { all: Vec::new(), asked: std::mem::take(&mut self.asked) }
    }

    /// Moves those of a part of the policy here.
    pub fn append(&mut self, other: &mut Self) {
        self.all.append(&mut other.all);
        for (of, asked) in std::mem::take(&mut other.asked) {
            *self.asked.entry(of).or_default() += asked;
        }
    }

    /// Drops those of stages after one.
    pub fn keep(&mut self, last: Stage) {
        self.all.retain(|(of, _)| *of <= last);
    }

    /// Whether a stage or one before it found any.
    pub fn until(&self, stage: Stage) -> bool {
        self.all.iter().any(|(of, _)| *of <= stage)
    }

    /// Those of the first stage that found any, by file and not more than the limit.
    ///
    /// # Errors
    /// If there are any.
    pub fn finish(self) -> Result<(), Vec<Error>> {
        let Some(first) = self.all.iter().map(|(stage, _)| *stage).min() else { return Ok(()) };
        let of_first = self.all.into_iter().filter(|(stage, _)| *stage == first);
        let mut errors: Vec<Error> = of_first.map(|(_, error)| error).collect();
        match first {
            Stage::Types => {
                errors.sort_by(|a, b| {
                    let place = |e: &Error| (e.file.clone(), e.location.row, e.location.col);
                    place(a).cmp(&place(b)).then_with(|| a.to_string().cmp(&b.to_string()))
                });
            }
            _ => errors.sort_by(|a, b| a.file.cmp(&b.file)),
        }
        if errors.len() >= LIMIT {
            errors.truncate(LIMIT);
            errors.push(Error::new(Code::Compile, "error limit reached"));
        }
        Err(errors)
    }
}
