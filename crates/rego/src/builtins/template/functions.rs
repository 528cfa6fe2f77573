//! The functions that Go predefines for templates (`text/template/funcs.go`), and the methods of `json.Number`.

use super::super::{encoding, sprintf};
use super::compare::{compare, equal};
use super::escape::{append, escaped, html, js, print};
use super::value::{Data, Go, IntType, List};
use super::{BuiltinError, Context, Value, args, bounds};
use crate::bytes;

/// What a function takes an argument as: a `reflect.Value`, an `interface {}` or a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    Value,
    Any,
    Text,
}

/// Why a function has no value.
#[derive(Debug)]
pub enum Failure {
    Error(String),
    Halt(BuiltinError),
}

impl From<BuiltinError> for Failure {
    fn from(error: BuiltinError) -> Self {
        Self::Halt(error)
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Error(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self::Error(text.to_owned())
    }
}

/// Bytes of a text that count as one part of a value.
const PART: usize = 32;

pub(super) type Called<T> = Result<T, Failure>;

/// The parameters of a function, and that of all further arguments.
pub fn signature(name: &str) -> Option<(&'static [Parameter], Option<Parameter>)> {
    use Parameter::{Any, Text, Value};
    Some(match name {
        "and" | "or" | "call" | "index" | "slice" | "eq" => (&[Value], Some(Value)),
        "not" | "len" => (&[Value], None),
        "ne" | "lt" | "le" | "gt" | "ge" => (&[Value, Value], None),
        "print" | "println" | "html" | "js" | "urlquery" => (&[], Some(Any)),
        "printf" => (&[Text], Some(Any)),
        _ => return None,
    })
}

/// Operations that writing a value takes, about.
pub fn cost(value: &Go) -> usize {
    sprintf::Argument::cost(value)
}

/// Calls a function other than `and` and `or` with as many arguments as it takes; `callee` is how the first is written.
pub fn call(name: &str, values: &[Go], callee: &str, context: &mut Context) -> Called<Go> {
    let (first, others) = values.split_first().unwrap_or((&Go::NONE, &[]));
    // A text may have to be looked through for how many bytes it has.
    context.work(1 + first.text().map_or(0, str::len) / 8)?;
    let second = others.first().unwrap_or(&Go::NONE);
    let value = match name {
        "not" => Go::from(!first.truth()),
        "len" => length(first)?,
        "index" => index(first, others)?,
        "slice" => slice(first, others, context)?,
        "eq" => Go::from(equal(first, others, context)?),
        "ne" => Go::from(!equal(first, others, context)?),
        "lt" => Go::from(compare(first, second, context)?.is_lt()),
        "ge" => Go::from(!compare(first, second, context)?.is_lt()),
        "le" => Go::from(compare(first, second, context)?.is_le()),
        "gt" => Go::from(!compare(first, second, context)?.is_le()),
        "print" => Go::from(print(values, context)?),
        "println" => {
            let mut out = String::new();
            for (i, value) in values.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { " " });
                append(&mut out, value, context)?;
            }
            Go::from(bytes::joined(out + "\n"))
        }
        "printf" => Go::from(sprintf::sprintf(first.text().unwrap_or_default(), others, context)?),
        "html" => Go::from(html(&escaped(values, context)?)),
        "js" => Go::from(js(&escaped(values, context)?)),
        "urlquery" => Go::from(encoding::query_escape(&escaped(values, context)?)),
        _ if first.is_nil() => return Err("call of nil".into()),
        _ => return Err(format!("non-function {callee} of type {}", first.clone().opened().static_type()).into()),
    };
    if let Data::Text(text) | Data::Number(text) = &value.data {
        bounds::text(text.len())?;
        context.used(text.len() / PART)?;
    }
    Ok(value)
}

/// How `call` names what the pipeline gave it (`String` of `reflect.Value`).
pub fn called(value: &Go) -> String {
    match value.text() {
        Some(text) => text.to_owned(),
        None if value.is_none() => "<invalid Value>".to_owned(),
        None => format!("<{} Value>", value.static_type()),
    }
}

/// Those of `json.Number`.
pub const METHODS: &[&str] = &["Float64", "Int64", "String"];

