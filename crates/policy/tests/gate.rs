//! The gate on one good build and on everything that can be wrong with one. Each folder of `fixtures` is a case: how it
//! differs from the good build (`case.json`) and the verdict with its codes and messages (`want.txt`). To write the
//! verdicts anew, set UPDATE_FIXTURES and read the difference.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{Build, Case, case, fixtures, library, shown};

#[tokio::test]
async fn verdicts_are_those_of_the_fixtures() {
    let mut wrong = Vec::new();
    let mut names: Vec<String> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "base")
        .collect();
    names.sort();
    for name in names {
        let build = Build::new(case(&name));
        let got = shown(&build, &build.validate().await);
        let path = fixtures().join(&name).join("want.txt");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&path, &got).unwrap();
        }
        let want = std::fs::read_to_string(&path).unwrap_or_default();
        if got != want {
            wrong.push(format!("{name}: {}\nwant:\n{want}\ngot:\n{got}", build.case.about));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every path to a key below a value, as JSON pointers.
fn keys(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                let path = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                found.push(path.clone());
                keys(value, &path, found);
            }
        }
        serde_json::Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                keys(value, &format!("{at}/{place}"), found);
            }
        }
        _ => {}
    }
}

fn remove(value: &mut serde_json::Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/").replace("~0", "~");
    value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(&key);
}

/// A statement that lacks something can be refused for more reasons, never for none: taking any key that the rules name
/// out of the evidence of an attack does not open the gate.
#[tokio::test]
async fn no_missing_key_turns_a_denial_into_a_success() {
    let rules = rules_text();
    let mut opened = Vec::new();
    for name in ["failing-test", "foreign-artifact", "hermetic-lie", "hint-beside-build", "hint-inside-trusted-task"] {
        let build = Build::new(case(name));
        let gate = build.gate().await;
        // Most mutants are still refused by a package that refused the original; only the others need the whole policy.
        let report = build.validate().await;
        let packages = report.components[0].violations.iter().map(|v| v.code().split('.').next().unwrap().to_owned());
        let first = Build::new(Case { include: Some(packages.collect()), ..case(name) }).gate().await;
        for (statement, value) in &build.statements {
            let mut paths = Vec::new();
            keys(value, "", &mut paths);
            for path in paths.into_iter().filter(|path| concerns(path, &rules)) {
                let mut mutant = build.statements.clone();
                remove(mutant.get_mut(statement).unwrap(), &path);
                if build.passes(&first, &mutant) && build.passes(&gate, &mutant) {
                    opened.push(format!("{name}: {statement} without {path}"));
                }
            }
        }
    }
    assert!(opened.is_empty(), "{}", opened.join("\n"));
}

fn rules_text() -> String {
    let files =
        ["lib", "release"].into_iter().flat_map(|part| std::fs::read_dir(library().join("policy").join(part)).unwrap());
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// Whether a rule could read the key: it or the object it is in is named in the rules. What is below the steps of the
/// provenance is only counted.
fn concerns(path: &str, rules: &str) -> bool {
    let below_steps = path.contains("/buildConfig/") && path.contains("/steps/");
    let names: Vec<String> = path.rsplit('/').take(2).map(|part| part.replace("~1", "/")).collect();
    !below_steps && (rules.contains(&names[0]) || ["parameters", "labels"].contains(&names[1].as_str()))
}
