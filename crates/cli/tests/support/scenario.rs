//! Scenarios by directory: `NAME/*.yaml` are objects and `NAME/expected.json` is how they end. It knows nothing of what a
//! scenario is about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Cluster, condition, result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folders in a folder, sorted.
pub fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect();
    all.sort();
    all
}

/// The YAML files of a folder by name, sorted.
pub fn files(folder: &Path) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "yaml"))
        .map(|e| (e.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(e.path()).unwrap()))
        .collect();
    all.sort();
    all
}

/// `expected.json` of a scenario.
pub fn expected(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap()
}

/// Runs the one TaskRun of a scenario; what differs from what was expected is returned.
pub fn task_run(cluster: &Cluster, folder: &Path) -> Vec<String> {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let expected = expected(folder);
    let text = std::fs::read_to_string(folder.join("taskrun.yaml")).unwrap();
    let (namespace, run) = cluster.create_one(&text);
    let run = cluster.ended("taskruns", &namespace, &run);
    let mut wrong = Vec::new();
    let succeeded = condition(&run, "Succeeded").unwrap();
    if succeeded["status"] != expected["status"] {
        wrong.push(format!("{name}: {succeeded}"));
    }
    for (result_name, want) in expected["results"].as_object().into_iter().flatten() {
        let got = result(&run, result_name);
        if got != want.as_str() {
            wrong.push(format!("{name}: {result_name} is {got:?}, not {want}"));
        }
    }
    for (step, network) in expected["networks"].as_object().into_iter().flatten() {
        let steps = run["status"]["witness"]["steps"].as_array().cloned().unwrap_or_default();
        let got = steps.iter().find(|s| s["name"] == step.as_str()).map_or(&Value::Null, |s| &s["network"]);
        if got != network {
            wrong.push(format!("{name}: the witness saw {step} with network {got}, not {network}"));
        }
    }
    if !wrong.is_empty() {
        wrong.push(cluster.logs(&namespace, &run));
    }
    wrong
}
