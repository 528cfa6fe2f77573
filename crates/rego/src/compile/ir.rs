//! What rules are compiled to: bodies whose names are slots of a frame and whose nested refs and calls stand before their
//! use, in an order in which each expression finds its variables bound. Data only.

use super::slots::Slots;
use crate::ast::{Location, Name};
use crate::builtins::Builtin;
use crate::value::Value;
use std::collections::BTreeMap;

/// A local variable of a rule or query.
pub type Slot = usize;

/// A builtin of the host, by the order in which they were added.
pub type HostId = usize;

/// A node of the tree of packages and rules.
pub type NodeId = usize;

/// A term. Refs stand only where an expression itself looks (see [`ExprKind`]), never inside other terms.
#[derive(Clone, Debug)]
pub enum Term {
    Const(Value),
    Var(Slot),
    Array(Vec<Term>),
    Object(Vec<(Term, Term)>),
    Set(Vec<Term>),
    Ref(Box<Ref>),
    Comp(Box<Comp>),
}

impl Term {
    /// Whether a comprehension stands in it.
    pub fn collects(&self) -> bool {
        match self {
            Self::Const(_) | Self::Var(_) => false,
            Self::Array(items) | Self::Set(items) => items.iter().any(Self::collects),
            Self::Object(items) => items.iter().any(|(key, value)| key.collects() || value.collects()),
            Self::Ref(r) => r.path.iter().any(Self::collects),
            Self::Comp(_) => true,
        }
    }
}

/// Where a ref begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    Data,
    Input,
    Var(Slot),
}

/// A ref: unbound variables of its path take each key there is.
#[derive(Clone, Debug)]
pub struct Ref {
    pub root: Root,
    pub path: Vec<Term>,
    /// Where it begins.
    pub location: Location,
}

/// A comprehension.
#[derive(Clone, Debug)]
pub struct Comp {
    pub location: Location,
    pub head: Head,
    pub body: Vec<Expr>,
}

/// What a comprehension collects.
#[derive(Clone, Debug)]
pub enum Head {
    Array(Term),
    Set(Term),
    Object(Term, Term),
}

impl Head {
    /// Its terms.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        let (Self::Array(first) | Self::Set(first) | Self::Object(first, _)) = self;
        let second = if let Self::Object(_, value) = self { Some(value) } else { None };
        [first].into_iter().chain(second)
    }

    /// Its terms.
    pub fn terms_mut(&mut self) -> impl Iterator<Item = &mut Term> {
        let (first, second) = match self {
            Self::Array(term) | Self::Set(term) => (term, None),
            Self::Object(key, value) => (key, Some(value)),
        };
        [first].into_iter().chain(second)
    }
}

/// An expression of a body and the place it came from.
#[derive(Clone, Debug)]
pub struct Expr {
    pub location: Location,
    pub kind: ExprKind,
}

/// What an expression does. Each holds once for each solution.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// The term is defined and not false; may be a ref.
    Holds(Term),
    /// Both are equal, binding what is unbound; either may be a ref.
    Eq(Term, Term),
    /// The call is defined and equals `out`, or without it is not false.
    Call {
        callee: Callee,
        args: Vec<Term>,
        out: Option<Term>,
    },
    Not(Box<Expr>),
    Every {
        key: Option<Slot>,
        value: Slot,
        domain: Term,
        body: Vec<Expr>,
    },
    /// Always holds; says to whoever listens what its operands come to, each of them a set of values.
    Print(Vec<Term>),
    /// The body holds with the targets replaced; its bindings remain.
    With {
        with: Vec<With>,
        body: Vec<Expr>,
    },
}

/// What is called.
#[derive(Clone, Debug)]
pub enum Callee {
    Builtin(&'static Builtin),
    Host(HostId),
    /// `walk(x, [path, value])`, the one relation.
    Walk,
    /// A function of the policy.
    Function(NodeId),
}

/// Of a callee, what `with` replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CalleeKey {
    Builtin(&'static str),
    Host(HostId),
    Function(NodeId),
}

impl Callee {
    /// What `with` names it by.
    pub fn key(&self) -> CalleeKey {
        match self {
            Self::Builtin(builtin) => CalleeKey::Builtin(builtin.name),
            Self::Host(host) => CalleeKey::Host(*host),
            Self::Walk => CalleeKey::Builtin("walk"),
            Self::Function(node) => CalleeKey::Function(*node),
        }
    }
}

/// One replacement.
#[derive(Clone, Debug)]
pub enum With {
    Input(Vec<Value>, Term),
    /// With the node that it hides, if the path is one's.
    Data(Vec<Value>, Option<NodeId>, Term),
    /// Calls give this value.
    CallValue(CalleeKey, Term),
    /// Calls go to another function.
    CallOther(CalleeKey, Callee),
}

/// A body and the value that it gives; for set rules, the member.
#[derive(Clone, Debug)]
pub struct Clause {
    pub body: Vec<Expr>,
    pub value: Term,
    pub location: Location,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    pub location: Location,
    pub kind: Kind,
    /// Patterns for arguments.
    pub args: Vec<Term>,
    /// Of the ref, what follows its constant part.
    pub suffix: Vec<Term>,
    /// The body and its `else`s, in order.
    pub clauses: Vec<Clause>,
    /// Names of the frame's slots; empty for generated ones.
    pub slots: Vec<Name>,
    pub places: Places,
    pub node: NodeId,
}

/// Places within a rule or query that only errors need.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Of calls whose result is given among their arguments.
    pub given: Vec<Location>,
    /// Of calls that are a side of an equation, and of the equation.
    pub equations: Vec<(Location, Location)>,
    /// Of calls of documents that are no functions, and what they call.
    pub documents: Vec<(Location, Vec<Value>)>,
    /// Of expressions and of each of their `with`s that replaces a function by another.
    pub replaced: Vec<(Location, Location)>,
    /// Variables that are declared, which OPA gives names of its own.
    pub declared: Slots,
}

/// What a rule defines where its ref stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Value,
    Set,
    Function,
}

/// A package, or a document or function with its rules.
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub children: BTreeMap<Value, NodeId>,
    /// Indexes of rules, without the default.
    pub rules: Vec<usize>,
    pub default: Option<usize>,
    /// Number of arguments, of a function.
    pub arity: Option<usize>,
    /// All rules have one value, a constant: the first that holds is enough.
    pub settled: bool,
    /// Defined by rules whose refs go on with variables: with all rules below it, one object.
    pub partial: bool,
    pub set: bool,
    /// Some rule stands here; known before any is lowered.
    pub ruled: bool,
    /// From the root.
    pub path: Vec<Value>,
}

impl Node {
    /// Whether it is a document or function of its own, rather than what holds others.
    pub fn defined(&self) -> bool {
        !self.rules.is_empty() || self.default.is_some()
    }
}
