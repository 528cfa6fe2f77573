//! What every builtin says of its arguments: typed access by position (counted from 1), with OPA's words where the type
//! is wrong. Knows values only.

use super::{BuiltinError, Outcome, some};
use crate::number::Number;
use crate::value::Value;
use num_bigint::BigInt;
use std::collections::{BTreeMap, BTreeSet};

/// `operand N WHAT`.
pub fn operand(position: usize, what: impl AsRef<str>) -> BuiltinError {
    BuiltinError::Type(format!("operand {position} {}", what.as_ref()))
}

/// `operand N must be X but got Y`, or `must be one of {X, Z}`.
pub fn wrong_type(position: usize, got: &Value, expected: &[&str]) -> BuiltinError {
    let got = got.type_name();
    match expected {
        [one] => operand(position, format!("must be {one} but got {got}")),
        many => operand(position, format!("must be one of {{{}}} but got {got}", many.join(", "))),
    }
}

/// `operand N must be array of strings but got array containing number`.
pub fn wrong_element(position: usize, whole: &Value, got: &Value, expected: &[&str]) -> BuiltinError {
    let (whole, got) = (whole.type_name(), got.type_name());
    match expected {
        [one] => operand(position, format!("must be {whole} of {one}s but got {whole} containing {got}")),
        many => operand(
            position,
            format!("must be {whole} of (any of) {{{}}} but got {whole} containing {got}", many.join(", ")),
        ),
    }
}

/// `operand N must be one of {2, 8}`.
pub fn not_listed(position: usize, listed: &[&str]) -> BuiltinError {
    operand(position, format!("must be one of {{{}}}", listed.join(", ")))
}

/// A failure that is not about an argument's type.
pub fn failed(text: impl Into<String>) -> BuiltinError {
    BuiltinError::Failed(text.into())
}

/// What is beyond a bound of this crate's own: it ends the evaluation, since a rule for which it were undefined might say
/// nothing where OPA has it say something.
pub fn beyond(text: impl Into<String>) -> BuiltinError {
    BuiltinError::Halt(text.into())
}

/// A refusal: of what is no value, or of what may be one beyond a bound.
pub fn refused(text: impl Into<String>, large: bool) -> BuiltinError {
    if large { beyond(text) } else { failed(text) }
}

/// Whether something was read; of what is beyond a bound nobody knows.
pub fn is_valid<T>(read: Result<T, BuiltinError>) -> Outcome {
    match read {
        Err(error @ BuiltinError::Halt(_)) => Err(error),
        read => some(read.is_ok()),
    }
}

/// The argument at a position; null where there is none, which a caller that checks arity never sees.
pub fn value(args: &[Value], position: usize) -> &Value {
    args.get(position - 1).unwrap_or(&Value::Null)
}

/// A string.
pub fn string(args: &[Value], position: usize) -> Result<&str, BuiltinError> {
    match value(args, position) {
        Value::String(text) => Ok(text),
        other => Err(wrong_type(position, other, &["string"])),
    }
}

/// A number.
pub fn number(args: &[Value], position: usize) -> Result<&Number, BuiltinError> {
    match value(args, position) {
        Value::Number(n) => Ok(n),
        other => Err(wrong_type(position, other, &["number"])),
    }
}

/// A number written as an integer within i64.
pub fn integer(args: &[Value], position: usize) -> Result<i64, BuiltinError> {
    number(args, position)?
        .as_i64()
        .ok_or_else(|| operand(position, "must be integer number but got floating-point number"))
}

/// An integer of any size, `1.0` included.
pub fn big_integer(args: &[Value], position: usize) -> Result<BigInt, BuiltinError> {
    match value(args, position) {
        Value::Number(n) => {
            n.to_integer().ok_or_else(|| operand(position, "must be integer number but got floating-point number"))
        }
        other => Err(wrong_type(position, other, &["integer"])),
    }
}

/// An array.
pub fn array(args: &[Value], position: usize) -> Result<&[Value], BuiltinError> {
    match value(args, position) {
        Value::Array(items) => Ok(items),
        other => Err(wrong_type(position, other, &["array"])),
    }
}

/// An object.
pub fn object(args: &[Value], position: usize) -> Result<&BTreeMap<Value, Value>, BuiltinError> {
    match value(args, position) {
        Value::Object(map) => Ok(map),
        other => Err(wrong_type(position, other, &["object"])),
    }
}

/// A set.
pub fn set(args: &[Value], position: usize) -> Result<&BTreeSet<Value>, BuiltinError> {
    match value(args, position) {
        Value::Set(items) => Ok(items),
        other => Err(wrong_type(position, other, &["set"])),
    }
}

/// The items of an array or a set, in order; `expected` is how the error lists the two.
pub fn items<'a>(args: &'a [Value], position: usize, expected: &[&str]) -> Result<Vec<&'a Value>, BuiltinError> {
    match value(args, position) {
        Value::Array(items) => Ok(items.iter().collect()),
        Value::Set(items) => Ok(items.iter().collect()),
        other => Err(wrong_type(position, other, expected)),
    }
}

/// An array or a set of strings.
pub fn strings<'a>(args: &'a [Value], position: usize, expected: &[&str]) -> Result<Vec<&'a str>, BuiltinError> {
    items(args, position, expected)?
        .into_iter()
        .map(|item| item.as_str().ok_or_else(|| wrong_element(position, value(args, position), item, &["string"])))
        .collect()
}
