//! Rules of fields: FieldsOnCorrectType, MaxIntrospectionDepth, ScalarLeafs.

use super::super::ast::{Definition, DefinitionKind, Field, Selection};
use super::super::suggest;
use super::super::walk::{FieldAt, Walk};
use super::super::work::{Step, Stop};
use std::collections::{HashMap, HashSet};

/// Lists of types within lists of types, as far as an introspection may go.
const MAX_INTROSPECTION_LISTS: usize = 3;

/// FieldsOnCorrectType: a type has the fields that are selected on it.
pub fn on_correct_type(walk: &mut Walk<'_>, at: FieldAt<'_>) -> Step {
    let (Some(parent), None) = (at.parent, at.definition) else { return Ok(()) };
    let name = at.field.name.as_str();
    let mut message = format!("Cannot query field \"{name}\" on type \"{}\".", parent.name);
    let types = if parent.is_abstract() { types_with_field(walk, parent, name)? } else { Vec::new() };
    if !types.is_empty() {
        message.push_str(&format!(" Did you mean to use an inline fragment on {}?", suggest::either(&types)));
    } else if matches!(parent.kind, DefinitionKind::Object | DefinitionKind::Interface) {
        let fields = parent.fields.iter().map(|field| field.name.as_str());
        suggest::add(&mut message, "Did you mean", name, fields, walk.work)?;
    }
    walk.fault(at.field.place, message)
}

/// The possible types that have a field and their interfaces that have it: the most implemented interface first, then by
/// name.
fn types_with_field<'a>(walk: &mut Walk<'a>, parent: &Definition, name: &str) -> Result<Vec<&'a str>, Stop> {
    let schema = walk.schema;
    let mut types: Vec<&str> = Vec::new();
    let mut interfaces: HashMap<&str, usize> = HashMap::new();
    for possible in schema.possible(&parent.name).iter().filter_map(|possible| schema.get(possible)) {
        walk.work.spend(1 + possible.fields.len())?;
        if possible.field(name).is_none() {
            continue;
        }
        types.push(&possible.name);
        for interface in possible.interfaces.iter().filter_map(|interface| schema.get(interface)) {
            walk.work.spend(1 + interface.fields.len())?;
            if interface.field(name).is_some() {
                *interfaces.entry(&interface.name).or_default() += 1;
            }
        }
    }
    types.extend(interfaces.keys());
    types.sort_by_key(|name| (std::cmp::Reverse(interfaces.get(name).copied().unwrap_or(0)), *name));
    Ok(types)
}

/// MaxIntrospectionDepth: lists of types of an introspection are not nested without end.
pub fn introspection_depth<'a>(walk: &mut Walk<'a>, at: FieldAt<'a>) -> Step {
    if matches!(at.field.name.as_str(), "__schema" | "__type") && field_exceeds(walk, at.field, &mut HashSet::new(), 0)?
    {
        return walk.fault(at.field.place, "Maximum introspection depth exceeded".to_owned());
    }
    Ok(())
}

fn field_exceeds<'a>(
    walk: &mut Walk<'a>,
    field: &'a Field,
    within: &mut HashSet<&'a str>,
    mut lists: usize,
) -> Result<bool, Stop> {
    if matches!(field.name.as_str(), "fields" | "interfaces" | "possibleTypes" | "inputFields") {
        lists += 1;
        if lists >= MAX_INTROSPECTION_LISTS {
            return Ok(true);
        }
    }
    exceeds(walk, &field.selections, within, lists)
}

/// `within` are the fragments on the way here; each may be visited many times, so the steps are what bounds it.
fn exceeds<'a>(
    walk: &mut Walk<'a>,
    selections: &'a [Selection],
    within: &mut HashSet<&'a str>,
    lists: usize,
) -> Result<bool, Stop> {
    walk.work.enter()?;
    for selection in selections {
        walk.work.spend(1)?;
        let found = match selection {
            Selection::Field(field) => field_exceeds(walk, field, within, lists)?,
            Selection::Inline(inline) => exceeds(walk, &inline.selections, within, lists)?,
            Selection::Spread(spread) => match walk.fragment_met(spread) {
                Some(fragment) if within.insert(&fragment.name) => {
                    let found = exceeds(walk, &fragment.selections, within, lists)?;
                    within.remove(fragment.name.as_str());
                    found
                }
                _ => false,
            },
        };
        if found {
            walk.work.leave();
            return Ok(true);
        }
    }
    walk.work.leave();
    Ok(false)
}

/// ScalarLeafs: what has fields has selections, and nothing else has.
pub fn scalar_leafs(walk: &mut Walk<'_>, at: FieldAt<'_>) -> Step {
    let Some(definition) = at.definition else { return Ok(()) };
    let Some(of) = walk.schema.get(definition.of.name()) else { return Ok(()) };
    let name = &at.field.name;
    match (of.is_leaf(), at.field.selections.is_empty()) {
        (true, false) => {
            let message =
                format!("Field \"{name}\" must not have a selection since type \"{}\" has no subfields.", of.name);
            walk.fault(at.field.place, message)
        }
        (false, true) => {
            let message = format!(
                "Field \"{name}\" of type \"{}\" must have a selection of subfields. Did you mean \"{name} {{ ... }}\"?",
                definition.of
            );
            walk.fault(at.field.place, message)
        }
        _ => Ok(()),
    }
}
