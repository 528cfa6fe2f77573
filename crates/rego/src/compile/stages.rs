//! The order in which OPA looks for mistakes: where one stage finds any, those after it are not run.

use crate::error::Error;

/// A stage of compilation that can find mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Rules named as root documents.
    Names,
    /// Declarations of variables.
    Locals,
    /// Variables of templates.
    Templates,
    /// Targets and values of `with`.
    With,
    /// Rules that cannot stand together.
    Conflicts,
    /// Calls of what there is not, or with too many arguments.
    Functions,
    /// Variables of heads that their bodies do not have.
    Heads,
    /// Variables of bodies that nothing binds.
    Bodies,
    /// All later ones.
    Last,
}

/// The errors of the first stage that found any, by place.
pub fn first(found: Vec<(Stage, Error)>) -> Vec<Error> {
    let stage = found.iter().map(|(stage, _)| *stage).min();
    let mut errors: Vec<Error> =
        found.into_iter().filter(|(at, _)| Some(*at) == stage).map(|(_, error)| error).collect();
    errors.sort_by(|a, b| (&a.file, a.location.row, a.location.col).cmp(&(&b.file, b.location.row, b.location.col)));
    errors.dedup();
    errors
}
