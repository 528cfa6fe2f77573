//! Status of a TaskRun from what its runner reported.

use super::{results, set_condition};
use serde_json::{Value, json};
use sluice_api::runner::{Event, Outcome, RunSpec, StepReason};
use sluice_api::tekton::{ContainerTerminated, Provenance, RunResult, StepState, TaskRun, TaskRunStatus, TaskSpec};
use sluice_api::witness::WitnessedStep;
use std::collections::BTreeMap;

pub const RUNNING: &str = "Running";
pub const CANCELLED: &str = "TaskRunCancelled";
pub const TIMED_OUT: &str = "TaskRunTimeout";
/// Annotation by which a PipelineRun tells a TaskRun that its failure does not count.
pub const ON_ERROR: &str = "pipeline.tekton.dev/pipeline-task-on-error";

/// A status and whether it is final.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub status: TaskRunStatus,
    pub done: bool,
    /// What the runner witnessed, once it is done.
    pub witness: Vec<WitnessedStep>,
}

/// Status of a run that has a sandbox.
pub fn started(run: &TaskRun, spec: &TaskSpec, provenance: &Provenance, pod: &str, now: &str) -> TaskRunStatus {
    let mut status = run.status.clone().unwrap_or_default();
    status.start_time.get_or_insert_with(|| now.to_owned());
    status.pod_name = pod.to_owned();
    status.task_spec = Some(spec.clone());
    status.provenance = Some(provenance.clone());
    set_condition(&mut status.conditions, "Unknown", RUNNING, "Not all Steps in the Task have finished executing", now);
    status
}

/// Status of a run that waits for its sandbox.
pub fn waiting(run: &TaskRun, reason: &str, message: &str, now: &str) -> TaskRunStatus {
    let mut status = run.status.clone().unwrap_or_default();
    status.start_time.get_or_insert_with(|| now.to_owned());
    set_condition(&mut status.conditions, "Unknown", reason, message, now);
    status
}

/// Final status of a run that failed for a reason of the engine's own.
pub fn failed(run: &TaskRun, reason: &str, message: &str, now: &str) -> TaskRunStatus {
    let mut status = run.status.clone().unwrap_or_default();
    status.start_time.get_or_insert_with(|| now.to_owned());
    status.completion_time = Some(now.to_owned());
    set_condition(&mut status.conditions, "False", reason, message, now);
    for step in &mut status.steps {
        if step.terminated.is_none() {
            end(step, reason, now);
        }
    }
    status
}

/// `TaskRun "n" was cancelled. MESSAGE`
pub fn cancelled_message(run: &TaskRun) -> String {
    format!("TaskRun \"{}\" was cancelled. {}", run.metadata.name, run.spec.status_message)
}

/// `TaskRun "n" failed to finish within "1h0m0s"`
pub fn timeout_message(run: &TaskRun) -> String {
    use sluice_api::tekton::duration;
    let timeout = duration::parse(&run.spec.timeout).map_or_else(|_| run.spec.timeout.clone(), duration::format);
    format!("TaskRun \"{}\" failed to finish within \"{timeout}\"", run.metadata.name)
}

/// The status after these events. `lost` says that the runner is gone, and why, where it did not say how the run ended.
pub fn progressed(
    run: &TaskRun,
    status: &TaskRunStatus,
    spec: &RunSpec,
    events: &[Event],
    lost: Option<&str>,
    now: &str,
) -> Progress {
    let mut status = status.clone();
    status.steps = steps(spec, events, status.task_spec.as_ref());
    if let Some(Event::Finished { time, outcome, results: written, witness }) =
        events.iter().rev().find(|e| matches!(e, Event::Finished { .. }))
    {
        let time = seconds(time, now);
        let (condition, reason, message) = verdict(run, &mut status, outcome, written);
        for step in &mut status.steps {
            if step.terminated.is_none() {
                end(step, &reason, &time);
            }
        }
        set_condition(&mut status.conditions, condition, &reason, &message, &time);
        status.completion_time = Some(time);
        return Progress { status, done: true, witness: witness.clone() };
    }
    if let Some(why) = lost {
        let message = format!("the runner of TaskRun \"{}\" was lost: {why}; create the run again", run.metadata.name);
        for step in &mut status.steps {
            if step.terminated.is_none() {
                end(step, "Error", now);
            }
        }
        set_condition(&mut status.conditions, "False", "Failed", &message, now);
        status.completion_time = Some(now.to_owned());
        return Progress { status, done: true, witness: Vec::new() };
    }
    Progress { status, done: false, witness: Vec::new() }
}

fn verdict(
    run: &TaskRun,
    status: &mut TaskRunStatus,
    outcome: &Outcome,
    written: &BTreeMap<String, String>,
) -> (&'static str, String, String) {
    let declared = status.task_spec.as_ref().map(|s| s.results.clone()).unwrap_or_default();
    let by_step = status.steps.iter().map(|s| (s.name.clone(), s.results.clone())).collect();
    let read = results::read(&declared, written, &by_step);
    let fail = |reason: &str, message: String| ("False", reason.to_owned(), message);
    match outcome {
        Outcome::Succeeded => match read {
            Ok(results) => {
                status.results = results;
                ("True", "Succeeded".to_owned(), "All Steps have completed executing".to_owned())
            }
            Err(message) => fail("TaskRunValidationFailed", message),
        },
        Outcome::StepFailed => {
            // What a failed Task wrote can still be read, by `finally` tasks for one.
            status.results = read.unwrap_or_default();
            let (reason, message) = failure(&status.steps);
            let ignored = run.metadata.annotations.get(ON_ERROR).is_some_and(|v| v == "continue");
            fail(if ignored { "FailureIgnored" } else { reason }, message)
        }
        Outcome::Cancelled => fail(CANCELLED, cancelled_message(run)),
        Outcome::TimedOut => fail(TIMED_OUT, timeout_message(run)),
        Outcome::ResultTooLarge { name } => fail(
            "TaskRunResultLargerThanAllowedLimit",
            format!(
                "result `{name}` of TaskRun \"{}\" is larger than the allowed limit; pass large data as a trusted artifact",
                run.metadata.name
            ),
        ),
        Outcome::SandboxFailed { message } => fail("PodCreationFailed", message.clone()),
    }
}

