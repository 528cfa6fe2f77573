//! What an evaluation tells of itself while it runs: for coverage, explanations and prints.

use crate::ast::Location;
use crate::error::Error;

/// What happens during an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening<'a> {
    /// The rule at the location is tried.
    Enter,
    /// It gave a value, or a member.
    Exit,
    /// The expression at the location is tried.
    Eval,
    /// It holds, in one way.
    Held,
    /// It holds in no way.
    Failed,
    /// `trace(text)`.
    Note(&'a str),
    /// `print(...)`, its operands joined.
    Print(&'a str),
    /// The error of a builtin that made its call undefined; strict evaluations end with it instead.
    Fault(&'a Error),
}

/// Listens to an evaluation.
pub trait Tracer: Send {
    /// Something happened; the location's file is the index of the module among those added, `u32::MAX` for the query.
    fn happened(&mut self, what: Happening<'_>, at: Location);

    /// Whether expressions and rules are of interest, rather than notes, prints and faults alone. Asked once.
    fn wants_steps(&self) -> bool {
        true
    }
}
