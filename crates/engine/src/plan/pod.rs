//! The Pod of a TaskRun: a read-only picture of its sandbox, because clients read states and logs through it.

use serde_json::{Value, json};
use sluice_api::runner::RunSpec;
use sluice_api::tekton::{StepState, TaskRun, TaskRunStatus, names};

/// Name of the Pod of a TaskRun's attempt.
pub fn name(task_run: &str, retry: usize) -> String {
    match retry {
        0 => names::child_name(task_run, "-pod"),
        n => names::child_name(task_run, &format!("-pod-retry{n}")),
    }
}

/// The Pod as it is created. Environment and scripts are not shown: they may hold what only the step may see.
pub fn object(run: &TaskRun, spec: &RunSpec) -> Value {
    let mut labels = run.metadata.labels.clone();
    labels.insert("tekton.dev/taskRun".into(), run.metadata.name.clone());
    labels.insert("tekton.dev/taskRunUID".into(), run.metadata.uid.clone());
    labels.entry("app.kubernetes.io/managed-by".into()).or_insert_with(|| "tekton-pipelines".into());
    let containers: Vec<Value> = spec
        .steps
        .iter()
        .map(|step| json!({"name": format!("step-{}", step.name), "image": step.image.reference, "workingDir": step.working_dir}))
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": spec.pod,
            "namespace": spec.namespace,
            "labels": labels,
            "annotations": {"tekton.dev/ready": "READY"},
            "ownerReferences": [{"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": run.metadata.name,
                "uid": run.metadata.uid, "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": {"containers": containers, "restartPolicy": "Never", "serviceAccountName": run.spec.service_account_name},
    })
}

/// Its status, of the TaskRun's.
pub fn status(spec: &RunSpec, run: &TaskRunStatus) -> Value {
    let ended = run.completion_time.is_some();
    let succeeded = super::standing(&run.conditions) == Some("True");
    let phase = match (ended, succeeded) {
        (true, true) => "Succeeded",
        (true, false) => "Failed",
        (false, _) if run.steps.iter().any(|s| s.running.is_some() || s.terminated.is_some()) => "Running",
        (false, _) => "Pending",
    };
    let containers: Vec<Value> = spec
        .steps
        .iter()
        .zip(&run.steps)
        .map(|(step, state)| {
            json!({"name": state.container, "image": step.image.reference, "imageID": state.image_id, "ready": state.running.is_some(),
                "started": state.running.is_some(), "restartCount": 0, "state": container_state(state)})
        })
        .collect();
    let ready = if phase == "Running" { "True" } else { "False" };
    json!({
        "phase": phase,
        "startTime": run.start_time,
        "conditions": [{"type": "Ready", "status": ready}, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": containers,
    })
}

fn container_state(state: &StepState) -> Value {
    match (&state.terminated, &state.running, &state.waiting) {
        (Some(terminated), ..) => json!({"terminated": terminated}),
        (None, Some(running), _) => json!({"running": running}),
        (None, None, Some(waiting)) => json!({"waiting": waiting}),
        (None, None, None) => json!({"waiting": {"reason": "PodInitializing"}}),
    }
}
