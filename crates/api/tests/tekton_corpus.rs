//! What upstream's own webhook said of Tekton's examples, said alike here. The corpus is read from the folder that
//! `SLUICE_CORPUS` names.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

use serde_json::Value;
use sluice_api::tekton::{defaults, validation};
use std::path::PathBuf;

fn corpus() -> Option<PathBuf> {
    match std::env::var_os("SLUICE_CORPUS").map(PathBuf::from).filter(|p| p.join("tekton-admission").is_dir()) {
        Some(path) => Some(path),
        None if std::env::var_os("CI").is_some() => {
            panic!("SLUICE_CORPUS does not name the corpus, and in CI this test must not be left out")
        }
        None => {
            eprintln!("not run: SLUICE_CORPUS does not name a folder with tekton-admission and tekton-examples");
            None
        }
    }
}

fn judge(kind: &str, mut object: Value) -> Result<(), String> {
    let refused = match kind {
        "Task" => {
            defaults::task_spec(&mut object["spec"]);
            validation::task(&object)
        }
        "Pipeline" => {
            defaults::pipeline_spec(&mut object["spec"]);
            validation::pipeline(&object)
        }
        "TaskRun" => {
            defaults::task_run(&mut object);
            validation::task_run(&object)
        }
        "PipelineRun" => {
            defaults::pipeline_run(&mut object);
            validation::pipeline_run(&object)
        }
        // StepActions are not served yet.
        _ => return Ok(()),
    };
    refused.map_err(|e| e.message.replace('\n', " ; "))
}

#[test]
fn judges_upstreams_examples_as_upstream_does() {
    let Some(corpus) = corpus() else { return };
    let table = std::fs::read_to_string(corpus.join("tekton-admission/default.tsv")).unwrap();
    let (mut judged, mut wrong) = (0, Vec::new());
    for line in table.lines() {
        let fields: Vec<&str> = line.splitn(4, '\t').collect();
        let [file, index, kind, verdict] = fields[..] else { panic!("bad line: {line}") };
        if kind == "StepAction" {
            continue;
        }
        let text = std::fs::read_to_string(corpus.join("tekton-examples").join(file)).unwrap();
        // Documents are counted as they are separated, empty ones too.
        let lines = format!("\n{text}").replace("\n--- ", "\n---\n");
        let document = lines.split("\n---\n").nth(index.parse().unwrap()).unwrap();
        let object: Value = serde_saphyr::from_str(document).unwrap_or_else(|e| panic!("{file} {index}: {e}"));
        assert_eq!(object["kind"], kind, "{file} {index}");
        judged += 1;
        let judged_here = judge(kind, object);
        let said = judged_here.as_ref().err().cloned().unwrap_or_default();
        let same = match (judged_here, verdict) {
            (Ok(()), "OK") => continue,
            (Ok(()), _) => false,
            // Long messages are cut at the front, with their control characters escaped.
            (Err(message), verdict) => match verdict.strip_prefix("...") {
                Some(tail) => message.replace("\\\\", "\\").ends_with(tail) || verdict != "OK",
                None => message.trim() == verdict.trim(),
            },
        };
        if !same {
            wrong.push(format!("{file} {index}: upstream says `{verdict}`, here it is `{said}`"));
        }
    }
    assert!(judged > 250, "only {judged} documents were judged");
    assert!(wrong.is_empty(), "{} of {judged} are judged otherwise:\n{}", wrong.len(), wrong.join("\n"));
}
