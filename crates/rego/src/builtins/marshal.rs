//! `json.marshal`, `json.unmarshal` and their like, and `yaml.*`.

use super::{Builtin, BuiltinError, Outcome, args, bounds, pure, some};
use crate::bytes::{bytes, shown};
use crate::text::quote;
use crate::value::Value;
use crate::{json, yaml};

pub const ALL: &[Builtin] = &[
    pure("json.marshal", 1, |a, _| {
        bounds::value(args::value(a, 1))?;
        some(Value::entering(&json::to_string(args::value(a, 1))))
    }),
    pure("json.marshal_with_options", 2, |a, _| with_options(a)),
    pure("json.unmarshal", 1, |a, _| {
        let text = args::string(a, 1)?;
        some(from_json(text)?)
    }),
    pure("json.is_valid", 1, |a, _| args::is_valid(args::string(a, 1).and_then(from_json))),
    pure("yaml.marshal", 1, |a, _| {
        bounds::value(args::value(a, 1))?;
        if !yaml::is_writable(args::value(a, 1)) {
            return Err(args::failed("yaml: control characters are not allowed"));
        }
        some(Value::entering(&yaml::to_string(args::value(a, 1))))
    }),
    pure("yaml.unmarshal", 1, |a, _| some(from_yaml(args::string(a, 1)?)?)),
    pure("yaml.is_valid", 1, |a, _| args::is_valid(args::string(a, 1).and_then(from_yaml))),
];

fn from_json(text: &str) -> Result<Value, BuiltinError> {
    let reason = |error: json::JsonError| match error.message.as_str() {
        // A stream's reader says it otherwise.
        json::UNENDED => args::failed(if text.trim_ascii().is_empty() { "EOF" } else { "unexpected EOF" }),
        message => args::refused(message, error.large),
    };
    json::parse(&shown(text)).map_err(reason)
}

/// YAML, which unlike JSON is none where it is no UTF-8.
fn from_yaml(text: &str) -> Result<Value, BuiltinError> {
    match std::str::from_utf8(&bytes(text)) {
        Ok(text) => yaml::parse(text).map_err(|error| args::refused(error.message, error.large)),
        Err(_) => Err(args::failed("yaml: invalid UTF-8")),
    }
}

/// `{"pretty": true, "indent": "  ", "prefix": "> "}`; either of the last two makes it pretty unless that is denied.
fn with_options(a: &[Value]) -> Outcome {
    bounds::value(args::value(a, 1))?;
    let (mut indent, mut prefix) = ("\t", "");
    let (mut implied, mut asked) = (false, None);
    for (i, (key, value)) in args::object(a, 2)?.iter().enumerate() {
        let Value::String(key) = key else {
            let cause = args::wrong_type(i, key, &["string"]);
            return Err(args::operand(2, format!("failed to stringify key {key} at index {i}: {cause}")));
        };
        let text = || -> Result<&str, BuiltinError> {
            value.as_str().ok_or_else(|| {
                let cause = args::wrong_type(i, value, &["string"]);
                args::operand(2, format!("key {} failed cast to string: {cause}", quote(key, false)))
            })
        };
        match key.as_ref() {
            "prefix" => prefix = text()?,
            "indent" => indent = text()?,
            "pretty" => match value {
                Value::Bool(pretty) => asked = Some(*pretty),
                _ => return Err(args::operand(2, "key \"pretty\" failed cast to bool")),
            },
            other => return Err(args::operand(2, format!("object contained unknown key {}", quote(other, false)))),
        }
        implied |= key.as_ref() != "pretty";
    }
    let value = args::value(a, 1);
    if !asked.unwrap_or(implied) {
        return some(Value::entering(&json::to_string(value)));
    }
    bounds::lines(value, prefix, indent)?;
    let text = json::to_string_indented(value, &shown(prefix), &shown(indent));
    some(Value::entering(&format!("{}{text}", shown(prefix))))
}
