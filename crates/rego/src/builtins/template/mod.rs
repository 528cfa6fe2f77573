//! `strings.render_template`: Go's `text/template` as OPA runs it. A template is cut into tokens (`lexer`, `action`)
//! and read (`parse`, `pipeline`) into a tree (`node`), which is run (`exec`, `eval`) on values as Go has them
//! (`value`, `format`), with the functions that Go predefines (`functions`).

use super::{Builtin, BuiltinError, Context, args, bounds, pure, some};
use crate::json;
use crate::value::Value;

mod action;
mod ahead;
mod compare;
mod constants;
mod escape;
mod eval;
mod exec;
mod format;
mod functions;
mod lexer;
mod node;
mod parse;
mod pipeline;
#[cfg(test)]
mod tests;
mod token;
mod value;

/// Blocks within blocks, and parentheses within parentheses.
const MAX_DEPTH: usize = 50;

pub const ALL: &[Builtin] = &[pure("strings.render_template", 2, |a, context| {
    let template = args::string(a, 1)?;
    args::object(a, 2)?;
    let data = decoded(args::value(a, 2), context)?;
    let source = crate::bytes::bytes(template);
    context.work(source.len())?;
    let templates = parse::parse(&source, context)?;
    some(exec::run(&source, &templates, data, context)?.as_str())
})];

/// The variables as OPA passes them on: written as Rego, and read as JSON, which has no sets, no keys but strings and
/// not all of Rego's escapes (`ast.As`).
fn decoded(variables: &Value, context: &mut Context) -> Result<Value, BuiltinError> {
    bounds::value(variables)?;
    let text = variables.to_string();
    context.work(text.len())?;
    json::parse(&text).map_err(|error| args::refused(error.message, error.large))
}
