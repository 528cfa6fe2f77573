//! Steps: merged with the stepTemplate, then made into what the runner starts.

use super::env::{Reader, expand};
use super::security::Rules;
use super::volumes::Bound;
use super::{PrepareError, VALIDATION_FAILED};
use crate::context::Context;
use crate::images::Image;
use serde_json::{Map, Value};
use sluice_api::runner::{RootImage, StepSpec};
use sluice_api::tekton::{Step, TaskRun, TaskSpec, duration, quantity};
use std::time::Duration;

/// What a script without an interpreter line starts with, as upstream writes it.
const SHELL: &str = "#!/bin/sh\nset -e\n";

/// The steps, each over the stepTemplate.
pub(super) fn merged(spec: &TaskSpec) -> Result<Vec<Step>, PrepareError> {
    let Some(Value::Object(template)) = &spec.step_template else { return Ok(spec.steps.clone()) };
    let invalid =
        |e: serde_json::Error| PrepareError::new(VALIDATION_FAILED, format!("stepTemplate cannot be used: {e}"));
    let mut steps = Vec::with_capacity(spec.steps.len());
    for step in &spec.steps {
        let Value::Object(own) = serde_json::to_value(step).map_err(invalid)? else { continue };
        steps.push(serde_json::from_value(Value::Object(over(template, own))).map_err(invalid)?);
    }
    Ok(steps)
}

/// Strategic merge of two containers: lists with a merge key by that key, other lists whole, maps deeply.
fn over(template: &Map<String, Value>, own: Map<String, Value>) -> Map<String, Value> {
    let mut merged = template.clone();
    for (key, value) in own {
        let slot = merged.remove(&key);
        let value = match (slot, value) {
            (Some(Value::Array(base)), Value::Array(items)) if key == "env" => by_key(base, items, "name"),
            (Some(Value::Array(base)), Value::Array(items)) if key == "volumeMounts" => {
                by_key(base, items, "mountPath")
            }
            (Some(Value::Object(base)), Value::Object(own)) => Value::Object(over(&base, own)),
            (_, value) => value,
        };
        merged.insert(key, value);
    }
    merged
}

fn by_key(mut base: Vec<Value>, items: Vec<Value>, key: &str) -> Value {
    for item in items {
        match base.iter().position(|b| b.get(key) == item.get(key)) {
            Some(at) => base[at] = item,
            None => base.push(item),
        }
    }
    Value::Array(base)
}

/// What the runner starts for a step.
pub(super) async fn build(
    context: &Context,
    run: &TaskRun,
    step: &Step,
    image: &Image,
    volumes: &Bound,
    env: &Reader<'_>,
    rules: Rules,
) -> Result<StepSpec, PrepareError> {
    let refuse = |m: String| PrepareError::new(VALIDATION_FAILED, format!("step `{}`: {m}", step.name));
    let environment = env.environment(step, &image.env, run.spec.pod_template.as_ref()).await?;
    let lookup = |name: &str| environment.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let expanded = |items: &[String]| items.iter().map(|item| expand(item, lookup)).collect::<Vec<_>>();
    let (command, script) = if step.script.is_empty() {
        (
            argv(step, image, expanded).ok_or_else(|| {
                refuse(format!("image `{}` has no entrypoint; give the step a command or a script", image.reference))
            })?,
            None,
        )
    } else {
        let script =
            if step.script.starts_with("#!") { step.script.clone() } else { format!("{SHELL}{}", step.script) };
        (expanded(&step.args), Some(script))
    };
    let (run_as_user, run_as_group) = super::images::user(context, image, &rules).map_err(refuse)?;
    if rules.non_root && run_as_user.unwrap_or(0) == 0 {
        return Err(refuse("securityContext.runAsNonRoot is true and the user is root; set runAsUser".to_owned()));
    }
    let limit = |name: &str| step.compute_resources.as_ref().and_then(|r| r.pointer("/limits")?.get(name)).cloned();
    let parsed = |name: &str, read: fn(&Value) -> Option<u64>| match limit(name) {
        None => Ok(None),
        Some(value) => read(&value)
            .map(Some)
            .ok_or_else(|| refuse(format!("computeResources.limits.{name}: `{value}` is no quantity"))),
    };
    let timeout = if step.timeout.is_empty() {
        Duration::ZERO
    } else {
        duration::parse(&step.timeout).map_err(|e| refuse(e.to_string()))?
    };
    Ok(StepSpec {
        name: step.name.clone(),
        image: RootImage {
            reference: image.reference.clone(),
            layers: image.layers.iter().map(|l| l.diff_id.clone()).collect(),
        },
        command,
        script,
        working_dir: working_dir(&step.working_dir, &image.working_dir),
        env: environment,
        run_as_user,
        run_as_group,
        nested: rules.nested,
        network: rules.network,
        mounts: volumes.mounts(step)?,
        on_error_continue: step.on_error == "continue",
        timeout_seconds: timeout.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX),
        memory_limit: parsed("memory", quantity::bytes)?,
        cpu_millis: parsed("cpu", quantity::millis)?,
        results: step.results.iter().map(|r| r.name.clone()).collect(),
    })
}

