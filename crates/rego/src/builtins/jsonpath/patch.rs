//! JSON patches (RFC 6902) on Rego's values: sets have members as keys. Copies only what lies on a changed path.

use super::super::{BuiltinError, Context, Outcome, args};
use super::parse;
use crate::text::quote;
use crate::value::Value;
use std::collections::BTreeMap;

/// Applies operations in order; undefined where the last of them leaves nothing.
pub(super) fn apply(source: &Value, operations: &[Value], context: &mut Context) -> Outcome {
    let mut document = Some(source.clone());
    for operation in operations {
        let Value::Object(operation) = operation else {
            return Err(args::failed(
                "must be an array of JSON-Patch objects, but at least one element is not an object",
            ));
        };
        step(&mut document, operation, context)?;
    }
    Ok(document)
}

/// A test that fails. Values of any size are not shown.
fn other(found: &Value, wanted: &Value) -> BuiltinError {
    const SHOWN: u64 = 16 << 10;
    let what = "value from EditTree != patch value.";
    args::failed(match found.size().saturating_add(wanted.size()) > SHOWN {
        true => what.to_owned(),
        false => format!("{what}\n\nExpected: {wanted}\n\nFound: {found}"),
    })
}

fn attribute<'a>(operation: &'a BTreeMap<Value, Value>, name: &str) -> Result<&'a Value, BuiltinError> {
    operation.get(&Value::string(name)).ok_or_else(|| args::failed(format!("missing required attribute '{name}'")))
}

fn step(
    document: &mut Option<Value>,
    operation: &BTreeMap<Value, Value>,
    context: &mut Context,
) -> Result<(), BuiltinError> {
    let path = attribute(operation, "path")?;
    let op = attribute(operation, "op")?;
    let Value::String(op) = op else {
        return Err(args::failed(format!("attribute 'op' must be a string but found: {}", op.type_name())));
    };
    let path = parse(path)?;
    context.work(64 + path.len())?;
    match op.as_ref() {
        "add" => insert(document, &path, attribute(operation, "value")?.clone(), context),
        "remove" => delete(document, &path, context),
        "replace" => {
            delete(document, &path, context)?;
            insert(document, &path, attribute(operation, "value")?.clone(), context)
        }
        "move" | "copy" => {
            let from = parse(attribute(operation, "from")?)?;
            let value = find(document, &from)?.clone();
            if op.as_ref() == "move" {
                delete(document, &from, context)?;
            }
            insert(document, &path, value, context)
        }
        "test" => {
            let found = find(document, &path)?;
            let value = attribute(operation, "value")?;
            context.compare(found, value)?;
            if found == value { Ok(()) } else { Err(other(found, value)) }
        }
        other => Err(args::failed(format!("unrecognized op: '{other}'"))),
    }
}

/// How an error shows a key.
fn shown(key: &Value) -> String {
    match key {
        Value::String(text) => quote(text, false),
        Value::Number(n) => n.to_string(),
        other => other.type_name().to_owned(),
    }
}

/// An index into an array of some length; `-` is the place after its end.
fn index(length: usize, key: &Value) -> Result<usize, BuiltinError> {
    let index = match key {
        Value::Number(n) => n.as_i64().ok_or_else(|| args::failed("invalid number type for indexing"))?,
        Value::String(text) if text.as_ref() == "-" => return Ok(length),
        Value::String(text) => {
            let index: i64 = text.parse().map_err(|_| args::failed("invalid string for indexing"))?;
            if text.as_ref() != "0" && text.starts_with('0') {
                return Err(args::failed("leading zeros are not allowed in JSON paths"));
            }
            index
        }
        _ => return Err(args::failed("invalid type for indexing")),
    };
    usize::try_from(index).map_err(|_| args::failed("index for array out of bounds"))
}

fn missing(key: &Value, within: &Value) -> BuiltinError {
    let key = match (within, key) {
        (Value::Array(_), Value::String(index)) => index.to_string(),
        _ => shown(key),
    };
    args::failed(format!("path {key} does not exist in {} term {within}", within.type_name()))
}

fn scalar(key: &Value, found: &Value) -> BuiltinError {
    args::failed(format!("expected composite type for path {}, found {}", shown(key), found.type_name()))
}

fn deleted() -> BuiltinError {
    args::failed("deleted node encountered during patch")
}

