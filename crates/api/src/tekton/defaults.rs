//! Upstream's SetDefaults, on the JSON tree so that nothing unknown is lost. The values are those of an untouched
//! `config-defaults`: ServiceAccount `default`, one hour, managed by `tekton-pipelines`.

use serde_json::{Map, Value, json};

/// `default-timeout-minutes`, as a Go duration.
pub const TIMEOUT: &str = "1h0m0s";
/// `default-service-account`.
pub const SERVICE_ACCOUNT: &str = "default";
/// Label that says whose TaskRun it is, and its default value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "tekton-pipelines");

/// Defaults of a TaskSpec.
pub fn task_spec(spec: &mut Value) {
    for param in items(spec, "params") {
        param_spec(param);
    }
    for result in items(spec, "results") {
        declared_result(result);
    }
}

/// Defaults of a PipelineSpec.
pub fn pipeline_spec(spec: &mut Value) {
    for param in items(spec, "params") {
        param_spec(param);
    }
    for list in ["tasks", "finally"] {
        for task in items(spec, list) {
            task_ref(task);
            if let Some(embedded) = task.get_mut("taskSpec") {
                task_spec(embedded);
            }
        }
    }
}

/// Defaults of a whole TaskRun.
pub fn task_run(run: &mut Value) {
    let Some(object) = run.as_object_mut() else { return };
    if let Some(labels) = child(object, "metadata").map(|m| m.entry("labels").or_insert_with(|| json!({}))) {
        if labels.is_null() {
            *labels = json!({});
        }
        if let Some(labels) = labels.as_object_mut() {
            labels.entry(MANAGED_BY.0).or_insert_with(|| MANAGED_BY.1.into());
        }
    }
    let Some(spec) = object.get_mut("spec") else { return };
    task_ref(spec);
    if let Some(embedded) = spec.get_mut("taskSpec") {
        task_spec(embedded);
    }
    let Some(spec) = spec.as_object_mut() else { return };
    fill(spec, "timeout", TIMEOUT);
    fill(spec, "serviceAccountName", SERVICE_ACCOUNT);
}

/// Defaults of a whole PipelineRun.
pub fn pipeline_run(run: &mut Value) {
    let Some(spec) = run.get_mut("spec") else { return };
    if let Some(embedded) = spec.get_mut("pipelineSpec") {
        pipeline_spec(embedded);
    }
    let Some(spec) = spec.as_object_mut() else { return };
    if let Some(timeouts) = child(spec, "timeouts") {
        fill(timeouts, "pipeline", TIMEOUT);
    }
    if let Some(template) = child(spec, "taskRunTemplate") {
        fill(template, "serviceAccountName", SERVICE_ACCOUNT);
    }
}

fn task_ref(parent: &mut Value) {
    let Some(reference) = parent.get_mut("taskRef").and_then(Value::as_object_mut) else { return };
    if is_empty(reference.get("resolver")) {
        fill(reference, "kind", "Task");
    }
}

fn param_spec(param: &mut Value) {
    let Some(param) = param.as_object_mut() else { return };
    if is_empty(param.get("type")) {
        let inferred = match param.get("default") {
            Some(Value::Array(_)) => "array",
            Some(Value::Object(_)) => "object",
            Some(Value::Null) | None if param.get("properties").is_some_and(Value::is_object) => "object",
            _ => "string",
        };
        param.insert("type".into(), inferred.into());
    }
    properties(param);
}

fn declared_result(result: &mut Value) {
    let Some(result) = result.as_object_mut() else { return };
    if is_empty(result.get("type")) {
        let inferred = if result.get("properties").is_some_and(Value::is_object) { "object" } else { "string" };
        result.insert("type".into(), inferred.into());
    }
    properties(result);
}

fn properties(declared: &mut Map<String, Value>) {
    if let Some(properties) = declared.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut().filter_map(Value::as_object_mut) {
            fill(property, "type", "string");
        }
    }
}

fn items<'a>(value: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    value.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

fn child<'a>(object: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    let value = object.entry(key).or_insert_with(|| json!({}));
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut()
}

fn is_empty(value: Option<&Value>) -> bool {
    value.is_none_or(|v| v.is_null() || v.as_str() == Some(""))
}

fn fill(object: &mut Map<String, Value>, key: &str, value: &str) {
    if is_empty(object.get(key)) {
        object.insert(key.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_what_upstream_fills() {
        let mut run = json!({"metadata": {"name": "r"}, "spec": {"x-unknown": 1, "taskRef": {"name": "t"}}});
        task_run(&mut run);
        assert_eq!(
            run,
            json!({"metadata": {"name": "r", "labels": {"app.kubernetes.io/managed-by": "tekton-pipelines"}},
                "spec": {"x-unknown": 1, "taskRef": {"name": "t", "kind": "Task"}, "timeout": "1h0m0s",
                "serviceAccountName": "default"}})
        );
        let mut run = json!({"spec": {"timeouts": {"tasks": "1m"}, "pipelineSpec": {"params": [{"name": "a", "default": []}],
            "tasks": [{"taskRef": {"resolver": "bundles"}}, {"taskSpec": {"params": [{"name": "o", "properties": {"k": {}}}],
            "results": [{"name": "r"}]}}]}}});
        pipeline_run(&mut run);
        assert_eq!(
            run,
            json!({"spec": {"timeouts": {"tasks": "1m", "pipeline": "1h0m0s"}, "taskRunTemplate": {"serviceAccountName": "default"},
                "pipelineSpec": {"params": [{"name": "a", "default": [], "type": "array"}],
                "tasks": [{"taskRef": {"resolver": "bundles"}}, {"taskSpec": {"params": [{"name": "o", "type": "object",
                "properties": {"k": {"type": "string"}}}], "results": [{"name": "r", "type": "string"}]}}]}}})
        );
    }
}
