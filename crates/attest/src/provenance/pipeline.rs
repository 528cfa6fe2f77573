//! What a PipelineRun ran: one entry for each TaskRun that completed, in the order of the pipeline (Chains'
//! v1/pipelinerun).

use super::common::{self, step, utc};
use super::{ProvenanceError, result_refs};
use crate::run::completed;
use serde_json::{Map, Value, json};
use sluice_api::tekton::{PipelineRun, PipelineTask, Ref, TaskRun, TaskRunStatus};
use std::collections::HashSet;

/// Largest `buildConfig`, as JSON.
const MAX_BUILD_CONFIG: usize = 16 * 1024 * 1024;

/// The invocation of a PipelineRun.
pub(super) fn invocation(run: &PipelineRun) -> Value {
    let status = run.status.as_ref();
    let specs = status.and_then(|status| status.pipeline_spec.as_ref()).map_or(&[][..], |spec| &spec.params);
    let provenance = status.and_then(|status| status.provenance.as_ref());
    common::invocation(&run.metadata, provenance, &run.spec.params, specs)
}

/// The metadata of a PipelineRun.
pub(super) fn metadata(run: &PipelineRun) -> Result<Value, ProvenanceError> {
    let status = run.status.as_ref();
    let started = status.and_then(|status| status.start_time.as_deref());
    let finished = status.and_then(|status| status.completion_time.as_deref());
    common::metadata(&run.metadata, started, finished)
}

/// `buildConfig`: the tasks.
pub(super) fn build_config(run: &PipelineRun, children: &[TaskRun]) -> Result<Value, ProvenanceError> {
    let Some(spec) = run.status.as_ref().and_then(|status| status.pipeline_spec.as_ref()) else {
        return Ok(json!({"tasks": null}));
    };
    let mut names = HashSet::new();
    if let Some(task) = spec.tasks.iter().chain(&spec.finally).find(|task| !names.insert(&task.name)) {
        let reason = format!("two pipeline tasks are called `{}`", task.name);
        return Err(ProvenanceError::Shape { kind: "PipelineRun", reason });
    }
    let mut tasks = vec![];
    let mut size = 0;
    // The last task before `finally` that ran.
    let mut last: Option<&str> = None;
    for (place, task, runs) in completed(run, children) {
        let is_finally = place >= spec.tasks.len();
        // Upstream looks for TaskRuns before it asks whether they completed.
        let ran = children.iter().any(|child| crate::run::pipeline_task(child) == task.name);
        let after = after(task, is_finally.then_some(last).flatten());
        for child in runs {
            let Some(entry) = task_entry(run, task, child, &after)? else { continue };
            // Many TaskRuns of one pipeline task (a matrix) each repeat what the task says.
            size += entry.to_string().len();
            if size > MAX_BUILD_CONFIG {
                return Err(ProvenanceError::TooLarge);
            }
            tasks.push(entry);
        }
        if ran && !is_finally {
            last = Some(&task.name);
        }
    }
    Ok(json!({"tasks": tasks}))
}

/// The tasks after which a task runs: those it names, then those whose results it takes, in order and each once; the
/// last task before `finally` where it names none.
fn after(task: &PipelineTask, last: Option<&str>) -> Vec<String> {
    let mut after = task.run_after.clone();
    let mut known: HashSet<String> = after.iter().cloned().collect();
    after.extend(result_refs::of_task(task).into_iter().filter(|name| known.insert(name.clone())));
    if after.is_empty() {
        after.extend(last.map(str::to_owned));
    }
    after
}

/// One TaskRun; none where its status and its spec do not fit together.
fn task_entry(
    run: &PipelineRun,
    task: &PipelineTask,
    child: &TaskRun,
    after: &[String],
) -> Result<Option<Value>, ProvenanceError> {
    let Some(status) = &child.status else { return Ok(None) };
    let Some(steps) = steps(status) else { return Ok(None) };
    let mut entry = Map::new();
    let mut put = |key: &str, value: Value| {
        let empty = match &value {
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        if !empty {
            entry.insert(key.to_owned(), value);
        }
    };
    put("name", json!(task.name));
    put("after", json!(after));
    put("ref", task.task_ref.as_ref().map_or_else(|| json!({}), reference));
    let started = status.start_time.as_deref().unwrap_or_default();
    let finished = status.completion_time.as_deref().unwrap_or_default();
    put("startedOn", json!(utc(&child.metadata, "status.startTime", started)?));
    put("finishedOn", json!(utc(&child.metadata, "status.completionTime", finished)?));
    let template = run.spec.task_run_template.as_ref();
    put("serviceAccountName", json!(template.map_or("", |template| &template.service_account_name)));
    put("status", json!(outcome(status)));
    put("steps", Value::Array(steps));
    put("invocation", common::task_invocation(child));
    put("results", json!(status.results));
    Ok(Some(Value::Object(entry)))
}

/// The steps by their place, if the status has one state for each and none is unnamed where its step has a name.
fn steps(status: &TaskRunStatus) -> Option<Vec<Value>> {
    let definitions = &status.task_spec.as_ref()?.steps;
    if definitions.len() != status.steps.len() {
        return None;
    }
    let pairs = definitions.iter().zip(&status.steps);
    pairs
        .map(|(definition, state)| {
            let other = state.name.starts_with("unnamed-") && !definition.name.is_empty();
            (!other).then(|| step(definition, state))
        })
        .collect()
}

/// A taskRef with the fields that upstream knows.
fn reference(task_ref: &Ref) -> Value {
    let mut known = Ref { extra: Map::new(), ..task_ref.clone() };
    known.params.retain(|param| !param.name.is_empty() || param.value != Default::default());
    json!(known)
}

/// As tkn shows the first condition.
fn outcome(status: &TaskRunStatus) -> &'static str {
    match status.conditions.first().map(|condition| condition.status.as_str()) {
        Some("True") => "Succeeded",
        Some("False") => "Failed",
        Some("Unknown") => "Running",
        _ => "",
    }
}
