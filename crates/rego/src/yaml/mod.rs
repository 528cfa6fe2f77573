//! YAML to values, and values to YAML in the style of Go's `sigs.k8s.io/yaml`.

mod bare;
mod write;

pub use write::{is_writable, to_string};

use crate::number::Number;
use crate::value::Value;

/// Parses the first document; the error is a sentence. Of two equal keys the last wins, and `010` is octal, as in Go.
/// What follows the document is not looked at, even where it is no other one.
pub fn parse(yaml: &str) -> Result<Value, String> {
    let error = match first(yaml) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let after = error.contains("did not find expected <document start>").then(|| line(&error)).flatten();
    let end = after.and_then(|after| yaml.split_inclusive('\n').take(after - 1).map(str::len).reduce(|a, b| a + b));
    let document = end.and_then(|end| yaml.get(..end)).map(first);
    document.unwrap_or(Err(error)).map_err(|error| reason(yaml, &error))
}

fn first(yaml: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
    };
    let parsed = serde_saphyr::from_multiple_with_options::<serde_json::Value>(yaml, options);
    let documents = parsed.map_err(|error| error.to_string())?;
    Ok(documents.first().map_or(Value::Null, convert))
}

/// The line that an error names, from 1.
fn line(error: &str) -> Option<usize> {
    error
        .split("line ")
        .nth(1)
        .and_then(|rest| rest.split([' ', ',', ':']).next()?.parse().ok())
        .filter(|line| *line > 0)
}

/// As `Value::from_json`, but with doubles as Go's `encoding/json` writes them: `1.0` is `1`.
fn convert(parsed: &serde_json::Value) -> Value {
    match parsed {
        serde_json::Value::Number(n) => match n.as_f64().filter(|_| n.is_f64()) {
            Some(double) => {
                let plain = double.abs() >= 1e-6 && double.abs() < 1e21;
                let text = if plain { double.to_string() } else { crate::number::general(double, 1) };
                Value::Number(Number::parse(&text).unwrap_or_default())
            }
            None => Value::from_json(parsed),
        },
        serde_json::Value::Array(items) => Value::array(items.iter().map(convert)),
        serde_json::Value::Object(map) => {
            Value::object(map.iter().map(|(key, value)| (Value::entering(key), convert(value))))
        }
        other => Value::from_json(other),
    }
}

/// The error in libyaml's words where they are known.
fn reason(yaml: &str, error: &str) -> String {
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
