//! Rules, their heads and bodies.

use super::{Call, Location, Term, TermKind};
use crate::value::Value;

/// A rule. One with several bodies (`p { .. } { .. }`) is as many rules.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it stands.
    pub location: Location,
    /// `default p := false`.
    pub default: bool,
    /// What it defines.
    pub head: Head,
    /// `true` where none was written.
    pub body: Body,
    /// Whether none was written.
    pub generated_body: bool,
    /// Tried in order where the body does not hold.
    pub elses: Vec<Else>,
    /// Indexes into the module's annotations: those of this rule and of its document.
    pub annotations: Vec<usize>,
}

/// What a rule defines.
#[derive(Clone, Debug)]
pub struct Head {
    /// Where it stands.
    pub location: Location,
    /// `a.b[x]` as written: the first term is a variable, the others strings, variables or other terms. Of a set rule
    /// without the key (`p[x] { .. }` of v0 and `p contains x` are both `p` and the key `x`).
    pub reference: Vec<Term>,
    /// Of a function; empty for `f()` too, which is then a complete rule.
    pub args: Vec<Term>,
    /// Of a set rule: its member.
    pub key: Option<Term>,
    /// Of all other rules; `true` where none was written.
    pub value: Option<Term>,
    /// Whether none was written.
    pub generated_value: bool,
    /// Written with `:=`.
    pub assign: bool,
    /// What the rule makes.
    pub kind: HeadKind,
    /// Written with `if`.
    pub has_if: bool,
    /// Written with `contains`.
    pub has_contains: bool,
}

/// The kind of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeadKind {
    /// One value at a constant ref.
    Complete,
    /// One value for each tuple of the keys that the ref's variables take.
    PartialObject,
    /// Members of a set (at a ref that may have variables).
    PartialSet,
    /// One value for each call.
    Function,
}

/// `else := value if { .. }`.
#[derive(Clone, Debug)]
pub struct Else {
    /// Where it stands.
    pub location: Location,
    /// The rule's own arguments, with wildcards of their own.
    pub args: Vec<Term>,
    /// `true` where none was written.
    pub value: Term,
    /// Whether none was written.
    pub generated_value: bool,
    /// Written with `:=`.
    pub assign: bool,
    /// Written with `if`.
    pub has_if: bool,
    /// `true` where none was written.
    pub body: Body,
    /// Whether none was written.
    pub generated_body: bool,
}

/// Expressions that must all hold.
pub type Body = Vec<Expr>;

/// An expression of a body.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Where it stands.
    pub location: Location,
    /// Its place in its body, from 0.
    pub index: u32,
    /// Written with `not`.
    pub negated: bool,
    /// What has to hold.
    pub kind: ExprKind,
    /// What it is evaluated with, in order.
    pub with: Vec<With>,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Holds where the term is defined and not false.
    Term(Box<Term>),
    /// `x := y` is a call of `assign`, `x = y` of `eq`, `x == y` of `equal`, `x in y` of `internal.member_2`, `k, v in y`
    /// of `internal.member_3`.
    Call(Box<Call>),
    /// Declares variables, or goes through a collection.
    Some(Box<SomeDecl>),
    /// Holds where its body does for each member.
    Every(Box<Every>),
}

impl Default for ExprKind {
    fn default() -> Self {
        Self::Term(Box::default())
    }
}

/// `some ..`.
#[derive(Clone, Debug)]
pub enum SomeDecl {
    /// `some x, y`: variables.
    Vars(Vec<Term>),
    /// `some k, v in domain`; key and value may be patterns.
    In {
        /// If asked for.
        key: Option<Term>,
        /// The member.
        value: Term,
        /// What is gone through.
        domain: Term,
    },
}

/// `every k, v in domain { .. }`: key and value are variables.
#[derive(Clone, Debug)]
pub struct Every {
    /// A variable for the keys, if asked for.
    pub key: Option<Term>,
    /// A variable for the members.
    pub value: Term,
    /// What is gone through.
    pub domain: Term,
    /// What has to hold for each.
    pub body: Body,
}

/// `with target as value`: the target is a ref or a variable.
#[derive(Clone, Debug)]
pub struct With {
    /// Where it stands.
    pub location: Location,
    /// What is replaced: a part of `input` or `data`, or a function.
    pub target: Term,
    /// By what.
    pub value: Term,
}

impl Head {
    /// The first part of the ref, e.g. `a` of `a.b`.
    pub fn name(&self) -> &str {
        self.reference.first().and_then(Term::as_var).map_or("", |name| name)
    }

    /// The part of the ref that is constant, as a path from the package; at least the name.
    pub fn constant_path(&self) -> Vec<Value> {
        self.reference
            .iter()
            .enumerate()
            .map_while(|(i, term)| match &term.kind {
                TermKind::Var(name) if i == 0 => Some(Value::string(name)),
                TermKind::Scalar(value) => Some(value.clone()),
                _ => None,
            })
            .collect()
    }
}

impl Expr {
    /// An expression at a place, plain.
    pub fn new(location: Location, kind: ExprKind) -> Self {
        Self { location, index: 0, negated: false, kind, with: Vec::new() }
    }

    /// Of a call of a builtin, its dotted name.
    pub fn operator(&self) -> Option<String> {
        match &self.kind {
            ExprKind::Call(call) => call.operator.dotted(),
            _ => None,
        }
    }
}
