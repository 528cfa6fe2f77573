//! What Tekton v1 has and this engine does not do yet. A run that needs one of these is refused by name; nothing is ever
//! left out silently.

use super::{PipelineRunSpec, PipelineSpec, PipelineTask, Ref, Step, TaskRunSpec, TaskSpec, WorkspaceBinding};
use crate::meta::Extra;
use serde_json::Value;

/// A field that asks for something that is not done yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} not supported yet: remove {field}")]
pub struct Unsupported {
    /// With its verb: `sidecars are`.
    pub what: String,
    pub field: String,
}

fn refuse<T>(what: &str, field: impl Into<String>) -> Result<T, Unsupported> {
    Err(Unsupported { what: what.to_owned(), field: field.into() })
}

fn no_extra(extra: &Extra, at: &str) -> Result<(), Unsupported> {
    match extra.iter().find(|(_, value)| !is_empty(value)) {
        Some((key, _)) => refuse(&format!("`{key}` is"), format!("{at}.{key}")),
        None => Ok(()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Checks a TaskSpec.
///
/// # Errors
/// The first field that is not supported.
pub fn task_spec(spec: &TaskSpec) -> Result<(), Unsupported> {
    if !spec.sidecars.is_empty() {
        return refuse("sidecars are", "sidecars");
    }
    no_extra(&spec.extra, "spec")?;
    for (i, volume) in spec.volumes.iter().enumerate() {
        let source = volume.as_object().into_iter().flatten().map(|(k, _)| k.as_str()).find(|k| *k != "name");
        if let Some(kind) = source
            && !matches!(kind, "emptyDir" | "configMap" | "secret" | "persistentVolumeClaim")
        {
            return refuse(&format!("volumes of type `{kind}` are"), format!("volumes[{i}].{kind}"));
        }
    }
    for (i, step) in spec.steps.iter().enumerate() {
        self::step(step, &format!("steps[{i}]"))?;
    }
    if let Some(template) = &spec.step_template {
        let step: Step = serde_json::from_value(template.clone()).unwrap_or_default();
        self::step(&step, "stepTemplate")?;
    }
    Ok(())
}

fn step(step: &Step, at: &str) -> Result<(), Unsupported> {
    if step.ref_.is_some() {
        return refuse("StepActions are", format!("{at}.ref"));
    }
    no_extra(&step.extra, at)?;
    for (i, mount) in step.volume_mounts.iter().enumerate() {
        no_extra(&mount.extra, &format!("{at}.volumeMounts[{i}]"))?;
    }
    for (i, env) in step.env.iter().enumerate() {
        for kind in env.value_from.iter().filter_map(Value::as_object).flatten().map(|(kind, _)| kind) {
            if !matches!(kind.as_str(), "secretKeyRef" | "configMapKeyRef") {
                return refuse(&format!("environment from `{kind}` is"), format!("{at}.env[{i}].valueFrom.{kind}"));
            }
        }
    }
    match &step.security_context {
        Some(context) => security_context(context, &format!("{at}.securityContext")),
        None => Ok(()),
    }
}

fn security_context(context: &Value, at: &str) -> Result<(), Unsupported> {
    for (key, value) in context.as_object().into_iter().flatten() {
        let known = match key.as_str() {
            // Every step already has no new privileges and the default seccomp profile.
            "runAsUser" | "runAsGroup" | "capabilities" | "allowPrivilegeEscalation" => true,
            "runAsNonRoot" => true,
            "privileged" | "readOnlyRootFilesystem" => value != &Value::Bool(true),
            "seccompProfile" => value.get("type").and_then(Value::as_str) == Some("RuntimeDefault"),
            _ => is_empty(value),
        };
        if !known {
            return refuse(&format!("`{key}: {value}` is"), format!("{at}.{key}"));
        }
    }
    Ok(())
}

fn workspaces(bindings: &[WorkspaceBinding]) -> Result<(), Unsupported> {
    for (i, binding) in bindings.iter().enumerate() {
        if binding.csi.is_some() {
            return refuse("csi workspaces are", format!("spec.workspaces[{i}].csi"));
        }
        if binding.projected.is_some() {
            return refuse("projected workspaces are", format!("spec.workspaces[{i}].projected"));
        }
    }
    Ok(())
}

/// Scheduling has no meaning on one machine, so its fields are accepted; the others would change what runs.
fn pod_template(template: Option<&Value>, at: &str) -> Result<(), Unsupported> {
    for (key, value) in template.and_then(Value::as_object).into_iter().flatten() {
        let known = match key.as_str() {
            "nodeSelector"
            | "tolerations"
            | "affinity"
            | "schedulerName"
            | "priorityClassName"
            | "topologySpreadConstraints"
            | "enableServiceLinks"
            | "automountServiceAccountToken" => true,
            "securityContext" => value
                .as_object()
                .into_iter()
                .flatten()
                .all(|(k, _)| matches!(k.as_str(), "runAsUser" | "runAsGroup" | "fsGroup" | "runAsNonRoot")),
            // Upstream lets it stand over a step's own env: a run could change what a trusted task does (LD_PRELOAD,
            // PATH), and the provenance would not show it.
            _ => is_empty(value),
        };
        if !known {
            return refuse(&format!("`{key}` of a pod template is"), format!("{at}.{key}"));
        }
    }
    Ok(())
}

/// Checks a TaskRun's own spec (and the Task embedded in it).
///
/// # Errors
/// The first field that is not supported.
pub fn task_run(spec: &TaskRunSpec) -> Result<(), Unsupported> {
    if spec.debug.as_ref().is_some_and(|d| !is_empty(d)) {
        return refuse("breakpoints are", "spec.debug");
    }
    if spec.retries > 0 {
        return refuse("retries are", "spec.retries");
    }
    no_extra(&spec.extra, "spec")?;
    pod_template(spec.pod_template.as_ref(), "spec.podTemplate")?;
    workspaces(&spec.workspaces)?;
    if let Some(reference) = &spec.task_ref {
        task_ref(reference, "spec.taskRef")?;
    }
    match &spec.task_spec {
        Some(task) => task_spec(task).map_err(|e| Unsupported { field: format!("spec.taskSpec.{}", e.field), ..e }),
        None => Ok(()),
    }
}

/// Checks a PipelineRun's own spec (and the Pipeline embedded in it).
///
/// # Errors
/// The first field that is not supported.
pub fn pipeline_run(spec: &PipelineRunSpec) -> Result<(), Unsupported> {
    no_extra(&spec.extra, "spec")?;
    let template = spec.task_run_template.as_ref().and_then(|t| t.pod_template.as_ref());
    pod_template(template, "spec.taskRunTemplate.podTemplate")?;
    workspaces(&spec.workspaces)?;
    for (i, task) in spec.task_run_specs.iter().enumerate() {
        for (key, value) in &task.extra {
            if !is_empty(value) && !matches!(key.as_str(), "timeout" | "metadata") {
                return refuse(&format!("`{key}` of a taskRunSpec is"), format!("spec.taskRunSpecs[{i}].{key}"));
            }
        }
    }
    match &spec.pipeline_spec {
        Some(pipeline) => {
            pipeline_spec(pipeline).map_err(|e| Unsupported { field: format!("spec.pipelineSpec.{}", e.field), ..e })
        }
        None => Ok(()),
    }
}

/// Checks a PipelineSpec.
///
/// # Errors
/// The first field that is not supported.
pub fn pipeline_spec(spec: &PipelineSpec) -> Result<(), Unsupported> {
    no_extra(&spec.extra, "spec")?;
    for (list, tasks) in [("tasks", &spec.tasks), ("finally", &spec.finally)] {
        for (i, task) in tasks.iter().enumerate() {
            pipeline_task(task, &format!("{list}[{i}]"))?;
        }
    }
    Ok(())
}

fn pipeline_task(task: &PipelineTask, at: &str) -> Result<(), Unsupported> {
    if task.matrix.is_some() {
        return refuse("matrix is", format!("{at}.matrix"));
    }
    if task.retries > 0 {
        return refuse("retries are", format!("{at}.retries"));
    }
    if task.extra.contains_key("pipelineRef") || task.extra.contains_key("pipelineSpec") {
        return refuse("pipelines in pipelines are", format!("{at}.pipelineRef"));
    }
    no_extra(&task.extra, at)?;
    if let Some(i) = task.when.iter().position(|w| !w.cel.is_empty()) {
        return refuse("CEL is", format!("{at}.when[{i}].cel"));
    }
    if let Some(reference) = &task.task_ref {
        task_ref(reference, &format!("{at}.taskRef"))?;
    }
    match &task.task_spec {
        Some(embedded) if !embedded.api_version.is_empty() => {
            refuse("custom tasks are", format!("{at}.taskSpec.apiVersion"))
        }
        Some(embedded) => {
            task_spec(&embedded.spec).map_err(|e| Unsupported { field: format!("{at}.taskSpec.{}", e.field), ..e })
        }
        None => Ok(()),
    }
}

fn task_ref(reference: &Ref, at: &str) -> Result<(), Unsupported> {
    no_extra(&reference.extra, at)?;
    if !matches!(reference.resolver.as_str(), "" | "bundles" | "cluster") {
        return refuse(&format!("resolver `{}` is", reference.resolver), format!("{at}.resolver"));
    }
    let tekton = reference.api_version.is_empty() || reference.api_version.starts_with("tekton.dev/");
    if !tekton || !matches!(reference.kind.as_str(), "" | "Task") {
        return refuse("custom tasks are", format!("{at}.apiVersion"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_changes_no_environment_of_a_trusted_task() {
        let table = [
            (json!({"nodeSelector": {"a": "b"}}), None),
            (json!({"securityContext": {"runAsUser": 1}}), None),
            (json!({"env": [{"name": "LD_PRELOAD", "value": "/x.so"}]}), Some("spec.podTemplate.env")),
            (json!({"hostNetwork": true}), Some("spec.podTemplate.hostNetwork")),
        ];
        for (template, want) in table {
            let got = pod_template(Some(&template), "spec.podTemplate");
            assert_eq!(got.err().map(|e| e.field).as_deref(), want, "{template}");
        }
    }
}
