//! TaskRuns of a PipelineRun: the objects that are created, and what is read from those that are done.

use super::begin::claim_of;
use super::state::{States, TaskState};
use super::{Facts, PIPELINE_TASK, timeouts};
use crate::plan::{is_done, task_run::ON_ERROR};
use serde_json::{Value, json};
use sluice_api::meta::{ObjectMeta, OwnerReference};
use sluice_api::tekton::graph::result_refs;
use sluice_api::tekton::substitution::{Scope, each_string};
use sluice_api::tekton::{
    API_VERSION, Param, PipelineTask, RunResult, TaskRun, TaskRunSpec, TaskSpec, WorkspaceBinding,
    WorkspaceDeclaration, duration, names,
};
use std::collections::HashMap;

/// The TaskRun of that pipeline task.
pub(super) fn of<'a>(children: &'a [TaskRun], task: &str) -> Option<&'a TaskRun> {
    children.iter().find(|c| c.metadata.labels.get(PIPELINE_TASK).is_some_and(|t| t == task))
}

/// A done TaskRun's results become `tasks.NAME.results.RESULT`.
pub(super) fn results_into_scope(scope: &mut Scope, child: &TaskRun) {
    let Some(task) = child.metadata.labels.get(PIPELINE_TASK) else { return };
    let Some(status) = child.status.as_ref().filter(|s| is_done(&s.conditions)) else { return };
    for result in &status.results {
        scope.set_value(&format!("tasks.{task}.results.{}", result.name), &result.value);
    }
}

/// `tasks.NAME.status`, `tasks.NAME.reason` and `tasks.status`, for finally tasks.
pub(super) fn states_into_scope(scope: &mut Scope, facts: &Facts<'_>, states: &HashMap<String, TaskState>, done: bool) {
    let mut aggregate = if done { "Succeeded" } else { "None" };
    for task in &facts.spec.tasks {
        let state = states.get(&task.name).unwrap_or(&TaskState::Waiting);
        let text = match state {
            TaskState::Succeeded => "Succeeded",
            TaskState::Failed | TaskState::Ignored | TaskState::Cancelled => "Failed",
            _ => "None",
        };
        scope.set(format!("tasks.{}.status", task.name), text);
        let conditions =
            of(facts.children, &task.name).and_then(|c| c.status.as_ref()).map(|s| s.conditions.as_slice());
        let reason = conditions.and_then(|c| c.first()).map(|c| c.reason.clone()).unwrap_or_default();
        scope.set(format!("tasks.{}.reason", task.name), reason);
        if done && text == "Failed" {
            aggregate = "Failed";
        } else if matches!(state, TaskState::Skipped(_)) && aggregate == "Succeeded" {
            aggregate = "Completed";
        }
    }
    scope.set("tasks.status", aggregate);
}

/// The TaskRuns that are to be created now.
pub(super) fn due(facts: &Facts<'_>, states: &States) -> Vec<TaskRun> {
    let lists = [("tasks", &facts.spec.tasks, &states.scope), ("finally", &facts.spec.finally, &states.finally_scope)];
    let ready =
        lists.into_iter().flat_map(|(member, tasks, scope)| tasks.iter().map(move |task| (member, task, scope)));
    ready
        .filter(|(_, task, _)| *states.get(&task.name) == TaskState::Ready)
        .map(|(member, task, scope)| task_run(facts, member, task, scope))
        .collect()
}

