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
    for _ in 0..300 {
        let folders = std::fs::read_dir(world.data.path().join("runs")).unwrap().count();
        if folders == 0 && world.registry.valid.lock().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(world.registry.valid.lock().unwrap().is_empty(), "the credential ends with the run");
    assert_eq!(std::fs::read_dir(world.data.path().join("runs")).unwrap().count(), 0, "its folder goes with it");

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

#[tokio::test(flavor = "multi_thread")]
async fn failures_say_which_step_and_why() {
    let world = World::new(|_| Play::fails("echo", 3)).await;
    world.start();
    let mut spec = echo(&[]);
    spec["steps"].as_array_mut().unwrap().push(json!({"name": "later", "image": "toolbox", "script": "true"}));
    world.create(task_run("fails", json!({"taskSpec": spec}))).await;
    let run = world.done("taskruns", "fails").await;
    assert_eq!(condition(&run)["reason"], "StepFailed");
    assert_eq!(condition(&run)["message"], "\"step-echo\" exited with code 3: Error");
    assert_eq!(run["status"]["steps"][1]["terminationReason"], "Skipped");
    world.until("pods", "fails-pod", |p| p["status"]["phase"] == "Failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_prepared_says_why() {
    let world = World::new(|_| Play::default()).await;
    world.start();
    let mut image = echo(&[]);
    image["steps"][0]["image"] = "missing".into();
    let mut secret = echo(&[]);
    secret["steps"][0]["env"] = json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]);
    let mut workspace = echo(&[]);
    workspace["workspaces"] = json!([{"name": "w"}]);
    let mut param = echo(&[]);
    param["params"] = json!([{"name": "p"}]);
    let table = [
        ("image", json!({"taskSpec": image}), "TaskRunImagePullFailed", "`missing` is not in the registry"),
        ("secret", json!({"taskSpec": secret}), "CreateContainerConfigError", "Secret `s` not found"),
        (
            "workspace",
            json!({"taskSpec": workspace}),
            "TaskRunValidationFailed",
            "declared workspace \"w\" is required but has not been bound",
        ),
        (
            "param",
            json!({"taskSpec": param}),
            "TaskRunValidationFailed",
            "missing values for these params which have no default values: [p]",
        ),
        (
            "task",
            json!({"taskRef": {"name": "none"}}),
            "TaskRunResolutionFailed",
            "tasks.tekton.dev \"none\" not found",
        ),
        (
            "account",
            json!({"serviceAccountName": "nobody", "taskSpec": echo(&[])}),
            "PodCreationFailed",
            "serviceaccounts \"nobody\" not found",
        ),
        (
            "other",
            json!({"taskRef": {"resolver": "cluster", "params": [{"name": "name", "value": "t"}, {"name": "namespace", "value": "kube-system"}]}}),
            "TaskRunResolutionFailed",
            "access to namespace `kube-system` is not allowed",
        ),
    ];
    for (name, spec, reason, message) in table {
        world.create(task_run(name, spec)).await;
        let run = world.done("taskruns", name).await;
        let condition = condition(&run);
        assert_eq!(condition["reason"], reason, "{condition}");
        assert!(condition["message"].as_str().unwrap().contains(message), "{condition}");
        sluice_attest::status::verify_status(&run, world.key.public()).unwrap();
    }
    assert!(world.launcher.starts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_and_timeout_end_a_running_run() {
    let world = World::new(|_| Play { blocks: true, ..Play::default() }).await;
    world.start();
    world.create(task_run("stop", json!({"taskSpec": echo(&[])}))).await;
    world.until("taskruns", "stop", |r| r["status"]["steps"][0]["running"].is_object()).await;
    world.patch("taskruns", "stop", json!({"spec": {"status": "TaskRunCancelled", "statusMessage": "enough"}})).await;
    let run = world.done("taskruns", "stop").await;
    assert_eq!(condition(&run)["reason"], "TaskRunCancelled");
    assert_eq!(condition(&run)["message"], "TaskRun \"stop\" was cancelled. enough");
    assert_eq!(run["status"]["steps"][0]["terminationReason"], "Cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_carry_source_annotations_and_network() {
    let world = World::new(|_| Play::default()).await;
    let task = json!({"apiVersion": "tekton.dev/v1", "kind": "Task",
        "metadata": {"name": "build", "labels": {"team": "a"},
            "annotations": {"sluice.dev/hermetic-param": "HERMETIC", "sluice.dev/registry-steps": "push"}},
        "spec": {"params": [{"name": "HERMETIC", "default": "false"}],
            "steps": [{"name": "make", "image": "toolbox", "script": "make",
                "securityContext": {"capabilities": {"add": ["SETFCAP"]}, "runAsUser": 0},
                "computeResources": {"limits": {"memory": "64Mi", "cpu": "500m"}}},
                {"name": "push", "image": "toolbox", "command": ["push"], "args": ["$(params.HERMETIC)"]}]}});
    world.images.bundles.lock().unwrap().insert("library.sluice.dev/tasks/build:1.0".into(), vec![task]);
    world.start();
    let reference = json!({"resolver": "bundles", "params": [{"name": "bundle", "value": "library.sluice.dev/tasks/build:1.0"},
        {"name": "name", "value": "build"}, {"name": "kind", "value": "task"}]});
    world
        .create(task_run("build", json!({"taskRef": reference, "params": [{"name": "HERMETIC", "value": "true"}]})))
        .await;
    let run = world.done("taskruns", "build").await;
    assert_eq!(condition(&run)["reason"], "Succeeded", "{run:#}");
    let source = &run["status"]["provenance"]["refSource"];
    assert_eq!(source["uri"], "library.sluice.dev/tasks/build");
    assert_eq!(source["entryPoint"], "build");
    assert_eq!(source["digest"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(run["metadata"]["annotations"]["sluice.dev/registry-steps"], "push");
    assert_eq!(run["metadata"]["labels"]["team"], "a");
    assert_eq!(run["metadata"]["labels"]["tekton.dev/task"], "build");
    let networks: Vec<_> =
        run["status"]["witness"]["steps"].as_array().unwrap().iter().map(|s| s["network"].as_str().unwrap()).collect();
    assert_eq!(networks, ["none", "registry"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_claims_reach_the_runner_and_nothing_else() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keep = seen.clone();
    let world = World::new(move |spec| {
        *keep.lock().unwrap() = Some(spec.clone());
        Play::default()
    })
    .await;
    world.start();
    world.create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"token": "hunter2"}})).await;
    let mut spec = echo(&[]);
    spec["workspaces"] = json!([{"name": "data"}, {"name": "creds"}]);
    spec["steps"][0]["env"] = json!([{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
        {"name": "GREETING", "value": "hi $(TOKEN)"}]);
    let workspaces = json!([{"name": "data", "volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}}}}}, {"name": "creds", "secret": {"secretName": "s"}}]);
    world.create(task_run("mounts", json!({"taskSpec": spec, "workspaces": workspaces}))).await;
    let run = world.done("taskruns", "mounts").await;
    assert_eq!(condition(&run)["reason"], "Succeeded", "{run:#}");
    let spec = seen.lock().unwrap().take().unwrap();
    let env = &spec.steps[0].env;
    assert!(
        env.contains(&("TOKEN".into(), "hunter2".into())) && env.contains(&("GREETING".into(), "hi hunter2".into()))
    );
    let mounts: Vec<_> = spec.steps[0].mounts.iter().map(|m| (m.path.as_str(), m.read_only)).collect();
    assert_eq!(mounts, [("/workspace", false), ("/workspace/data", false), ("/workspace/creds", true)]);
    let claims = world.list("persistentvolumeclaims").await;
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0]["metadata"]["ownerReferences"][0]["uid"], run["metadata"]["uid"]);
    let pod = world.get("pods", "mounts-pod").await;
    assert!(
        !pod.to_string().contains("hunter2") && !run.to_string().contains("hunter2"),
        "secrets stay out of objects"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_layers_are_unpacked_once() {
    let world = World::new(|_| Play::default()).await;
    world.start();
    for i in 0..8 {
        world.create(task_run(&format!("run-{i}"), json!({"taskSpec": echo(&[])}))).await;
    }
    for i in 0..8 {
        world.done("taskruns", &format!("run-{i}")).await;
    }
    assert_eq!(world.launcher.unpacked(), 1);
}