/// The value at a path.
fn find<'a>(document: &'a Option<Value>, path: &[Value]) -> Result<&'a Value, BuiltinError> {
    let mut node = document.as_ref().ok_or_else(deleted)?;
    for key in path {
        node = member(node, key)?;
    }
    Ok(node)
}

fn member<'a>(node: &'a Value, key: &Value) -> Result<&'a Value, BuiltinError> {
    let found = match node {
        Value::Object(map) => map.get(key),
        Value::Set(items) => items.get(key),
        Value::Array(items) => items.get(index(items.len(), key)?),
        other => return Err(scalar(key, other)),
    };
    found.ok_or_else(|| missing(key, node))
}

type Edit<'a> = &'a mut dyn FnMut(&mut Value, &mut Context) -> Result<(), BuiltinError>;

/// Says that a collection is about to be changed: what others share is copied.
fn change(node: &Value, context: &mut Context) -> Result<(), BuiltinError> {
    match node {
        Value::Object(map) if map.is_shared() => context.used(2 * map.len()),
        Value::Array(items) if items.is_shared() => context.used(items.len()),
        // Members behind the place move.
        Value::Array(items) => context.work(items.len() / 16),
        Value::Set(items) if items.is_shared() => context.used(items.len()),
        _ => Ok(()),
    }
}

/// Says that a member of a set is about to be looked for: it is compared with others as a whole.
fn look(key: &Value, context: &mut Context) -> Result<(), BuiltinError> {
    context.compare(key, key)
}

/// Edits the value at a path in place.
fn edit(node: &mut Value, path: &[Value], context: &mut Context, how: Edit<'_>) -> Result<(), BuiltinError> {
    change(node, context)?;
    let Some((key, rest)) = path.split_first() else { return how(node, context) };
    if matches!(node, Value::Set(_)) {
        look(key, context)?;
    }
    member(node, key)?;
    match node {
        Value::Object(map) => map.make_mut().get_mut(key).map_or(Ok(()), |inner| edit(inner, rest, context, how)),
        Value::Array(items) => {
            let index = index(items.len(), key)?;
            items.make_mut().get_mut(index).map_or(Ok(()), |inner| edit(inner, rest, context, how))
        }
        Value::Set(items) => {
            let items = items.make_mut();
            // A changed member has another place in the set.
            if let Some(mut member) = items.take(key) {
                edit(&mut member, rest, context, how)?;
                look(&member, context)?;
                items.insert(member);
            }
            Ok(())
        }
        other => Err(scalar(key, other)),
    }
}

fn insert(
    document: &mut Option<Value>,
    path: &[Value],
    value: Value,
    context: &mut Context,
) -> Result<(), BuiltinError> {
    let Some((key, parents)) = path.split_last() else {
        *document = Some(value);
        return Ok(());
    };
    let root = document.as_mut().ok_or_else(deleted)?;
    edit(root, parents, context, &mut |node, context| match node {
        Value::Object(map) => {
            map.make_mut().insert(key.clone(), value.clone());
            Ok(())
        }
        Value::Set(items) => {
            look(key, context)?;
            if *key != value {
                return Err(args::failed(format!(
                    "set key {} does not equal value to be inserted {}",
                    shown(key),
                    shown(&value)
                )));
            }
            items.make_mut().insert(value.clone());
            Ok(())
        }
        Value::Array(items) => {
            let index = index(items.len(), key)?;
            if index > items.len() {
                return Err(args::failed("index for array insertion out of bounds"));
            }
            items.make_mut().insert(index, value.clone());
            Ok(())
        }
        other => Err(scalar(key, other)),
    })
}

fn delete(document: &mut Option<Value>, path: &[Value], context: &mut Context) -> Result<(), BuiltinError> {
    let Some((key, parents)) = path.split_last() else {
        return document.take().map(drop).ok_or_else(deleted);
    };
    let absent = || args::failed(format!("cannot delete child key {} that does not exist", shown(key)));
    let root = document.as_mut().ok_or_else(deleted)?;
    edit(root, parents, context, &mut |node, context| match node {
        Value::Object(map) => map.make_mut().remove(key).map(drop).ok_or_else(absent),
        Value::Set(items) => {
            look(key, context)?;
            items.make_mut().take(key).map(drop).ok_or_else(absent)
        }
        Value::Array(items) => {
            let index = index(items.len(), key)?;
            if index >= items.len() {
                return Err(args::failed("index for array delete out of bounds"));
            }
            items.make_mut().remove(index);
            Ok(())
        }
        other => Err(scalar(key, other)),
    })
}
