//! The tree of a template, and how errors show its parts (`text/template/parse/node.go`).

use crate::text::quote;
use std::fmt::{Display, Formatter, Result, Write};
use std::sync::Arc;

/// A name and what it stands for.
pub type Templates = std::collections::BTreeMap<String, Vec<Step>>;

#[derive(Clone, Debug)]
pub enum Step {
    Text(Arc<str>),
    Action(Pipe),
    Break,
    Continue,
    Branch(Branch),
    Template(Call),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    If,
    Range,
    With,
}

impl Control {
    pub fn name(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::Range => "range",
            Self::With => "with",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Branch {
    pub control: Control,
    pub pipe: Pipe,
    pub list: Vec<Step>,
    pub otherwise: Vec<Step>,
}

/// `{{template "name" pipeline}}`.
#[derive(Clone, Debug)]
pub struct Call {
    pub pos: usize,
    pub name: String,
    pub pipe: Option<Pipe>,
}

#[derive(Clone, Debug)]
pub struct Pipe {
    pub pos: usize,
    /// The variables are set, not declared.
    pub assigns: bool,
    pub variables: Vec<Arc<str>>,
    pub commands: Vec<Command>,
}

/// A function, or what else can be first, and its arguments. Never empty.
#[derive(Clone, Debug)]
pub struct Command {
    pub pos: usize,
    pub first: Operand,
    pub arguments: Vec<Operand>,
}

#[derive(Clone, Debug)]
pub struct Operand {
    pub pos: usize,
    pub term: Term,
}

#[derive(Clone, Debug)]
pub enum Term {
    Bool(bool),
    Dot,
    Nil,
    Number(Number, Arc<str>),
    /// What it says, and how it is written.
    Text(Arc<str>, Arc<str>),
    Identifier(Arc<str>),
    /// `.a.b`.
    Field(Vec<Arc<str>>),
    /// `$x.a.b`.
    Variable(Arc<str>, Vec<Arc<str>>),
    /// `(pipeline).a.b`.
    Chain(Box<Operand>, Vec<Arc<str>>),
    Pipe(Box<Pipe>),
}

/// A constant where nothing says what type it should have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
    /// An integer that no int holds.
    Overflow,
}

impl Operand {
    /// Whether it is a constant or the dot, which takes no fields and stands at the start of a pipeline only.
    pub fn is_plain(&self) -> bool {
        matches!(self.term, Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(..) | Term::Text(..))
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.term {
            Term::Bool(b) => b.fmt(f),
            Term::Dot => f.write_char('.'),
            Term::Nil => f.write_str("nil"),
            Term::Number(_, written) | Term::Text(_, written) => f.write_str(written),
            Term::Identifier(name) => f.write_str(name),
            Term::Field(names) => fields(f, names),
            Term::Variable(name, names) => {
                f.write_str(name)?;
                fields(f, names)
            }
            Term::Chain(operand, names) => {
                inner(f, operand)?;
                fields(f, names)
            }
            Term::Pipe(pipe) => pipe.fmt(f),
        }
    }
}

fn fields(f: &mut Formatter<'_>, names: &[Arc<str>]) -> Result {
    names.iter().try_for_each(|name| write!(f, ".{name}"))
}

/// An operand as part of something else: a pipeline in parentheses.
fn inner(f: &mut Formatter<'_>, operand: &Operand) -> Result {
    match &operand.term {
        Term::Pipe(pipe) => write!(f, "({pipe})"),
        _ => operand.fmt(f),
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        inner(f, &self.first)?;
        self.arguments.iter().try_for_each(|argument| {
            f.write_char(' ')?;
            inner(f, argument)
        })
    }
}

impl Display for Pipe {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if !self.variables.is_empty() {
            write!(f, "{} {} ", self.variables.join(", "), if self.assigns { "=" } else { ":=" })?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { " | " })?;
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{{{{template {}", quote(&self.name, false))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}
