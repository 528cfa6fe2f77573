//! Queries: operations, fragments and selections.

use super::{Argument, Comment, Directive, Literal, Type};
use crate::builtins::graphql::fault::Place;

/// Operations and fragments.
#[derive(Clone, Debug, Default)]
pub struct QueryDocument {
    pub operations: Vec<OperationDefinition>,
    pub fragments: Vec<FragmentDefinition>,
    pub comment: Comment,
}

/// A query, mutation or subscription.
#[derive(Clone, Debug, Default)]
pub struct OperationDefinition {
    /// `query`, `mutation` or `subscription`; anything in an AST object.
    pub operation: String,
    pub name: String,
    pub variables: Vec<VariableDefinition>,
    pub directives: Vec<Directive>,
    pub selections: Vec<Selection>,
    pub place: Option<Place>,
    pub comment: Comment,
}

/// A variable of an operation.
#[derive(Clone, Debug)]
pub struct VariableDefinition {
    pub variable: String,
    pub of: Type,
    pub default: Option<Literal>,
    pub directives: Vec<Directive>,
    pub place: Option<Place>,
    pub comment: Comment,
    /// Said by an AST object.
    pub used: bool,
}

/// A fragment with a name.
#[derive(Clone, Debug, Default)]
pub struct FragmentDefinition {
    pub name: String,
    pub variables: Vec<VariableDefinition>,
    pub condition: String,
    pub directives: Vec<Directive>,
    pub selections: Vec<Selection>,
    pub place: Option<Place>,
    pub comment: Comment,
}

/// Boxed, as selections are read and kept in recursion.
#[derive(Clone, Debug)]
pub enum Selection {
    Field(Box<Field>),
    Spread(Box<FragmentSpread>),
    Inline(Box<InlineFragment>),
}

/// A field that is selected.
#[derive(Clone, Debug, Default)]
pub struct Field {
    pub alias: String,
    pub name: String,
    pub arguments: Vec<Argument>,
    pub directives: Vec<Directive>,
    pub selections: Vec<Selection>,
    pub place: Option<Place>,
    pub comment: Comment,
}

impl Field {
    /// The name of the field in the answer.
    pub fn response_name(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }
}

/// `...Name`.
#[derive(Clone, Debug, Default)]
pub struct FragmentSpread {
    pub name: String,
    pub directives: Vec<Directive>,
    pub place: Option<Place>,
    pub comment: Comment,
}

/// `... on Type { ... }`.
#[derive(Clone, Debug, Default)]
pub struct InlineFragment {
    /// Empty where it stands for the type around it.
    pub condition: String,
    pub directives: Vec<Directive>,
    pub selections: Vec<Selection>,
    pub place: Option<Place>,
    pub comment: Comment,
}
