//! The variables of a Task: which exist, and where they are put in.

use super::substitution::Scope;
use super::{ParamValue, TaskRun, TaskSpec, WorkspaceBinding, params};
use serde_json::Value;
use std::collections::BTreeMap;

/// Fields that describe and are not substituted.
pub const SKIP: &[&str] = &["description", "displayName"];

/// Where results, step results and credentials are, inside a step.
pub const RESULTS: &str = "/tekton/results";
pub const STEPS: &str = "/tekton/steps";
pub const CREDENTIALS: &str = "/tekton/creds";

/// All variables of a TaskRun of the Task of that name.
pub fn scope(run: &TaskRun, task: &str, spec: &TaskSpec, values: &BTreeMap<String, ParamValue>) -> Scope {
    let mut scope = Scope::default();
    if run.spec.task_spec.is_some() {
        // An embedded spec sees the run's params even where it declares none.
        let given = run.spec.params.iter().map(|p| (p.name.clone(), p.value.clone())).collect();
        params::into_scope(&mut scope, &given);
    }
    params::into_scope(&mut scope, values);
    scope.set("context.taskRun.name", &run.metadata.name);
    scope.set("context.taskRun.namespace", &run.metadata.namespace);
    scope.set("context.taskRun.uid", &run.metadata.uid);
    scope.set("context.task.name", task);
    let retries = run.status.as_ref().map_or(0, |s| s.retries_status.len());
    scope.set("context.task.retry-count", retries.to_string());
    scope.set("credentials.path", CREDENTIALS);
    for result in &spec.results {
        scope.set(format!("results.{}.path", result.name), format!("{RESULTS}/{}", result.name));
    }
    for (index, step) in spec.steps.iter().enumerate() {
        let name = if step.name.is_empty() { format!("unnamed-{index}") } else { step.name.clone() };
        let path = format!("{STEPS}/step-{name}/exitCode");
        scope.set(format!("steps.step-{name}.exitCode.path"), path.clone());
        scope.set(format!("steps.{name}.exitCode.path"), path);
    }
    for declared in &spec.workspaces {
        let name = &declared.name;
        let binding = run.spec.workspaces.iter().find(|b| &b.name == name);
        let path = match (binding, &*declared.mount_path) {
            (None, _) => String::new(),
            (Some(_), "") => format!("/workspace/{name}"),
            (Some(_), path) => path.to_owned(),
        };
        scope.set(format!("workspaces.{name}.path"), path);
        scope.set(format!("workspaces.{name}.bound"), binding.is_some().to_string());
        scope.set(format!("workspaces.{name}.claim"), binding.map(claim).unwrap_or_default());
        scope.set(format!("workspaces.{name}.volume"), binding.map(|_| volume_name(name)).unwrap_or_default());
    }
    scope
}

/// Name of the volume that a workspace's binding becomes.
pub fn volume_name(workspace: &str) -> String {
    format!("ws-{workspace}")
}

fn claim(binding: &WorkspaceBinding) -> String {
    let claim = binding.persistent_volume_claim.as_ref().and_then(|c| c.get("claimName")).and_then(Value::as_str);
    claim.unwrap_or_default().to_owned()
}

/// Puts the variables into a TaskSpec: everywhere but in what declares or describes.
pub fn apply(scope: &Scope, spec: &mut Value) {
    let Some(fields) = spec.as_object_mut() else { return };
    for (key, value) in fields.iter_mut() {
        match key.as_str() {
            "params" | "results" => {}
            "steps" => {
                for step in value.as_array_mut().into_iter().flatten() {
                    apply_step(scope, step);
                }
            }
            key if SKIP.contains(&key) => {}
            _ => scope.apply_json(value, SKIP),
        }
    }
}

fn apply_step(scope: &Scope, step: &mut Value) {
    let name = step.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut scope = std::borrow::Cow::Borrowed(scope);
    for result in step.get("results").and_then(Value::as_array).into_iter().flatten() {
        if let Some(result) = result.get("name").and_then(Value::as_str) {
            let path = format!("{STEPS}/step-{name}/results/{result}");
            scope.to_mut().set(format!("step.results.{result}.path"), path);
        }
    }
    scope.apply_json(step, &["results", "description", "displayName"]);
}
