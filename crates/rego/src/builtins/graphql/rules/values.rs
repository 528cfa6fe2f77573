//! Rules of literals: UniqueInputFieldNames, ValuesOfCorrectType.

use super::super::ast::{Definition, DefinitionKind, Literal, LiteralKind, Type};
use super::super::suggest;
use super::super::walk::{Expected, Walk};
use super::super::work::{Step, Stop};
use crate::text::quote;
use std::collections::HashSet;

/// UniqueInputFieldNames.
pub fn unique_fields(walk: &mut Walk<'_>, literal: &Literal) -> Step {
    if literal.kind != LiteralKind::Object {
        return Ok(());
    }
    let mut seen = HashSet::new();
    for child in &literal.children {
        if !seen.insert(child.name.as_str()) {
            let message = format!("There can be only one input field named \"{}\".", child.name);
            walk.fault(child.place, message)?;
        }
    }
    Ok(())
}

/// ValuesOfCorrectType. Scalars of the schema's own take any value; lists are not asked for where a single value stands.
pub fn of_correct_type(walk: &mut Walk<'_>, literal: &Literal, expected: Expected<'_>) -> Step {
    let (Some(definition), Some(of)) = (expected.definition, expected.of) else { return Ok(()) };
    if literal.kind == LiteralKind::Null && of.non_null {
        walk.fault(literal.place, format!("Expected value of type \"{of}\", found {}.", literal.raw))?;
    }
    let is = |names: &[&str]| names.contains(&definition.name.as_str());
    if definition.kind == DefinitionKind::Scalar && !is(&["Int", "Float", "String", "Boolean", "ID"]) {
        return Ok(());
    }
    if unreadable(walk, literal)? {
        unexpected(walk, literal, definition, of)?;
    }
    let fits = match literal.kind {
        LiteralKind::Variable | LiteralKind::Null => true,
        LiteralKind::List => of.item.is_some(),
        LiteralKind::Int => is(&["Int", "Float", "ID"]),
        LiteralKind::Float => is(&["Float"]),
        LiteralKind::Boolean => is(&["Boolean"]),
        LiteralKind::String | LiteralKind::Block if definition.kind == DefinitionKind::Enum => {
            let shown = quote(&literal.raw, false);
            let message = format!("Enum \"{of}\" cannot represent non-enum value: {shown}.");
            return no_such_value(walk, literal, definition, message);
        }
        LiteralKind::String | LiteralKind::Block => is(&["String", "ID"]),
        LiteralKind::Enum if definition.kind == DefinitionKind::Enum => {
            walk.work.spend(definition.values.len())?;
            if definition.values.iter().any(|value| value.name == literal.raw) {
                return Ok(());
            }
            let message = format!("Value \"{}\" does not exist in \"{of}\" enum.", literal.raw);
            return no_such_value(walk, literal, definition, message);
        }
        LiteralKind::Enum => false,
        LiteralKind::Object => return object(walk, literal, definition),
    };
    if fits { Ok(()) } else { unexpected(walk, literal, definition, of) }
}

fn no_such_value(walk: &mut Walk<'_>, literal: &Literal, definition: &Definition, mut message: String) -> Step {
    let options = definition.values.iter().map(|value| value.name.as_str());
    suggest::add(&mut message, "Did you mean the enum value", &literal.raw, options, walk.work)?;
    walk.fault(literal.place, message)
}

fn object(walk: &mut Walk<'_>, literal: &Literal, definition: &Definition) -> Step {
    walk.work.spend(literal.children.len() + definition.fields.len())?;
    let given: HashSet<&str> = literal.children.iter().map(|child| child.name.as_str()).collect();
    for field in definition.fields.iter().filter(|field| field.of.non_null && field.default.is_none()) {
        if !given.contains(field.name.as_str()) {
            let message = format!(
                "Field \"{}.{}\" of required type \"{}\" was not provided.",
                definition.name, field.name, field.of
            );
            walk.fault(literal.place, message)?;
        }
    }
    for _ in definition.directives.iter().filter(|directive| directive.name == "oneOf") {
        one_of(walk, literal, definition)?;
    }
    let known: HashSet<&str> = definition.fields.iter().map(|field| field.name.as_str()).collect();
    for child in literal.children.iter().filter(|child| !known.contains(child.name.as_str())) {
        let mut message = format!("Field \"{}\" is not defined by type \"{}\".", child.name, definition.name);
        let options = definition.fields.iter().map(|field| field.name.as_str());
        suggest::add(&mut message, "Did you mean", &child.name, options, walk.work)?;
        walk.fault(child.place, message)?;
    }
    Ok(())
}

