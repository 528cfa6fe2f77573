//! The first look at a PipelineRun: its Pipeline fits, and the params are put in. What comes out is
//! `status.pipelineSpec`, and is not looked up or substituted again.

use serde_json::Value;
use sluice_api::tekton::graph::{GraphError, graph};
use sluice_api::tekton::params::{self, ParamsError};
use sluice_api::tekton::substitution::{Scope, each_string};
use sluice_api::tekton::{ParamValue, PipelineRun, PipelineSpec, unsupported, workspaces};
use std::collections::BTreeMap;

/// Why a PipelineRun cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Failure {
    pub reason: &'static str,
    pub message: String,
}

/// Name of the claim for a workspace with a volumeClaimTemplate.
pub(super) fn claim_of(run: &PipelineRun, workspace: &str, template: &Value) -> String {
    workspaces::claim_name(template, workspace, &run.metadata.uid)
}

/// Checks the run against the Pipeline of that name, and puts the values in.
///
/// # Errors
/// The reason and message of the run's condition.
pub fn begin(run: &PipelineRun, name: &str, spec: &PipelineSpec) -> Result<PipelineSpec, Failure> {
    let key = run.key();
    let namespace = &run.metadata.namespace;
    let fail = |reason: &'static str, message: String| Err(Failure { reason, message });
    if let Err(error) = unsupported::pipeline_run(&run.spec).and_then(|()| unsupported::pipeline_spec(spec)) {
        return fail("PipelineValidationFailed", format!("Pipeline {namespace}/{name} can't be Run; {error}"));
    }
    match graph(spec) {
        Ok(_) => {}
        Err(error @ (GraphError::Cycle { .. } | GraphError::Missing { .. } | GraphError::Duplicate(_))) => {
            return fail("PipelineInvalidGraph", format!("PipelineRun {key}'s Pipeline DAG is invalid: {error}"));
        }
    }
    match params::check(&spec.params, &run.spec.params) {
        Ok(()) => {}
        Err(error @ ParamsError::Missing(_)) => {
            return fail(
                "ParameterMissing",
                format!(
                    "PipelineRun {key} parameters is missing some parameters required by Pipeline {namespace}/{name}'s parameters: pipelineRun missing parameters: {}",
                    names(&error)
                ),
            );
        }
        Err(error @ ParamsError::Types(_)) => {
            return fail(
                "ParameterTypeMismatch",
                format!(
                    "PipelineRun {key} parameters do not match Pipeline {namespace}/{name}'s parameters: parameters have incorrect type: {error}"
                ),
            );
        }
        Err(error @ ParamsError::Keys(_)) => {
            return fail(
                "ObjectParameterMissKeys",
                format!(
                    "PipelineRun {key} parameters is missing object keys required by Pipeline {namespace}/{name}'s parameters: {error}"
                ),
            );
        }
        Err(error) => {
            return fail("InvalidParamValue", format!("PipelineRun {key} parameters have invalid value: {error}"));
        }
    }
    let values = params::effective(&spec.params, &run.spec.params);
    let mut tree = serde_json::to_value(spec).unwrap_or_default();
    let mut texts = Vec::new();
    each_string(&tree, &["description", "displayName"], &mut |text| texts.push(text.to_owned()));
    if let Err(error) = params::check_indexes(texts.iter().map(String::as_str), &values) {
        return fail(
            "ParamArrayIndexingInvalid",
            format!(
                "PipelineRun {key} failed validation: failed to validate Pipeline {namespace}/{name}'s parameter which has an invalid index while referring to an array: {error}"
            ),
        );
    }
    let bound = |name: &str| run.spec.workspaces.iter().any(|b| b.name == name);
    if let Some(missing) = spec.workspaces.iter().find(|w| !w.optional && !bound(&w.name)) {
        return fail(
            "InvalidWorkspaceBindings",
            format!(
                "PipelineRun {key} doesn't bind Pipeline {namespace}/{name}'s Workspaces correctly: pipeline requires workspace with name \"{}\" be provided by pipelinerun",
                missing.name
            ),
        );
    }
    let known = |name: &str| spec.tasks.iter().chain(&spec.finally).any(|t| t.name == name);
    if let Some(wrong) = run.spec.task_run_specs.iter().find(|s| !known(&s.pipeline_task_name)) {
        return fail(
            "InvalidTaskRunSpecs",
            format!(
                "PipelineRun {key} doesn't define taskRunSpecs correctly: pipelineRun's taskrunSpecs defined wrong taskName: \"{}\", does not exist in Pipeline",
                wrong.pipeline_task_name
            ),
        );
    }
    substitute(run, name, &values, &mut tree);
    serde_json::from_value(tree).or_else(|error| {
        fail(
            "PipelineValidationFailed",
            format!("Pipeline {namespace}/{name} can't be Run; it has an invalid spec: {error}"),
        )
    })
}

