//! Admission of tekton.dev kinds: defaults and refusals of the Tekton webhook, the refusal of what is not done yet, and
//! the guard of what a run was created with. Whose child a TaskRun is, is `lineage`'s matter.

use super::{defaults, lineage, unsupported, validation};
use crate::admission::{Denied, Operation, Request};
use serde_json::Value;

/// Defaults of upstream's SetDefaults.
pub fn mutate(request: Request<'_>, object: &mut Value) {
    match request.resource {
        "tasks" => object.get_mut("spec").into_iter().for_each(defaults::task_spec),
        "pipelines" => object.get_mut("spec").into_iter().for_each(defaults::pipeline_spec),
        "taskruns" => defaults::task_run(object),
        "pipelineruns" => defaults::pipeline_run(object),
        _ => {}
    }
}

/// Refusals of upstream's Validate.
///
/// # Errors
/// The reason for refusing the object.
pub fn validate(request: Request<'_>, object: &Value) -> Result<(), Denied> {
    lineage::validate(request, object)?;
    match request.resource {
        "tasks" => validation::task(object),
        "pipelines" => validation::pipeline(object),
        "taskruns" => {
            if request.operation == Operation::Create {
                validation::task_run(object)?;
                return refuse(unsupported::task_run(&spec(object)?));
            }
            unchanged(
                request,
                object,
                "TaskRun",
                &["status", "statusMessage"],
                "only status and statusMessage updates are allowed",
            )?;
            validation::task_run(object)
        }
        "pipelineruns" => {
            if request.operation == Operation::Create {
                validation::pipeline_run(object)?;
                return refuse(unsupported::pipeline_run(&spec(object)?));
            }
            unchanged(request, object, "PipelineRun", &["status"], "only status updates are allowed")?;
            validation::pipeline_run(object)
        }
        _ => Ok(()),
    }
}

fn spec<T: serde::de::DeserializeOwned + Default>(object: &Value) -> Result<T, Denied> {
    let Some(spec) = object.get("spec") else { return Ok(T::default()) };
    serde_json::from_value(spec.clone()).map_err(|e| denied(format!("spec cannot be read: {e}"), "spec"))
}

fn refuse(result: Result<(), unsupported::Unsupported>) -> Result<(), Denied> {
    result.map_err(|e| denied(e.to_string(), &e.field))
}

fn denied(message: impl Into<String>, field: &str) -> Denied {
    Denied { message: message.into(), field: field.to_owned(), forbidden: false }
}

