//! The rules of a step's sandbox that follow from the Task: its network, and whether it may nest sandboxes.

use super::{PrepareError, VALIDATION_FAILED};
use crate::definition::Definition;
use serde_json::Value;
use sluice_api::tekton::{ParamValue, Step, TaskRun, TaskSpec, params};
use sluice_api::witness::Network;

/// Steps that keep the registry's network in a hermetic task.
pub(super) const REGISTRY_STEPS: &str = "sluice.dev/registry-steps";
/// Name of the param that makes the task hermetic when it is `true`.
pub(super) const HERMETIC_PARAM: &str = "sluice.dev/hermetic-param";
/// Tekton's own way to ask for it, on a Task or a TaskRun.
pub(super) const EXECUTION_MODE: &str = "experimental.tekton.dev/execution-mode";

/// What a step's sandbox is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    pub network: Network,
    pub nested: bool,
    pub run_as_user: Option<u32>,
    pub run_as_group: Option<u32>,
    pub non_root: bool,
}

pub(super) fn rules(
    run: &TaskRun,
    definition: &Definition,
    spec: &TaskSpec,
    step: &Step,
) -> Result<Rules, PrepareError> {
    let context = step.security_context.as_ref();
    let template = run.spec.pod_template.as_ref().and_then(|t| t.get("securityContext"));
    let field = |name: &str| {
        let of = |c: Option<&Value>| c.and_then(|c| c.get(name)).cloned().filter(|v| !v.is_null());
        of(context).or_else(|| of(template))
    };
    let id = |name: &str| match field(name) {
        None => Ok(None),
        Some(value) => value.as_u64().and_then(|n| u32::try_from(n).ok()).map(Some).ok_or_else(|| {
            PrepareError::new(VALIDATION_FAILED, format!("step `{}`: securityContext.{name} is no user id", step.name))
        }),
    };
    let added = context.and_then(|c| c.pointer("/capabilities/add")).and_then(Value::as_array);
    let nested = added
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|c| matches!(c.strip_prefix("CAP_").unwrap_or(c), "SETFCAP" | "SYS_ADMIN"));
    Ok(Rules {
        network: network(run, definition, spec, &step.name),
        nested,
        run_as_user: id("runAsUser")?,
        run_as_group: id("runAsGroup")?,
        non_root: field("runAsNonRoot") == Some(Value::Bool(true)),
    })
}

fn network(run: &TaskRun, definition: &Definition, spec: &TaskSpec, step: &str) -> Network {
    if !hermetic(run, definition, spec) {
        return Network::Egress;
    }
    // Only the Task may name registry steps: a run's author must not widen a task's network.
    let listed = definition.annotations.get(REGISTRY_STEPS).map(String::as_str).unwrap_or_default();
    if listed.split(',').any(|name| name.trim() == step) { Network::Registry } else { Network::None }
}

fn hermetic(run: &TaskRun, definition: &Definition, spec: &TaskSpec) -> bool {
    let mode = |annotations: &std::collections::BTreeMap<String, String>| {
        annotations.get(EXECUTION_MODE).is_some_and(|mode| mode == "hermetic")
    };
    let by_param = definition.annotations.get(HERMETIC_PARAM).is_some_and(|name| {
        let values = params::effective(&spec.params, &run.spec.params);
        values.get(name) == Some(&ParamValue::String("true".into()))
    });
    by_param || mode(&run.metadata.annotations) || mode(&definition.annotations)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn case(annotations: Value, hermetic: &str, step: Value) -> Rules {
        let run: TaskRun =
            serde_json::from_value(json!({"spec": {"params": [{"name": "HERMETIC", "value": hermetic}]}})).unwrap();
        let spec: TaskSpec = serde_json::from_value(
            json!({"params": [{"name": "HERMETIC", "default": "false"}], "steps": [step.clone()]}),
        )
        .unwrap();
        let definition =
            Definition { annotations: serde_json::from_value(annotations).unwrap(), ..Definition::default() };
        rules(&run, &definition, &spec, &spec.steps[0]).unwrap()
    }

    #[test]
    fn the_task_decides_its_network() {
        let declared = json!({HERMETIC_PARAM: "HERMETIC", REGISTRY_STEPS: "push, sbom"});
        let table = [
            (declared.clone(), "true", "build", Network::None),
            (declared.clone(), "true", "push", Network::Registry),
            (declared.clone(), "true", "sbom", Network::Registry),
            (declared, "false", "build", Network::Egress),
            // A param that only sounds hermetic changes nothing: the witness will show the egress it had.
            (json!({}), "true", "build", Network::Egress),
            (json!({EXECUTION_MODE: "hermetic"}), "false", "build", Network::None),
        ];
        for (annotations, hermetic, step, want) in table {
            assert_eq!(case(annotations, hermetic, json!({"name": step})).network, want, "{step} {hermetic}");
        }
    }

    #[test]
    fn capabilities_of_builders_nest() {
        let step = json!({"name": "build", "securityContext": {"capabilities": {"add": ["SETFCAP"]}, "runAsUser": 7}});
        let rules = case(json!({}), "true", step);
        assert!(rules.nested);
        assert_eq!(rules.run_as_user, Some(7));
        assert!(!case(json!({}), "true", json!({"name": "x"})).nested);
    }
}
