//! YAML to values, and values to YAML in the style of Go's `sigs.k8s.io/yaml`.

mod bare;
mod read;
mod write;

pub use write::{is_writable, to_string};

use crate::value::Value;

/// Why a text is no YAML, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// In libyaml's words where they are known.
    pub message: String,
    /// It may be YAML, but is beyond the bounds here.
    pub large: bool,
}

/// Parses the first document. Of two equal keys the last wins, and `010` is octal, as in Go. What follows the document is
/// not looked at, even where it is no other one.
///
/// # Errors
/// For text that is no YAML, deeper than 500, or of which aliases repeat too much.
pub fn parse(yaml: &str) -> Result<Value, YamlError> {
    read::first(yaml).map_err(|error| match error.large {
        true => error,
        false => YamlError { message: reason(yaml, &error.message), large: false },
    })
}

/// The line that an error names, from 1.
fn line(error: &str) -> Option<usize> {
    error
        .split("line ")
        .nth(1)
        .and_then(|rest| rest.split([' ', ',', ':']).next()?.parse().ok())
        .filter(|line| *line > 0)
}

/// What Go says of a number that JSON has not.
const UNSUPPORTED: &str = "json: unsupported value";

/// The error in libyaml's words where they are known.
fn reason(yaml: &str, error: &str) -> String {
    if let Some(at) = error.find(UNSUPPORTED) {
        return error[at..].lines().next().unwrap_or_default().to_owned();
    }
    let line = line(error).unwrap_or(1);
    let what = if error.contains("unclosed bracket '['") {
        "did not find expected ',' or ']'"
    } else if error.contains("unclosed bracket '{'") {
        "did not find expected ',' or '}'"
    } else {
        let short = error.lines().next().unwrap_or("not valid");
        let short = short.trim_start_matches("error: ");
        // Its own place is said in another form, and not where it is the first line.
        let place = short.starts_with("line ").then(|| short.split_once(": ")).flatten();
        let short = place.map_or(short, |(_, what)| what);
        return if line > 1 { format!("yaml: line {line}: {short}") } else { format!("yaml: {short}") };
    };
    format!("yaml: line {}: {what}", line.max(yaml.lines().count()))
}
