//! Rules of TaskRuns and PipelineRuns.

use super::{Problems, pipeline, read, task};
use crate::admission::Denied;
use crate::tekton::{Param, PipelineRun, Ref, TaskRun, WorkspaceBinding, duration};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Validates a TaskRun object.
///
/// # Errors
/// All problems, in upstream's words.
pub fn task_run(object: &Value) -> Result<(), Denied> {
    let run: TaskRun = read(object)?;
    let spec = &run.spec;
    let mut problems = Problems::default();
    match (&spec.task_ref, &spec.task_spec) {
        (Some(_), Some(_)) => problems.add("expected exactly one, got both", "spec.taskRef, spec.taskSpec"),
        (None, None) => problems.add("expected exactly one, got neither", "spec.taskRef, spec.taskSpec"),
        (Some(reference), None) => self::reference(reference, "spec.taskRef", &mut problems),
        (None, Some(embedded)) => {
            task::spec(embedded, "spec.taskSpec", &mut problems);
            task::variables(embedded, &spec.params, "spec.taskSpec", &mut problems);
        }
    }
    params(&spec.params, "spec", &mut problems);
    workspaces(&spec.workspaces, "taskrun", &mut problems);
    match spec.status.as_str() {
        "" if !spec.status_message.is_empty() => {
            let message = format!(
                "statusMessage should not be set if status is not set, but it is currently set to {}",
                spec.status_message
            );
            problems.invalid(message, "spec.statusMessage");
        }
        "" | "TaskRunCancelled" | "TaskRunPending" => {}
        other => problems.invalid(format!("{other} should be TaskRunCancelled or TaskRunPending"), "spec.status"),
    }
    if spec.retries < 0 {
        problems.invalid(format!("{} should be >= 0", spec.retries), "spec.retries");
    }
    time(&spec.timeout, "spec.timeout", &mut problems);
    problems.result()
}

/// Validates a PipelineRun object.
///
/// # Errors
/// All problems, in upstream's words.
pub fn pipeline_run(object: &Value) -> Result<(), Denied> {
    let run: PipelineRun = read(object)?;
    let spec = &run.spec;
    let mut problems = Problems::default();
    match (&spec.pipeline_ref, &spec.pipeline_spec) {
        (Some(_), Some(_)) => problems.add("expected exactly one, got both", "spec.pipelineRef, spec.pipelineSpec"),
        (None, None) => problems.add("expected exactly one, got neither", "spec.pipelineRef, spec.pipelineSpec"),
        (Some(reference), None) => self::reference(reference, "spec.pipelineRef", &mut problems),
        (None, Some(embedded)) => pipeline::spec(embedded, "spec.pipelineSpec", Some(&spec.params), &mut problems),
    }
    params(&spec.params, "spec", &mut problems);
    workspaces(&spec.workspaces, "pipelinerun", &mut problems);
    let allowed = ["Cancelled", "CancelledRunFinally", "StoppedRunFinally", "PipelineRunPending"];
    if !spec.status.is_empty() && !allowed.contains(&spec.status.as_str()) {
        let message = format!(
            "{} should be Cancelled, CancelledRunFinally, StoppedRunFinally or PipelineRunPending",
            spec.status
        );
        problems.invalid(message, "spec.status");
    }
    timeouts(&run, &mut problems);
    problems.result()
}

/// taskRef, pipelineRef.
pub(super) fn reference(reference: &Ref, at: &str, problems: &mut Problems) {
    if reference.resolver.is_empty() {
        if reference.name.is_empty() {
            problems.missing(format!("{at}.name"));
        } else if !crate::tekton::workspaces::is_name(&reference.name) && !reference.name.contains("$(") {
            problems.invalid(&reference.name, format!("{at}.name"));
        }
        if !reference.params.is_empty() {
            problems.missing(format!("{at}.resolver"));
        }
    } else if !reference.name.is_empty() {
        problems.add("expected exactly one, got both", format!("{at}.name, {at}.resolver"));
    }
    // Of two values for one name a reader may take the first and a policy the last.
    params(&reference.params, at, problems);
}

fn params(params: &[Param], at: &str, problems: &mut Problems) {
    let mut names = BTreeSet::new();
    for param in params {
        if !names.insert(&param.name) {
            problems.add("expected exactly one, got both", format!("{at}.params[{}].name", param.name));
        }
    }
}

fn workspaces(bindings: &[WorkspaceBinding], kind: &str, problems: &mut Problems) {
    let mut names: Vec<&str> = Vec::new();
    for (i, binding) in bindings.iter().enumerate() {
        let at = format!("spec.workspaces[{i}]");
        if let Some(first) = names.iter().position(|n| *n == binding.name) {
            let message =
                format!("workspace {:?} provided by {kind} more than once, at index {first} and {i}", binding.name);
            problems.add(message, format!("{at}.name"));
        }
        names.push(&binding.name);
        let sources = [
            ("volumeclaimtemplate", binding.volume_claim_template.as_ref(), None),
            ("persistentvolumeclaim", binding.persistent_volume_claim.as_ref(), Some(("claimName", "claimname"))),
            ("emptydir", binding.empty_dir.as_ref(), None),
            ("configmap", binding.config_map.as_ref(), Some(("name", "name"))),
            ("secret", binding.secret.as_ref(), Some(("secretName", "secretName"))),
            ("projected", binding.projected.as_ref(), None),
            ("csi", binding.csi.as_ref(), None),
        ];
        let set: Vec<_> = sources.iter().filter(|(_, source, _)| source.is_some()).collect();
        let all = sources.iter().map(|(name, ..)| format!("{at}.{name}")).collect::<Vec<_>>().join(", ");
        match set.as_slice() {
            [] => problems.add("expected exactly one, got neither", all),
            [(name, Some(source), Some((key, shown)))] => {
                if source.get(*key).and_then(Value::as_str).is_none_or(str::is_empty) {
                    problems.missing(format!("{at}.{name}.{shown}"));
                }
            }
            [_] => {}
            _ => problems.add("expected exactly one, got both", all),
        }
    }
}

fn time(text: &str, at: &str, problems: &mut Problems) -> Option<Duration> {
    if text.is_empty() {
        return None;
    }
    match duration::parse(text) {
        Ok(duration) => Some(duration),
        Err(_) => {
            problems.invalid(format!("{text} should be >= 0"), at);
            None
        }
    }
}

fn timeouts(run: &PipelineRun, problems: &mut Problems) {
    let Some(written) = &run.spec.timeouts else { return };
    let mut read = |text: &Option<String>, at: &str| time(text.as_deref().unwrap_or_default(), at, problems);
    let tasks = read(&written.tasks, "spec.timeouts.tasks");
    let finally = read(&written.finally, "spec.timeouts.finally");
    let pipeline = read(&written.pipeline, "spec.timeouts.pipeline");
    let limit = pipeline.unwrap_or(Duration::from_secs(3600));
    if limit.is_zero() {
        return;
    }
    let too_long = |part: Duration| part.is_zero() || part > limit;
    for (part, at) in [(tasks, "spec.timeouts.tasks"), (finally, "spec.timeouts.finally")] {
        if let Some(part) = part.filter(|part| too_long(*part)) {
            problems.invalid(format!("{} should be <= pipeline duration", duration::format(part)), at);
        }
    }
    if let (Some(tasks), Some(finally)) = (tasks, finally)
        && tasks + finally > limit
    {
        let message =
            format!("{} + {} should be <= pipeline duration", duration::format(tasks), duration::format(finally));
        problems.invalid(&message, "spec.timeouts.tasks");
        problems.invalid(message, "spec.timeouts.finally");
    }
}