fn names(error: &ParamsError) -> String {
    match error {
        ParamsError::Missing(names) => format!("[{}]", names.join(" ")),
        other => other.to_string(),
    }
}

/// Puts params and context in: into the pipeline tasks and results, and into embedded specs what they do not declare.
fn substitute(run: &PipelineRun, name: &str, values: &BTreeMap<String, ParamValue>, tree: &mut Value) {
    let mut scope = Scope::default();
    if run.spec.pipeline_spec.is_some() {
        let given = run.spec.params.iter().map(|p| (p.name.clone(), p.value.clone())).collect();
        params::into_scope(&mut scope, &given);
    }
    params::into_scope(&mut scope, values);
    scope.set("context.pipelineRun.name", &run.metadata.name);
    scope.set("context.pipelineRun.namespace", &run.metadata.namespace);
    scope.set("context.pipelineRun.uid", &run.metadata.uid);
    scope.set("context.pipeline.name", name);
    let embedded_scope = scope.clone();
    let declared = tree.get("workspaces").and_then(Value::as_array).cloned().unwrap_or_default();
    for workspace in declared.iter().filter_map(|w| w.get("name")).filter_map(Value::as_str) {
        let bound = run.spec.workspaces.iter().any(|b| b.name == workspace);
        scope.set(format!("workspaces.{workspace}.bound"), bound.to_string());
    }
    for list in ["tasks", "finally"] {
        for task in tree.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let mut task_scope = scope.clone();
            let retries = task.get("retries").and_then(Value::as_i64).unwrap_or(0);
            task_scope.set("context.pipelineTask.retries", retries.to_string());
            let mut embedded = task.get_mut("taskSpec").map(Value::take);
            if let Some(spec) = &mut embedded {
                let mut inner = embedded_scope.clone();
                inner.set("context.pipelineTask.retries", retries.to_string());
                // What the inner scope names is the TaskRun's to put in.
                for list in [spec.get("params"), task.get("params")] {
                    for param in list.and_then(Value::as_array).into_iter().flatten() {
                        if let Some(name) = param.get("name").and_then(Value::as_str) {
                            inner.remove(&format!("params.{name}"));
                            inner.remove(&format!("inputs.params.{name}"));
                        }
                    }
                }
                inner.apply_json(spec, &["description", "params", "metadata"]);
            }
            task_scope.apply_json(task, &["name", "description", "runAfter", "taskSpec"]);
            restore_whole_values(task, &task_scope);
            if let (Some(spec), Some(task)) = (embedded, task.as_object_mut()) {
                task.insert("taskSpec".to_owned(), spec);
            }
        }
    }
    if let Some(results) = tree.get_mut("results") {
        scope.apply_json(results, &["name", "description", "type"]);
    }
}

/// A param whose value is one whole array or object takes that type.
fn restore_whole_values(task: &mut Value, scope: &Scope) {
    let lists = ["/params", "/taskRef/params"];
    for pointer in lists {
        for param in task.pointer_mut(pointer).and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(value) = param.get("value").and_then(Value::as_str) else { continue };
            let whole = scope.apply_value(&ParamValue::String(value.to_owned()));
            if let (ParamValue::Array(_) | ParamValue::Object(_), Ok(whole)) = (&whole, serde_json::to_value(&whole)) {
                param["value"] = whole;
            }
        }
    }
}
