//! Rules of a PipelineSpec.

use super::{Problems, is_label, task};
use crate::tekton::graph::{graph, task_result_refs};
use crate::tekton::substitution::{each_string, references};
use crate::tekton::{Param, ParamValue, PipelineSpec, PipelineTask};
use std::collections::BTreeSet;

/// All of it. `run` are the params of the run that embeds it; what it passes down need not be declared.
pub(super) fn spec(spec: &PipelineSpec, at: &str, run: Option<&[Param]>, problems: &mut Problems) {
    if spec.tasks.is_empty() {
        if spec.finally.is_empty() {
            problems.missing(format!("{at}.tasks"));
        } else {
            problems.invalid(
                format!("spec.tasks is empty but spec.finally has {} tasks", spec.finally.len()),
                format!("{at}.finally"),
            );
        }
    }
    task::params(&spec.params, &[".finally", ".tasks"], at, problems);
    if let Err(error) = graph(spec) {
        problems.invalid(error, format!("{at}.tasks"));
    }
    let mut names = BTreeSet::new();
    for (list, tasks) in [("tasks", &spec.tasks), ("finally", &spec.finally)] {
        for (i, pipeline_task) in tasks.iter().enumerate() {
            let at = format!("{at}.{list}[{i}]");
            if !names.insert(&pipeline_task.name) {
                problems.add("expected exactly one, got both", format!("{at}.name"));
            }
            one(pipeline_task, &at, problems);
            if run.is_none() {
                bindings(spec, pipeline_task, &at, problems);
            }
            params(spec, pipeline_task, run.unwrap_or_default(), &at, problems);
        }
    }
    for (i, f) in spec.finally.iter().enumerate() {
        if !f.run_after.is_empty() {
            let message =
                format!("no runAfter allowed under spec.finally, final task {} has runAfter specified", f.name);
            problems.invalid(message, format!("{at}.finally[{i}]"));
        }
        for reference in task_result_refs(f) {
            if !spec.tasks.iter().any(|t| t.name == reference.task) {
                let message = format!(
                    "invalid task result reference, final task has task result reference from a task {} which is not defined in the pipeline",
                    reference.task
                );
                problems.invalid(message, format!("{at}.finally[{i}].params"));
            }
        }
    }
    workspaces(spec, at, problems);
    results(spec, at, problems);
}

fn one(task: &PipelineTask, at: &str, problems: &mut Problems) {
    if !is_label(&task.name) {
        problems.add(format!("invalid value {:?}", task.name), format!("{at}.name"));
    }
    for field in ["pipelineRef", "pipelineSpec"] {
        if task.extra.contains_key(field) {
            problems.add(
                format!("{field} requires \"enable-api-fields\" feature gate to be \"alpha\" but it is \"beta\""),
                "",
            );
            return;
        }
    }
    match (&task.task_ref, &task.task_spec) {
        (Some(_), Some(_)) => {
            problems.add("expected exactly one, got multiple", format!("{at}.taskRef, {at}.taskSpec"))
        }
        (None, None) => problems.add("expected exactly one, got neither", format!("{at}.taskRef, {at}.taskSpec")),
        (Some(reference), None) => super::run::reference(reference, &format!("{at}.taskRef"), problems),
        (None, Some(embedded)) if embedded.api_version.is_empty() => {
            task::spec(&embedded.spec, &format!("{at}.taskSpec"), problems);
        }
        (None, Some(_)) => {}
    }
    for (i, when) in task.when.iter().enumerate() {
        let at = format!("{at}.when[{i}]");
        if !when.cel.is_empty() {
            let message = format!(
                "feature flag enable-cel-in-whenexpression should be set to true to use CEL: {} in WhenExpression",
                when.cel
            );
            problems.add(message, at);
        } else if !matches!(when.operator.as_str(), "in" | "notin") {
            problems.invalid(format!("operator {:?} is not recognized. valid operators: in,notin", when.operator), at);
        } else if when.values.is_empty() {
            problems.invalid("expecting non-empty values field", at);
        }
    }
    if !task.on_error.is_empty()
        && !matches!(task.on_error.as_str(), "continue" | "stopAndFail")
        && !task.on_error.contains("$(")
    {
        problems.invalid(&task.on_error, format!("{at}.OnError"));
    }
    if task.on_error == "continue" && task.retries > 0 {
        problems.add("PipelineTask OnError cannot be set to \"continue\" when Retries is greater than 0", "");
    }
    if !task.timeout.is_empty()
        && !task.timeout.contains("$(")
        && crate::tekton::duration::parse(&task.timeout).is_err()
    {
        problems.invalid(&task.timeout, format!("{at}.timeout"));
    }
}

