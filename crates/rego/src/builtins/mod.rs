//! Builtin functions by family. Each is a pure function of values and of the evaluation's context (time, limits, seeds),
//! registered by OPA's name with its arity.

use crate::value::Value;

/// Why a builtin gave no value. In lenient mode (OPA's default) it is undefined; in strict mode it ends the evaluation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuiltinError {
    /// `eval_type_error`: text after `NAME: `, e.g. `operand 1 must be string but got number`.
    #[error("{0}")]
    Type(String),
    /// `eval_builtin_error`.
    #[error("{0}")]
    Failed(String),
    /// Ends the evaluation in any mode: cancelled, or a limit.
    #[error("{0}")]
    Halt(String),
}

/// What an evaluation gives its builtins. One for each evaluation; memoises by name and arguments where a builtin asks.
#[derive(Debug, Default)]
pub struct Context {
    /// `time.now_ns`: nanoseconds since 1970, given by the host, the same for the whole evaluation.
    pub now_ns: i64,
    /// Randomness given by the host, for `rand.intn` and `uuid.rfc4122`.
    pub seed: u64,
}

/// A builtin's outcome: a value, undefined, or an error.
pub type Outcome = Result<Option<Value>, BuiltinError>;

/// The function itself; it has as many arguments as `arity` says.
pub type Function = fn(&[Value], &mut Context) -> Outcome;

/// One registered builtin.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// OPA's name, e.g. `regex.match`.
    pub name: &'static str,
    pub arity: usize,
    /// Its answer may differ between calls with the same arguments in different evaluations.
    pub nondeterministic: bool,
    pub call: Function,
}
