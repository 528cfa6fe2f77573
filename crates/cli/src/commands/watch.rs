//! Watching a run, its signature and what follows from it. Ends of waiting are conditions on stored objects, so any
//! number of watchers, at any time, see the same; none of them moves anything.

use super::connect::{Connection, Kind};
use crate::error::{CliError, Exit, Result};
use futures::StreamExt;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject};
use kube::runtime::{WatchStreamExt, wait::await_condition, watcher};
use serde_json::Value;
use sluice_api::meta::{Condition, condition};
use sluice_api::tekton::{PipelineRun, TaskRun};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest wait for what should follow within seconds: the signature, the snapshot, the verdict.
const PATIENCE: Duration = Duration::from_secs(300);

/// A typed view of a stored object.
///
/// # Errors
/// When it has not that shape.
pub fn view<T: serde::de::DeserializeOwned>(object: &DynamicObject) -> Result<T> {
    let value = serde_json::to_value(object).map_err(|e| CliError::defect(e.to_string()))?;
    serde_json::from_value(value).map_err(|e| CliError::defect(format!("`{}`: {e}", object.name_any())))
}

/// The conditions in an object's status.
pub fn conditions(object: &DynamicObject) -> Vec<Condition> {
    serde_json::from_value(object.data["status"]["conditions"].clone()).unwrap_or_default()
}

/// Waits until the object satisfies the predicate.
///
/// # Errors
/// When it is deleted, cannot be watched, or does not get there in five minutes.
pub async fn until(
    api: Api<DynamicObject>,
    name: &str,
    what: &str,
    holds: impl Fn(&DynamicObject) -> bool,
) -> Result<DynamicObject> {
    let wanted = |object: Option<&DynamicObject>| object.is_none_or(&holds);
    match tokio::time::timeout(PATIENCE, await_condition(api, name, wanted)).await {
        Ok(Ok(Some(object))) => Ok(object),
        Ok(Ok(None)) => Err(CliError::no(format!("`{name}` was deleted while waiting for {what}"))),
        Ok(Err(e)) => Err(lost(name, &e)),
        Err(_) => Err(CliError::no(format!("`{name}`: no {what} after {} s", PATIENCE.as_secs()))),
    }
}

/// Waits for the first object with those labels that satisfies the predicate.
///
/// # Errors
/// As `until`.
pub async fn until_any(
    api: Api<DynamicObject>,
    labels: &str,
    what: &str,
    holds: impl Fn(&DynamicObject) -> bool,
) -> Result<DynamicObject> {
    let search = async {
        let mut stream = std::pin::pin!(watcher(api, watcher::Config::default().labels(labels)).applied_objects());
        while let Some(event) = stream.next().await {
            match event {
                Ok(object) if holds(&object) => return Ok(object),
                Ok(_) => {}
                Err(e) => tracing::debug!("watching for {what}: {e}"),
            }
        }
        Err(CliError::no(format!("no {what}")))
    };
    tokio::time::timeout(PATIENCE, search)
        .await
        .unwrap_or_else(|_| Err(CliError::no(format!("no {what} after {} s", PATIENCE.as_secs()))))
}

/// Watches a PipelineRun to its end; `tell` is given a line whenever one of its tasks changes.
///
/// # Errors
/// When it cannot be watched or is deleted. A failed run is not an error: its condition says so.
pub async fn pipeline_run(
    connection: &Connection,
    namespace: &str,
    name: &str,
    mut tell: impl FnMut(&str),
) -> Result<PipelineRun> {
    let done = |object: Option<&DynamicObject>| object.is_none_or(|o| finished(&conditions(o)));
    let run = connection.api(Kind::PipelineRun, namespace);
    let mut end = std::pin::pin!(await_condition(run, name, done));
    let selector = watcher::Config::default().labels(&format!("tekton.dev/pipelineRun={name}"));
    let tasks = watcher(connection.api(Kind::TaskRun, namespace), selector).applied_objects();
    let mut tasks = std::pin::pin!(tasks);
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    loop {
        tokio::select! {
            biased;
            Some(event) = tasks.next() => {
                let Ok(object) = event else { continue };
                let Ok(task) = view::<TaskRun>(&object) else { continue };
                let line = task_line(&task);
                if said.insert(task.metadata.name.clone(), line.clone()).as_ref() != Some(&line) {
                    tell(&line);
                }
            }
            result = &mut end => {
                let object = result.map_err(|e| lost(name, &e))?;
                return match object {
                    Some(object) => view(&object),
                    None => Err(CliError::no(format!("PipelineRun `{namespace}/{name}` was deleted"))),
                };
            }
        }
    }
}