/// A `@oneOf` object has one field, which is not null.
fn one_of(walk: &mut Walk<'_>, literal: &Literal, definition: &Definition) -> Step {
    let [only] = literal.children.as_slice() else {
        let message = format!("OneOf Input Object \"{}\" must specify exactly one key.", definition.name);
        return walk.fault(literal.place, message);
    };
    let Some(value) = &only.value else { return Ok(()) };
    if value.kind == LiteralKind::Null {
        // The library names the first field whichever is null.
        let field = definition.fields.first().map(|field| field.name.as_str()).unwrap_or_default();
        return walk.fault(value.place, format!("Field \"{}.{field}\" must be non-null.", definition.name));
    }
    if value.kind == LiteralKind::Variable && walk.variable(&value.raw).is_some_and(|variable| !variable.of.non_null) {
        let message = format!(
            "Variable \"{}\" must be non-nullable to be used for OneOf Input Object \"{}\".",
            value.raw, definition.name
        );
        return walk.fault(value.place, message);
    }
    Ok(())
}

fn unexpected(walk: &mut Walk<'_>, literal: &Literal, definition: &Definition, of: &Type) -> Step {
    let shown = shown(walk, literal)?;
    let message = match of.to_string().as_str() {
        "Int" | "Int!" if beyond_32_bits(&literal.raw) => {
            format!("Int cannot represent non 32-bit signed integer value: {shown}")
        }
        "Int" | "Int!" => format!("Int cannot represent non-integer value: {shown}"),
        "String" | "String!" | "[String]" => format!("String cannot represent a non string value: {shown}"),
        "Boolean" | "Boolean!" => format!("Boolean cannot represent a non boolean value: {shown}"),
        "Float" | "Float!" => format!("Float cannot represent non numeric value: {shown}"),
        "ID" | "ID!" => format!("ID cannot represent a non-string and non-integer value: {shown}"),
        of if definition.kind == DefinitionKind::Enum => {
            format!("Enum \"{of}\" cannot represent non-enum value: {shown}.")
        }
        of => format!("Expected value of type \"{of}\", found {shown}."),
    };
    walk.fault(literal.place, message)
}

/// A literal as errors show it.
fn shown(walk: &mut Walk<'_>, literal: &Literal) -> Result<String, Stop> {
    walk.work.spend(1 + literal.raw.len() / 16)?;
    let list = |walk: &mut Walk<'_>, [open, close]: [char; 2], named: bool| {
        let mut text = String::from(open);
        for (i, child) in literal.children.iter().enumerate() {
            text.push_str(if i == 0 { "" } else { "," });
            if named {
                text.push_str(&format!("{}:", child.name));
            }
            match &child.value {
                Some(value) => text.push_str(&shown(walk, value)?),
                None => text.push_str("<nil>"),
            }
        }
        text.push(close);
        Ok(text)
    };
    match literal.kind {
        LiteralKind::Variable => Ok(format!("${}", literal.raw)),
        LiteralKind::String | LiteralKind::Block => Ok(quote(&literal.raw, false)),
        LiteralKind::List => list(walk, ['[', ']'], false),
        LiteralKind::Object => list(walk, ['{', '}'], true),
        _ => Ok(literal.raw.clone()),
    }
}

/// Whether the library fails to read a literal as a Go value: numbers out of range, in it or in a variable's default.
fn unreadable(walk: &mut Walk<'_>, literal: &Literal) -> Result<bool, Stop> {
    walk.work.spend(1)?;
    Ok(match literal.kind {
        LiteralKind::Int => literal.raw.parse::<i64>().is_err(),
        LiteralKind::Float => literal.raw.parse::<f64>().map_or(true, f64::is_infinite),
        LiteralKind::Boolean => {
            let words = ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];
            !words.contains(&literal.raw.as_str())
        }
        LiteralKind::Variable => match walk.variable(&literal.raw).and_then(|variable| variable.default.as_ref()) {
            // A default is constant where it is written; an AST object's may lead in circles.
            Some(default) if default.kind != LiteralKind::Variable => unreadable(walk, default)?,
            _ => false,
        },
        LiteralKind::List | LiteralKind::Object => {
            for value in literal.children.iter().filter_map(|child| child.value.as_ref()) {
                if unreadable(walk, value)? {
                    return Ok(true);
                }
            }
            false
        }
        _ => false,
    })
}

/// Whether Go's `ParseInt` to 32 bits complains of the range: it does so at the digit that is too many, before it sees what
/// follows.
fn beyond_32_bits(raw: &str) -> bool {
    let digits = raw.strip_prefix(['-', '+']).unwrap_or(raw);
    let mut number: u64 = 0;
    for c in digits.chars() {
        let Some(digit) = c.to_digit(10) else { return false };
        number = number * 10 + u64::from(digit);
        if number > u64::from(u32::MAX) {
            return true;
        }
    }
    number > if raw.starts_with('-') { 1 << 31 } else { (1 << 31) - 1 }
}