fn task_run(facts: &Facts<'_>, member: &str, task: &PipelineTask, scope: &Scope) -> TaskRun {
    let run = facts.run;
    let task = &resolved(task, scope);
    let own = run.spec.task_run_specs.iter().find(|s| s.pipeline_task_name == task.name);
    let template = run.spec.task_run_template.clone().unwrap_or_default();
    let mut task_spec = task.task_spec.as_ref().map(|embedded| embedded.spec.clone());
    let workspaces = workspaces(facts, task, task_spec.as_mut());
    let spec = TaskRunSpec {
        params: task.params.clone(),
        service_account_name: own
            .map(|s| s.service_account_name.clone())
            .filter(|s| !s.is_empty())
            .unwrap_or(template.service_account_name),
        task_ref: task.task_ref.clone(),
        task_spec,
        timeout: own
            .and_then(|s| s.extra.get("timeout")?.as_str().map(str::to_owned))
            .or_else(|| (!task.timeout.is_empty()).then(|| task.timeout.clone()))
            .unwrap_or_else(|| timeout(facts, member)),
        pod_template: template.pod_template,
        workspaces,
        ..TaskRunSpec::default()
    };
    TaskRun {
        api_version: API_VERSION.to_owned(),
        kind: "TaskRun".to_owned(),
        metadata: metadata(facts, member, task, own.and_then(|s| s.extra.get("metadata"))),
        spec,
        ..TaskRun::default()
    }
}

/// Results and states put in, everywhere but in what describes.
fn resolved(task: &PipelineTask, scope: &Scope) -> PipelineTask {
    let apply = |task: &PipelineTask| -> Option<PipelineTask> {
        let mut tree = serde_json::to_value(task).ok()?;
        scope.apply_json(&mut tree, &["name", "description", "runAfter", "params"]);
        serde_json::from_value(tree).ok()
    };
    let mut resolved = apply(task).unwrap_or_else(|| task.clone());
    resolved.params =
        task.params.iter().map(|p| Param { name: p.name.clone(), value: scope.apply_value(&p.value) }).collect();
    if let (Some(reference), Some(original)) = (&mut resolved.task_ref, &task.task_ref) {
        reference.params = original
            .params
            .iter()
            .map(|p| Param { name: p.name.clone(), value: scope.apply_value(&p.value) })
            .collect();
    }
    resolved
}

/// A tasks or finally timeout longer than the default (or none at all) holds for each of its TaskRuns; else the default
/// does, and the PipelineRun's own clock ends them.
fn timeout(facts: &Facts<'_>, member: &str) -> String {
    let (_, tasks, finally) = timeouts::durations(facts.run);
    let default = duration::parse(sluice_api::tekton::defaults::TIMEOUT).unwrap_or_default();
    let part = if member == "finally" { finally } else { tasks };
    match part {
        Some(part) if part.is_zero() || part > default => duration::format(part),
        _ => duration::format(default),
    }
}

fn metadata(facts: &Facts<'_>, member: &str, task: &PipelineTask, extra: Option<&Value>) -> ObjectMeta {
    let run = &facts.run.metadata;
    let mut labels = run.labels.clone();
    let mut annotations = run.annotations.clone();
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    if let Some(own) = task.task_spec.as_ref().and_then(|t| t.metadata.as_ref()) {
        labels.extend(own.labels.clone());
        annotations.extend(own.annotations.clone());
    }
    for (field, map) in [("labels", &mut labels), ("annotations", &mut annotations)] {
        let extra = extra.and_then(|e| e.get(field)).and_then(Value::as_object).into_iter().flatten();
        map.extend(extra.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))));
    }
    labels.insert("tekton.dev/pipelineRun".into(), run.name.clone());
    labels.insert("tekton.dev/pipelineRunUID".into(), run.uid.clone());
    labels.insert(PIPELINE_TASK.into(), task.name.clone());
    labels.insert("tekton.dev/memberOf".into(), member.to_owned());
    if task.on_error == "continue" {
        annotations.insert(ON_ERROR.into(), "continue".into());
    }
    ObjectMeta {
        name: names::child_name(&run.name, &format!("-{}", task.name)),
        namespace: run.namespace.clone(),
        labels,
        annotations,
        owner_references: vec![OwnerReference {
            api_version: API_VERSION.to_owned(),
            kind: "PipelineRun".to_owned(),
            name: run.name.clone(),
            uid: run.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }],
        ..ObjectMeta::default()
    }
}

