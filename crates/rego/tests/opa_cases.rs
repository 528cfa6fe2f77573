//! OPA's own compliance cases, v0 and v1, from `opa-cases.tar.gz` in the folder that `SLUICE_CORPUS` names (or unpacked in
//! the one that `OPA_CASES` names). Those that do not pass yet are listed in `opa_cases_left.txt`; the list must be exact.
//! `OPA_CASES_ONLY=TEXT` runs the cases whose name contains a text and shows why they fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value as Json;
use sluice_rego::ast::Version;
use sluice_rego::builtins::HostBuiltin;
use sluice_rego::{Engine, Error, QueryOptions, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

const LEFT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/opa_cases_left.txt");

/// Within the validity of the certificates in the cases.
const NOW_NS: i64 = 1_764_000_000_000_000_000;

/// What the host of OPA's own run gives.
fn host() -> [HostBuiltin; 2] {
    [
        HostBuiltin::new("test.sleep", 1, |_, _| Ok(Some(Value::Null))),
        HostBuiltin::new("opa.runtime", 0, |_, _| Ok(Some(Value::object([])))),
    ]
}

/// One case and where it is from.
struct Case {
    version: Version,
    group: String,
    /// `v1/GROUP: NOTE`, numbered where a name comes more than once.
    name: String,
    json: Json,
}

#[test]
fn cases_pass_but_for_the_listed() {
    let files = files();
    if files.is_empty() {
        assert!(
            std::env::var_os("CI").is_none(),
            "SLUICE_CORPUS does not name a folder with opa-cases.tar.gz, and in CI this test must not be left out"
        );
        eprintln!("not run: SLUICE_CORPUS does not name a folder with opa-cases.tar.gz");
        return;
    }
    let only = std::env::var("OPA_CASES_ONLY").ok();
    let cases: Vec<Case> =
        cases(&files).into_iter().filter(|case| only.as_ref().is_none_or(|only| case.name.contains(only))).collect();
    let listed: BTreeSet<String> =
        std::fs::read_to_string(LEFT).unwrap_or_default().lines().map(str::to_owned).collect();
    let mut groups: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut failed = BTreeMap::new();
    let mut passed = BTreeSet::new();
    for case in &cases {
        let outcome = run(case);
        let count = groups.entry(case.group.clone()).or_default();
        count.1 += 1;
        match outcome {
            Ok(()) => {
                count.0 += 1;
                passed.insert(case.name.clone());
            }
            Err(why) => {
                failed.insert(case.name.clone(), why);
            }
        }
    }
    if only.is_some() {
        failed.iter().for_each(|(name, why)| println!("{name}\n    {why}"));
    }
    for (group, (good, all)) in &groups {
        println!("{group}: {good} of {all}");
    }
    for version in ["v0", "v1"] {
        let all = groups.iter().filter(|(group, _)| group.starts_with(version));
        let (good, all) = all.fold((0, 0), |sum, (_, count)| (sum.0 + count.0, sum.1 + count.1));
        println!("{version}: {good} of {all} cases pass");
    }
    if let Some(path) = std::env::var_os("OPA_CASES_WRITE") {
        let lines: Vec<String> = failed.keys().map(|name| format!("{name}\n")).collect();
        std::fs::write(path, lines.concat()).unwrap();
        return;
    }
    let worse: Vec<String> = failed
        .iter()
        .filter(|(name, _)| !listed.contains(*name))
        .map(|(name, why)| format!("{name}\n    {why}"))
        .collect();
    let better: Vec<&String> = passed.iter().filter(|name| listed.contains(*name)).collect();
    assert!(worse.is_empty(), "{} cases fail that are not listed:\n{}", worse.len(), worse.join("\n"));
    assert!(better.is_empty(), "listed cases pass; take them from opa_cases_left.txt: {better:#?}");
}

/// Each file's path below `opa-cases` and text.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    if let Some(folder) = std::env::var_os("OPA_CASES").map(PathBuf::from) {
        unpacked(&folder, "", &mut files);
    } else if let Some(folder) = std::env::var_os("SLUICE_CORPUS").map(PathBuf::from)
        && let Ok(file) = std::fs::File::open(folder.join("opa-cases.tar.gz"))
    {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            if path.ends_with(".yaml") {
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                files.push((path.trim_start_matches("opa-cases/").to_owned(), text));
            }
        }
    }
    files.sort();
    files
}

