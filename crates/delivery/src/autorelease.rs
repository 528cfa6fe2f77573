//! A Snapshot that passed its tests is released without being asked: one Release for each ReleasePlan that wants it, by a
//! name that follows from both, so that it is made once. The decision is pure. It must not know whether a release will
//! be admitted.

use crate::Config;
use crate::cluster::{Cluster, RELEASE_PLANS, RELEASES, SNAPSHOTS};
use crate::conditions::{self, FALSE, TRUE};
use crate::error::Error;
use crate::names;
use serde_json::{Value, json};
use sluice_api::konflux::{Release, ReleasePlan, Snapshot};
use sluice_api::konflux_labels as labels;
use sluice_api::meta::Condition;

const AUTO_RELEASED: &str = "AutoReleased";

/// Looks at one Snapshot and makes the Releases that are missing.
///
/// # Errors
/// A call that failed; the next look starts over.
pub async fn reconcile(cluster: &Cluster, config: &Config, snapshot: &Snapshot) -> Result<(), Error> {
    if !can_be_promoted(snapshot) {
        return Ok(());
    }
    let namespace = &snapshot.metadata.namespace;
    let plans = cluster.list(RELEASE_PLANS, namespace, &[]).await?;
    let wanted: Vec<&ReleasePlan> = plans.iter().filter(|plan| wants(plan, snapshot)).collect();
    let message = if wanted.is_empty() {
        if should_release(snapshot) {
            "Skipping auto-release of the Snapshot because no ReleasePlans have the 'auto-release' label set to 'true'"
        } else {
            "Skipping auto-release because the build pipeline's SHOULD_RELEASE result is 'false'"
        }
    } else if is_superseded(snapshot, &cluster.list(SNAPSHOTS, namespace, &[]).await?) {
        "Released in newer Snapshot"
    } else {
        for plan in wanted {
            ensure(cluster, snapshot, plan).await?;
        }
        "The Snapshot was auto-released"
    };
    let mut status = snapshot.status.clone().unwrap_or_default();
    let now = conditions::time((config.now)());
    conditions::set(&mut status.conditions, &now, AUTO_RELEASED, TRUE, AUTO_RELEASED, message);
    cluster.update_status(SNAPSHOTS, &snapshot.metadata, &status).await
}

/// The Release of this Snapshot by this plan, and its mark that nobody asked for it by hand.
async fn ensure(cluster: &Cluster, snapshot: &Snapshot, plan: &ReleasePlan) -> Result<(), Error> {
    let namespace = &snapshot.metadata.namespace;
    let object = release(snapshot, plan);
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let release: Release = match cluster.create(RELEASES, namespace, &object).await {
        Ok(created) => {
            tracing::info!(%namespace, release = %name, snapshot = %snapshot.metadata.name, "Release created");
            created
        }
        Err(error) if error.is_already_exists() => match cluster.get(RELEASES, namespace, name).await? {
            Some(found) => found,
            // Deleted by somebody this moment: not made again behind their back.
            None => return Ok(()),
        },
        Err(error) => return Err(error),
    };
    let ours = release.spec.snapshot == snapshot.metadata.name
        && release.spec.release_plan == plan.metadata.name
        && release.metadata.labels.get(labels::AUTOMATED).is_some_and(|v| v == "true");
    if !ours {
        let message = format!("Release {namespace}/{name} exists already and is of something else; delete it");
        return Err(Error::Request { what: "auto-release".to_owned(), message });
    }
    if release.status.as_ref().is_some_and(|s| s.automated) {
        return Ok(());
    }
    cluster.update_status(RELEASES, &release.metadata, &json!({"automated": true})).await
}