/// Watches until ctrl-C, which ends the watching alone.
///
/// # Errors
/// Those of the watching, and that it was interrupted.
pub async fn or_interrupted<T>(namespace: &str, name: &str, watching: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = watching => result,
        Ok(()) = tokio::signal::ctrl_c() => {
            Err(CliError::new(Exit::Cancelled, format!("interrupted; PipelineRun `{namespace}/{name}` goes on"))
                .hint(format!("`kubectl -n {namespace} delete pipelinerun {name}` ends it")))
        }
    }
}

/// The API went away while it was watched.
fn lost(name: &str, error: &dyn std::error::Error) -> CliError {
    CliError::new(Exit::Usage, format!("watching `{name}`: {}", crate::error::causes(error)))
        .hint("nothing hangs on the watching: when the API answers again, `kubectl get` shows how it went on")
}

/// Whether a run's Succeeded condition is final.
pub fn finished(conditions: &[Condition]) -> bool {
    condition(conditions, "Succeeded").is_some_and(|c| c.status != "Unknown")
}

/// Whether a run succeeded.
pub fn succeeded(conditions: &[Condition]) -> bool {
    condition(conditions, "Succeeded").is_some_and(|c| c.status == "True")
}

fn task_line(task: &TaskRun) -> String {
    let name = task.metadata.labels.get("tekton.dev/pipelineTask").unwrap_or(&task.metadata.name);
    let status = task.status.as_ref();
    let state = status.and_then(|s| condition(&s.conditions, "Succeeded"));
    let word = match state.map(|c| (c.status.as_str(), c.reason.as_str())) {
        Some(("True", _)) => "done",
        Some(("False", reason)) => reason,
        Some((_, reason)) if !reason.is_empty() => reason,
        _ => "waiting",
    };
    let seconds = status.and_then(|s| seconds(s.start_time.as_deref(), s.completion_time.as_deref()));
    match seconds {
        Some(seconds) => format!("{name:<24} {word}  {seconds} s"),
        None => format!("{name:<24} {word}"),
    }
}

/// Whole seconds between two metav1.Times.
pub fn seconds(from: Option<&str>, to: Option<&str>) -> Option<i64> {
    let from: jiff::Timestamp = from?.parse().ok()?;
    let to: jiff::Timestamp = to?.parse().ok()?;
    Some(to.as_second() - from.as_second())
}

/// Why a run failed: its message, and the end of the log of the step that failed.
pub async fn failure(connection: &Connection, run: &PipelineRun) -> CliError {
    let message = run.status.as_ref().and_then(|s| condition(&s.conditions, "Succeeded"));
    let mut text =
        format!("PipelineRun `{}` failed: {}", run.key(), message.map_or("no condition", |c| c.message.as_str()));
    let children = run.status.iter().flat_map(|s| &s.child_references).map(|child| child.name.clone());
    for name in children {
        let Ok(object) = connection.api(Kind::TaskRun, &run.metadata.namespace).get(&name).await else { continue };
        let Ok(task) = view::<TaskRun>(&object) else { continue };
        if let Some(log) = failed_step(connection, &task).await {
            text.push_str(&log);
        }
    }
    let hint = format!("kubectl -n {} describe pipelinerun {}", run.metadata.namespace, run.metadata.name);
    CliError::no(text).hint(hint)
}

async fn failed_step(connection: &Connection, task: &TaskRun) -> Option<String> {
    let status = task.status.as_ref()?;
    let why = condition(&status.conditions, "Succeeded").filter(|c| c.status == "False")?;
    let name = task.metadata.labels.get("tekton.dev/pipelineTask").unwrap_or(&task.metadata.name);
    let mut text = format!("\n  task {name}: {}", why.message);
    let bad = |s: &&sluice_api::tekton::StepState| {
        s.terminated.as_ref().is_some_and(|t| t.exit_code != 0) && s.termination_reason != "Skipped"
    };
    if let Some(step) = status.steps.iter().find(bad) {
        let pods: Api<k8s_openapi::api::core::v1::Pod> =
            Api::namespaced(connection.client.clone(), &task.metadata.namespace);
        let container = format!("step-{}", step.name);
        let params = kube::api::LogParams { container: Some(container), tail_lines: Some(12), ..Default::default() };
        if let Ok(log) = pods.logs(&status.pod_name, &params).await {
            for line in log.lines() {
                text.push_str(&format!("\n    | {line}"));
            }
        }
    }
    Some(text)
}

/// The value of a string result.
pub fn result<'a>(results: &'a [sluice_api::tekton::RunResult], name: &str) -> Option<&'a str> {
    results.iter().find(|r| r.name == name).and_then(|r| r.value.as_str())
}

/// An annotation, if it is there and not empty.
pub fn annotation<'a>(object: &'a DynamicObject, key: &str) -> Option<&'a str> {
    object.annotations().get(key).map(String::as_str).filter(|v| !v.is_empty())
}

/// A JSON annotation.
pub fn json_annotation(object: &DynamicObject, key: &str) -> Option<Value> {
    serde_json::from_str(annotation(object, key)?).ok()
}
