//! Annotations: the YAML in comments that follow `# METADATA`.

use super::{Location, Ref};
use crate::value::Value;
use std::collections::BTreeMap;

/// One block of metadata.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    /// From `# METADATA` to the block's last line.
    pub location: Location,
    /// What it speaks of.
    pub scope: Scope,
    /// Empty where there is none.
    pub title: String,
    /// Empty where there is none.
    pub description: String,
    /// Whether it is where users of the policy begin.
    pub entrypoint: bool,
    /// Who is behind it.
    pub organizations: Vec<String>,
    /// Where to read on.
    pub related_resources: Vec<RelatedResource>,
    /// Who wrote it.
    pub authors: Vec<Author>,
    /// What documents look like; kept, not used by the compiler.
    pub schemas: Vec<SchemaAnnotation>,
    /// What `opa compile` is told; kept, not used.
    pub compile: Option<CompileAnnotation>,
    /// What the policy says beyond that, by name.
    pub custom: Option<BTreeMap<String, Value>>,
    /// What it stands before.
    pub target: Target,
}

/// What a block speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The rule that follows.
    #[default]
    Rule,
    /// All rules of the name of the one that follows, in all modules of the package.
    Document,
    /// The package in all its modules.
    Package,
    /// The package and those below it.
    Subpackages,
}

impl Scope {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Document => "document",
            Self::Package => "package",
            Self::Subpackages => "subpackages",
        }
    }
}

/// The statement that follows a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// The package: the block stands before it.
    #[default]
    Package,
    /// An index into the module's rules.
    Rule(usize),
}

/// `related_resources`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelatedResource {
    /// A URL.
    pub reference: String,
    /// Empty where there is none.
    pub description: String,
}

/// `authors`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// Empty where there is none.
    pub name: String,
    /// Empty where there is none.
    pub email: String,
}

/// `schemas`: a path of a document and a schema by ref or by value.
#[derive(Clone, Debug)]
pub struct SchemaAnnotation {
    /// The document, e.g. `input.x`.
    pub path: Ref,
    /// By name, e.g. `schema.input`.
    pub schema: Option<Ref>,
    /// Or as it stands.
    pub definition: Option<Value>,
}

/// `compile`.
#[derive(Clone, Debug, Default)]
pub struct CompileAnnotation {
    /// What is not known then.
    pub unknowns: Vec<Ref>,
    /// The rule that says what is masked.
    pub mask_rule: Option<Ref>,
}