/// A method of a number of this text.
pub fn method(name: &str, number: &str) -> Result<Go, String> {
    let data = match name {
        "String" => Data::Text(number.into()),
        "Int64" => {
            let whole = number.strip_prefix('-').unwrap_or(number).bytes().all(|b| b.is_ascii_digit());
            let why = if whole { "value out of range" } else { "invalid syntax" };
            let n = number.parse().map_err(|_| format!("strconv.ParseInt: parsing \"{number}\": {why}"))?;
            Data::Int(n, IntType::Int64)
        }
        _ => match number.parse::<f64>() {
            Ok(n) if n.is_finite() => Data::Float(n),
            _ => return Err(format!("strconv.ParseFloat: parsing \"{number}\": value out of range")),
        },
    };
    Ok(data.into())
}

fn length(value: &Go) -> Called<Go> {
    Ok(match &value.data {
        Data::Nil if value.is_none() => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Data::Nil => return Err("len of nil pointer".into()),
        Data::Number(text) | Data::Text(text) => bytes::bytes(text).len().into(),
        Data::List(list) => list.len().into(),
        Data::Map(map) => map.len().into(),
        _ => return Err(format!("len of type {}", value.clone().opened().static_type()).into()),
    })
}

/// An index into a list or a text of that capacity (`indexArg`).
fn position(index: &Go, capacity: usize) -> Called<usize> {
    let n = match &index.data {
        Data::Int(n, _) => *n,
        _ if index.is_none() => return Err("cannot index slice/array with nil".into()),
        _ => return Err(format!("cannot index slice/array with type {}", index.static_type()).into()),
    };
    let within = usize::try_from(n).ok().filter(|n| *n <= capacity);
    within.ok_or_else(|| format!("index out of range: {n}").into())
}

fn index(value: &Go, indices: &[Go]) -> Called<Go> {
    if value.is_nil() {
        return Err("index of untyped nil".into());
    }
    let mut value = value.clone().opened();
    for index in indices.iter().cloned().map(Go::opened) {
        value = match &value.data {
            Data::Nil => return Err("index of nil pointer".into()),
            Data::List(list) => {
                let found = list.get(position(&index, list.len())?);
                found.ok_or("reflect: slice index out of range")?
            }
            Data::Number(text) | Data::Text(text) => {
                let bytes = bytes::bytes(text);
                let byte = bytes.get(position(&index, bytes.len())?);
                let byte = byte.ok_or("reflect: string index out of range")?;
                Data::Int(i64::from(*byte), IntType::Uint8).into()
            }
            Data::Map(map) => match &index.data {
                Data::Text(key) => map.get(&Value::String(key.clone())).map_or(Go::NIL, Go::of),
                Data::Nil => return Err("value is nil; should be of type string".into()),
                _ => return Err(format!("value has type {}; should be string", index.static_type()).into()),
            },
            _ => return Err(format!("can't index item of type {}", value.opened().static_type()).into()),
        };
    }
    Ok(value)
}

fn slice(value: &Go, indices: &[Go], context: &mut Context) -> Called<Go> {
    if value.is_nil() {
        return Err("slice of untyped nil".into());
    }
    if indices.len() > 3 {
        return Err(format!("too many slice indexes: {}", indices.len()).into());
    }
    let (length, capacity) = match &value.data {
        Data::Number(_) | Data::Text(_) if indices.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Data::Number(text) | Data::Text(text) => (bytes::bytes(text).len(), Some(bytes::bytes(text).len())),
        Data::List(list) => (list.len(), list.end.map(|end| end.saturating_sub(list.from))),
        _ => return Err(format!("can't slice item of type {}", value.clone().opened().static_type()).into()),
    };
    let mut places = vec![0, length];
    for (i, index) in indices.iter().enumerate() {
        // Go makes up to about twice the room that a list takes.
        let place = position(index, capacity.unwrap_or(length.saturating_mul(3)))?;
        if capacity.is_none() && place > length {
            return Err(args::beyond("a slice beyond the end of a list").into());
        }
        places.splice(i..places.len().min(i + 1), [place]);
    }
    if let Some((from, to)) = places.iter().zip(places.iter().skip(1)).find(|(from, to)| from > to) {
        return Err(format!("invalid slice index: {from} > {to}").into());
    }
    let (from, to) = (places.first().copied().unwrap_or(0), places.get(1).copied().unwrap_or(length));
    let cut = |text: &str| bytes::text(bytes::bytes(text).get(from..to).unwrap_or_default());
    context.work(length)?;
    let data = match &value.data {
        Data::Number(text) => Data::Number(cut(text).into()),
        Data::Text(text) => Data::Text(cut(text).into()),
        Data::List(list) => {
            let end = places.get(2).map(|end| list.from + end).or(list.end);
            Data::List(List { items: list.items.clone(), from: list.from + from, to: list.from + to, end })
        }
        _ => Data::Nil,
    };
    Ok(data.into())
}