/// As Kubernetes: a command replaces entrypoint and cmd, args alone replace cmd.
fn argv(step: &Step, image: &Image, expanded: impl Fn(&[String]) -> Vec<String>) -> Option<Vec<String>> {
    let mut argv = if step.command.is_empty() { image.entrypoint.clone() } else { expanded(&step.command) };
    if step.args.is_empty() && step.command.is_empty() {
        argv.extend(image.cmd.iter().cloned());
    }
    argv.extend(expanded(&step.args));
    (!argv.is_empty()).then_some(argv)
}

fn working_dir(step: &str, image: &str) -> String {
    match (step, image) {
        ("", "") => "/".to_owned(),
        ("", image) => image.to_owned(),
        (step, _) if step.starts_with('/') => step.to_owned(),
        (step, _) => format!("/workspace/{step}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn template_is_below_the_step() {
        let spec: TaskSpec = serde_json::from_value(json!({
            "stepTemplate": {"image": "base", "env": [{"name": "A", "value": "t"}, {"name": "B", "value": "t"}],
                "securityContext": {"runAsUser": 1, "runAsGroup": 2}, "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
            "steps": [{"name": "one", "env": [{"name": "B", "value": "s"}, {"name": "C", "value": "s"}],
                "securityContext": {"runAsUser": 5}}, {"name": "two", "image": "own"}]})).unwrap();
        let steps = merged(&spec).unwrap();
        assert_eq!(steps[0].image, "base");
        let env: Vec<_> = steps[0].env.iter().map(|e| format!("{}={}", e.name, e.value)).collect();
        assert_eq!(env, ["A=t", "B=s", "C=s"]);
        assert_eq!(steps[0].security_context, Some(json!({"runAsUser": 5, "runAsGroup": 2})));
        assert_eq!(steps[0].volume_mounts.len(), 1);
        assert_eq!((steps[1].image.as_str(), steps[1].env.len()), ("own", 2));
    }

    #[test]
    fn entrypoints_as_kubernetes() {
        let image = Image { entrypoint: vec!["/e".into()], cmd: vec!["c".into()], ..Image::default() };
        let table = [
            (json!({}), vec!["/e", "c"]),
            (json!({"args": ["a"]}), vec!["/e", "a"]),
            (json!({"command": ["/x"]}), vec!["/x"]),
            (json!({"command": ["/x"], "args": ["a"]}), vec!["/x", "a"]),
        ];
        for (step, want) in table {
            let step: Step = serde_json::from_value(step).unwrap();
            assert_eq!(argv(&step, &image, <[String]>::to_vec).unwrap(), want);
        }
        assert_eq!(argv(&Step::default(), &Image::default(), <[String]>::to_vec), None);
        assert_eq!(working_dir("src", "/app"), "/workspace/src");
        assert_eq!(working_dir("", "/app"), "/app");
    }
}