fn failure(steps: &[StepState]) -> (&'static str, String) {
    let ended = |s: &&StepState| {
        s.termination_reason != "Continued"
            && s.termination_reason != "Skipped"
            && s.terminated.as_ref().is_some_and(|t| t.exit_code != 0)
    };
    let Some(step) = steps.iter().find(ended) else {
        return ("Failed", "build failed for unspecified reasons.".to_owned());
    };
    let name = &step.container;
    match step.terminated.as_ref() {
        _ if step.termination_reason == "TimeoutExceeded" => {
            ("StepFailed", format!("\"{name}\" exited because the step exceeded the specified timeout limit"))
        }
        Some(t) => {
            let reason = if t.reason == "OOMKilled" { "StepOOM" } else { "StepFailed" };
            (reason, format!("\"{name}\" exited with code {}: {}", t.exit_code, t.reason))
        }
        None => ("StepFailed", format!("\"{name}\" failed")),
    }
}

fn end(step: &mut StepState, reason: &str, time: &str) {
    let started = step.running.as_ref().and_then(|r| r.get("startedAt")).and_then(Value::as_str).map(str::to_owned);
    step.termination_reason = match reason {
        CANCELLED => "Cancelled",
        TIMED_OUT => "TimeoutExceeded",
        _ if started.is_some() => "Error",
        _ => "Skipped",
    }
    .to_owned();
    step.terminated = Some(ContainerTerminated {
        exit_code: 1,
        reason: if matches!(reason, CANCELLED | TIMED_OUT) { reason.to_owned() } else { "Error".to_owned() },
        started_at: started,
        finished_at: Some(time.to_owned()),
        ..ContainerTerminated::default()
    });
    step.running = None;
    step.waiting = None;
}

fn steps(spec: &RunSpec, events: &[Event], task: Option<&TaskSpec>) -> Vec<StepState> {
    let mut states: Vec<StepState> = spec
        .steps
        .iter()
        .map(|step| StepState {
            name: step.name.clone(),
            container: format!("step-{}", step.name),
            image_id: step.image.reference.clone(),
            waiting: Some(json!({"reason": "PodInitializing"})),
            ..StepState::default()
        })
        .collect();
    for event in events {
        match event {
            Event::StepStarted { name, time } => {
                if let Some(state) = states.iter_mut().find(|s| &s.name == name) {
                    state.waiting = None;
                    state.running = Some(json!({"startedAt": seconds(time, time)}));
                }
            }
            Event::StepFinished { name, started, finished, exit_code, reason, results } => {
                let Some(state) = states.iter_mut().find(|s| &s.name == name) else { continue };
                state.waiting = None;
                state.running = None;
                state.termination_reason = termination(*reason).to_owned();
                state.terminated = Some(ContainerTerminated {
                    exit_code: *exit_code,
                    reason: container_reason(*reason, *exit_code).to_owned(),
                    started_at: (!started.is_empty()).then(|| seconds(started, started)),
                    finished_at: Some(seconds(finished, finished)),
                    ..ContainerTerminated::default()
                });
                state.results = step_results(task, name, results);
            }
            Event::Started { .. } | Event::Finished { .. } => {}
        }
    }
    states
}

fn step_results(task: Option<&TaskSpec>, step: &str, written: &BTreeMap<String, String>) -> Vec<RunResult> {
    let declared = task.and_then(|t| t.steps.iter().find(|s| s.name == step)).map(|s| s.results.as_slice());
    let declared = declared.unwrap_or_default().iter();
    declared
        .filter_map(|result| {
            let type_ = if result.type_.is_empty() { "string" } else { &result.type_ };
            let value = results::typed(written.get(&result.name)?, type_);
            Some(RunResult { name: result.name.clone(), type_: value.type_name().to_owned(), value })
        })
        .collect()
}

fn termination(reason: StepReason) -> &'static str {
    match reason {
        StepReason::Completed => "Completed",
        StepReason::Error => "Error",
        StepReason::TimeoutExceeded => "TimeoutExceeded",
        StepReason::Skipped => "Skipped",
        StepReason::Continued => "Continued",
        StepReason::Cancelled => "Cancelled",
        StepReason::OOMKilled => "OOMKilled",
    }
}

/// What the container's own state would say.
fn container_reason(reason: StepReason, exit_code: i32) -> &'static str {
    match reason {
        StepReason::OOMKilled => "OOMKilled",
        // The entrypoint of upstream ends well for a failure that it lets pass.
        StepReason::Continued | StepReason::Completed => "Completed",
        StepReason::Skipped if exit_code == 0 => "Completed",
        _ => "Error",
    }
}

/// A runner's time, in whole seconds; `otherwise` where it cannot be read.
fn seconds(time: &str, otherwise: &str) -> String {
    time.parse::<jiff::Timestamp>().map_or_else(|_| otherwise.to_owned(), crate::clock::metav1)
}
