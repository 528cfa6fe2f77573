//! The managed PipelineRun of a Release: its name, which follows from the Release and the attempt, and its content. Pure.
//! What it works on (Snapshot, policy, data) is put in by value, so that what is verified is what is published.

use super::validate::Valid;
use crate::cluster::PIPELINE_RUNS;
use crate::names;
use crate::params;
use serde_json::{Value, json};
use sluice_api::konflux::Release;
use sluice_api::konflux_labels as labels;
use sluice_api::tekton::PipelineRun;

/// Ties a run to the very Release that it is for.
const RELEASE_UID: &str = "sluice.dev/release-uid";

/// The first attempt; there are no others yet.
pub(super) const ATTEMPT: &str = "1";

pub(super) fn name(release: &Release) -> String {
    names::derived("managed-", &[&release.metadata.uid, ATTEMPT])
}

/// Whether a run of that name was made for this Release.
pub(super) fn is_of(run: &PipelineRun, release: &Release) -> bool {
    let label = |name: &str| run.metadata.labels.get(name).map(String::as_str);
    run.metadata.annotations.get(RELEASE_UID) == Some(&release.metadata.uid)
        && label(labels::RELEASE_NAME) == Some(&release.metadata.name)
        && label(labels::RELEASE_NAMESPACE) == Some(&release.metadata.namespace)
}

pub(super) fn object(release: &Release, valid: &Valid<'_>, policy: &Value) -> Value {
    let (meta, admission) = (&release.metadata, valid.admission);
    let data = admission.spec.data.clone().unwrap_or_else(|| json!({}));
    let own = [
        ("release", release.key()),
        ("releasePlan", valid.plan.key()),
        ("releasePlanAdmission", admission.key()),
        ("snapshot", valid.snapshot.key()),
        ("snapshotSpec", params::json_text(&valid.snapshot.spec)),
        ("enterpriseContractPolicy", params::json_text(policy)),
        ("data", params::json_text(&data)),
    ];
    let mut list: Vec<Value> = own.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let extra = valid.pipeline.params.iter().filter(|p| !own.iter().any(|(name, _)| *name == p.name));
    if let Some(storage) = valid.pipeline.pipeline_ref.extra.get("ociStorage").filter(|v| v.is_string()) {
        list.push(json!({"name": "ociStorage", "value": storage}));
    }
    list.extend(extra.map(|p| json!({"name": p.name, "value": p.value})));

    let mut spec = json!({
        "pipelineRef": valid.pipeline_ref,
        "params": list,
        "taskRunTemplate": {"serviceAccountName": valid.pipeline.service_account_name},
    });
    if valid.pipeline.service_account_name.is_empty() {
        spec["taskRunTemplate"] = json!({"serviceAccountName": "default"});
    }
    if !valid.pipeline.task_run_specs.is_empty() {
        spec["taskRunSpecs"] = json!(valid.pipeline.task_run_specs);
    }
    if let Some(timeouts) = &valid.pipeline.timeouts {
        spec["timeouts"] = json!(timeouts);
    }
    json!({
        "apiVersion": PIPELINE_RUNS.api_version,
        "kind": PIPELINE_RUNS.kind,
        "metadata": {
            "name": name(release),
            "namespace": admission.metadata.namespace,
            "labels": {
                labels::APPLICATION: valid.plan.spec.application,
                labels::PIPELINE_TYPE: "managed",
                labels::SERVICE: "release",
                labels::RELEASE_NAME: meta.name,
                labels::RELEASE_NAMESPACE: meta.namespace,
                labels::SNAPSHOT: release.spec.snapshot,
                labels::RELEASE_ATTEMPT: ATTEMPT,
            },
            // The owner is in another namespace, which an owner reference cannot say.
            "annotations": {
                "operator-sdk/primary-resource": release.key(),
                "operator-sdk/primary-resource-type": "Release.appstudio.redhat.com",
                RELEASE_UID: meta.uid,
            },
        },
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::validate::{Attribution, Valid};
    use super::*;
    use sluice_api::konflux::{ReleasePlan, ReleasePlanAdmission, Snapshot};

    #[test]
    fn everything_is_by_value_and_the_tenant_overrides_nothing() {
        let release: Release = serde_json::from_value(json!({
            "metadata": {"name": "r", "namespace": "acme", "uid": "u"},
            "spec": {"snapshot": "hello-1", "releasePlan": "hello"}}))
        .unwrap();
        let plan: ReleasePlan = serde_json::from_value(json!({
            "metadata": {"name": "hello", "namespace": "acme"}, "spec": {"application": "hello", "data": {"mapping": "evil"}}}))
        .unwrap();
        let admission: ReleasePlanAdmission = serde_json::from_value(json!({
            "metadata": {"name": "hello", "namespace": "acme-managed"},
            "spec": {"data": {"mapping": {}}, "pipeline": {
                "serviceAccountName": "release-pipeline",
                "params": [{"name": "snapshotSpec", "value": "{}"}, {"name": "more", "value": "x"}],
                "taskRunSpecs": [{"pipelineTaskName": "push-snapshot", "serviceAccountName": "release-pusher"}]}}}))
        .unwrap();
        let snapshot: Snapshot = serde_json::from_value(json!({
            "metadata": {"name": "hello-1", "namespace": "acme"},
            "spec": {"application": "hello", "components": [{"name": "$(x)", "containerImage": "r@sha256:0"}]}}))
        .unwrap();
        let valid = Valid {
            plan: &plan,
            admission: &admission,
            pipeline: admission.spec.pipeline.as_ref().unwrap(),
            pipeline_ref: sluice_api::tekton::Ref { name: "release".to_owned(), ..Default::default() },
            snapshot: &snapshot,
            attribution: Attribution { author: "ana".to_owned(), standing: false },
        };
        let run = object(&release, &valid, &json!({"sources": []}));
        assert_eq!(run["metadata"]["namespace"], "acme-managed");
        assert_eq!(
            run["spec"],
            json!({
                "pipelineRef": {"name": "release"},
                "params": [
                    {"name": "release", "value": "acme/r"},
                    {"name": "releasePlan", "value": "acme/hello"},
                    {"name": "releasePlanAdmission", "value": "acme-managed/hello"},
                    {"name": "snapshot", "value": "acme/hello-1"},
                    {"name": "snapshotSpec", "value": "{\"application\":\"hello\",\"components\":[{\"containerImage\":\
                      \"r@sha256:0\",\"name\":\"\\u0024(x)\"}]}"},
                    {"name": "enterpriseContractPolicy", "value": "{\"sources\":[]}"},
                    {"name": "data", "value": "{\"mapping\":{}}"},
                    {"name": "more", "value": "x"},
                ],
                "taskRunTemplate": {"serviceAccountName": "release-pipeline"},
                "taskRunSpecs": [{"pipelineTaskName": "push-snapshot", "serviceAccountName": "release-pusher"}],
            })
        );
        let run: PipelineRun = serde_json::from_value(run).unwrap();
        assert!(is_of(&run, &release));
        let other = Release {
            metadata: sluice_api::meta::ObjectMeta { uid: "v".to_owned(), ..release.metadata.clone() },
            ..release
        };
        assert!(!is_of(&run, &other));
    }
}
