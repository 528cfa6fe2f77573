//! PipelineRuns: which TaskRuns to create and to cancel, and what to say, from the run and the TaskRuns that it has.

mod begin;
mod children;
mod condition;
mod state;
mod timeouts;

pub use begin::{Failure, begin};
pub use state::Skip;

use super::{is_done, set_condition};
use crate::clock::metav1;
use jiff::Timestamp;
use sluice_api::tekton::graph::{GraphError, graph};
use sluice_api::tekton::{ChildReference, PipelineRun, PipelineRunStatus, PipelineSpec, SkippedTask, TaskRun};
use state::{States, TaskState};
use timeouts::Timeouts;

pub const CANCELLED: &str = "Cancelled";
const CANCELLED_RUN_FINALLY: &str = "CancelledRunFinally";
const STOPPED_RUN_FINALLY: &str = "StoppedRunFinally";
/// Why a child is cancelled, in its `statusMessage`.
pub const BY_CANCEL: &str = "TaskRun cancelled as the PipelineRun it belongs to has been cancelled.";
pub const BY_TIMEOUT: &str = "TaskRun cancelled as the PipelineRun it belongs to has timed out.";
/// Label by which a child says which pipeline task it is.
pub const PIPELINE_TASK: &str = "tekton.dev/pipelineTask";

/// What is known. `spec` has the params put in (it is `status.pipelineSpec`).
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub run: &'a PipelineRun,
    pub spec: &'a PipelineSpec,
    pub children: &'a [TaskRun],
    pub now: Timestamp,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub status: PipelineRunStatus,
    /// The status is final.
    pub done: bool,
    pub create: Vec<TaskRun>,
    /// Names of TaskRuns to cancel, with their statusMessage.
    pub cancel: Vec<(String, &'static str)>,
    /// When to look again although nothing happened.
    pub wake: Option<Timestamp>,
}

/// Plans the next step.
///
/// # Errors
/// The spec has no order (which admission of the spec would have refused).
pub fn plan(facts: &Facts<'_>) -> Result<Plan, GraphError> {
    let graph = graph(facts.spec)?;
    let mut status = facts.run.status.clone().unwrap_or_default();
    let now = metav1(facts.now);
    status.start_time.get_or_insert_with(|| now.clone());
    let timeouts = Timeouts::of(facts.run, &status, facts.now);
    let states = States::compute(facts, &graph, &timeouts);
    let mut plan = Plan { wake: timeouts.next(), ..Plan::default() };
    cancel(facts, &states, &timeouts, &mut plan);
    let stopped = facts.run.spec.status == CANCELLED || timeouts.pipeline_over;
    if !stopped {
        plan.create = children::due(facts, &states);
        let starts_finally =
            plan.create.iter().any(|c| c.metadata.labels.get("tekton.dev/memberOf").is_some_and(|m| m == "finally"));
        if starts_finally {
            status.finally_start_time.get_or_insert_with(|| now.clone());
        }
    }
    status.child_references = references(facts);
    status.skipped_tasks = skipped(facts, &states);
    let verdict = condition::verdict(facts, &states, &timeouts);
    set_condition(&mut status.conditions, verdict.status, verdict.reason, &verdict.message, &now);
    plan.done = is_done(&status.conditions);
    if plan.done {
        plan.create.clear();
        status.completion_time = Some(now.clone());
        match children::pipeline_results(facts, &states) {
            Ok(results) => status.results = results,
            Err(message) => set_condition(&mut status.conditions, "False", "CouldntGetPipelineResult", &message, &now),
        }
    }
    plan.status = status;
    Ok(plan)
}

fn cancel(facts: &Facts<'_>, states: &States, timeouts: &Timeouts, plan: &mut Plan) {
    let spec_status = facts.run.spec.status.as_str();
    for child in facts.children {
        let over = child.status.as_ref().is_some_and(|s| is_done(&s.conditions));
        if over || child.spec.status == "TaskRunCancelled" {
            continue;
        }
        let task = child.metadata.labels.get(PIPELINE_TASK).map(String::as_str).unwrap_or_default();
        let finally = states.is_finally(task);
        let why = match spec_status {
            CANCELLED => Some(BY_CANCEL),
            CANCELLED_RUN_FINALLY if !finally => Some(BY_CANCEL),
            _ if timeouts.pipeline_over => Some(BY_TIMEOUT),
            _ if timeouts.tasks_over && !finally => Some(BY_TIMEOUT),
            _ if timeouts.finally_over && finally => Some(BY_TIMEOUT),
            _ => None,
        };
        plan.cancel.extend(why.map(|why| (child.metadata.name.clone(), why)));
    }
}

fn references(facts: &Facts<'_>) -> Vec<ChildReference> {
    let tasks = facts.spec.tasks.iter().chain(&facts.spec.finally);
    tasks
        .filter_map(|task| {
            let child = children::of(facts.children, &task.name)?;
            Some(ChildReference {
                api_version: sluice_api::tekton::API_VERSION.to_owned(),
                kind: "TaskRun".to_owned(),
                name: child.metadata.name.clone(),
                display_name: task.display_name.clone(),
                pipeline_task_name: task.name.clone(),
                when_expressions: task.when.clone(),
            })
        })
        .collect()
}

fn skipped(facts: &Facts<'_>, states: &States) -> Vec<SkippedTask> {
    let tasks = facts.spec.tasks.iter().chain(&facts.spec.finally);
    tasks
        .filter_map(|task| {
            let TaskState::Skipped(why) = states.get(&task.name) else { return None };
            // Of finally tasks the expressions are told only where they are the reason.
            let tell = !states.is_finally(&task.name) || *why == Skip::When;
            let when_expressions = if tell { task.when.clone() } else { Vec::new() };
            Some(SkippedTask { name: task.name.clone(), reason: why.text().to_owned(), when_expressions })
        })
        .collect()
}
