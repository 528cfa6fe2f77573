//! Rules of fragments: FragmentsOnCompositeTypes, KnownFragmentNames, KnownTypeNames of their types, NoFragmentCycles,
//! NoUnusedFragments, PossibleFragmentSpreads, UniqueFragmentNames.

use super::super::ast::{Definition, DefinitionKind, FragmentDefinition, FragmentSpread, InlineFragment, Selection};
use super::super::suggest;
use super::super::walk::Walk;
use super::super::work::{Step, Stop};
use std::collections::{HashMap, HashSet};

/// What is known of the fragments so far.
#[derive(Default)]
pub struct State<'a> {
    used: HashSet<&'a str>,
    names: HashSet<&'a str>,
    searched_for_cycles: HashSet<&'a str>,
    /// Fragments are walked for themselves, which uses none.
    operations_are_over: bool,
}

/// FragmentsOnCompositeTypes of defined fragments.
pub fn composite_type(walk: &mut Walk<'_>, of: &FragmentDefinition, definition: Option<&Definition>) -> Step {
    if of.condition.is_empty() || definition.is_none_or(Definition::is_composite) {
        return Ok(());
    }
    let message = format!("Fragment \"{}\" cannot condition on non composite type \"{}\".", of.name, of.condition);
    walk.fault(of.place, message)
}

/// FragmentsOnCompositeTypes of inline fragments.
pub fn inline_composite_type(walk: &mut Walk<'_>, of: &InlineFragment) -> Step {
    if walk.schema.get(&of.condition).is_none_or(Definition::is_composite) {
        return Ok(());
    }
    walk.fault(of.place, format!("Fragment cannot condition on non composite type \"{}\".", of.condition))
}

/// KnownTypeNames of defined fragments.
pub fn known_type(walk: &mut Walk<'_>, of: &FragmentDefinition, definition: Option<&Definition>) -> Step {
    if definition.is_some() {
        return Ok(());
    }
    let mut message = format!("Unknown type \"{}\".", of.condition);
    let options = walk.schema.types.keys().map(String::as_str);
    suggest::add(&mut message, "Did you mean", &of.condition, options, walk.work)?;
    walk.fault(of.place, message)
}

/// KnownTypeNames of inline fragments.
pub fn inline_known_type(walk: &mut Walk<'_>, of: &InlineFragment) -> Step {
    if of.condition.is_empty() || walk.schema.get(&of.condition).is_some() {
        return Ok(());
    }
    walk.fault(of.place, format!("Unknown type \"{}\".", of.condition))
}

/// KnownFragmentNames.
pub fn known_name(walk: &mut Walk<'_>, spread: &FragmentSpread, fragment: Option<&FragmentDefinition>) -> Step {
    if fragment.is_some() {
        return Ok(());
    }
    walk.fault(spread.place, format!("Unknown fragment \"{}\".", spread.name))
}

/// Notes for NoUnusedFragments that a fragment is spread.
pub fn used<'a>(walk: &mut Walk<'a>, spread: &'a FragmentSpread) {
    let state = &mut walk.state.fragments;
    if !state.operations_are_over {
        state.used.insert(&spread.name);
    }
}

/// NoUnusedFragments. Spreads in the first fragment that is walked for itself still count, as in the library.
pub fn no_unused(walk: &mut Walk<'_>, of: &FragmentDefinition) -> Step {
    walk.state.fragments.operations_are_over = true;
    if walk.state.fragments.used.contains(of.name.as_str()) {
        return Ok(());
    }
    walk.fault(of.place, format!("Fragment \"{}\" is never used.", of.name))
}

/// UniqueFragmentNames.
pub fn unique_names<'a>(walk: &mut Walk<'a>, of: &'a FragmentDefinition) -> Step {
    if walk.state.fragments.names.insert(&of.name) {
        return Ok(());
    }
    walk.fault(of.place, format!("There can be only one fragment named \"{}\".", of.name))
}