fn unchanged(request: Request<'_>, object: &Value, kind: &str, free: &[&str], rule: &str) -> Result<(), Denied> {
    let Some(old) = request.old else { return Ok(()) };
    let done = crate::tekton::is_done(old);
    let fixed = |object: &Value| {
        let mut spec = object.get("spec").cloned().unwrap_or_default();
        if let Some(spec) = spec.as_object_mut().filter(|_| !done) {
            free.iter().for_each(|field| drop(spec.remove(*field)));
        }
        spec
    };
    // An older object may lack defaults that this write was given.
    let mut old_defaulted = old.clone();
    mutate(request, &mut old_defaulted);
    if fixed(old) != fixed(object) && fixed(&old_defaulted) != fixed(object) {
        let message = if done {
            format!("invalid value: Once the {kind} is complete, no updates are allowed: spec")
        } else {
            format!("invalid value: Once the {kind} has started, {rule}: spec")
        };
        return Err(denied(message, "spec"));
    }
    let pending = |o: &Value| o.pointer("/spec/status").and_then(Value::as_str).is_some_and(|s| s.ends_with("Pending"));
    let started = old.pointer("/status/startTime").is_some();
    if pending(object) && !pending(old) && started {
        return Err(denied(
            format!("invalid value: {kind} cannot be Pending after it is started: spec.status"),
            "spec.status",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn check(resource: &str, operation: Operation, old: Option<&Value>, object: &Value) -> Result<(), String> {
        let request = Request { group: "tekton.dev", resource, operation, old, user: "dev" };
        let mut object = object.clone();
        mutate(request, &mut object);
        validate(request, &object).map_err(|e| e.message)
    }

    fn run(spec: Value) -> Value {
        json!({"metadata": {"name": "r"}, "spec": spec})
    }

    #[test]
    fn what_is_not_done_yet_is_refused_by_name() {
        let step = json!({"image": "i"});
        let table = [
            (
                "taskruns",
                json!({"taskSpec": {"steps": [step], "sidecars": [{"name": "s"}]}}),
                "sidecars are not supported yet: remove spec.taskSpec.sidecars",
            ),
            (
                "taskruns",
                json!({"taskSpec": {"steps": [{"ref": {"name": "a"}}]}}),
                "StepActions are not supported yet: remove spec.taskSpec.steps[0].ref",
            ),
            (
                "taskruns",
                json!({"taskSpec": {"steps": [step]}, "retries": 1}),
                "retries are not supported yet: remove spec.retries",
            ),
            (
                "taskruns",
                json!({"taskRef": {"resolver": "git"}}),
                "resolver `git` is not supported yet: remove spec.taskRef.resolver",
            ),
            (
                "taskruns",
                json!({"taskSpec": {"steps": [{"image": "i", "env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]}]}}),
                "environment from `fieldRef` is not supported yet: remove spec.taskSpec.steps[0].env[0].valueFrom.fieldRef",
            ),
            (
                "taskruns",
                json!({"taskSpec": {"steps": [step]}, "computeResources": {"limits": {}}}),
                "`computeResources` is not supported yet: remove spec.computeResources",
            ),
            (
                "taskruns",
                json!({"taskSpec": {"steps": [{"image": "i", "securityContext": {"privileged": true}}]}}),
                "`privileged: true` is not supported yet: remove spec.taskSpec.steps[0].securityContext.privileged",
            ),
            (
                "pipelineruns",
                json!({"pipelineSpec": {"tasks": [{"name": "t", "taskRef": {"name": "t"}, "matrix": {}}]}}),
                "matrix is not supported yet: remove spec.pipelineSpec.tasks[0].matrix",
            ),
            (
                "pipelineruns",
                json!({"pipelineSpec": {"tasks": [{"name": "t", "taskRef": {"apiVersion": "x.dev/v1", "kind": "X", "name": "t"}}]}}),
                "custom tasks are not supported yet: remove spec.pipelineSpec.tasks[0].taskRef.apiVersion",
            ),
        ];
        for (resource, spec, want) in table {
            assert_eq!(check(resource, Operation::Create, None, &run(spec)), Err(want.to_owned()));
        }
    }

    #[test]
    fn webhook_refusals_have_upstreams_words() {
        let table = [
            ("taskruns", json!({}), "expected exactly one, got neither: spec.taskRef, spec.taskSpec"),
            ("taskruns", json!({"taskSpec": {"steps": []}}), "missing field(s): spec.taskSpec.steps"),
            (
                "taskruns",
                json!({"taskSpec": {"steps": [{"name": "a"}]}}),
                "missing field(s): spec.taskSpec.steps[0].Image",
            ),
            (
                "taskruns",
                json!({"taskSpec": {"steps": [{"image": "i", "script": "echo $(params.x)"}]}}),
                "non-existent variable in \"echo $(params.x)\": spec.taskSpec.steps[0].script",
            ),
            (
                "pipelineruns",
                json!({"pipelineSpec": {"tasks": [{"name": "a", "runAfter": ["b"], "taskRef": {"name": "t"}},
                {"name": "b", "runAfter": ["a"], "taskRef": {"name": "t"}}]}}),
                "invalid value: cycle detected; task \"a\" depends on \"b\": spec.pipelineSpec.tasks",
            ),
            // What is fetched and what a policy judges must be the same bundle.
            (
                "pipelineruns",
                json!({"pipelineSpec": {"tasks": [{"name": "a", "taskRef": {"resolver": "bundles", "params": [
                {"name": "bundle", "value": "evil"}, {"name": "name", "value": "t"}, {"name": "bundle", "value": "trusted"}]}}]}}),
                "expected exactly one, got both: spec.pipelineSpec.tasks[0].taskRef.params[bundle].name",
            ),
            (
                "taskruns",
                json!({"taskRef": {"resolver": "bundles", "params": [
                {"name": "bundle", "value": "evil"}, {"name": "bundle", "value": "trusted"}]}}),
                "expected exactly one, got both: spec.taskRef.params[bundle].name",
            ),
            (
                "pipelineruns",
                json!({"pipelineRef": {"name": "p"}, "timeouts": {"tasks": "2h"}}),
                "invalid value: 2h0m0s should be <= pipeline duration: spec.timeouts.tasks",
            ),
        ];
        for (resource, spec, want) in table {
            assert_eq!(check(resource, Operation::Create, None, &run(spec)), Err(want.to_owned()));
        }
    }

    #[test]
    fn a_run_keeps_what_it_was_created_with() {
        let mut old = run(json!({"taskRef": {"name": "t"}}));
        defaults::task_run(&mut old);
        let update = |old: &Value, change: &dyn Fn(&mut Value)| {
            let mut new = old.clone();
            change(&mut new);
            check("taskruns", Operation::Update, Some(old), &new)
        };
        assert_eq!(update(&old, &|o| o["metadata"]["labels"]["a"] = "b".into()), Ok(()));
        assert_eq!(update(&old, &|o| o["spec"]["status"] = "TaskRunCancelled".into()), Ok(()));
        let refused = update(&old, &|o| o["spec"]["taskRef"]["name"] = "other".into()).unwrap_err();
        assert!(
            refused.contains("Once the TaskRun has started, only status and statusMessage updates are allowed"),
            "{refused}"
        );
        old["status"] = json!({"conditions": [{"type": "Succeeded", "status": "True"}]});
        let refused = update(&old, &|o| o["spec"]["status"] = "TaskRunCancelled".into()).unwrap_err();
        assert!(refused.contains("Once the TaskRun is complete, no updates are allowed"), "{refused}");
    }
}
