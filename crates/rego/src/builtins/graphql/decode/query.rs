//! AST objects as query documents. The library reads operations, fragments and selections by hand: keys in their exact
//! case, and a selection as the first of field, spread and inline fragment that it can be read as, which is nearly always
//! a field; one that is none of them is passed over.

use super::{Decoded, Reader};
use crate::builtins::graphql::ast::{
    Field, FragmentDefinition, FragmentSpread, InlineFragment, OperationDefinition, QueryDocument, Selection, Type,
    VariableDefinition,
};
use crate::value::Value;

/// The query document of an AST object.
pub fn query(value: &Value) -> Decoded<QueryDocument> {
    let mut document = QueryDocument::default();
    let mut reader = Reader::shown_as("QueryDocument");
    reader.fields(value, "QueryDocument", "ast.QueryDocument", |reader, key, item| {
        match key {
            "operations" => document.operations = reader.list(item, "ast.OperationList", operation)?,
            "fragments" => document.fragments = reader.list(item, "ast.FragmentDefinitionList", fragment)?,
            "comment" => document.comment = reader.comment(item)?,
            _ => {}
        }
        Ok(())
    })?;
    reader.complete(document)
}

/// Visits the keys of an object in their exact case; whether there is an object.
fn exact<'v>(
    reader: &mut Reader,
    value: &'v Value,
    mut each: impl FnMut(&mut Reader, &'v str, &'v Value) -> Decoded<()>,
) -> Decoded<bool> {
    let map = match value {
        Value::Null => return Ok(false),
        Value::Object(map) => map,
        other => return reader.mismatch(other, "map[string]json.RawMessage"),
    };
    reader.deeper()?;
    for (key, item) in map.iter() {
        if let Some(key) = key.as_str() {
            each(reader, key, item)?;
        }
    }
    reader.back();
    Ok(true)
}

fn operation(reader: &mut Reader, value: &Value) -> Decoded<OperationDefinition> {
    let mut of = OperationDefinition::default();
    let found = exact(reader, value, |reader, key, item| {
        match key {
            "Operation" => of.operation = reader.text(item, "ast.Operation")?,
            "Name" => of.name = reader.name(item)?,
            "VariableDefinitions" => of.variables = variables(reader, item)?,
            "Directives" => of.directives = reader.directives(item)?,
            "SelectionSet" => of.selections = selections(reader, item)?,
            _ => {}
        }
        Ok(())
    })?;
    if !found {
        reader.lacks("OperationDefinition");
    }
    Ok(of)
}

fn fragment(reader: &mut Reader, value: &Value) -> Decoded<FragmentDefinition> {
    let mut of = FragmentDefinition::default();
    let found = exact(reader, value, |reader, key, item| {
        match key {
            "Name" => of.name = reader.name(item)?,
            "VariableDefinition" => of.variables = variables(reader, item)?,
            "TypeCondition" => of.condition = reader.name(item)?,
            "Directives" => of.directives = reader.directives(item)?,
            "SelectionSet" => of.selections = selections(reader, item)?,
            _ => {}
        }
        Ok(())
    })?;
    if !found {
        reader.lacks("FragmentDefinition");
    }
    Ok(of)
}

fn variables(reader: &mut Reader, value: &Value) -> Decoded<Vec<VariableDefinition>> {
    reader.list(value, "ast.VariableDefinitionList", |reader, value| {
        let mut of = VariableDefinition {
            variable: String::new(),
            of: Type::default(),
            default: None,
            directives: Vec::new(),
            place: None,
            comment: Vec::new(),
            used: false,
        };
        reader.fields(value, "VariableDefinition", "ast.VariableDefinition", |reader, key, item| {
            match key {
                "variable" => of.variable = reader.name(item)?,
                "type" => of.of = reader.type_reference(item)?.unwrap_or_default(),
                "defaultvalue" => of.default = reader.literal(item)?,
                "directives" => of.directives = reader.directives(item)?,
                "comment" => of.comment = reader.comment(item)?,
                "used" => of.used = reader.flag(item)?,
                _ => {}
            }
            Ok(())
        })?;
        if of.of.name().is_empty() {
            reader.lacks("Type");
        }
        Ok(of)
    })
}

fn selections(reader: &mut Reader, value: &Value) -> Decoded<Vec<Selection>> {
    let selections = reader.list(value, "[]json.RawMessage", |reader, value| {
        for attempt in [field, spread, inline] {
            // What goes wrong is only tried, so each trial has a reader of its own.
            let mut trial = reader.trial();
            match attempt(&mut trial, value) {
                Ok(selection) => {
                    reader.take_lacking(&trial);
                    return Ok(Some(selection));
                }
                Err(why) if trial.too_deep => {
                    reader.too_deep = true;
                    return Err(why);
                }
                Err(_) => {}
            }
        }
        Ok(None)
    })?;
    Ok(selections.into_iter().flatten().collect())
}

fn field(reader: &mut Reader, value: &Value) -> Decoded<Selection> {
    let mut of = Box::<Field>::default();
    exact(reader, value, |reader, key, item| {
        match key {
            "Alias" => of.alias = reader.name(item)?,
            "Name" => of.name = reader.name(item)?,
            "Arguments" => of.arguments = reader.arguments(item)?,
            "Directives" => of.directives = reader.directives(item)?,
            "SelectionSet" => of.selections = selections(reader, item)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Selection::Field(of))
}

fn spread(reader: &mut Reader, value: &Value) -> Decoded<Selection> {
    let mut of = Box::<FragmentSpread>::default();
    reader.fields(value, "FragmentSpread", "ast.FragmentSpread", |reader, key, item| {
        match key {
            "name" => of.name = reader.name(item)?,
            "directives" => of.directives = reader.directives(item)?,
            "comment" => of.comment = reader.comment(item)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Selection::Spread(of))
}

fn inline(reader: &mut Reader, value: &Value) -> Decoded<Selection> {
    let mut of = Box::<InlineFragment>::default();
    exact(reader, value, |reader, key, item| {
        match key {
            "TypeCondition" => of.condition = reader.name(item)?,
            "Directives" => of.directives = reader.directives(item)?,
            "SelectionSet" => of.selections = selections(reader, item)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Selection::Inline(of))
}