fn release(snapshot: &Snapshot, plan: &ReleasePlan) -> Value {
    let meta = &snapshot.metadata;
    let sha = ["pac.test.appstudio.openshift.io/sha", "build.appstudio.redhat.com/commit_sha"]
        .iter()
        .find_map(|key| meta.labels.get(*key).or_else(|| meta.annotations.get(*key)))
        .map(|sha| sha.chars().take_while(char::is_ascii_alphanumeric).take(7).collect::<String>().to_lowercase())
        .filter(|sha| !sha.is_empty());
    let prefix = match sha {
        Some(sha) => format!("{}-{sha}-", meta.name),
        None => format!("{}-", meta.name),
    };
    json!({
        "apiVersion": RELEASES.api_version,
        "kind": RELEASES.kind,
        "metadata": {
            "name": names::derived(&prefix, &[&meta.uid, &plan.metadata.name]),
            "namespace": meta.namespace,
            "labels": {labels::AUTOMATED: "true"},
            "ownerReferences": [{
                "apiVersion": SNAPSHOTS.api_version, "kind": SNAPSHOTS.kind, "name": meta.name, "uid": meta.uid,
                "controller": false, "blockOwnerDeletion": false,
            }],
        },
        "spec": {"snapshot": meta.name, "releasePlan": plan.metadata.name},
    })
}

/// Tested, passed, valid, of a push, not told otherwise, and not yet dealt with.
fn can_be_promoted(snapshot: &Snapshot) -> bool {
    let all: &[Condition] = snapshot.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    let label = |name: &str| snapshot.metadata.labels.get(name).map(String::as_str);
    snapshot.metadata.deletion_timestamp.is_none()
        && conditions::is(all, "AppStudioIntegrationStatus", TRUE, Some("Finished"))
        && conditions::is(all, "AppStudioTestSucceeded", TRUE, None)
        && !conditions::is(all, "AppStudioIntegrationStatus", FALSE, None)
        && !conditions::is(all, AUTO_RELEASED, TRUE, None)
        && is_push(snapshot)
        && label(labels::AUTO_RELEASE) != Some("false")
        && label(labels::SNAPSHOT_TYPE) != Some("group")
}

/// Made from a push, as opposed to a pull request or a merge queue's trial.
pub(crate) fn is_push(snapshot: &Snapshot) -> bool {
    let pac = |name: &str| {
        let key = format!("{}{name}", labels::PAC_TEST_PREFIX);
        snapshot.metadata.labels.get(&key).or_else(|| snapshot.metadata.annotations.get(&key)).map(String::as_str)
    };
    let merge_queue = ["source-branch", "branch"]
        .iter()
        .filter_map(|b| pac(b))
        .any(|branch| branch.strip_prefix("refs/heads/").unwrap_or(branch).starts_with("gh-readonly-queue/"));
    let group = snapshot.metadata.labels.get(labels::SNAPSHOT_TYPE).is_some_and(|t| t == "group");
    let push = matches!(pac("event-type"), None | Some("push" | "Push")) || pac("pull-request").is_none();
    push && !merge_queue && !group
}

/// The build's own word on whether to release.
fn should_release(snapshot: &Snapshot) -> bool {
    let key = format!("{}should-release", labels::RESULT_PREFIX);
    snapshot.metadata.annotations.get(&key).is_none_or(|v| v != "false")
}

/// Whether the plan takes this Snapshot by itself. An expression in the annotation of that name is not evaluated yet,
/// and what is not understood is not released.
fn wants(plan: &ReleasePlan, snapshot: &Snapshot) -> bool {
    plan.metadata.deletion_timestamp.is_none()
        && !plan.spec.application.is_empty()
        && plan.spec.application == snapshot.spec.application
        && !plan.metadata.annotations.contains_key(labels::AUTO_RELEASE)
        && plan.metadata.labels.get(labels::AUTO_RELEASE).is_none_or(|v| v != "false")
        && should_release(snapshot)
}

