//! The checks of a schema's definitions: each type and directive by name, and within it what the library looks at in its
//! order, as only the first fault is told.

use super::ast::{
    ArgumentDefinition, Definition, DefinitionKind, Directive, DirectiveDefinition, FieldDefinition, LiteralKind, Type,
    argument, argument_definition,
};
use super::fault::{Fault, Place};
use super::prelude;
use super::schema::{Refusal, Schema};
use super::work::Work;
use crate::text::quote;
use std::collections::HashMap;
use std::sync::Arc;

type Checked = Result<(), Refusal>;

/// Checks all types, then all directives. Those of the prelude are right as long as they are as they were.
pub fn check(schema: &Schema, work: &mut Work) -> Checked {
    let own = &prelude::document().definitions;
    for of in schema.types.values().filter(|of| !own.iter().any(|own| Arc::ptr_eq(own, of))) {
        definition(schema, of, work)?;
    }
    for of in schema.directives.values() {
        name(of.place, &of.name)?;
        arguments(schema, &of.arguments, Some(of), work)?;
    }
    Ok(())
}

fn fault(place: Option<Place>, message: String) -> Checked {
    Err(Fault::of_schema(place, message).into())
}

fn definition(schema: &Schema, of: &Definition, work: &mut Work) -> Checked {
    for field in &of.fields {
        name(field.place, &field.name)?;
        known_type(schema, &field.of)?;
        arguments(schema, &field.arguments, None, work)?;
        let input = of.kind == DefinitionKind::InputObject;
        let location = if input { "INPUT_FIELD_DEFINITION" } else { "FIELD_DEFINITION" };
        directives(schema, &field.directives, location, None, work)?;
    }
    for member in &of.types {
        work.spend(1)?;
        match schema.get(member) {
            None => return fault(of.place, format!("Undefined type {}.", quote(member, false))),
            Some(found) if found.kind != DefinitionKind::Object => {
                let message = format!("{} type {} must be OBJECT.", of.kind.as_str(), quote(member, false));
                return fault(of.place, message);
            }
            Some(_) => {}
        }
    }
    for interface in &of.interfaces {
        implements(schema, of, interface, work)?;
    }
    match of.kind {
        DefinitionKind::Object | DefinitionKind::Interface => output(schema, of)?,
        DefinitionKind::Enum => values(schema, of, work)?,
        DefinitionKind::InputObject => input(schema, of)?,
        _ => {}
    }
    unique_fields(of, work)?;
    if !of.built_in {
        name(of.place, &of.name)?;
    }
    directives(schema, &of.directives, of.kind.as_str(), None, work)
}

fn output(schema: &Schema, of: &Definition) -> Checked {
    let (kind, name) = (of.kind.as_str(), &of.name);
    if of.fields.is_empty() {
        return fault(of.place, format!("{kind} {name}: must define one or more fields."));
    }
    let wrong = of
        .fields
        .iter()
        .find(|field| schema.get(field.of.name()).is_some_and(|found| !found.is_leaf() && !found.is_composite()));
    match wrong {
        Some(field) => {
            let message = format!("{kind} {name}: field must be one of SCALAR, OBJECT, INTERFACE, UNION, ENUM.");
            fault(field.place, message)
        }
        None => Ok(()),
    }
}

fn input(schema: &Schema, of: &Definition) -> Checked {
    if of.fields.is_empty() {
        let message = format!("{} {}: must define one or more input fields.", of.kind.as_str(), of.name);
        return fault(of.place, message);
    }
    for field in &of.fields {
        if let Some(found) = schema.get(field.of.name()).filter(|found| !found.is_input()) {
            let kind = found.kind.as_str();
            let message = format!("{kind} {}: field must be one of SCALAR, ENUM, INPUT_OBJECT.", field.name);
            return fault(field.place, message);
        }
    }
    Ok(())
}

fn values(schema: &Schema, of: &Definition, work: &mut Work) -> Checked {
    let (kind, name) = (of.kind.as_str(), &of.name);
    if of.values.is_empty() {
        return fault(of.place, format!("{kind} {name}: must define one or more unique enum values."));
    }
    for value in &of.values {
        if matches!(value.name.as_str(), "true" | "false" | "null") {
            return fault(of.place, format!("{kind} {name}: non-enum value {}.", value.name));
        }
        directives(schema, &value.directives, "ENUM_VALUE", None, work)?;
    }
    Ok(())
}

/// Tells the first field that comes again, by its second place.
fn unique_fields(of: &Definition, work: &mut Work) -> Checked {
    work.spend(of.fields.len())?;
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut again: Option<(usize, &FieldDefinition)> = None;
    for (i, field) in of.fields.iter().enumerate() {
        match first.get(field.name.as_str()) {
            None => {
                first.insert(&field.name, i);
            }
            Some(&at) if again.is_none_or(|(earlier, _)| at < earlier) => again = Some((at, field)),
            Some(_) => {}
        }
    }
    match again {
        Some((_, field)) => fault(field.place, format!("Field {}.{} can only be defined once.", of.name, field.name)),
        None => Ok(()),
    }
}

fn name(place: Option<Place>, name: &str) -> Checked {
    if name.starts_with("__") {
        let message =
            format!("Name \"{name}\" must not begin with \"__\", which is reserved by GraphQL introspection.");
        return fault(place, message);
    }
    Ok(())
}

fn known_type(schema: &Schema, of: &Type) -> Checked {
    match schema.get(of.name()) {
        Some(_) => Ok(()),
        None => fault(of.place, format!("Undefined type {}.", of.name())),
    }
}

