//! How each pipeline task stands: from its TaskRun, or from what it waits for.

use super::timeouts::Timeouts;
use super::{CANCELLED, CANCELLED_RUN_FINALLY, Facts, PIPELINE_TASK, STOPPED_RUN_FINALLY, children};
use crate::plan::{standing, task_run};
use sluice_api::tekton::graph::{Graph, ResultRef, task_result_refs};
use sluice_api::tekton::substitution::Scope;
use sluice_api::tekton::{PipelineTask, TaskRun, WhenExpression};
use std::collections::HashMap;

/// Why a task is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    When,
    Parents,
    Stopping,
    GracefullyCancelled,
    GracefullyStopped,
    MissingResults,
    PipelineTimeout,
    TasksTimeout,
    FinallyTimeout,
}

impl Skip {
    /// Upstream's sentence for it.
    pub fn text(self) -> &'static str {
        match self {
            Self::When => "When Expressions evaluated to false",
            Self::Parents => "Parent Tasks were skipped",
            Self::Stopping => "PipelineRun was stopping",
            Self::GracefullyCancelled => "PipelineRun was gracefully cancelled",
            Self::GracefullyStopped => "PipelineRun was gracefully stopped",
            Self::MissingResults => "Results were missing",
            Self::PipelineTimeout => "PipelineRun timeout has been reached",
            Self::TasksTimeout => "PipelineRun Tasks timeout has been reached",
            Self::FinallyTimeout => "PipelineRun Finally timeout has been reached",
        }
    }
}

/// How a pipeline task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TaskState {
    /// Its parents are not done.
    Waiting,
    /// To be created now.
    Ready,
    Running,
    Succeeded,
    Failed,
    /// Failed, with `onError: continue`.
    Ignored,
    Cancelled,
    Skipped(Skip),
    /// It needs a result that its parent, though successful, did not write.
    Invalid(String),
}

impl TaskState {
    pub fn is_done(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Ready | Self::Running)
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct States {
    tasks: HashMap<String, TaskState>,
    finally: HashMap<String, TaskState>,
    /// Results and states, for what is created next.
    pub scope: Scope,
    /// The same with the tasks' states, which only finally tasks may read.
    pub finally_scope: Scope,
}

impl States {
    pub fn get(&self, name: &str) -> &TaskState {
        self.tasks.get(name).or_else(|| self.finally.get(name)).unwrap_or(&TaskState::Waiting)
    }

    pub fn is_finally(&self, name: &str) -> bool {
        self.finally.contains_key(name)
    }

    pub fn all(&self) -> impl Iterator<Item = &TaskState> {
        self.tasks.values().chain(self.finally.values())
    }

    pub fn finally_done(&self) -> bool {
        self.finally.values().all(TaskState::is_done)
    }

    pub fn has_finally(&self) -> bool {
        !self.finally.is_empty()
    }

    /// Whether the tasks' timeout ended, or kept from starting, any of them.
    pub fn tasks_cut_short(&self, facts: &Facts<'_>) -> bool {
        self.tasks.iter().any(|(name, state)| match state {
            TaskState::Skipped(why) => *why == Skip::TasksTimeout,
            TaskState::Failed => {
                children::of(facts.children, name).is_some_and(|c| c.spec.status_message == super::BY_TIMEOUT)
            }
            state => !state.is_done(),
        })
    }

    pub fn invalid(&self) -> Vec<&str> {
        let messages = self.all().filter_map(|s| match s {
            TaskState::Invalid(message) => Some(message.as_str()),
            _ => None,
        });
        let mut messages: Vec<&str> = messages.collect();
        messages.sort_unstable();
        messages
    }

    pub fn compute(facts: &Facts<'_>, graph: &Graph, timeouts: &Timeouts) -> Self {
        let mut scope = Scope::default();
        for child in facts.children {
            children::results_into_scope(&mut scope, child);
        }
        let failed = facts.spec.tasks.iter().any(|t| {
            children::of(facts.children, &t.name)
                .is_some_and(|c| from_child(t, c) == TaskState::Failed || cancelled_state(t, c))
        });
        let mut states = Self { scope: scope.clone(), finally_scope: scope, ..Self::default() };
        states.pass(facts, graph, timeouts, failed);
        if !failed && !states.invalid().is_empty() {
            // What cannot be created stops the run like a failure; so look again at what else would have been started.
            states.pass(facts, graph, timeouts, true);
        }
        states.finally_pass(facts, timeouts);
        states
    }

