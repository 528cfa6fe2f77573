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

#[tokio::test(flavor = "multi_thread")]
async fn cancel_reaches_the_children() {
    let world = World::new(|_| Play { blocks: true, ..Play::default() }).await;
    world.start();
    world.create(pipeline_run("stop", two_tasks())).await;
    world.until("taskruns", "stop-first", |r| r["status"]["steps"][0]["running"].is_object()).await;
    world.patch("pipelineruns", "stop", json!({"spec": {"status": "Cancelled"}})).await;
    let run = world.done("pipelineruns", "stop").await;
    assert_eq!(condition(&run)["reason"], "Cancelled");
    assert_eq!(condition(&run)["message"], "PipelineRun \"stop\" was cancelled");
    let child = world.get("taskruns", "stop-first").await;
    assert_eq!(condition(&child)["reason"], "TaskRunCancelled");
    assert_eq!(
        child["spec"]["statusMessage"],
        "TaskRun cancelled as the PipelineRun it belongs to has been cancelled."
    );
    assert_eq!(world.list("taskruns").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_fails_before_anything_runs() {
    let world = World::new(|_| Play::default()).await;
    world.start();
    let pipeline = json!({"tasks": [{"name": "a", "taskSpec": echo(&[])}, {"name": "b", "taskRef": {"name": "none"}}]});
    world.create(pipeline_run("lacks", pipeline)).await;
    let run = world.done("pipelineruns", "lacks").await;
    assert_eq!(condition(&run)["reason"], "CouldntGetTask");
    assert!(condition(&run)["message"].as_str().unwrap().contains("it contains Tasks that don't exist"), "{run:#}");
    world.create(json!({"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": "no"}, "spec": {"pipelineRef": {"name": "none"}}})).await;
    let run = world.done("pipelineruns", "no").await;
    assert_eq!(condition(&run)["reason"], "CouldntGetPipeline");
    assert!(world.list("taskruns").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_waits_until_it_is_let_go() {
    let world = World::new(|_| Play::results(&[("out", "x")])).await;
    world.start();
    let mut run = pipeline_run("later", two_tasks());
    run["spec"]["status"] = "PipelineRunPending".into();
    world.create(run).await;
    world.until("pipelineruns", "later", |r| condition(r)["reason"] == "PipelineRunPending").await;
    assert!(world.list("taskruns").await.is_empty());
    world.patch("pipelineruns", "later", json!({"spec": {"status": null}})).await;
    assert_eq!(condition(&world.done("pipelineruns", "later").await)["reason"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_not_taken_for_a_child() {
    let world = World::new(|_| Play::results(&[("out", "forged")])).await;
    world.start();
    world.create(support::task_run("two-first", json!({"taskSpec": echo(&["out"])}))).await;
    world.create(pipeline_run("two", two_tasks())).await;
    let run = world.done("pipelineruns", "two").await;
    assert_eq!(condition(&run)["reason"], "CreateRunFailed", "{run:#}");
    assert!(condition(&run)["message"].as_str().unwrap().contains("one of that name belongs to something else"));
    assert!(run["status"]["results"].is_null());
}
