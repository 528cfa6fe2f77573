//! The port to a Rego engine: what the gate needs of one, and no more. Knows nothing of images, attestations or Conforma's
//! input; the one implementation behind it is `rego_regorus`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// One Rego source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Where it came from, for messages.
    pub name: String,
    pub text: String,
}

/// What a rule's members mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleKind {
    /// Each member is a violation.
    Deny,
    /// Each member is a warning.
    Warn,
}

/// One rule of a policy, as its annotations describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// `package.short_name`, unique in a policy.
    pub code: String,
    /// Package without the leading `data.`.
    pub package: String,
    pub kind: RuleKind,
    pub title: String,
    pub description: String,
    pub solution: String,
    pub collections: Vec<String>,
    pub depends_on: Vec<String>,
    /// RFC 3339; before it, a violation is only a warning.
    pub effective_on: Option<String>,
    /// `failure` or `warning`, if the annotation overrides the kind.
    pub severity: Option<String>,
}

/// What one package said of one input.
#[derive(Debug)]
pub struct PackageOutcome {
    pub package: String,
    /// The members of each deny and warn set, in the engine's order; an error means that nothing is known of the package.
    pub members: Result<Vec<(RuleKind, Value)>, RegoError>,
}

/// Why modules could not be compiled or a package not be evaluated. Every such error is a denial to the caller.
#[derive(Debug, thiserror::Error)]
pub enum RegoError {
    #[error(
        "policy file `{module}` cannot be compiled: {reason}\n\ncorrect the file, or remove it from the policy source"
    )]
    Compile { module: String, reason: String },
    #[error("policy file `{module}`, line {line}: annotation is not valid: {reason}")]
    Annotation { module: String, line: usize, reason: String },
    #[error(
        "two rules have the code `{code}`: in `{first}` and in `{second}`; give one of them another custom.short_name"
    )]
    DuplicateCode { code: String, first: String, second: String },
    #[error("data defines `{path}`, which is a package of the policy; rename the key in the data source")]
    DataShadowsPolicy { path: String },
    #[error("policy data cannot be loaded: {0}")]
    Data(String),
    #[error("package `{package}` could not be evaluated: {reason}")]
    Evaluate { package: String, reason: String },
}

/// A compiled policy with its data; evaluating does not change it.
pub trait RegoEngine: Debug + Send + Sync {
    /// Every deny and warn rule of the policy.
    fn rules(&self) -> &[RuleInfo];

    /// Evaluates the deny and warn sets of the packages. One outcome for each package asked for, known or not: a package
    /// that does not exist, a rule that is undefined, or anything but a set is an error of that package.
    fn evaluate(&self, input: &Value, packages: &BTreeSet<String>) -> Vec<PackageOutcome>;
}
