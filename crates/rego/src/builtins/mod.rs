//! Builtin functions by family. Each is a pure function of values and of the evaluation's context (time, limits, seeds),
//! registered by OPA's name with its arity.

use crate::limits::Budget;
use crate::value::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

mod aggregates;
pub mod args;
mod arithmetic;
mod arrays;
mod aws;
mod bits;
mod bounds;
mod caches;
mod casts;
mod comparison;
mod crypto;
mod encoding;
mod glob;
mod graph;
mod graphql;
mod jsonpath;
mod jsonschema;
mod jwt;
mod marshal;
mod net;
mod notes;
mod numbers;
mod objects;
mod policy;
mod refused;
mod regex;
mod semver;
mod sets;
mod sprintf;
mod strings;
mod template;
mod time;
mod types;
mod units;
mod uuid;

pub use caches::Caches;

/// Every family; a new one is added here and nowhere else.
const FAMILIES: &[&[Builtin]] = &[
    aggregates::ALL,
    arithmetic::ALL,
    arrays::ALL,
    aws::ALL,
    bits::ALL,
    casts::ALL,
    comparison::ALL,
    crypto::ALL,
    encoding::ALL,
    glob::ALL,
    graph::ALL,
    graphql::ALL,
    jsonpath::ALL,
    jsonschema::ALL,
    jwt::ALL,
    marshal::ALL,
    net::ALL,
    notes::ALL,
    numbers::ALL,
    objects::ALL,
    policy::ALL,
    refused::ALL,
    regex::ALL,
    semver::ALL,
    sets::ALL,
    sprintf::ALL,
    strings::ALL,
    template::ALL,
    time::ALL,
    types::ALL,
    units::ALL,
    uuid::ALL,
];

/// Why a builtin gave no value. In lenient mode (OPA's default) it is undefined; in strict mode it ends the evaluation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuiltinError {
    /// `eval_type_error`: text after `NAME: `, e.g. `operand 1 must be string but got number`.
    #[error("{0}")]
    Type(String),
    /// `eval_builtin_error`.
    #[error("{0}")]
    Failed(String),
    /// Ends the evaluation in any mode: a builtin's own bound.
    #[error("{0}")]
    Halt(String),
    /// `eval_cancel_error`, in any mode: cancelled, or beyond a limit of the evaluation.
    #[error("{0}")]
    Limit(&'static str),
    /// The host has no answer yet: not known where parts of the input may be unknown, and else an error.
    #[error("the host has no answer to this call")]
    Unprepared,
}

/// What an evaluation gives its builtins. One for each evaluation; memoises by name and arguments where a builtin asks.
#[derive(Debug, Default)]
pub struct Context {
    /// `time.now_ns`: nanoseconds since 1970, given by the host, the same for the whole evaluation.
    pub now_ns: i64,
    /// Randomness given by the host, for `rand.intn` and `uuid.rfc4122`.
    pub seed: u64,
    /// Answers that must stay the same for the whole evaluation, by builtin and argument.
    pub memo: BTreeMap<(&'static str, Value), Value>,
    /// What is left of the evaluation's limits, time and cancel included.
    pub budget: Budget,
    /// Shared with other evaluations of the policy.
    pub caches: Arc<Caches>,
    /// What builtins of the host have answered.
    pub asked: HashMap<(usize, Vec<Value>), Outcome>,
}

impl Context {
    /// The next number of a sequence that the seed decides (splitmix64).
    pub fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Takes steps, one for each part of what is made.
    ///
    /// # Errors
    /// `Limit` where steps or time are up, or the host has cancelled.
    pub fn spend(&mut self, steps: u64) -> Result<(), BuiltinError> {
        self.budget.take(steps).map_err(BuiltinError::Limit)
    }

    /// Says that so many operations are done: whoever loops over more than a glance calls this on the way, so that the
    /// limits end the loop. Cheap enough for each round.
    ///
    /// # Errors
    /// `Limit` where steps or time are up, or the host has cancelled.
    #[inline]
    pub fn work(&mut self, operations: usize) -> Result<(), BuiltinError> {
        self.budget.work(operations as u64).map_err(BuiltinError::Limit)
    }

    /// Says that a collection of so many parts is about to be made.
    ///
    /// # Errors
    /// `Limit` where it would be beyond the limit on values.
    fn room(&self, parts: usize) -> Result<(), BuiltinError> {
        self.budget.room(parts as u64).map_err(BuiltinError::Limit)
    }

    /// Says that a collection of so many parts was made that is no part of the answer.
    fn used(&mut self, parts: usize) -> Result<(), BuiltinError> {
        self.budget.used(parts as u64).map_err(BuiltinError::Limit)
    }

    /// Says that two values are about to be compared, which share little and may each stand for very many parts.
    fn compare(&mut self, a: &Value, b: &Value) -> Result<(), BuiltinError> {
        let parts = a.size().min(b.size()) / crate::value::PART;
        self.work(usize::try_from(parts).unwrap_or(usize::MAX))
    }
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
    /// How many arguments it takes.
    pub arity: usize,
    /// Its answer may differ between calls with the same arguments in different evaluations.
    pub nondeterministic: bool,
    /// The function itself.
    pub call: Function,
}

/// A builtin of the host: a function of its arguments, asked once in an evaluation for the same ones. What it cannot
/// answer on the spot it may leave to the host ([`BuiltinError::Unprepared`]), which finds the answer and evaluates again.
#[derive(Clone)]
pub struct HostBuiltin {
    /// E.g. `ec.oci.blob`.
    pub name: Arc<str>,
    /// How many arguments it takes.
    pub arity: usize,
    /// What it takes and gives; without, anything.
    pub types: Option<Arc<crate::types::Function>>,
    /// What answers.
    pub call: HostFunction,
}

/// What a host's builtin does.
pub type HostFunction = Arc<dyn Fn(&[Value], &mut Context) -> Outcome + Send + Sync>;

impl HostBuiltin {
    /// Of a function.
    pub fn new(
        name: &str,
        arity: usize,
        call: impl Fn(&[Value], &mut Context) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        Self { name: Arc::from(name), arity, types: None, call: Arc::new(call) }
    }

    /// With its types, e.g. `(ref: string, object[string: any]) => digest: string`.
    ///
    /// # Errors
    /// The declaration cannot be read.
    pub fn typed(self, declaration: &str) -> Result<Self, crate::types::Malformed> {
        Ok(Self { types: Some(Arc::new(crate::types::declaration(declaration)?)), ..self })
    }
}

impl std::fmt::Debug for HostBuiltin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.name, self.arity)
    }
}

/// A builtin whose answer its arguments decide.
const fn pure(name: &'static str, arity: usize, call: Function) -> Builtin {
    Builtin { name, arity, nondeterministic: false, call }
}

/// A builtin whose answer the host's clock or randomness decides too.
const fn impure(name: &'static str, arity: usize, call: Function) -> Builtin {
    Builtin { name, arity, nondeterministic: true, call }
}

/// The outcome of a builtin that always has a value.
fn some(value: impl Into<Value>) -> Outcome {
    Ok(Some(value.into()))
}

/// The builtin of a name, operators included (`plus`, `internal.member_2`).
pub fn lookup(name: &str) -> Option<&'static Builtin> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static Builtin>> =
        LazyLock::new(|| all().map(|builtin| (builtin.name, builtin)).collect());
    BY_NAME.get(name).copied()
}

/// Every builtin, by family.
pub fn all() -> impl Iterator<Item = &'static Builtin> {
    FAMILIES.iter().flat_map(|family| family.iter())
}