    fn pass(&mut self, facts: &Facts<'_>, graph: &Graph, timeouts: &Timeouts, stopping: bool) {
        self.tasks.retain(|_, state| matches!(state, TaskState::Invalid(_)));
        for name in &graph.order {
            let Some(task) = facts.spec.tasks.iter().find(|t| &t.name == name) else { continue };
            if matches!(self.tasks.get(name), Some(TaskState::Invalid(_))) {
                continue;
            }
            let state = match children::of(facts.children, name) {
                Some(child) => from_child(task, child),
                None => self.unstarted(facts, graph, timeouts, stopping, task),
            };
            self.tasks.insert(name.clone(), state);
        }
    }

    fn unstarted(
        &self,
        facts: &Facts<'_>,
        graph: &Graph,
        timeouts: &Timeouts,
        stopping: bool,
        task: &PipelineTask,
    ) -> TaskState {
        match facts.run.spec.status.as_str() {
            _ if stopping => return TaskState::Skipped(Skip::Stopping),
            CANCELLED_RUN_FINALLY => return TaskState::Skipped(Skip::GracefullyCancelled),
            STOPPED_RUN_FINALLY => return TaskState::Skipped(Skip::GracefullyStopped),
            CANCELLED => return TaskState::Waiting,
            _ => {}
        }
        let parents = || graph.parents.get(&task.name).into_iter().flatten().map(|p| self.get(p));
        let parents_done = parents().all(TaskState::is_done);
        if parents_done && !Self::when_allows(&self.scope, &task.when) {
            return TaskState::Skipped(Skip::When);
        }
        // A parent that its own expressions skipped does not take its followers with it.
        if parents().any(|p| matches!(p, TaskState::Skipped(why) if *why != Skip::When)) {
            return TaskState::Skipped(Skip::Parents);
        }
        if !parents_done {
            return TaskState::Waiting;
        }
        if let Some(missing) = self.missing(task) {
            let skipped = *self.get(&missing.task) == TaskState::Skipped(Skip::When);
            if skipped || task.on_error == "continue" {
                return TaskState::Skipped(Skip::MissingResults);
            }
            return TaskState::Invalid(format!(
                "invalid result reference in pipeline task \"{}\": task \"{}\" did not produce the result \"{}\"",
                task.name, missing.task, missing.result
            ));
        }
        if timeouts.pipeline_over {
            return TaskState::Skipped(Skip::PipelineTimeout);
        }
        if timeouts.tasks_over {
            return TaskState::Skipped(Skip::TasksTimeout);
        }
        TaskState::Ready
    }

    fn finally_pass(&mut self, facts: &Facts<'_>, timeouts: &Timeouts) {
        let done = self.tasks.values().all(TaskState::is_done);
        children::states_into_scope(&mut self.finally_scope, facts, &self.tasks, done);
        for task in &facts.spec.finally {
            let state = match children::of(facts.children, &task.name) {
                Some(child) => from_child(task, child),
                None if !done || facts.run.spec.status == CANCELLED => TaskState::Waiting,
                None if self.missing(task).is_some() => TaskState::Skipped(Skip::MissingResults),
                None if !Self::when_allows(&self.finally_scope, &task.when) => TaskState::Skipped(Skip::When),
                None if timeouts.pipeline_over => TaskState::Skipped(Skip::PipelineTimeout),
                None if timeouts.finally_over => TaskState::Skipped(Skip::FinallyTimeout),
                None => TaskState::Ready,
            };
            self.finally.insert(task.name.clone(), state);
        }
    }

    fn missing(&self, task: &PipelineTask) -> Option<ResultRef> {
        task_result_refs(task).into_iter().find(|r| self.scope.value(&r.reference).is_none())
    }

    fn when_allows(scope: &Scope, when: &[WhenExpression]) -> bool {
        when.iter().all(|w| {
            let input = scope.apply(&w.input);
            let found = scope.apply_list(&w.values).contains(&input);
            if w.operator == "notin" { !found } else { found }
        })
    }
}

fn cancelled_state(task: &PipelineTask, child: &TaskRun) -> bool {
    from_child(task, child) == TaskState::Cancelled && task.on_error != "continue"
}

fn from_child(task: &PipelineTask, child: &TaskRun) -> TaskState {
    debug_assert_eq!(child.metadata.labels.get(PIPELINE_TASK), Some(&task.name));
    let conditions = child.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    match standing(conditions) {
        Some("True") => TaskState::Succeeded,
        Some("False") => {
            let reason = conditions.iter().find(|c| c.type_ == super::super::SUCCEEDED).map(|c| c.reason.as_str());
            match reason {
                // A child that its PipelineRun's timeout cancelled counts as failed.
                Some(task_run::CANCELLED) if child.spec.status_message == super::BY_TIMEOUT => TaskState::Failed,
                Some(task_run::CANCELLED) => TaskState::Cancelled,
                _ if task.on_error == "continue" => TaskState::Ignored,
                _ => TaskState::Failed,
            }
        }
        _ => TaskState::Running,
    }
}
