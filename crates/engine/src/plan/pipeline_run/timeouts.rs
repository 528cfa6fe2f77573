//! Timeouts of a PipelineRun: the whole, its tasks, its finally tasks.

use jiff::Timestamp;
use sluice_api::tekton::{PipelineRun, PipelineRunStatus, defaults, duration};
use std::time::Duration;

/// What of them is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeouts {
    pub pipeline: Duration,
    pub tasks: Option<Duration>,
    pub pipeline_over: bool,
    pub tasks_over: bool,
    pub finally_over: bool,
    ends: Vec<Timestamp>,
}

/// (pipeline, tasks, finally); zero is no timeout.
pub(super) fn durations(run: &PipelineRun) -> (Duration, Option<Duration>, Option<Duration>) {
    let read = |text: &Option<String>| text.as_deref().and_then(|t| duration::parse(t).ok());
    let written = run.spec.timeouts.clone().unwrap_or_default();
    let default = duration::parse(defaults::TIMEOUT).unwrap_or_default();
    let pipeline = read(&written.pipeline).unwrap_or(default);
    let rest = |other: Option<Duration>| {
        let other = other.filter(|o| !o.is_zero() && !pipeline.is_zero())?;
        Some(pipeline.saturating_sub(other)).filter(|d| !d.is_zero())
    };
    let (tasks, finally) = (read(&written.tasks), read(&written.finally));
    (pipeline, tasks.or_else(|| rest(finally)), finally.or_else(|| rest(tasks)))
}

impl Timeouts {
    pub fn of(run: &PipelineRun, status: &PipelineRunStatus, now: Timestamp) -> Self {
        let (pipeline, tasks, finally) = durations(run);
        let time = |text: &Option<String>| text.as_deref().and_then(|t| t.parse::<Timestamp>().ok());
        let (started, finally_started) = (time(&status.start_time), time(&status.finally_start_time));
        let end =
            |from: Option<Timestamp>, limit: Option<Duration>| from?.checked_add(limit.filter(|l| !l.is_zero())?).ok();
        let ends = [end(started, Some(pipeline)), end(started, tasks), end(finally_started, finally)];
        let over = |end: Option<Timestamp>| end.is_some_and(|end| now >= end);
        Self {
            pipeline,
            tasks,
            pipeline_over: over(ends[0]),
            tasks_over: over(ends[1]),
            finally_over: over(ends[2]),
            ends: ends.into_iter().flatten().filter(|end| now < *end).collect(),
        }
    }

    /// When the next of them is over.
    pub fn next(&self) -> Option<Timestamp> {
        self.ends.iter().min().copied()
    }
}
