//! The rules that a query has to keep: those that OPA's library applies by default, a file for each group. Which rules look
//! at a node, in which order, is here.

mod arguments;
mod directives;
mod fields;
mod fragments;
mod operations;
mod overlapping;
mod values;
mod variables;

pub use fragments::no_cycles;

use super::ast::{
    Definition, Directive, FragmentDefinition, FragmentSpread, InlineFragment, Literal, OperationDefinition,
    VariableDefinition,
};
use super::walk::{DirectiveAt, Expected, FieldAt, Walk};
use super::work::Step;

/// What rules remember between nodes.
#[derive(Default)]
pub struct State<'a> {
    directives: directives::State<'a>,
    fragments: fragments::State<'a>,
    operations: operations::State<'a>,
    overlapping: overlapping::State<'a>,
}

/// A variable's definition.
pub fn variable<'a>(walk: &mut Walk<'a>, variable: &'a VariableDefinition) -> Step {
    variables::known_type(walk, variable)
}

/// An operation, after what is in it.
pub fn operation<'a>(walk: &mut Walk<'a>, operation: &'a OperationDefinition) -> Step {
    operations::known_root_type(walk, operation)?;
    operations::lone_anonymous(walk, operation)?;
    variables::no_unused(walk, operation)?;
    overlapping::check(walk, walk.schema.root(&operation.operation), &operation.selections)?;
    operations::single_field_subscriptions(walk, operation)?;
    operations::unique_names(walk, operation)?;
    variables::unique_names(walk, operation)?;
    variables::input_types(walk, operation)
}

/// A fragment's definition, after what is in it.
pub fn fragment<'a>(walk: &mut Walk<'a>, fragment: &'a FragmentDefinition, definition: Option<&'a Definition>) -> Step {
    fragments::composite_type(walk, fragment, definition)?;
    fragments::known_type(walk, fragment, definition)?;
    fragments::no_cycles(walk, fragment)?;
    fragments::no_unused(walk, fragment)?;
    overlapping::check(walk, definition, &fragment.selections)?;
    fragments::unique_names(walk, fragment)
}

/// A field, after what is in it; also where fragments are walked for themselves.
pub fn field<'a>(walk: &mut Walk<'a>, at: FieldAt<'a>) -> Step {
    fields::on_correct_type(walk, at)?;
    arguments::known_on_field(walk, at)?;
    fields::introspection_depth(walk, at)?;
    if walk.operation.is_some() {
        let inner = at.definition.and_then(|of| walk.schema.get(of.of.name()));
        overlapping::check(walk, inner, &at.field.selections)?;
    }
    arguments::required_on_field(walk, at)?;
    fields::scalar_leafs(walk, at)?;
    arguments::unique_names(walk, &at.field.arguments)
}

/// An inline fragment on `parent`, whose selections are on `inner`, after those.
pub fn inline<'a>(
    walk: &mut Walk<'a>,
    inline: &'a InlineFragment,
    parent: Option<&'a Definition>,
    inner: Option<&'a Definition>,
) -> Step {
    fragments::inline_composite_type(walk, inline)?;
    fragments::inline_known_type(walk, inline)?;
    overlapping::check(walk, inner, &inline.selections)?;
    fragments::possible_inline(walk, inline, parent)
}

/// The spread of a fragment on `parent`, after what is in the fragment.
pub fn spread<'a>(
    walk: &mut Walk<'a>,
    spread: &'a FragmentSpread,
    fragment: Option<&'a FragmentDefinition>,
    parent: Option<&'a Definition>,
) -> Step {
    fragments::known_name(walk, spread, fragment)?;
    fragments::used(walk, spread);
    fragments::possible_spread(walk, spread, fragment, parent)
}

/// A directive, after its arguments.
pub fn directive<'a>(walk: &mut Walk<'a>, at: DirectiveAt<'a>) -> Step {
    arguments::known_on_directive(walk, at)?;
    directives::known(walk, at)?;
    arguments::required_on_directive(walk, at)?;
    arguments::unique_names(walk, &at.directive.arguments)
}

/// All directives at one place.
pub fn directives<'a>(walk: &mut Walk<'a>, directives: &'a [Directive]) -> Step {
    directives::unique(walk, directives)
}

/// A literal, after those in it.
pub fn literal<'a>(walk: &mut Walk<'a>, literal: &'a Literal, expected: Expected<'a>) -> Step {
    variables::no_undefined(walk, literal)?;
    values::unique_fields(walk, literal)?;
    values::of_correct_type(walk, literal, expected)?;
    variables::allowed_position(walk, literal, expected)
}
