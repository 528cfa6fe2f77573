//! Rules of operations: KnownRootType, LoneAnonymousOperation, SingleFieldSubscriptions, UniqueOperationNames.

use super::super::ast::{Field, OperationDefinition, Selection};
use super::super::walk::Walk;
use super::super::work::Step;
use crate::text::quote;
use std::collections::HashSet;

/// The names of the operations so far.
#[derive(Default)]
pub struct State<'a> {
    names: HashSet<&'a str>,
}

/// KnownRootType: the schema has the kind of operation.
pub fn known_root_type(walk: &mut Walk<'_>, operation: &OperationDefinition) -> Step {
    if walk.schema.root(&operation.operation).is_some() {
        return Ok(());
    }
    let message = format!("Schema does not support operation type \"{}\"", operation.operation);
    walk.fault(operation.place, message)
}

/// LoneAnonymousOperation: an operation without a name is the only one.
pub fn lone_anonymous(walk: &mut Walk<'_>, operation: &OperationDefinition) -> Step {
    if !operation.name.is_empty() || walk.document.operations.len() <= 1 {
        return Ok(());
    }
    walk.fault(operation.place, "This anonymous operation must be the only defined operation.".to_owned())
}

/// UniqueOperationNames.
pub fn unique_names<'a>(walk: &mut Walk<'a>, operation: &'a OperationDefinition) -> Step {
    if walk.state.operations.names.insert(&operation.name) {
        return Ok(());
    }
    walk.fault(operation.place, format!("There can be only one operation named \"{}\".", operation.name))
}

/// SingleFieldSubscriptions: a subscription selects one field, and none of introspection.
pub fn single_field_subscriptions<'a>(walk: &mut Walk<'a>, operation: &'a OperationDefinition) -> Step {
    if operation.operation != "subscription" || walk.schema.root("subscription").is_none() {
        return Ok(());
    }
    let mut fields = Vec::new();
    top_fields(walk, &operation.selections, &mut HashSet::new(), &mut fields)?;
    let mut seen = HashSet::new();
    fields.retain(|field| seen.insert(field.name.as_str()));
    let name = match operation.name.as_str() {
        "" => "Anonymous Subscription".to_owned(),
        name => format!("Subscription {}", quote(name, false)),
    };
    if let Some(second) = fields.get(1) {
        walk.fault(second.place, format!("{name} must select only one top level field."))?;
    }
    for field in fields.iter().filter(|field| field.name.starts_with("__")) {
        walk.fault(field.place, format!("{name} must not select an introspection top level field."))?;
    }
    Ok(())
}

/// The fields of a selection, those of its fragments included; the rest of one after an unknown fragment is left out.
fn top_fields<'a>(
    walk: &mut Walk<'a>,
    selections: &'a [Selection],
    entered: &mut HashSet<&'a str>,
    fields: &mut Vec<&'a Field>,
) -> Step {
    walk.work.enter()?;
    for selection in selections {
        walk.work.spend(1)?;
        match selection {
            Selection::Field(field) => fields.push(field),
            Selection::Inline(inline) => top_fields(walk, &inline.selections, entered, fields)?,
            Selection::Spread(spread) => {
                let Some(fragment) = walk.fragment_of(&spread.name) else { break };
                if entered.insert(&fragment.name) {
                    top_fields(walk, &fragment.selections, entered, fields)?;
                }
            }
        }
    }
    walk.work.leave();
    Ok(())
}