/// PossibleFragmentSpreads of inline fragments.
pub fn possible_inline(walk: &mut Walk<'_>, of: &InlineFragment, parent: Option<&Definition>) -> Step {
    let Some(parent) = parent else { return Ok(()) };
    if can_spread(walk, parent, &of.condition)? {
        return Ok(());
    }
    let message = format!(
        "Fragment cannot be spread here as objects of type \"{}\" can never be of type \"{}\".",
        parent.name, of.condition
    );
    walk.fault(of.place, message)
}

/// PossibleFragmentSpreads of spreads.
pub fn possible_spread(
    walk: &mut Walk<'_>,
    spread: &FragmentSpread,
    fragment: Option<&FragmentDefinition>,
    parent: Option<&Definition>,
) -> Step {
    let (Some(fragment), Some(parent)) = (fragment, parent) else { return Ok(()) };
    if can_spread(walk, parent, &fragment.condition)? {
        return Ok(());
    }
    let message = format!(
        "Fragment \"{}\" cannot be spread here as objects of type \"{}\" can never be of type \"{}\".",
        spread.name, parent.name, fragment.condition
    );
    walk.fault(spread.place, message)
}

/// Whether some object type is possible for both; what other rules tell counts as possible.
fn can_spread(walk: &mut Walk<'_>, parent: &Definition, condition: &str) -> Result<bool, Stop> {
    let schema = walk.schema;
    let own = [parent.name.clone()];
    let parents = match parent.kind {
        DefinitionKind::Object => own.as_slice(),
        DefinitionKind::Interface | DefinitionKind::Union => schema.possible(&parent.name),
        _ => return Ok(true),
    };
    if !schema.get(condition).is_some_and(Definition::is_composite) {
        return Ok(true);
    }
    let possible = schema.possible(condition);
    walk.work.spend(parents.len() + possible.len())?;
    let parents: HashSet<&String> = parents.iter().collect();
    Ok(possible.iter().any(|name| parents.contains(name)))
}

/// NoFragmentCycles: no fragment is spread in itself, not even by others.
pub fn no_cycles<'a>(walk: &mut Walk<'a>, of: &'a FragmentDefinition) -> Step {
    search(walk, of, &mut Vec::new(), &mut HashMap::new())
}

/// `path` are the spreads on the way here, `starts` where on it each fragment's own begin.
fn search<'a>(
    walk: &mut Walk<'a>,
    of: &'a FragmentDefinition,
    path: &mut Vec<&'a FragmentSpread>,
    starts: &mut HashMap<&'a str, usize>,
) -> Step {
    if !walk.state.fragments.searched_for_cycles.insert(&of.name) {
        return Ok(());
    }
    walk.work.enter()?;
    starts.insert(&of.name, path.len());
    for spread in spreads(walk, of)? {
        match starts.get(spread.name.as_str()) {
            None => {
                if let Some(fragment) = walk.fragment_of(&spread.name) {
                    path.push(spread);
                    search(walk, fragment, path, starts)?;
                    path.pop();
                }
            }
            Some(&start) => {
                let names: Vec<String> = path.iter().skip(start).map(|spread| format!("\"{}\"", spread.name)).collect();
                let via = if names.is_empty() { String::new() } else { format!(" via {}", names.join(", ")) };
                let message = format!("Cannot spread fragment \"{}\" within itself{via}.", spread.name);
                walk.fault(spread.place, message)?;
            }
        }
    }
    starts.remove(of.name.as_str());
    walk.work.leave();
    Ok(())
}

/// The spreads in a fragment: those of a selection in order, then those of the selections in it, the last first.
fn spreads<'a>(walk: &mut Walk<'a>, of: &'a FragmentDefinition) -> Result<Vec<&'a FragmentSpread>, Stop> {
    let mut found = Vec::new();
    let mut left = vec![of.selections.as_slice()];
    while let Some(selections) = left.pop() {
        walk.work.spend(1 + selections.len())?;
        for selection in selections {
            match selection {
                Selection::Spread(spread) => found.push(spread.as_ref()),
                Selection::Field(field) => left.push(&field.selections),
                Selection::Inline(inline) => left.push(&inline.selections),
            }
        }
    }
    Ok(found)
}
