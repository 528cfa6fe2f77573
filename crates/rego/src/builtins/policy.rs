//! `rego.*`: policies as values, and what only the compiler can answer.

use super::{Builtin, BuiltinError, Context, Outcome, args, bounds, pure, some};
use crate::ast::{Source, Version, json};
use crate::parse::{self, Options};
use crate::value::Value;

pub const ALL: &[Builtin] = &[
    pure("rego.metadata.chain", 0, |_, _| within_rules("rego.metadata.chain")),
    pure("rego.metadata.rule", 0, |_, _| within_rules("rego.metadata.rule")),
    pure("rego.parse_module", 2, parse_module),
];

/// The compiler puts the answer where a rule calls it.
fn within_rules(name: &str) -> Outcome {
    Err(args::failed(format!("the {name} function must only be called within the scope of a rule")))
}

fn parse_module(a: &[Value], context: &mut Context) -> Outcome {
    // As OPA, which calls either argument the first.
    let (file, text) =
        (args::string(a, 1)?, args::string(a, 2).map_err(|_| args::wrong_type(1, args::value(a, 2), &["string"]))?);
    bounds::source(text, context)?;
    let options = Options { version: Version::V1, ..Options::default() };
    let module = parse::parse_module(&Source::new(0, file, text), &options).map_err(|errors| failure(file, &errors))?;
    some(json::module(&module))
}

/// As OPA shows one error, or several.
fn failure(file: &str, errors: &[crate::Error]) -> BuiltinError {
    let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
    args::failed(match all.as_slice() {
        // An error of no row names its file nevertheless.
        [_] if errors.first().is_some_and(|error| error.location.row == 0) => {
            format!("{file}:0: {}", all.concat())
        }
        [one] => format!("1 error occurred: {one}"),
        many => format!("{} errors occurred:\n{}", many.len(), many.join("\n")),
    })
}
