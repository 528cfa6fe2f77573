//! The PipelineRun of a test: its name, which follows from the Snapshot and the scenario, and its content. Pure.

use crate::cluster::{PIPELINE_RUNS, SNAPSHOTS};
use crate::names;
use serde_json::{Map, Value, json};
use sluice_api::konflux::{IntegrationTestScenario, Snapshot};
use sluice_api::konflux_labels as labels;
use sluice_api::tekton::PipelineRun;

/// Runs tests in a tenant namespace.
const SERVICE_ACCOUNT: &str = "konflux-integration-runner";

pub(super) fn name(snapshot: &Snapshot, scenario: &IntegrationTestScenario) -> String {
    let prefix = format!("{}-", scenario.metadata.name);
    names::derived(&prefix, &[&snapshot.metadata.uid, &scenario.metadata.name])
}

/// Whether a run of that name was made for this Snapshot.
pub(super) fn is_of(run: &PipelineRun, snapshot: &Snapshot) -> bool {
    run.metadata.owner_references.iter().any(|o| o.kind == SNAPSHOTS.kind && o.uid == snapshot.metadata.uid)
}

pub(super) fn object(
    snapshot: &Snapshot,
    scenario: &IntegrationTestScenario,
    name: &str,
    mut params: Vec<Value>,
) -> Value {
    let annotated = |key: &str| scenario.metadata.annotations.get(key).map(String::as_str);
    let by_name = annotated(labels::SNAPSHOT_PARAM_AS_NAME) == Some("true");
    let value = if by_name { snapshot.metadata.name.clone() } else { crate::params::json_text(&snapshot.spec) };
    params.insert(0, json!({"name": "SNAPSHOT", "value": value}));

    let mut own = Map::new();
    let mut label = |key: &str, value: &str| {
        if !value.is_empty() {
            own.insert(key.to_owned(), json!(value));
        }
    };
    label(labels::PIPELINE_TYPE, "test");
    label(labels::SCENARIO, &scenario.metadata.name);
    label(labels::OPTIONAL, scenario.metadata.labels.get(labels::OPTIONAL).map_or("false", String::as_str));
    label(labels::SNAPSHOT, &snapshot.metadata.name);
    label(labels::APPLICATION, &snapshot.spec.application);
    label(labels::COMPONENT, snapshot.metadata.labels.get(labels::COMPONENT).map_or("", String::as_str));

    let mut spec = json!({
        "pipelineRef": {"resolver": scenario.spec.resolver_ref.resolver, "params": scenario.spec.resolver_ref.params},
        "params": params,
        "taskRunTemplate": {"serviceAccountName": SERVICE_ACCOUNT},
    });
    let timeouts: Map<String, Value> = ["pipeline", "tasks", "finally"]
        .into_iter()
        .filter_map(|phase| {
            let value = annotated(&format!("test.appstudio.openshift.io/{phase}_timeout"))?;
            Some((phase.to_owned(), json!(value)))
        })
        .collect();
    if !timeouts.is_empty() {
        spec["timeouts"] = Value::Object(timeouts);
    }
    json!({
        "apiVersion": PIPELINE_RUNS.api_version,
        "kind": PIPELINE_RUNS.kind,
        "metadata": {
            "name": name,
            "namespace": snapshot.metadata.namespace,
            "labels": own,
            "annotations": snapshot.metadata.annotations.iter()
                .filter(|(key, _)| key.starts_with(labels::PAC_TEST_PREFIX))
                .collect::<std::collections::BTreeMap<_, _>>(),
            "ownerReferences": [{
                "apiVersion": SNAPSHOTS.api_version, "kind": SNAPSHOTS.kind, "name": snapshot.metadata.name,
                "uid": snapshot.metadata.uid, "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_test_run() {
        let snapshot: Snapshot = serde_json::from_value(json!({
            "metadata": {"name": "hello-1", "namespace": "acme", "uid": "u",
                "labels": {labels::COMPONENT: "hello"},
                "annotations": {"pac.test.appstudio.openshift.io/sha": "c0ffee", "other": "x"}},
            "spec": {"application": "hello", "components": [{"name": "hello", "containerImage": "r@sha256:0"}]}
        }))
        .unwrap();
        let scenario: IntegrationTestScenario = serde_json::from_value(json!({
            "metadata": {"name": "policy", "annotations": {"test.appstudio.openshift.io/pipeline_timeout": "1h"}},
            "spec": {"application": "hello", "resolverRef": {"resolver": "bundles", "resourceKind": "pipeline",
                "params": [{"name": "kind", "value": "pipeline"}]}}
        }))
        .unwrap();
        let name = name(&snapshot, &scenario);
        assert!(name.starts_with("policy-"));
        let run = object(&snapshot, &scenario, &name, vec![json!({"name": "STRICT", "value": "true"})]);
        assert_eq!(
            run["spec"],
            json!({
                "pipelineRef": {"resolver": "bundles", "params": [{"name": "kind", "value": "pipeline"}]},
                "params": [
                    {"name": "SNAPSHOT", "value": "{\"application\":\"hello\",\"components\":[{\"containerImage\":\
                      \"r@sha256:0\",\"name\":\"hello\"}]}"},
                    {"name": "STRICT", "value": "true"}
                ],
                "taskRunTemplate": {"serviceAccountName": "konflux-integration-runner"},
                "timeouts": {"pipeline": "1h"},
            })
        );
        assert_eq!(run["metadata"]["labels"][labels::PIPELINE_TYPE], "test");
        assert_eq!(run["metadata"]["labels"][labels::OPTIONAL], "false");
        assert_eq!(run["metadata"]["annotations"], json!({"pac.test.appstudio.openshift.io/sha": "c0ffee"}));
        assert!(is_of(&serde_json::from_value(run).unwrap(), &snapshot));
    }
}
