//! What any bytes may be given to: each takes them, and has to come to an end without a panic. They can stand behind any
//! fuzzer; `main` drives them with mutations that a seed decides.

use sluice_rego::ast::{Source, Version};
use sluice_rego::builtins::{self, Context};
use sluice_rego::parse::{Options, parse_module, parse_query, source_from_bytes};
use sluice_rego::{Budget, Limits};
use sluice_rego::{Engine, QueryOptions, Value, json};

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const ALL: &[Target] = &[
    ("parser", parser),
    ("evaluator", evaluator),
    ("query", query),
    ("json", json_text),
    ("yaml", yaml_text),
    ("builtin", builtin),
];

/// Bytes as a module and as a query, in all dialects.
pub fn parser(bytes: &[u8]) {
    for version in [Version::V0, Version::V1] {
        let options = Options { version, annotations: true, ..Options::default() };
        match source_from_bytes(0, "fuzz.rego", bytes) {
            Ok(source) => {
                if let Err(errors) = parse_module(&source, &options) {
                    assert!(errors.iter().all(|error| !error.to_string().is_empty()) && !errors.is_empty());
                }
                let _ = parse_query(&source, &options);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// Bytes as a module that is compiled and, if it can be, evaluated whole within limits.
pub fn evaluator(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for version in [Version::V0, Version::V1] {
        let mut engine = Engine::new(version);
        if engine.add_module("fuzz.rego", text).is_err() {
            continue;
        }
        engine.set_data(document());
        match engine.compile() {
            Ok(policy) => {
                let _ = policy.eval_query("x = data", Some(document()), &options());
            }
            Err(errors) => assert!(errors.iter().all(|error| !error.to_string().is_empty()) && !errors.is_empty()),
        }
    }
}

/// Bytes as a query, strict about errors of builtins.
pub fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut engine = Engine::new(Version::V1);
    engine.set_data(document());
    let Ok(policy) = engine.compile() else { return };
    let _ = policy.eval_query(text, Some(document()), &QueryOptions { strict_builtin_errors: true, ..options() });
}

/// Bytes as JSON: what is read reads back.
pub fn json_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(value) = json::parse(text) {
        let again = json::to_string(&value);
        assert_eq!(json::parse(&again).ok().as_ref(), Some(&value), "{again}");
    }
}

/// Bytes as YAML, and as what annotations hold.
pub fn yaml_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    call("yaml.unmarshal", &[Value::string(text)]);
    call("yaml.is_valid", &[Value::string(text)]);
    let lines: String = text.lines().map(|line| format!("# {line}\n")).collect();
    let module = format!("# METADATA\n{lines}package a\n");
    let _ = parse_module(&Source::new(0, "fuzz.rego", &module), &Options { annotations: true, ..Options::default() });
}

/// The first byte chooses a builtin; the rest are its arguments, with 0 between them: JSON, or else text.
pub fn builtin(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let all: Vec<_> = builtins::all().collect();
    let builtin = all[usize::from(*first) % all.len()];
    let mut args: Vec<Value> = rest
        .split(|byte| *byte == 0)
        .map(|part| {
            let text = String::from_utf8_lossy(part);
            json::parse(&text).unwrap_or_else(|_| Value::string(&text))
        })
        .collect();
    args.resize(builtin.arity, Value::string("a"));
    call(builtin.name, &args);
}

fn call(name: &str, args: &[Value]) {
    let Some(builtin) = builtins::lookup(name) else { return };
    let mut context =
        Context { budget: Budget::new(Limits { steps: 100_000, ..Limits::default() }, None), ..Context::default() };
    if let Ok(Some(value)) = (builtin.call)(args, &mut context) {
        assert!(!json::to_string(&value).is_empty());
    }
}

fn options() -> QueryOptions {
    QueryOptions { limits: Limits { steps: 20_000, ..Limits::default() }, ..QueryOptions::default() }
}

/// A small document that has the names which seeds use.
fn document() -> Value {
    json::parse(r#"{"a": {"b": [1, "x", {"c": null}]}, "l": [1, 2.5], "o": {"a": 1}, "s": "text", "n": 3}"#).unwrap()
}
