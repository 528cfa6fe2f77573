//! Rules of variables: KnownTypeNames of their types, NoUndefinedVariables, NoUnusedVariables, UniqueVariableNames,
//! VariablesAreInputTypes, VariablesInAllowedPosition.

use super::super::ast::{Literal, LiteralKind, OperationDefinition, VariableDefinition};
use super::super::walk::{Expected, Walk};
use super::super::work::Step;
use std::collections::HashMap;

/// KnownTypeNames of variables.
pub fn known_type(walk: &mut Walk<'_>, variable: &VariableDefinition) -> Step {
    let name = variable.of.name();
    if walk.schema.get(name).is_some() {
        return Ok(());
    }
    walk.fault(variable.place, format!("Unknown type \"{name}\"."))
}

/// NoUndefinedVariables: an operation defines the variables in it and in its fragments.
pub fn no_undefined(walk: &mut Walk<'_>, literal: &Literal) -> Step {
    let Some(operation) = walk.operation else { return Ok(()) };
    if literal.kind != LiteralKind::Variable || walk.variable(&literal.raw).is_some() {
        return Ok(());
    }
    let name = &literal.raw;
    let message = match operation.name.as_str() {
        "" => format!("Variable \"${name}\" is not defined."),
        operation => format!("Variable \"${name}\" is not defined by operation \"{operation}\"."),
    };
    walk.fault(literal.place, message)
}

/// NoUnusedVariables.
pub fn no_unused(walk: &mut Walk<'_>, operation: &OperationDefinition) -> Step {
    for (i, variable) in operation.variables.iter().enumerate() {
        if walk.used.contains(&i) {
            continue;
        }
        let name = &variable.variable;
        let message = match operation.name.as_str() {
            "" => format!("Variable \"${name}\" is never used."),
            operation => format!("Variable \"${name}\" is never used in operation \"{operation}\"."),
        };
        walk.fault(variable.place, message)?;
    }
    Ok(())
}

/// UniqueVariableNames; told once for each name.
pub fn unique_names(walk: &mut Walk<'_>, operation: &OperationDefinition) -> Step {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for variable in &operation.variables {
        let count = seen.entry(&variable.variable).or_default();
        *count += 1;
        if *count == 2 {
            let message = format!("There can be only one variable named \"${}\".", variable.variable);
            walk.fault(variable.place, message)?;
        }
    }
    Ok(())
}

/// VariablesAreInputTypes.
pub fn input_types(walk: &mut Walk<'_>, operation: &OperationDefinition) -> Step {
    for variable in &operation.variables {
        if walk.schema.get(variable.of.name()).is_some_and(|of| !of.is_input()) {
            let message = format!("Variable \"${}\" cannot be non-input type \"{}\".", variable.variable, variable.of);
            walk.fault(variable.place, message)?;
        }
    }
    Ok(())
}

/// VariablesInAllowedPosition: a variable's type fits where it stands, a default of either side allowing for null.
pub fn allowed_position(walk: &mut Walk<'_>, literal: &Literal, expected: Expected<'_>) -> Step {
    if literal.kind != LiteralKind::Variable || walk.operation.is_none() {
        return Ok(());
    }
    let (Some(variable), Some(of)) = (walk.variable(&literal.raw), expected.of) else { return Ok(()) };
    let mut wanted = of.clone();
    let default = variable.default.as_ref().is_some_and(|default| default.kind != LiteralKind::Null);
    if default || expected.has_default {
        wanted.non_null = false;
    }
    if variable.of.is_compatible(&wanted) {
        return Ok(());
    }
    let message =
        format!("Variable \"${}\" of type \"{}\" used in position expecting type \"{of}\".", literal.raw, variable.of);
    walk.fault(literal.place, message)
}