/// The bindings of a task's workspaces; those that an embedded spec only uses by name are declared in it.
fn workspaces(facts: &Facts<'_>, task: &PipelineTask, spec: Option<&mut TaskSpec>) -> Vec<WorkspaceBinding> {
    let run = facts.run;
    let bind = |name: &str, from: &str, sub_path: &str| -> Option<WorkspaceBinding> {
        let mut binding = run.spec.workspaces.iter().find(|b| b.name == from)?.clone();
        binding.name = name.to_owned();
        if !sub_path.is_empty() {
            let base = binding.sub_path.trim_end_matches('/');
            binding.sub_path = if base.is_empty() { sub_path.to_owned() } else { format!("{base}/{sub_path}") };
        }
        if let Some(template) = binding.volume_claim_template.take() {
            binding.persistent_volume_claim = Some(json!({"claimName": claim_of(run, from, &template)}));
        }
        Some(binding)
    };
    let mut bindings: Vec<WorkspaceBinding> = task
        .workspaces
        .iter()
        .filter_map(|w| bind(&w.name, if w.workspace.is_empty() { &w.name } else { &w.workspace }, &w.sub_path))
        .collect();
    let Some(spec) = spec else { return bindings };
    let mut used = Vec::new();
    if let Ok(tree) = serde_json::to_value(&*spec) {
        each_string(&tree, &["description"], &mut |text| {
            let found = sluice_api::tekton::substitution::references(text);
            used.extend(
                found.into_iter().filter(|r| r.path.len() == 3 && r.path[0] == "workspaces").map(|r| r.path[1].clone()),
            );
        });
    }
    let declared: Vec<String> = spec.workspaces.iter().map(|w| w.name.clone()).collect();
    for name in used.into_iter().chain(declared) {
        if bindings.iter().any(|b| b.name == name) {
            continue;
        }
        if let Some(binding) = bind(&name, &name, "") {
            bindings.push(binding);
            if !spec.workspaces.iter().any(|w| w.name == name) {
                spec.workspaces.push(WorkspaceDeclaration { name, ..WorkspaceDeclaration::default() });
            }
        }
    }
    bindings
}

/// The results of the Pipeline. Those of tasks that did not succeed are left out.
pub(super) fn pipeline_results(facts: &Facts<'_>, states: &States) -> Result<Vec<RunResult>, String> {
    let mut scope = Scope::default();
    for child in facts.children {
        results_into_scope(&mut scope, child);
        let Some(task) = child.metadata.labels.get(PIPELINE_TASK) else { continue };
        for result in child.status.iter().flat_map(|s| &s.results) {
            scope.set_value(&format!("finally.{task}.results.{}", result.name), &result.value);
        }
    }
    let mut results = Vec::new();
    let mut invalid = Vec::new();
    for declared in &facts.spec.results {
        let mut refs = Vec::new();
        let tree = serde_json::to_value(&declared.value).unwrap_or_default();
        each_string(&tree, &[], &mut |text| {
            refs.extend(result_refs(text, "tasks"));
            refs.extend(result_refs(text, "finally"));
        });
        let missing: Vec<_> = refs.iter().filter(|r| scope.value(&r.reference).is_none()).collect();
        if missing.is_empty() {
            let value = scope.apply_value(&declared.value);
            results.push(RunResult { name: declared.name.clone(), type_: String::new(), value });
        } else if missing.iter().any(|r| *states.get(&r.task) == TaskState::Succeeded) {
            invalid.push(declared.name.clone());
        }
    }
    if invalid.is_empty() {
        return Ok(results);
    }
    Err(format!(
        "Failed to get PipelineResult from TaskRun Results for PipelineRun {}: invalid pipelineresults [{}], the referenced results don't exist",
        facts.run.metadata.name,
        invalid.join(" ")
    ))
}
