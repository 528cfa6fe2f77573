//! Types as text.

use super::{Function, Type};
use crate::value::Value;
use std::fmt::{self, Display, Formatter};

impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("???"),
            Self::Null => f.write_str("null"),
            Self::Boolean => f.write_str("boolean"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::Array(array) => {
                f.write_str("array")?;
                list(f, "<", array.fixed.iter(), ">")?;
                if array.dynamic == Self::Unknown { Ok(()) } else { write!(f, "[{}]", array.dynamic) }
            }
            Self::Object(object) => {
                f.write_str("object")?;
                list(f, "<", object.fixed.iter().map(|(key, value)| Member(key, value)), ">")?;
                object.dynamic.iter().try_for_each(|(key, value)| write!(f, "[{key}: {value}]"))
            }
            Self::Set(set) => write!(f, "set[{}]", set.of),
            Self::Any(any) => {
                f.write_str("any")?;
                list(f, "<", any.of.iter(), ">")
            }
            Self::Function(function) => write!(f, "{} => {}", arguments(&function.args), function.result),
        }
    }
}

impl Function {
    /// What a call of it may have: the arguments and, as one more, the result.
    pub fn wanted(&self, with_result: bool) -> String {
        let result = [&self.result].into_iter().filter(|result| with_result && **result != Type::Unknown);
        let mut shown: Vec<String> = Vec::new();
        for (at, of) in self.args.iter().chain(result).enumerate() {
            shown.push(match self.names.get(at) {
                Some(Some(name)) => format!("{name}: {of}"),
                _ => of.to_string(),
            });
        }
        if self.variadic != Type::Unknown {
            shown.push(format!("{}...", self.variadic));
        }
        format!("({})", shown.join(", "))
    }
}

/// Types of arguments in brackets.
pub fn arguments(types: &[Type]) -> String {
    let shown: Vec<String> = types.iter().map(ToString::to_string).collect();
    format!("({})", shown.join(", "))
}

/// A member by key.
struct Member<'t>(&'t Value, &'t Type);

impl Display for Member<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        key(self.0, f)?;
        write!(f, ": {}", self.1)
    }
}

/// A key without quotes, as Go prints it.
fn key(value: &Value, f: &mut Formatter<'_>) -> fmt::Result {
    match value {
        Value::Null => f.write_str("<nil>"),
        Value::Bool(b) => b.fmt(f),
        Value::Number(number) => number.fmt(f),
        Value::String(text) => f.write_str(text),
        Value::Array(items) => keys(f, items.iter()),
        Value::Set(items) => keys(f, items.iter()),
        Value::Object(items) => {
            f.write_str("map[")?;
            for (at, (name, value)) in items.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { " " })?;
                key(name, f)?;
                f.write_str(":")?;
                key(value, f)?;
            }
            f.write_str("]")
        }
    }
}

fn keys<'v>(f: &mut Formatter<'_>, items: impl Iterator<Item = &'v Value>) -> fmt::Result {
    f.write_str("[")?;
    for (at, item) in items.enumerate() {
        f.write_str(if at == 0 { "" } else { " " })?;
        key(item, f)?;
    }
    f.write_str("]")
}

/// In brackets, if there are any.
fn list(f: &mut Formatter<'_>, open: &str, items: impl Iterator<Item = impl Display>, close: &str) -> fmt::Result {
    let mut any = false;
    for item in items {
        f.write_str(if any { ", " } else { open })?;
        any = true;
        item.fmt(f)?;
    }
    if any { f.write_str(close) } else { Ok(()) }
}
