//! TaskRuns from their creation to their signed end, over the real API server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use support::{Play, World, condition, echo, task_run};

#[tokio::test(flavor = "multi_thread")]
async fn echo_succeeds_and_is_signed() {
    let world = World::new(|_| Play::results(&[("out", "hello")])).await;
    world.start();
    let mut spec = echo(&["out"]);
    spec["params"] = json!([{"name": "who", "default": "you"}]);
    spec["steps"][0]["script"] = "echo $(params.who) > $(results.out.path)".into();
    world.create(task_run("echo", json!({"params": [{"name": "who", "value": "me"}], "taskSpec": spec}))).await;
    let run = world.done("taskruns", "echo").await;
    let condition = condition(&run);
    assert_eq!(condition["status"], "True", "{condition}");
    assert_eq!(condition["reason"], "Succeeded");
    assert_eq!(condition["message"], "All Steps have completed executing");
    let status = &run["status"];
    assert_eq!(status["podName"], "echo-pod");
    assert_eq!(status["results"], json!([{"name": "out", "type": "string", "value": "hello"}]));
    assert_eq!(status["taskSpec"]["steps"][0]["script"], "echo me > /tekton/results/out");
    assert_eq!(status["steps"][0]["terminationReason"], "Completed");
    assert_eq!(status["steps"][0]["container"], "step-echo");
    assert!(status["steps"][0]["imageID"].as_str().unwrap().starts_with("toolbox@sha256:"));
    assert!(status["startTime"].is_string() && status["completionTime"].is_string());
    assert_eq!(status["witness"]["steps"][0]["network"], "egress");
    assert_eq!(status["witness"]["pushed"][0]["kind"], "manifest");
    sluice_attest::status::verify_status(&run, world.key.public()).unwrap();
    assert!(world.registry.valid.lock().unwrap().is_empty(), "the credential ends with the run");

    let pod = world.until("pods", "echo-pod", |p| p["status"]["phase"] == "Succeeded").await;
    assert_eq!(pod["spec"]["containers"][0]["name"], "step-echo");
    assert_eq!(pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 0);
    assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], run["metadata"]["uid"]);
    assert_eq!(pod["metadata"]["labels"]["tekton.dev/taskRun"], "echo");
    let started = world.launcher.starts();
    assert_eq!(started, [run["metadata"]["uid"].as_str().unwrap()]);
    for _ in 0..300 {
        let reasons: Vec<_> =
            world.list("events").await.iter().map(|e| e["reason"].as_str().unwrap().to_owned()).collect();
        if ["Started", "Running", "Succeeded"].iter().all(|r| reasons.iter().any(|x| x == r)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("events are missing");
}
