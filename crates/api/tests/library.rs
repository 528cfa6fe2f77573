//! The library's and the examples' Tekton objects are ones that the engine runs: valid, and nothing in them is refused
//! as not done yet.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

use serde_json::Value;
use sluice_api::admission::{self, Operation, Request};
use sluice_api::tekton::{PipelineSpec, TaskSpec, graph, unsupported};
use std::path::{Path, PathBuf};

fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn all_can_be_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    yaml_files(&root.join("library"), &mut files);
    if root.join("examples").is_dir() {
        yaml_files(&root.join("examples"), &mut files);
    }
    let mut seen = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let Ok(documents) = serde_saphyr::from_multiple::<Value>(&text) else { continue };
        for mut object in documents {
            let plural = match object["kind"].as_str() {
                Some("Task") => "tasks",
                Some("Pipeline") => "pipelines",
                Some("TaskRun") => "taskruns",
                Some("PipelineRun") => "pipelineruns",
                _ => continue,
            };
            seen += 1;
            let shown = format!("{}: {} {}", file.display(), object["kind"], object["metadata"]["name"]);
            let request =
                Request { group: "tekton.dev", resource: plural, operation: Operation::Create, old: None, user: "dev" };
            admission::mutate(request, &mut object);
            admission::validate(request, &object).unwrap_or_else(|e| panic!("{shown}: {e}"));
            if plural == "tasks" {
                let spec: TaskSpec = serde_json::from_value(object["spec"].clone()).unwrap();
                unsupported::task_spec(&spec).unwrap_or_else(|e| panic!("{shown}: {e}"));
            }
            if plural == "pipelines" {
                let spec: PipelineSpec = serde_json::from_value(object["spec"].clone()).unwrap();
                unsupported::pipeline_spec(&spec).unwrap_or_else(|e| panic!("{shown}: {e}"));
                graph::graph(&spec).unwrap_or_else(|e| panic!("{shown}: {e}"));
            }
        }
    }
    assert!(seen >= 6, "only {seen} Tekton objects were found");
}
