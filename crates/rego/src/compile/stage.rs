//! Errors by the stage of compilation that finds them: of several stages only the first that found any speaks, as what
//! later ones say often only follows from it.

use crate::error::{Code, Error};

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
const LIMIT: usize = 10;

/// The errors of a compilation.
#[derive(Debug, Default)]
pub struct Errors(Vec<(Stage, Error)>);

impl Errors {
    /// Adds one.
    pub fn push(&mut self, stage: Stage, error: Error) {
        self.0.push((stage, error));
    }

    /// Moves those of a part of the policy here.
    pub fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    /// Drops those of stages after one.
    pub fn keep(&mut self, last: Stage) {
        self.0.retain(|(of, _)| *of <= last);
    }

    /// Whether a stage or one before it found any.
    pub fn until(&self, stage: Stage) -> bool {
        self.0.iter().any(|(of, _)| *of <= stage)
    }

    /// Those of the first stage that found any, by file and not more than the limit.
    ///
    /// # Errors
    /// If there are any.
    pub fn finish(self) -> Result<(), Vec<Error>> {
        let Some(first) = self.0.iter().map(|(stage, _)| *stage).min() else { return Ok(()) };
        let of_first = self.0.into_iter().filter(|(stage, _)| *stage == first);
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
