//! Template strings as a call: their parts are texts, or sets of what an expression gave (none where it is undefined).

use crate::builtins::{Builtin, BuiltinError, Context, Outcome};
use crate::value::Value;

/// Joins the parts of a template.
pub static TEMPLATE: Builtin =
    Builtin { name: "internal.template_string", arity: 1, nondeterministic: false, call: template };

fn template(args: &[Value], _: &mut Context) -> Outcome {
    let mut text = String::new();
    if let Some(Value::Array(parts)) = args.first() {
        for part in parts.iter() {
            match part {
                Value::Set(items) => match (items.len(), items.first()) {
                    (1, Some(value)) => push(&mut text, value),
                    (0, _) => text.push_str("<undefined>"),
                    _ => {
                        let message = "template-strings must not produce multiple outputs";
                        return Err(BuiltinError::Halt(message.to_owned()));
                    }
                },
                value => push(&mut text, value),
            }
        }
    }
    Ok(Some(Value::string(crate::bytes::joined(text))))
}

fn push(text: &mut String, value: &Value) {
    text.push_str(&shown(value));
}

/// A value as text: a string without quotes, others as they are written.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    }
}
