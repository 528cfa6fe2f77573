//! Terms: what denotes a value.

use super::{Body, Expr, Location};
use crate::value::Value;
use std::sync::Arc;

/// An identifier.
pub type Name = Arc<str>;

/// A term and where it stands. The default is `null`, nowhere, so that a rewrite can take a term out of its place.
#[derive(Clone, Debug, Default)]
pub struct Term {
    /// Where it is written.
    pub location: Location,
    /// What it is.
    pub kind: TermKind,
}

/// What a term is. Collections are as written: not sorted, duplicates kept.
#[derive(Clone, Debug)]
pub enum TermKind {
    /// null, a boolean, a number or a string (and, after rewrites, any constant).
    Scalar(Value),
    /// A variable; `_` is `$N`, of its own each time. `input` and `data` alone are refs with an empty path.
    Var(Name),
    /// `x.y[z]`.
    Ref(Ref),
    /// `[x, y]`.
    Array(Vec<Term>),
    /// `{k: v}`.
    Object(Vec<(Term, Term)>),
    /// `{x, y}`, `set()`.
    Set(Vec<Term>),
    /// `f(x)`, `x + y`.
    Call(Box<Call>),
    /// `[x | ..]`.
    ArrayComp(Box<Comprehension>),
    /// `{x | ..}`.
    SetComp(Box<Comprehension>),
    /// `{k: v | ..}`.
    ObjectComp(Box<ObjectComprehension>),
    /// `$"a {x}"`.
    TemplateString(Box<TemplateString>),
}

impl Default for TermKind {
    fn default() -> Self {
        Self::Scalar(Value::Null)
    }
}

/// `head.a[b]`: `a` is a string scalar in the path.
#[derive(Clone, Debug)]
pub struct Ref {
    /// A variable, or what else can be looked into: a call, a collection, a comprehension.
    pub head: Box<Term>,
    /// What follows the head: constants, variables, and other terms.
    pub path: Vec<Term>,
}

/// `operator(args)`; of an infix operator too, by the name of its builtin.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where the operator stands.
    pub location: Location,
    /// Its head is a variable in all that can be evaluated; a builtin's name is [`Ref::dotted`].
    pub operator: Ref,
    /// Without an output argument, unless it is written.
    pub args: Vec<Term>,
}

/// `[head | body]` or `{head | body}`.
#[derive(Clone, Debug)]
pub struct Comprehension {
    /// A member.
    pub head: Term,
    /// For each way in which it holds.
    pub body: Body,
}

/// `{key: value | body}`.
#[derive(Clone, Debug)]
pub struct ObjectComprehension {
    /// A key.
    pub key: Term,
    /// What stands there.
    pub value: Term,
    /// For each way in which it holds.
    pub body: Body,
}

/// `$"a {b} c"`.
#[derive(Clone, Debug)]
pub struct TemplateString {
    /// Written with backticks.
    pub raw: bool,
    /// In order.
    pub parts: Vec<TemplatePart>,
}

/// A part of a template string.
#[derive(Clone, Debug)]
pub enum TemplatePart {
    /// Text as it stands, or a scalar in braces: always defined.
    Scalar(Term),
    /// An expression in braces (a term or a call, possibly with `with`), which may be undefined.
    Expr(Expr),
}

impl Term {
    /// A term at a place.
    pub fn new(location: Location, kind: TermKind) -> Self {
        Self { location, kind }
    }

    /// A constant.
    pub fn scalar(location: Location, value: impl Into<Value>) -> Self {
        Self::new(location, TermKind::Scalar(value.into()))
    }

    /// A variable.
    pub fn var(location: Location, name: &str) -> Self {
        Self::new(location, TermKind::Var(Arc::from(name)))
    }

    /// The name, if it is a variable.
    pub fn as_var(&self) -> Option<&Name> {
        match &self.kind {
            TermKind::Var(name) => Some(name),
            _ => None,
        }
    }

    /// The text, if it is a constant string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            TermKind::Scalar(value) => value.as_str(),
            _ => None,
        }
    }

    /// Whether it is a `_`.
    pub fn is_wildcard(&self) -> bool {
        self.as_var().is_some_and(|name| name.starts_with('$'))
    }

    /// Whether it is a constant: scalars, and collections of constants.
    pub fn is_ground(&self) -> bool {
        match &self.kind {
            TermKind::Scalar(_) => true,
            TermKind::Array(items) | TermKind::Set(items) => items.iter().all(Self::is_ground),
            TermKind::Object(items) => items.iter().all(|(key, value)| key.is_ground() && value.is_ground()),
            TermKind::Ref(r) => r.path.iter().all(Self::is_ground),
            _ => false,
        }
    }

    /// What OPA's errors call it: `var`, `ref`, `call`, `arraycomprehension`, or its type.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            TermKind::Scalar(value) => value.type_name(),
            TermKind::Var(_) => "var",
            TermKind::Ref(_) => "ref",
            TermKind::Array(_) => "array",
            TermKind::Object(_) => "object",
            TermKind::Set(_) => "set",
            TermKind::Call(_) => "call",
            TermKind::ArrayComp(_) => "arraycomprehension",
            TermKind::SetComp(_) => "setcomprehension",
            TermKind::ObjectComp(_) => "objectcomprehension",
            TermKind::TemplateString(_) => "templatestring",
        }
    }
}

impl Ref {
    /// The name of a ref that is a variable followed by identifiers, e.g. `io.jwt.decode`.
    pub fn dotted(&self) -> Option<String> {
        let mut name = self.head.as_var()?.to_string();
        for part in &self.path {
            name.push('.');
            name.push_str(part.as_str()?);
        }
        Some(name)
    }
}

impl Call {
    /// A call of a builtin by its dotted name.
    pub fn builtin(location: Location, name: &str, args: Vec<Term>) -> Self {
        let mut parts = name.split('.');
        let head = Box::new(Term::var(location, parts.next().unwrap_or_default()));
        let path = parts.map(|part| Term::scalar(location, part)).collect();
        Self { location, operator: Ref { head, path }, args }
    }
}
