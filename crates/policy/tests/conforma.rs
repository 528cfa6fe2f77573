//! conforma/policy as it is: its own unit tests, and its annotations. The folder is named by `SLUICE_CONFORMA_POLICY`;
//! nothing of it is kept here. `CONFORMA_ONLY=TEXT` runs the tests whose name contains a text.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::builtins::{BuiltinError, HostBuiltin};
use sluice_rego::{Engine, QueryOptions, QueryScope, Value};
use std::path::{Path, PathBuf};

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    for path in found {
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rego") {
            into.push(path);
        }
    }
}

#[test]
fn its_own_tests_pass() {
    let Some(folder) = std::env::var_os("SLUICE_CONFORMA_POLICY").map(PathBuf::from) else {
        eprintln!("not run: SLUICE_CONFORMA_POLICY names no checkout of conforma/policy");
        return;
    };
    let mut engine = Engine::new(Version::V1);
    // As where nothing can be reached: what a test does not replace is undefined.
    for builtin in sluice_policy::ec::builtins() {
        let call = builtin.call.clone();
        engine.add_builtin(HostBuiltin {
            call: std::sync::Arc::new(move |args, context| match call(args, context) {
                Err(BuiltinError::Unprepared) => Ok(None),
                outcome => outcome,
            }),
            ..builtin
        });
    }
    let mut paths = Vec::new();
    for part in ["policy", "checks"] {
        files(&folder.join(part), &mut paths);
    }
    for path in &paths {
        let text = std::fs::read_to_string(path).unwrap();
        engine.add_module(&path.display().to_string(), &text).unwrap_or_else(|errors| panic!("{}", errors[0]));
    }
    let data: serde_json::Value =
        serde_saphyr::from_str(&std::fs::read_to_string(folder.join("example/data/rule_data.yml")).unwrap()).unwrap();
    engine.set_data(Value::from_json(&data));
    let policy = engine
        .compile()
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
    let only = std::env::var("CONFORMA_ONLY").unwrap_or_default();
    let options = QueryOptions { now_ns: 1_763_000_000_000_000_000, ..QueryOptions::default() };
    let (mut passed, mut failed) = (0, Vec::new());
    for test in policy.rules().filter(|rule| name(rule).starts_with("test_")) {
        let place = sluice_rego::ast::Ref::shown("data", &test);
        if !place.contains(&only) {
            continue;
        }
        let query = policy.prepare(&place, &QueryScope::default()).unwrap();
        match query.eval(None, &options) {
            Ok(answers) if answers.first().is_some_and(|answer| answer.expressions[0].value == Value::Bool(true)) => {
                passed += 1;
            }
            Ok(answers) => failed.push(format!("{place}: {} answers", answers.len())),
            Err(errors) => failed.push(format!("{place}: {}", errors[0])),
        }
    }
    println!("conforma/policy: {passed} tests passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn name(path: &[Value]) -> &str {
    path.last().and_then(Value::as_str).unwrap_or_default()
}