fn bindings(spec: &PipelineSpec, task: &PipelineTask, at: &str, problems: &mut Problems) {
    let mut names = BTreeSet::new();
    for (i, binding) in task.workspaces.iter().enumerate() {
        let from = if binding.workspace.is_empty() { &binding.name } else { &binding.workspace };
        if !names.insert(&binding.name) {
            problems.add(format!("workspace name {:?} must be unique", binding.name), format!("{at}.workspaces[{i}]"));
        }
        if !spec.workspaces.iter().any(|w| &w.name == from) {
            let message = format!(
                "pipeline task {:?} expects workspace with name {from:?} but none exists in pipeline spec",
                task.name
            );
            problems.invalid(message, format!("{at}.workspaces[{i}]"));
        }
    }
}

/// References of a task's own fields (not of an embedded spec, which may mean its own params).
fn params(spec: &PipelineSpec, task: &PipelineTask, given: &[Param], at: &str, problems: &mut Problems) {
    let mut names = BTreeSet::new();
    for (i, param) in task.params.iter().enumerate() {
        if !names.insert(&param.name) {
            let message =
                format!("parameter names must be unique, the parameter \"{}\" is also defined at", param.name);
            problems.add(message, format!("{at}.params[{i}].name"));
        }
    }
    let known = |name: &str| spec.params.iter().any(|p| p.name == name) || given.iter().any(|p| p.name == name);
    let mut check = |text: &str, path: String| {
        for reference in references(text) {
            let parts: Vec<&str> = reference.path.iter().map(String::as_str).collect();
            let missing = match parts.as_slice() {
                ["params", rest @ ..] if !rest.is_empty() => !known(&rest.join(".")) && !known(rest[0]),
                ["context", "pipelineRun", name] => !matches!(*name, "name" | "namespace" | "uid"),
                ["context", "pipeline", name] => *name != "name",
                ["context", "pipelineTask", name] => *name != "retries",
                _ => false,
            };
            if missing {
                problems.add(format!("non-existent variable in {text:?}"), path.clone());
            }
        }
    };
    for param in &task.params {
        let path = format!("{at}.params[{}]", param.name);
        match &param.value {
            ParamValue::String(text) => check(text, path),
            ParamValue::Array(items) => items.iter().for_each(|text| check(text, path.clone())),
            ParamValue::Object(fields) => fields.values().for_each(|text| check(text, path.clone())),
        }
    }
    for (i, when) in task.when.iter().enumerate() {
        check(&when.input, format!("{at}.when[{i}].input"));
        when.values.iter().for_each(|text| check(text, format!("{at}.when[{i}].values")));
    }
}

fn workspaces(spec: &PipelineSpec, at: &str, problems: &mut Problems) {
    let mut names = BTreeSet::new();
    for (i, workspace) in spec.workspaces.iter().enumerate() {
        if workspace.name.is_empty() {
            problems.invalid(format!("workspace {i} has empty name"), format!("{at}.workspaces[{i}]"));
        } else if !names.insert(&workspace.name) {
            problems.invalid(
                format!("workspace with name {:?} appears more than once", workspace.name),
                format!("{at}.workspaces[{i}]"),
            );
        }
    }
}

fn results(spec: &PipelineSpec, at: &str, problems: &mut Problems) {
    for (i, result) in spec.results.iter().enumerate() {
        let tree = serde_json::to_value(&result.value).unwrap_or_default();
        let mut refs = Vec::new();
        each_string(&tree, &[], &mut |text| refs.extend(references(text)));
        let path = format!("{at}.results[{i}].value");
        if refs.is_empty() {
            problems
                .invalid("expected pipeline results to be task result expressions but no expressions were found", path);
            continue;
        }
        for reference in refs {
            let parts: Vec<&str> = reference.path.iter().map(String::as_str).collect();
            let tasks = match parts.as_slice() {
                ["tasks", name, "results", ..] => spec.tasks.iter().any(|t| t.name == *name),
                ["finally", name, "results", ..] => spec.finally.iter().any(|t| t.name == *name),
                _ => true,
            };
            if !tasks {
                problems.invalid("referencing a nonexistent task", path.clone());
            }
        }
    }
}
