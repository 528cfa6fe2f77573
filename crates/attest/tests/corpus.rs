//! Statements and payloads equal to those that the real Tekton Chains made of the same objects. Reads the corpus named
//! by SLUICE_CORPUS; where that is not set the test says so and, in CI, fails.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::disallowed_methods)]

use serde_json::{Value, json};
use sluice_attest::provenance::{Options, provenance};
use sluice_attest::{Run, simplesigning};
use std::path::PathBuf;

fn corpus() -> Option<PathBuf> {
    match std::env::var_os("SLUICE_CORPUS") {
        Some(path) => Some(PathBuf::from(path).join("chains")),
        None if std::env::var_os("CI").is_some() => panic!("SLUICE_CORPUS is not set, and in CI the corpus is needed"),
        None => {
            eprintln!("NOT CHECKED against Tekton Chains: set SLUICE_CORPUS to the folder of the corpus");
            None
        }
    }
}

fn files() -> Vec<(String, Value)> {
    let Some(folder) = corpus() else { return vec![] };
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no case", folder.display());
    let read = |path: &PathBuf| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    files.iter().map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(path))).collect()
}

fn run_of(case: &Value) -> Run {
    match case["kind"].as_str() {
        Some("taskrun") => Run::task_run(&case["object"]).unwrap(),
        _ => Run::pipeline_run(&case["object"], case["children"].as_array().into_iter().flatten()).unwrap(),
    }
}

/// Arrays in one order, for cases in which upstream has none.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(sorted).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), sorted(v))).collect(),
        other => other.clone(),
    }
}

fn compare(name: &str, want: &Value, got: Result<Value, String>) -> Option<String> {
    let unordered = want["unorderedArrays"].as_bool().unwrap_or(false);
    let form = |value: &Value| if unordered { sorted(value) } else { value.clone() };
    match (want.get("error"), got) {
        (Some(_), Err(_)) => None,
        (Some(error), Ok(_)) => Some(format!("{name}: upstream fails with {error}")),
        (None, Err(error)) => Some(format!("{name}: {error}")),
        (None, Ok(got)) if form(&got) == form(&want["value"]) => None,
        (None, Ok(got)) => Some(format!("{name}:\n got {got}\nwant {}", want["value"])),
    }
}

#[test]
fn statements_are_those_of_chains() {
    let (mut checked, mut wrong) = (0, vec![]);
    for (name, case) in files() {
        for (format, deep) in [("slsa-v1.shallow", false), ("slsa-v1.deep", true)] {
            let options = Options { deep, ..Options::default() };
            let statement = provenance(&run_of(&case), &options);
            let got =
                statement.map_err(|e| e.to_string()).map(|s| serde_json::from_slice(&s.to_vec().unwrap()).unwrap());
            wrong.extend(compare(&format!("{name} {format}"), &case["statements"][format], got));
            checked += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {checked} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn payloads_and_keys_are_those_of_chains() {
    let mut wrong = vec![];
    for (name, case) in files() {
        let run = run_of(&case);
        let image = |image: &sluice_attest::ImageDigest| {
            json!({
                "fullKey": image.full_key(),
                "ref": image.full_key(),
                "shortKey": image.short_key(),
                "payloadExactBytes": String::from_utf8(simplesigning::payload(image)).unwrap(),
            })
        };
        let images: Vec<Value> = simplesigning::images_as_chains(&run).iter().map(image).collect();
        let got = json!({"images": images, "runFullKey": run.full_key(), "runShortKey": run.short_key()});
        wrong.extend(compare(&name, &case["statements"]["simplesigning"], Ok(got)));
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
