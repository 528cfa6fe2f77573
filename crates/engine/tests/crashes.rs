//! The engine ended at every point where it could be: a later one brings the same runs to the same end, each TaskRun
//! run once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use support::cut::Cut;
use support::{Play, World, condition, echo, engine_user, pipeline_run, task_run};

fn pipeline() -> Value {
    let mut second = echo(&[]);
    second["params"] = json!([{"name": "in"}]);
    json!({
        "tasks": [
            {"name": "first", "taskSpec": echo(&["out"])},
            {"name": "second", "params": [{"name": "in", "value": "$(tasks.first.results.out)"}], "taskSpec": second},
        ],
        "results": [{"name": "said", "value": "$(tasks.first.results.out)"}],
    })
}

fn cut_client(world: &World, writes: i64, sent: bool) -> (kube::Client, Arc<AtomicI64>) {
    let left = Arc::new(AtomicI64::new(writes));
    let cut = Cut { inner: world.server.in_process(engine_user()), left: left.clone(), sent };
    (kube::Client::new(cut, "default"), left)
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_at_each_write_all_ends_alike() {
    for sent in [false, true] {
        for writes in 1.. {
            let world = World::new(|_| Play::results(&[("out", "hello")])).await;
            let (client, left) = cut_client(&world, writes, sent);
            world.start_with(client);
            world.create(pipeline_run("two", pipeline())).await;
            let over = |run: &Value| condition(run)["status"] == "True";
            for _ in 0..3000 {
                let run = world.get("pipelineruns", "two").await;
                if left.load(Ordering::SeqCst) <= 0 || over(&run) {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            let uncut = left.load(Ordering::SeqCst) > 0;
            world.start();
            let run = world.done("pipelineruns", "two").await;
            assert_eq!(condition(&run)["reason"], "Succeeded", "cut at write {writes} (sent: {sent}): {run:#}");
            assert_eq!(run["status"]["results"], json!([{"name": "said", "value": "hello"}]));
            sluice_attest::status::verify_status(&run, world.key.public()).unwrap();
            let children = world.list("taskruns").await;
            assert_eq!(children.len(), 2, "cut at write {writes} (sent: {sent})");
            for child in &children {
                assert_eq!(condition(child)["reason"], "Succeeded");
                assert!(child["status"]["podName"].is_string());
                sluice_attest::status::verify_status(child, world.key.public()).unwrap();
            }
            let starts = world.launcher.starts();
            let once: HashSet<_> = starts.iter().collect();
            assert_eq!((starts.len(), once.len()), (2, 2), "cut at write {writes} (sent: {sent}): started {starts:?}");
            if uncut {
                assert!(writes > 8, "the whole way has more writes than {writes}");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_run_is_adopted() {
    let world = World::new(|_| Play { blocks: true, ..Play::results(&[("out", "x")]) }).await;
    world.start();
    world.create(task_run("long", json!({"taskSpec": echo(&["out"])}))).await;
    world.until("taskruns", "long", |r| r["status"]["steps"][0]["running"].is_object()).await;
    world.stop();
    world.start();
    world.launcher.let_go();
    let run = world.done("taskruns", "long").await;
    assert_eq!(condition(&run)["reason"], "Succeeded", "{run:#}");
    assert_eq!(world.launcher.starts().len(), 1);
    sluice_attest::status::verify_status(&run, world.key.public()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ended_meanwhile_is_told_as_it_was() {
    let world = World::new(|_| Play { blocks: true, ..Play::results(&[("out", "x")]) }).await;
    world.start();
    world.create(task_run("long", json!({"taskSpec": echo(&["out"])}))).await;
    world.until("taskruns", "long", |r| r["status"]["steps"][0]["running"].is_object()).await;
    world.stop();
    world.launcher.let_go();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    world.start();
    let run = world.done("taskruns", "long").await;
    assert_eq!(condition(&run)["reason"], "Succeeded", "{run:#}");
    assert_eq!(run["status"]["results"][0]["value"], "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_runner_ends_the_run_and_says_so() {
    let world = World::new(|_| Play { blocks: true, ..Play::default() }).await;
    world.start();
    world.create(task_run("lost", json!({"taskSpec": echo(&[])}))).await;
    world.until("taskruns", "lost", |r| r["status"]["steps"][0]["running"].is_object()).await;
    world.stop();
    world.launcher.kill_all();
    world.start();
    let run = world.done("taskruns", "lost").await;
    let condition = condition(&run);
    assert_eq!(condition["reason"], "Failed");
    assert_eq!(
        condition["message"],
        "the runner of TaskRun \"lost\" was lost: it ended while the control plane was not running; create the run again"
    );
    assert_eq!(run["status"]["steps"][0]["terminated"]["exitCode"], 1);
    sluice_attest::status::verify_status(&run, world.key.public()).unwrap();
    world.until("pods", "lost-pod", |p| p["status"]["phase"] == "Failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_vanishes_ends_the_run() {
    let world = World::new(|_| Play { vanishes: true, ..Play::default() }).await;
    world.start();
    world.create(task_run("gone", json!({"taskSpec": echo(&[])}))).await;
    let run = world.done("taskruns", "gone").await;
    assert_eq!(condition(&run)["reason"], "Failed");
    assert!(condition(&run)["message"].as_str().unwrap().contains("was lost: it ended with code 0"), "{run:#}");
}