/// A newer build of the same component has been released already.
fn is_superseded(snapshot: &Snapshot, others: &[Snapshot]) -> bool {
    let started = |s: &Snapshot| s.metadata.annotations.get(labels::RUN_START_TIME).and_then(|t| t.parse::<i64>().ok());
    let component = |s: &Snapshot| s.metadata.labels.get(labels::COMPONENT).cloned();
    let Some(own) = started(snapshot) else { return false };
    others.iter().any(|other| {
        other.metadata.uid != snapshot.metadata.uid
            && other.spec.application == snapshot.spec.application
            && component(other) == component(snapshot)
            && is_push(other)
            && started(other).is_some_and(|t| t > own)
            && other.status.as_ref().is_some_and(|s| conditions::is(&s.conditions, AUTO_RELEASED, TRUE, None))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn snapshot(change: impl FnOnce(&mut Value)) -> Snapshot {
        let mut value = json!({
            "metadata": {"name": "hello-20261121-100136-000", "namespace": "acme", "uid": "s",
                "labels": {labels::SNAPSHOT_TYPE: "component", labels::COMPONENT: "hello"},
                "annotations": {"build.appstudio.redhat.com/commit_sha": "C0FFEE00112233", labels::RUN_START_TIME: "100"}},
            "spec": {"application": "hello"},
            "status": {"conditions": [
                {"type": "AppStudioIntegrationStatus", "status": "True", "reason": "Finished"},
                {"type": "AppStudioTestSucceeded", "status": "True", "reason": "Passed"}]},
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    fn plan(metadata: Value, application: &str) -> ReleasePlan {
        serde_json::from_value(json!({"metadata": metadata, "spec": {"application": application}})).unwrap()
    }

    #[test]
    fn only_a_push_that_passed_is_promoted() {
        assert!(can_be_promoted(&snapshot(|_| ())));
        let pac = "pac.test.appstudio.openshift.io/";
        let not = [
            snapshot(|s| s["status"]["conditions"][1]["status"] = json!("False")),
            snapshot(|s| s["status"]["conditions"][0]["reason"] = json!("Canceled")),
            snapshot(|s| s["status"]["conditions"] = json!([])),
            snapshot(|s| s["metadata"]["labels"][labels::AUTO_RELEASE] = json!("false")),
            snapshot(|s| s["metadata"]["labels"][labels::SNAPSHOT_TYPE] = json!("group")),
            snapshot(|s| {
                s["metadata"]["labels"][format!("{pac}event-type")] = json!("pull_request");
                s["metadata"]["labels"][format!("{pac}pull-request")] = json!("7");
            }),
            snapshot(|s| {
                s["metadata"]["annotations"][format!("{pac}source-branch")] = json!("gh-readonly-queue/main/pr-1")
            }),
        ];
        for snapshot in not {
            assert!(!can_be_promoted(&snapshot), "{snapshot:?}");
        }
    }

    #[test]
    fn plans_that_want_it() {
        let plain = snapshot(|_| ());
        let table = [
            (plan(json!({"name": "p"}), "hello"), true),
            (plan(json!({"name": "p", "labels": {labels::AUTO_RELEASE: "true"}}), "hello"), true),
            (plan(json!({"name": "p", "labels": {labels::AUTO_RELEASE: "false"}}), "hello"), false),
            (plan(json!({"name": "p", "annotations": {labels::AUTO_RELEASE: "true"}}), "hello"), false),
            (plan(json!({"name": "p"}), "other"), false),
            (plan(json!({"name": "p"}), ""), false),
        ];
        for (plan, want) in table {
            assert_eq!(wants(&plan, &plain), want, "{plan:?}");
        }
        let told = snapshot(|s| {
            s["metadata"]["annotations"][format!("{}should-release", labels::RESULT_PREFIX)] = json!("false")
        });
        assert!(!wants(&plan(json!({"name": "p"}), "hello"), &told));
    }

    #[test]
    fn the_same_snapshot_and_plan_make_the_same_release() {
        let (snapshot, plan) = (snapshot(|_| ()), plan(json!({"name": "to-production"}), "hello"));
        let object = release(&snapshot, &plan);
        assert_eq!(object, release(&snapshot, &plan));
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with("hello-20261121-100136-000-c0ffee0-"), "{name}");
        assert!(name.len() <= 63);
    }

    #[test]
    fn an_older_build_gives_way() {
        let old = snapshot(|_| ());
        let newer = snapshot(|s| {
            s["metadata"]["uid"] = json!("t");
            s["metadata"]["annotations"][labels::RUN_START_TIME] = json!("200");
            s["status"]["conditions"] = json!([{"type": "AutoReleased", "status": "True"}]);
        });
        assert!(is_superseded(&old, &[old.clone(), newer.clone()]));
        assert!(!is_superseded(&newer, &[old.clone(), newer.clone()]));
        let unreleased = snapshot(|s| {
            s["metadata"]["uid"] = json!("t");
            s["metadata"]["annotations"][labels::RUN_START_TIME] = json!("200");
        });
        assert!(!is_superseded(&old, &[unreleased]));
    }
}
