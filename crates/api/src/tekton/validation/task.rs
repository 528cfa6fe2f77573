//! Rules of a TaskSpec.

use super::{Problems, is_label, is_param_name};
use crate::tekton::params::declared_type;
use crate::tekton::substitution::{Index, references};
use crate::tekton::{Param, ParamSpec, Step, TaskSpec};
use std::collections::BTreeSet;

/// Shape: steps, names, volumes, workspaces, results.
pub(super) fn spec(spec: &TaskSpec, at: &str, problems: &mut Problems) {
    if spec.steps.is_empty() {
        problems.missing(format!("{at}.steps"));
    }
    params(&spec.params, &[""], at, problems);
    let mut names = BTreeSet::new();
    for (i, volume) in spec.volumes.iter().enumerate() {
        let name = volume.get("name").and_then(|n| n.as_str()).unwrap_or_default();
        if !names.insert(name) {
            problems.add(format!("multiple volumes with same name {name:?}"), format!("{at}.volumes[{i}].name"));
        }
    }
    workspaces(spec, at, problems);
    let mut names = BTreeSet::new();
    for (i, step) in spec.steps.iter().enumerate() {
        let at = format!("{at}.steps[{i}]");
        if !step.name.is_empty() && !names.insert(&step.name) {
            problems.add("expected exactly one, got both", format!("{at}.name"));
        }
        self::step(step, spec, &at, problems);
    }
    for (i, result) in spec.results.iter().enumerate() {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let chars = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name = &result.name;
        if !edge(name.chars().next()) || !edge(name.chars().last()) || !name.chars().all(chars) {
            problems.add(format!("invalid key name {name:?}"), format!("{at}.results[{i}].name"));
        }
        match result.type_.as_str() {
            "" | "string" | "array" => {}
            "object" if result.properties.is_some() => {}
            "object" => problems.missing(format!("{at}.results[{i}].{name}.properties")),
            other => problems.invalid(other, format!("{at}.results[{i}].type")),
        }
    }
}

/// Declared params of a Task or Pipeline.
///
/// `enum_owners` are the fields that upstream names for an enum.
pub(super) fn params(params: &[ParamSpec], enum_owners: &[&str], at: &str, problems: &mut Problems) {
    let mut names = BTreeSet::new();
    let mut malformed = Vec::new();
    for param in params {
        let name = &param.name;
        if !names.insert(name) {
            problems.add("parameter appears more than once", format!("{at}.params[{name}]"));
        }
        let type_ = declared_type(param);
        if !matches!(type_, "string" | "array" | "object") {
            problems.invalid(type_, format!("{at}.params.{name}.type"));
        } else if let Some(default) = param.default.as_ref().filter(|d| d.type_name() != type_) {
            let message =
                format!("\"type\" does not match default value's type: \"{type_}\" != \"{}\"", default.type_name());
            problems.add(message, format!("{at}.params.{name}.type, {at}.params.{name}.default.type"));
        }
        if type_ == "object" && param.properties.is_none() {
            problems.missing(format!("{at}.params.{name}.properties"));
        }
        if !param.enum_.is_empty() {
            let message = "feature flag `enable-param-enum` should be set to true to use Enum";
            for owner in enum_owners {
                problems.add(message, format!("{at}{owner}.params[{name}]"));
            }
        }
        if !is_param_name(name, type_ != "object") {
            malformed.push(name.as_str());
        }
    }
    if !malformed.is_empty() {
        let message =
            format!("The format of following array and string variable names is invalid: [{}]", malformed.join(" "));
        problems.add(message, format!("{at}.params"));
    }
}

fn workspaces(spec: &TaskSpec, at: &str, problems: &mut Problems) {
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for (i, workspace) in spec.workspaces.iter().enumerate() {
        let path = match workspace.mount_path.as_str() {
            "" => format!("/workspace/{}", workspace.name),
            path => path.to_owned(),
        };
        if !names.insert(&workspace.name) {
            let message = format!("workspace name {:?} must be unique", workspace.name);
            problems.add(message, format!("{at}.workspaces[{i}].name"));
        }
        if !paths.insert(path.clone()) {
            problems.add(
                format!("workspace mount path {path:?} must be unique"),
                format!("{at}.workspaces[{i}].mountpath"),
            );
        }
    }
}

