//! `json.verify_schema` and `json.match_schema`: JSON Schema drafts 4, 6 and 7, and without `$schema` a mix of them, with
//! the errors of the library that OPA uses, word for word. References outside the document are refused.

mod compile;
mod formats;
mod references;
mod schema;
#[cfg(test)]
mod tests;
mod text;
mod validate;

use super::{Builtin, BuiltinError, Context, Outcome, args, pure, some};
use crate::json;
use crate::value::Value;
use compile::compile;
use schema::Schema;

pub const ALL: &[Builtin] = &[
    pure("json.verify_schema", 1, |a, _| {
        let outcome = schema(args::value(a, 1)).and_then(|schema| compile(&schema));
        some(match outcome {
            Ok(_) => Value::array([true.into(), Value::Null]),
            Err(message) => Value::array([false.into(), Value::string(format!("jsonschema: {message}"))]),
        })
    }),
    pure("json.match_schema", 2, match_schema),
];

/// A schema ready to be used.
#[derive(Debug)]
pub(super) struct Compiled(Vec<Schema>);

/// A schema made ready, or what is wrong with it.
pub(super) fn compiled(schema: &Value) -> Result<Compiled, String> {
    compile(schema).map(Compiled)
}

/// A document or schema: an object or array, or JSON in a string.
fn document(value: &Value) -> Result<Value, String> {
    match value {
        Value::String(text) => json::parse(&crate::bytes::shown(text)).map_err(|_| "invalid JSON string".to_owned()),
        Value::Object(_) | Value::Array(_) => Ok(text::plain(value)),
        _ => Err("wrong type, expected string or object".to_owned()),
    }
}

/// A schema: as a document, but no array. OPA takes one since 1.13, against its own declaration, to call it invalid later;
/// policies are written for the message that it gave before.
fn schema(value: &Value) -> Result<Value, String> {
    match value {
        Value::Array(_) => Err("wrong type, expected string or object".to_owned()),
        value => document(value),
    }
}

fn match_schema(a: &[Value], context: &mut Context) -> Outcome {
    let instance = document(args::value(a, 1)).map_err(BuiltinError::Failed)?;
    let schema = schema(args::value(a, 2)).map_err(BuiltinError::Failed)?;
    let kept = context.caches.schema(&schema);
    let schemas = kept.as_ref().as_ref().map_err(|message| BuiltinError::Failed(message.clone()))?;
    let faults = validate::validate(&schemas.0, &instance, context)?;
    let valid = faults.is_empty();
    let list = Value::array(faults.into_iter().map(|fault| {
        Value::object([
            ("error".into(), Value::string(format!("{}: {}", fault.field, fault.description))),
            ("type".into(), fault.kind.into()),
            ("field".into(), Value::string(&fault.field)),
            ("desc".into(), Value::string(&fault.description)),
        ])
    }));
    some(Value::array([valid.into(), list]))
}