fn arguments(
    schema: &Schema,
    arguments: &[ArgumentDefinition],
    directive: Option<&DirectiveDefinition>,
    work: &mut Work,
) -> Checked {
    for of in arguments {
        work.spend(1)?;
        name(of.place, &of.name)?;
        known_type(schema, &of.of)?;
        if let Some(found) = schema.get(of.of.name()).filter(|found| !found.is_input()) {
            let kind = found.kind.as_str();
            let message =
                format!("cannot use {} as argument {} because {kind} is not a valid input type", of.of, of.name);
            return fault(of.place, message);
        }
        directives(schema, &of.directives, "ARGUMENT_DEFINITION", directive, work)?;
    }
    Ok(())
}

/// Checks the directives at a location; `within` is the directive whose definition they stand in.
pub fn directives(
    schema: &Schema,
    directives: &[Directive],
    location: &str,
    within: Option<&DirectiveDefinition>,
    work: &mut Work,
) -> Checked {
    for of in directives {
        name(of.place, &of.name)?;
        if within.is_some_and(|within| within.name == of.name) {
            return fault(of.place, format!("Directive {} cannot refer to itself.", of.name));
        }
        let Some(definition) = schema.directive(&of.name) else {
            return fault(of.place, format!("Undefined directive {}.", of.name));
        };
        work.spend(1 + definition.locations.len() / 4 + of.arguments.len() * definition.arguments.len())?;
        if !definition.locations.iter().any(|known| known == location) {
            return fault(of.place, format!("Directive {} is not applicable on {location}.", of.name));
        }
        for given in &of.arguments {
            if argument_definition(&definition.arguments, &given.name).is_none() {
                let message = format!("Undefined argument {} for directive {}.", given.name, of.name);
                return fault(given.place, message);
            }
        }
        for wanted in definition.arguments.iter().filter(|wanted| wanted.of.non_null && wanted.default.is_none()) {
            let given = argument(&of.arguments, &wanted.name).and_then(|given| given.value.as_ref());
            if given.is_none_or(|given| given.kind == LiteralKind::Null) {
                let message = format!("Argument {} for directive {} cannot be null.", wanted.name, of.name);
                return fault(of.place, message);
            }
        }
    }
    Ok(())
}

/// Whether a type has what an interface asks for.
fn implements(schema: &Schema, of: &Definition, interface: &str, work: &mut Work) -> Checked {
    let Some(wanted) = schema.get(interface) else {
        return fault(of.place, format!("Undefined type {}.", quote(interface, false)));
    };
    if wanted.kind != DefinitionKind::Interface {
        let message = format!("{} is a non interface type {}.", quote(interface, false), wanted.kind.as_str());
        return fault(of.place, message);
    }
    let promise = format!("For {} to implement {}", of.name, wanted.name);
    for required in &wanted.fields {
        work.spend(1 + of.fields.len() / 8)?;
        let Some(found) = of.field(&required.name) else {
            return fault(of.place, format!("{promise} it must have a field called {}.", required.name));
        };
        if !is_covariant(schema, &required.of, &found.of, work)? {
            let message = format!("{promise} the field {} must have type {}.", required.name, required.of);
            return fault(found.place, message);
        }
        same_arguments(&promise, required, found, work)?;
    }
    work.spend(wanted.interfaces.len() * of.interfaces.len())?;
    match wanted.interfaces.iter().find(|transitive| !of.interfaces.contains(transitive)) {
        None => Ok(()),
        Some(transitive) if *transitive == of.name => {
            let message =
                format!("Type {} cannot implement {interface} because it would create a circular reference.", of.name);
            fault(of.place, message)
        }
        Some(transitive) => {
            let message =
                format!("Type {} must implement {transitive} because it is implemented by {interface}.", of.name);
            fault(of.place, message)
        }
    }
}

fn same_arguments(promise: &str, required: &FieldDefinition, found: &FieldDefinition, work: &mut Work) -> Checked {
    work.spend(2 * required.arguments.len() * found.arguments.len())?;
    for wanted in &required.arguments {
        let same = format!("{promise} the field {} must have the same arguments", required.name);
        let Some(given) = argument_definition(&found.arguments, &wanted.name) else {
            return fault(found.place, format!("{same} but it is missing {}.", wanted.name));
        };
        if !wanted.of.is_compatible(&given.of) {
            return fault(given.place, format!("{same} but {} has the wrong type.", wanted.name));
        }
    }
    for given in found.arguments.iter().filter(|given| given.of.non_null && given.default.is_none()) {
        if argument_definition(&required.arguments, &given.name).is_none() {
            let message = format!(
                "{promise} any additional arguments on {} must be optional or have a default value but {} is required.",
                found.name, given.name
            );
            return fault(given.place, message);
        }
    }
    Ok(())
}

/// Whether a field of a type may stand for one of another.
fn is_covariant(schema: &Schema, required: &Type, actual: &Type, work: &mut Work) -> Result<bool, Refusal> {
    if required.non_null && !actual.non_null {
        return Ok(false);
    }
    if !required.named.is_empty() {
        let possible = schema.possible(&required.named);
        work.spend(1 + possible.len())?;
        return Ok(required.named == actual.named || possible.contains(&actual.named));
    }
    match (&required.item, &actual.item) {
        (Some(required), Some(actual)) => is_covariant(schema, required, actual, work),
        _ => Ok(false),
    }
}