fn step(step: &Step, spec: &TaskSpec, at: &str, problems: &mut Problems) {
    if step.ref_.is_some() {
        for (field, set) in [
            ("image", !step.image.is_empty()),
            ("command", !step.command.is_empty()),
            ("script", !step.script.is_empty()),
        ] {
            if set {
                problems.add(format!("{field} cannot be used with Ref"), format!("{at}.{field}"));
            }
        }
    } else {
        let template = spec.step_template.as_ref().and_then(|t| t.get("image")).and_then(|i| i.as_str());
        if step.image.is_empty() && template.is_none_or(str::is_empty) {
            problems.missing(format!("{at}.Image"));
        }
        if !step.script.is_empty() && !step.command.is_empty() {
            problems.add("script cannot be used with command", format!("{at}.script"));
        }
    }
    if !step.name.is_empty() && !is_label(&step.name) {
        problems.add(format!("invalid value {:?}", step.name), format!("{at}.name"));
    }
    for (i, mount) in step.volume_mounts.iter().enumerate() {
        let path = &mount.mount_path;
        if path.starts_with("/tekton/") && !path.starts_with("/tekton/home") {
            let message = format!(
                "volumeMount cannot be mounted under /tekton/ (volumeMount {:?} mounted at {path:?})",
                mount.name
            );
            problems.add(message, format!("{at}.volumeMounts[{i}].mountPath"));
        }
        if mount.name.starts_with("tekton-internal-") {
            let message = format!("volumeMount name {:?} cannot start with \"tekton-internal-\"", mount.name);
            problems.add(message, format!("{at}.volumeMounts[{i}].name"));
        }
    }
    if !step.on_error.is_empty()
        && !matches!(step.on_error.as_str(), "continue" | "stopAndFail")
        && !step.on_error.starts_with("$(")
    {
        problems.invalid(format!("{:?}", step.on_error), format!("{at}.onError"));
    }
    if !step.timeout.is_empty()
        && !step.timeout.contains("$(")
        && crate::tekton::duration::parse(&step.timeout).is_err()
    {
        problems.invalid(&step.timeout, format!("{at}.timeout"));
    }
    for (field, name) in [("stdoutConfig", "stdout"), ("stderrConfig", "stderr")] {
        if step.extra.contains_key(field) {
            problems.add(format!("step {name} stream support requires \"enable-api-fields\" feature gate to be \"alpha\" but it is \"beta\""), "");
        }
    }
    let artifacts = texts(step).iter().flat_map(|(text, _)| references(text)).any(|r| {
        r.path.first().is_some_and(|p| p == "artifacts")
            || (r.path.first().is_some_and(|p| p == "step") && r.path.get(1).is_some_and(|p| p == "artifacts"))
            || (r.path.first().is_some_and(|p| p == "steps" || p == "tasks")
                && r.path.get(2).is_some_and(|p| p == "inputs" || p == "outputs"))
    });
    if artifacts {
        problems.add("feature flag enable-artifacts should be set to true to use artifacts feature.", at);
    }
}

/// Texts of a step in which variables are put in, with their fields.
fn texts(step: &Step) -> Vec<(&str, String)> {
    let mut all: Vec<(&str, String)> = vec![
        (&step.name, "name".into()),
        (&step.image, "image".into()),
        (&step.working_dir, "workingDir".into()),
        (&step.script, "script".into()),
    ];
    all.extend(step.command.iter().enumerate().map(|(i, t)| (t.as_str(), format!("command[{i}]"))));
    all.extend(step.args.iter().enumerate().map(|(i, t)| (t.as_str(), format!("args[{i}]"))));
    all.extend(step.env.iter().map(|e| (e.value.as_str(), format!("env[{}]", e.name))));
    for (i, mount) in step.volume_mounts.iter().enumerate() {
        all.push((&mount.name, format!("volumeMount[{i}].name")));
        all.push((&mount.mount_path, format!("volumeMount[{i}].mountPath")));
        all.push((&mount.sub_path, format!("volumeMount[{i}].subPath")));
    }
    all
}

/// Names in `$(results.NAME...)`; read loosely, so that a name made by the shell (`$(results.a-${i}.path)`) is found to
/// be none.
fn result_names(script: &str) -> impl Iterator<Item = &str> {
    let found = script.split("$(results.").skip(1).filter_map(|rest| rest.split_once(')'));
    found.filter_map(|(inside, _)| inside.split('.').next())
}

/// References of the steps: to params, results and context variables that do not exist, and to lists where a text is
/// needed. `given` are the params that a run passes down to an embedded spec.
pub(super) fn variables(spec: &TaskSpec, given: &[Param], at: &str, problems: &mut Problems) {
    let declared = |name: &str| spec.params.iter().find(|p| p.name == name);
    for (i, step) in spec.steps.iter().enumerate() {
        for (text, field) in texts(step) {
            let path = format!("{at}.steps[{i}].{field}");
            let known = |name: &str| spec.results.iter().any(|r| r.name == name);
            if field == "script" && result_names(text).any(|name| !known(name)) {
                problems.add(format!("non-existent variable in {text:?}"), path.clone());
            }
            for reference in references(text) {
                let parts: Vec<&str> = reference.path.iter().map(String::as_str).collect();
                let rest = match parts.as_slice() {
                    ["params", rest @ ..] | ["inputs", "params", rest @ ..] if !rest.is_empty() => rest,
                    ["context", "taskRun", name] if !matches!(*name, "name" | "namespace" | "uid") => {
                        problems.add(format!("non-existent variable in {text:?}"), path.clone());
                        continue;
                    }
                    ["context", "task", name] if !matches!(*name, "name" | "retry-count") => {
                        problems.add(format!("non-existent variable in {text:?}"), path.clone());
                        continue;
                    }
                    _ => continue,
                };
                let whole = rest.join(".");
                let known = declared(&whole).or_else(|| declared(rest[0]));
                let passed = given.iter().any(|p| p.name == whole || p.name == rest[0]);
                match known {
                    None if !passed => problems.add(format!("non-existent variable in {text:?}"), path.clone()),
                    Some(param)
                        if declared_type(param) == "array" && !matches!(reference.index, Some(Index::At(_))) =>
                    {
                        let list = field.starts_with("args") || field.starts_with("command");
                        if list && !reference.is_whole(text) {
                            problems.add(format!("variable is not properly isolated in {text:?}"), path.clone());
                        } else if !list {
                            problems.add(format!("variable type invalid in {text:?}"), path.clone());
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