fn unpacked(folder: &Path, below: &str, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            unpacked(&entry.path(), &format!("{name}/"), files);
        } else if name.ends_with(".yaml") {
            files.push((name, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

fn cases(files: &[(String, String)]) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in files {
        let mut parts = path.split('/');
        let (version, group) = (parts.next().unwrap(), parts.next().unwrap());
        let document: Json = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        for json in document["cases"].as_array().unwrap() {
            let mut name = format!("{version}/{group}: {}", json["note"].as_str().unwrap_or_default());
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            if *count > 1 {
                name = format!("{name} #{count}");
            }
            let dialect = if version == "v0" { Version::V0 } else { Version::V1 };
            cases.push(Case { version: dialect, group: format!("{version}/{group}"), name, json: json.clone() });
        }
    }
    cases
}

/// Runs a case; why it fails.
fn run(case: &Case) -> Result<(), String> {
    let json = &case.json;
    let mut engine = Engine::new(case.version);
    for (i, module) in json["modules"].as_array().into_iter().flatten().enumerate() {
        engine.add_module(&format!("test-{i}.rego"), module.as_str().unwrap()).map_err(|errors| shown(&errors))?;
    }
    if let Some(data) = json.get("data").filter(|data| data.is_object()) {
        engine.set_data(Value::from_json(data));
    }
    host().into_iter().for_each(|builtin| engine.add_builtin(builtin));
    let policy = engine.compile().map_err(|errors| shown(&errors))?;
    let options = QueryOptions {
        strict_builtin_errors: json["strict_error"].as_bool().unwrap_or_default(),
        now_ns: NOW_NS,
        ..QueryOptions::default()
    };
    let input = match (json["input_term"].as_str(), json.get("input")) {
        (Some(term), _) => {
            let policy = Engine::new(Version::V1).compile().map_err(|errors| shown(&errors))?;
            let found = policy.eval_query(&format!("x = {term}"), None, &options).map_err(|errors| shown(&errors))?;
            found.first().and_then(|bindings| bindings.get("x").cloned())
        }
        (None, Some(input)) => Some(Value::from_json(input)),
        (None, None) => None,
    };
    let outcome = policy.eval_query(json["query"].as_str().unwrap(), input, &options);
    let wanted = (json["want_error_code"].as_str(), json["want_error"].as_str());
    if wanted != (None, None) {
        let Err(errors) = outcome else { return Err(format!("wanted error {wanted:?}, got {outcome:?}")) };
        let fits = errors.first().is_some_and(|error| {
            wanted.0.is_none_or(|code| error.code.as_str() == code)
                && wanted.1.is_none_or(|text| error.to_string().contains(text))
        });
        return if fits { Ok(()) } else { Err(format!("wanted error {wanted:?}, got {}", shown(&errors))) };
    }
    let found = outcome.map_err(|errors| shown(&errors))?;
    let Some(wanted) = json["want_result"].as_array() else { return Err("nothing wanted".to_owned()) };
    let sort = json["sort_bindings"].as_bool().unwrap_or_default();
    let wanted: BTreeSet<Value> = wanted.iter().map(Value::from_json).collect();
    let got: BTreeSet<Value> = found
        .into_iter()
        .map(|bindings| {
            Value::object(bindings.into_iter().map(|(name, value)| (Value::string(name), plain(&value, sort))))
        })
        .collect();
    if wanted == got { Ok(()) } else { Err(format!("wanted {wanted:?}\n    got    {got:?}")) }
}

/// A value as JSON has it: sets as arrays; of the outermost array, the members sorted where a case asks for it.
fn plain(value: &Value, sort: bool) -> Value {
    match value {
        Value::Set(_) | Value::Array(_) => {
            let mut items: Vec<Value> = match value {
                Value::Set(items) => items.iter().map(|item| plain(item, false)).collect(),
                Value::Array(items) => items.iter().map(|item| plain(item, false)).collect(),
                _ => Vec::new(),
            };
            if sort {
                items.sort();
            }
            Value::array(items)
        }
        Value::Object(map) => Value::object(map.iter().map(|(key, value)| {
            let key = match key {
                Value::String(_) => key.clone(),
                other => Value::string(sluice_rego::json::key_text(other)),
            };
            (key, plain(value, false))
        })),
        other => other.clone(),
    }
}

fn shown(errors: &[Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
