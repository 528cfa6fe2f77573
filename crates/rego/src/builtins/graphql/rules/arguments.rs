//! Rules of arguments, of fields and of directives: KnownArgumentNames, ProvidedRequiredArguments, UniqueArgumentNames.

use super::super::ast::{Argument, ArgumentDefinition, argument, argument_definition};
use super::super::fault::Place;
use super::super::suggest;
use super::super::walk::{DirectiveAt, FieldAt, Walk};
use super::super::work::Step;
use std::collections::HashMap;

/// KnownArgumentNames of fields.
pub fn known_on_field(walk: &mut Walk<'_>, at: FieldAt<'_>) -> Step {
    let (Some(definition), Some(parent)) = (at.definition, at.parent) else { return Ok(()) };
    let owner = format!("field \"{}.{}\"", parent.name, at.field.name);
    known(walk, &at.field.arguments, &definition.arguments, &owner, at.field.place)
}

/// KnownArgumentNames of directives.
pub fn known_on_directive(walk: &mut Walk<'_>, at: DirectiveAt<'_>) -> Step {
    let Some(definition) = at.definition else { return Ok(()) };
    let owner = format!("directive \"@{}\"", at.directive.name);
    known(walk, &at.directive.arguments, &definition.arguments, &owner, at.directive.place)
}

fn known(
    walk: &mut Walk<'_>,
    arguments: &[Argument],
    definitions: &[ArgumentDefinition],
    owner: &str,
    place: Option<Place>,
) -> Step {
    for given in arguments.iter().filter(|given| argument_definition(definitions, &given.name).is_none()) {
        let mut message = format!("Unknown argument \"{}\" on {owner}.", given.name);
        let options = definitions.iter().map(|of| of.name.as_str());
        suggest::add(&mut message, "Did you mean", &given.name, options, walk.work)?;
        walk.fault(place, message)?;
    }
    Ok(())
}

/// ProvidedRequiredArguments of fields.
pub fn required_on_field(walk: &mut Walk<'_>, at: FieldAt<'_>) -> Step {
    let Some(definition) = at.definition else { return Ok(()) };
    let owner = format!("Field \"{}\"", at.field.name);
    required(walk, &at.field.arguments, &definition.arguments, &owner, at.field.place)
}

/// ProvidedRequiredArguments of directives.
pub fn required_on_directive(walk: &mut Walk<'_>, at: DirectiveAt<'_>) -> Step {
    let Some(definition) = at.definition else { return Ok(()) };
    let owner = format!("Directive \"@{}\"", at.directive.name);
    required(walk, &at.directive.arguments, &definition.arguments, &owner, at.directive.place)
}

fn required(
    walk: &mut Walk<'_>,
    arguments: &[Argument],
    definitions: &[ArgumentDefinition],
    owner: &str,
    place: Option<Place>,
) -> Step {
    walk.work.spend(definitions.len())?;
    for wanted in definitions.iter().filter(|wanted| wanted.of.non_null && wanted.default.is_none()) {
        if argument(arguments, &wanted.name).is_none() {
            let message = format!(
                "{owner} argument \"{}\" of type \"{}\" is required, but it was not provided.",
                wanted.name, wanted.of
            );
            walk.fault(place, message)?;
        }
    }
    Ok(())
}

/// UniqueArgumentNames; told once for each name.
pub fn unique_names(walk: &mut Walk<'_>, arguments: &[Argument]) -> Step {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for given in arguments {
        let count = seen.entry(&given.name).or_default();
        *count += 1;
        if *count == 2 {
            let message = format!("There can be only one argument named \"{}\".", given.name);
            walk.fault(given.place, message)?;
        }
    }
    Ok(())
}
