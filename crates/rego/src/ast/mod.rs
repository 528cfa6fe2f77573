//! The abstract syntax of Rego modules: written by the parser, rewritten by the compiler. Only data; nothing here knows how
//! a module is read or evaluated. Nodes carry no meaning beyond what was written, but for three rewrites that the parser
//! itself does: infix operators are calls of their builtin (`plus`, `internal.member_2`, ...), each `_` is a variable of its
//! own (`$0`, `$1`, ...), and what may be left out (`:= true`, a body) is filled in.

mod annotations;
mod annotations_json;
pub mod json;
mod rule;
mod show;
mod source;
mod term;
pub mod visit;

pub use annotations::{Annotations, Author, CompileAnnotation, RelatedResource, SchemaAnnotation, Scope, Target};
pub use rule::{Body, Else, Every, Expr, ExprKind, Head, HeadKind, Rule, SomeDecl, With};
pub(crate) use show::is_identifier;
pub use source::{Location, Source};
pub use term::{Call, Comprehension, Name, ObjectComprehension, Ref, TemplatePart, TemplateString, Term, TermKind};

use crate::value::Value;

/// The dialect of a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// Before OPA 1.0: `in`, `every`, `if` and `contains` are keywords only where imported.
    V0,
    /// V0 that imports `rego.v1`: V1's syntax and checks.
    V0CompatV1,
    /// OPA since 1.0.
    #[default]
    V1,
}

impl Version {
    /// Whether V1's rules hold (`if` and `contains` are required, the strict checks are on).
    pub fn is_v1(self) -> bool {
        self != Self::V0
    }
}

/// A file of Rego.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its text and name.
    pub source: Source,
    /// What the module is read as; `import rego.v1` makes V0CompatV1 of V0.
    pub version: Version,
    /// Where its rules stand.
    pub package: Package,
    /// In the order of the file.
    pub imports: Vec<Import>,
    /// In the order of the file.
    pub rules: Vec<Rule>,
    /// In the order of the file; rules name theirs by index.
    pub annotations: Vec<Annotations>,
    /// In the order of the file, those of annotations too.
    pub comments: Vec<Comment>,
    /// Terms written in parentheses, which the syntax itself does not keep.
    pub parens: Vec<Parens>,
}

impl Module {
    /// Its package as a path from `data`.
    pub fn path(&self) -> Vec<Value> {
        self.package.path.iter().map(Value::string).collect()
    }
}

/// `package a.b`.
#[derive(Clone, Debug)]
pub struct Package {
    /// Where it stands.
    pub location: Location,
    /// Without the leading `data`.
    pub path: Vec<Name>,
}

/// `import data.a.b as c`.
#[derive(Clone, Debug)]
pub struct Import {
    /// Where it stands.
    pub location: Location,
    /// With its root: `data`, `input`, `future` or `rego`.
    pub path: Vec<Name>,
    /// Where the path stands.
    pub path_location: Location,
    /// After `as`.
    pub alias: Option<Name>,
}

impl Import {
    /// The name by which the module knows what is imported: its alias or the path's last part.
    pub fn name(&self) -> Option<&Name> {
        self.alias.as_ref().or_else(|| self.path.last())
    }

    /// Whether it only switches syntax on (`future.keywords`, `rego.v1`) and names no document.
    pub fn is_syntax(&self) -> bool {
        self.path.first().is_some_and(|root| &**root == "future" || &**root == "rego")
    }
}

/// A term in parentheses: its location has them not.
#[derive(Clone, Copy, Debug)]
pub struct Parens {
    /// What stands in them.
    pub term: Location,
    /// From the opening parenthesis, in bytes.
    pub start: u32,
    /// To behind the closing one.
    pub end: u32,
}

/// `# text`, without the `#`.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Where it stands.
    pub location: Location,
    /// What follows it.
    pub text: Name,
}
