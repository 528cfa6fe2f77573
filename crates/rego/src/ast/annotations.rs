//! Annotations: the YAML in comments that follow `# METADATA`.

use super::{Location, Ref};
use crate::value::Value;
use std::collections::BTreeMap;

/// One block of metadata.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    /// From `# METADATA` to the block's last line.
    pub location: Location,
    pub scope: Scope,
    pub title: String,
    pub description: String,
    pub entrypoint: bool,
    pub organizations: Vec<String>,
    pub related_resources: Vec<RelatedResource>,
    pub authors: Vec<Author>,
    pub schemas: Vec<SchemaAnnotation>,
    pub compile: Option<CompileAnnotation>,
    pub custom: Option<BTreeMap<String, Value>>,
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
    #[default]
    Package,
    /// An index into the module's rules.
    Rule(usize),
}

/// `related_resources`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelatedResource {
    pub reference: String,
    pub description: String,
}

/// `authors`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    pub email: String,
}

/// `schemas`: a path of a document and a schema by ref or by value.
#[derive(Clone, Debug)]
pub struct SchemaAnnotation {
    pub path: Ref,
    pub schema: Option<Ref>,
    pub definition: Option<Value>,
}

/// `compile`.
#[derive(Clone, Debug, Default)]
pub struct CompileAnnotation {
    pub unknowns: Vec<Ref>,
    pub mask_rule: Option<Ref>,
}
