//! Bounds on what a call may make out of little: texts that a few repeated or shared parts multiply into.

use super::{BuiltinError, Context};
use crate::value::Value;

/// The longest text that a call makes when it is longer than what it is made of, in bytes.
pub const MAX_TEXT: usize = 64 << 20;

/// The longest module or GraphQL document that a call reads, in bytes. Large public schemas are half of it.
pub const MAX_SOURCE: usize = 2 << 20;

/// Parts of values that its syntax tree takes for each byte, at most.
const TREE: usize = 24;

/// Refuses a text whose syntax tree would take too long or too much.
pub fn source(text: &str, context: &mut Context) -> Result<(), BuiltinError> {
    if text.len() > MAX_SOURCE {
        return Err(BuiltinError::Halt(format!("a text of more than {MAX_SOURCE} bytes to read")));
    }
    context.room(TREE * text.len())?;
    context.work(TREE * text.len())
}

/// Refuses a text of so many bytes if that is too long.
pub fn text(bytes: usize) -> Result<(), BuiltinError> {
    if bytes <= MAX_TEXT {
        return Ok(());
    }
    Err(BuiltinError::Halt(format!("a builtin would make a text of more than {MAX_TEXT} bytes")))
}

/// Refuses a value whose text would be too long on lines of their own, each with so much before it and for each level.
pub fn lines(value: &Value, prefix: &str, indent: &str) -> Result<(), BuiltinError> {
    let mut bytes = 0_usize;
    let mut todo = vec![(value, 0_usize)];
    while let Some((next, level)) = todo.pop() {
        // Its own line, and that of the bracket which closes it.
        bytes = bytes.saturating_add(prefix.len().saturating_add(level.saturating_mul(indent.len())).saturating_mul(2));
        match next {
            Value::Array(items) => todo.extend(items.iter().map(|item| (item, level + 1))),
            Value::Set(items) => todo.extend(items.iter().map(|item| (item, level + 1))),
            Value::Object(map) => todo.extend(map.values().map(|item| (item, level + 1))),
            _ => {}
        }
        text(bytes)?;
    }
    Ok(())
}

/// Refuses a value whose text would be too long. Parts that a value shares count wherever they stand.
pub fn value(value: &Value) -> Result<(), BuiltinError> {
    let mut bytes = 0_usize;
    let mut todo = vec![value];
    while let Some(next) = todo.pop() {
        bytes += 2;
        match next {
            Value::String(text) => bytes = bytes.saturating_add(text.len()),
            Value::Array(items) => todo.extend(items.iter()),
            Value::Set(items) => todo.extend(items.iter()),
            Value::Object(map) => map.iter().for_each(|(key, value)| todo.extend([key, value])),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        text(bytes)?;
    }
    Ok(())
}
