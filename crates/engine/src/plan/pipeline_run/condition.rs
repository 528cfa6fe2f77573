//! The condition of a PipelineRun, in upstream's words.

use super::state::{Skip, States, TaskState};
use super::timeouts::Timeouts;
use super::{CANCELLED, CANCELLED_RUN_FINALLY, Facts, STOPPED_RUN_FINALLY};
use sluice_api::tekton::duration;

/// Status, reason and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub status: &'static str,
    pub reason: &'static str,
    pub message: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    succeeded: usize,
    failed: usize,
    ignored: usize,
    cancelled: usize,
    skipped: usize,
    skipped_by_timeout: usize,
    invalid: usize,
    incomplete: usize,
}

fn count(states: &States) -> Counts {
    let mut counts = Counts::default();
    for state in states.all() {
        match state {
            TaskState::Succeeded => counts.succeeded += 1,
            TaskState::Failed => counts.failed += 1,
            TaskState::Ignored => counts.ignored += 1,
            TaskState::Cancelled => counts.cancelled += 1,
            TaskState::Invalid(_) => counts.invalid += 1,
            TaskState::Skipped(why) => {
                counts.skipped += 1;
                if matches!(why, Skip::PipelineTimeout | Skip::TasksTimeout | Skip::FinallyTimeout) {
                    counts.skipped_by_timeout += 1;
                }
            }
            TaskState::Waiting | TaskState::Ready | TaskState::Running => counts.incomplete += 1,
        }
    }
    counts
}

pub(super) fn verdict(facts: &Facts<'_>, states: &States, timeouts: &Timeouts) -> Verdict {
    let name = &facts.run.metadata.name;
    let spec_status = facts.run.spec.status.as_str();
    let counts = count(states);
    // A run that is stopped is over once its TaskRuns are: what they did is part of its record.
    let running = states.all().any(|s| *s == TaskState::Running);
    let cancelled =
        || Verdict { status: "False", reason: "Cancelled", message: format!("PipelineRun \"{name}\" was cancelled") };
    if spec_status == CANCELLED && !running {
        return cancelled();
    }
    if timeouts.pipeline_over && !running {
        let message =
            format!("PipelineRun \"{name}\" failed to finish within \"{}\"", duration::format(timeouts.pipeline));
        return Verdict { status: "False", reason: "PipelineRunTimeout", message };
    }
    let tasks_timed_out = timeouts.tasks_over && states.tasks_cut_short(facts);
    if tasks_timed_out && !running && (!states.has_finally() || states.finally_done()) {
        let limit = duration::format(timeouts.tasks.unwrap_or_default());
        let message = format!("PipelineRun \"{name}\" failed due to tasks failed to finish within \"{limit}\"");
        return Verdict { status: "False", reason: "PipelineRunTimeout", message };
    }
    let completed = counts.succeeded + counts.failed + counts.cancelled + counts.ignored;
    if counts.incomplete == 0 {
        return finished(facts, states, counts, completed, cancelled);
    }
    let reason = match spec_status {
        CANCELLED => "PipelineRunStopping",
        _ if timeouts.pipeline_over => "PipelineRunStopping",
        _ if tasks_timed_out && states.has_finally() && !states.finally_done() => "PipelineRunTimeoutRunningFinally",
        CANCELLED_RUN_FINALLY => "CancelledRunningFinally",
        STOPPED_RUN_FINALLY => "StoppedRunningFinally",
        _ if counts.cancelled > 0 || (counts.failed > 0 && states.finally_done()) => "PipelineRunStopping",
        _ => "Running",
    };
    let Counts { failed, cancelled, incomplete, skipped, .. } = counts;
    let message = format!(
        "Tasks Completed: {completed} (Failed: {failed}, Cancelled {cancelled}), Incomplete: {incomplete}, Skipped: {skipped}"
    );
    Verdict { status: "Unknown", reason, message }
}

fn finished(
    facts: &Facts<'_>,
    states: &States,
    counts: Counts,
    completed: usize,
    cancelled: impl Fn() -> Verdict,
) -> Verdict {
    let failed = counts.failed + counts.ignored;
    let ignored = if counts.ignored > 0 { format!(" (Ignored: {})", counts.ignored) } else { String::new() };
    let mut message = format!(
        "Tasks Completed: {completed} (Failed: {failed}{ignored}, Cancelled {}), Skipped: {}",
        counts.cancelled, counts.skipped
    );
    if counts.invalid > 0 {
        let detail: String = states.invalid().join("; ").chars().take(1024).collect();
        message.push_str(&format!(", Failed Validation: {} ({detail})", counts.invalid));
        return Verdict { status: "False", reason: "PipelineValidationFailed", message };
    }
    if counts.failed > 0 || counts.skipped_by_timeout > 0 {
        return Verdict { status: "False", reason: "Failed", message };
    }
    if matches!(facts.run.spec.status.as_str(), CANCELLED_RUN_FINALLY | STOPPED_RUN_FINALLY) {
        return cancelled();
    }
    if counts.cancelled > 0 {
        return Verdict { status: "False", reason: "Cancelled", message };
    }
    let reason = if counts.skipped > 0 { "Completed" } else { "Succeeded" };
    Verdict { status: "True", reason, message }
}
