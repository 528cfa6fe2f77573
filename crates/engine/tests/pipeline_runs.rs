//! PipelineRuns over the real API server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use support::{Play, World, condition, echo, pipeline_run};

fn two_tasks() -> serde_json::Value {
    let mut second = echo(&[]);
    second["params"] = json!([{"name": "in"}]);
    second["steps"][0]["script"] = "echo $(params.in)".into();
    json!({
        "params": [{"name": "who", "default": "you"}],
        "tasks": [
            {"name": "first", "taskSpec": echo(&["out"])},
            {"name": "second", "params": [{"name": "in", "value": "$(params.who): $(tasks.first.results.out)"}], "taskSpec": second},
        ],
        "results": [{"name": "said", "value": "$(tasks.first.results.out)"}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn results_pass_from_task_to_task() {
    let world = World::new(|_| Play::results(&[("out", "hello")])).await;
    world.start();
    world.create(pipeline_run("two", two_tasks())).await;
    let run = world.done("pipelineruns", "two").await;
    let status = &run["status"];
    assert_eq!(condition(&run)["reason"], "Succeeded", "{status:#}");
    assert_eq!(condition(&run)["message"], "Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 0");
    assert_eq!(status["results"], json!([{"name": "said", "value": "hello"}]));
    let children: Vec<_> =
        status["childReferences"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(children, ["two-first", "two-second"]);
    sluice_attest::status::verify_status(&run, world.key.public()).unwrap();
    let second = world.get("taskruns", "two-second").await;
    assert_eq!(second["spec"]["params"][0]["value"], "you: hello");
    assert_eq!(second["status"]["taskSpec"]["steps"][0]["script"], "echo you: hello");
    let labels = &second["metadata"]["labels"];
    assert_eq!(labels["tekton.dev/pipelineRun"], "two");
    assert_eq!(labels["tekton.dev/pipeline"], "two");
    assert_eq!(labels["tekton.dev/pipelineTask"], "second");
    assert_eq!(labels["tekton.dev/memberOf"], "tasks");
    assert_eq!(second["metadata"]["ownerReferences"][0]["uid"], run["metadata"]["uid"]);
}
