//! IntegrationTestScenarios: which apply to a Snapshot, and whether one can be run at all. The decisions are pure; the
//! controller writes `IntegrationTestScenarioValid` and the owner.

use crate::Config;
use crate::cluster::{APPLICATIONS, Annotate, Cluster, SCENARIOS};
use crate::conditions::{self, FALSE, TRUE};
use crate::error::Error;
use sluice_api::konflux::{IntegrationTestScenario, Snapshot};
use sluice_api::konflux_labels as labels;
use sluice_api::meta::OwnerReference;

const VALID: &str = "IntegrationTestScenarioValid";

/// Writes whether the scenario can be run.
///
/// # Errors
/// A call that failed; the next look starts over.
pub async fn reconcile(cluster: &Cluster, config: &Config, namespace: &str, name: &str) -> Result<(), Error> {
    let Some(scenario) = cluster.get(SCENARIOS, namespace, name).await? else { return Ok(()) };
    let application = cluster.get(APPLICATIONS, namespace, &scenario.spec.application).await?;
    if let (Some(application), true) = (&application, scenario.metadata.owner_references.is_empty()) {
        let owner = OwnerReference {
            api_version: APPLICATIONS.api_version.to_owned(),
            kind: APPLICATIONS.kind.to_owned(),
            name: application.metadata.name.clone(),
            uid: application.metadata.uid.clone(),
            controller: Some(false),
            block_owner_deletion: Some(false),
        };
        let changes = Annotate { owner_references: vec![owner], ..Default::default() };
        // The change brings the scenario here again, with its new version.
        return cluster.annotate(SCENARIOS, &scenario.metadata, changes).await;
    }
    let reason = invalid(&scenario).or_else(|| {
        application
            .is_none()
            .then(|| format!("could not find application '{}' in namespace '{namespace}'", scenario.spec.application))
    });
    let mut status = scenario.status.clone().unwrap_or_default();
    let now = conditions::time((config.now)());
    match &reason {
        Some(reason) => conditions::set(&mut status.conditions, &now, VALID, FALSE, "Invalid", reason),
        None => {
            conditions::set(&mut status.conditions, &now, VALID, TRUE, "Valid", "Integration test scenario is Valid.");
        }
    }
    if scenario.status.as_ref() == Some(&status) {
        return Ok(());
    }
    cluster.update_status(SCENARIOS, &scenario.metadata, &status).await
}

/// Why a scenario cannot be run here, whatever the Snapshot.
pub(super) fn invalid(scenario: &IntegrationTestScenario) -> Option<String> {
    let spec = &scenario.spec;
    if spec.application.is_empty() {
        return Some("componentGroup is not supported; set application".to_owned());
    }
    if spec.resolver_ref.resolver.is_empty() {
        return Some("resolverRef.resolver is empty; name a resolver, e.g. bundles".to_owned());
    }
    match spec.resolver_ref.extra.get("resourceKind").and_then(|k| k.as_str()) {
        None | Some("" | "pipeline") => None,
        Some(kind) => Some(format!("resolverRef.resourceKind {kind} is not supported; use pipeline")),
    }
}

/// Not needed for a Snapshot to pass.
pub(super) fn is_optional(scenario: &IntegrationTestScenario) -> bool {
    scenario.metadata.labels.get(labels::OPTIONAL).is_some_and(|v| v == "true")
}

/// Whether the scenario is for this Snapshot: of its application, and with no contexts or one that fits.
pub(super) fn applies(scenario: &IntegrationTestScenario, snapshot: &Snapshot) -> bool {
    let spec = &scenario.spec;
    if spec.application.is_empty() || spec.application != snapshot.spec.application {
        return false;
    }
    if scenario.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let mut names = spec.contexts.iter().filter_map(|c| c.get("name").and_then(|n| n.as_str())).peekable();
    names.peek().is_none() || names.any(|name| fits(name, snapshot))
}

fn fits(context: &str, snapshot: &Snapshot) -> bool {
    let label = |name: &str| snapshot.metadata.labels.get(name).map(String::as_str).unwrap_or_default();
    let kind = label(labels::SNAPSHOT_TYPE);
    match context {
        "application" | "all" => true,
        "component" | "override" | "group" => kind == context,
        "push" => crate::autorelease::is_push(snapshot),
        "pull_request" => !crate::autorelease::is_push(snapshot),
        _ => context
            .strip_prefix("component_")
            .is_some_and(|name| kind == "component" && name == label(labels::COMPONENT)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::{Value, json};

    fn scenario(spec: Value) -> IntegrationTestScenario {
        serde_json::from_value(json!({"metadata": {"name": "policy"}, "spec": spec})).unwrap()
    }

    #[test]
    fn contexts() {
        let snapshot: Snapshot = serde_json::from_value(json!({
            "metadata": {"labels": {
                labels::SNAPSHOT_TYPE: "component", labels::COMPONENT: "hello",
                "pac.test.appstudio.openshift.io/event-type": "push"}},
            "spec": {"application": "hello"}
        }))
        .unwrap();
        let table: [(&[&str], bool); 9] = [
            (&[], true),
            (&["application"], true),
            (&["all"], true),
            (&["component"], true),
            (&["component_hello"], true),
            (&["component_other"], false),
            (&["pull_request"], false),
            (&["group", "push"], true),
            (&["disabled"], false),
        ];
        for (contexts, want) in table {
            let contexts: Vec<Value> = contexts.iter().map(|name| json!({"name": name})).collect();
            let scenario = scenario(json!({"application": "hello", "contexts": contexts}));
            assert_eq!(applies(&scenario, &snapshot), want, "{contexts:?}");
        }
        assert!(!applies(&scenario(json!({"application": "other"})), &snapshot));
    }

    #[test]
    fn what_cannot_be_run() {
        let bundles = json!({"resolver": "bundles", "params": []});
        assert_eq!(invalid(&scenario(json!({"application": "a", "resolverRef": bundles}))), None);
        let no_resolver = invalid(&scenario(json!({"application": "a"})));
        assert_eq!(no_resolver.unwrap(), "resolverRef.resolver is empty; name a resolver, e.g. bundles");
        let whole_run = json!({"resolver": "bundles", "resourceKind": "pipelinerun"});
        let reason = invalid(&scenario(json!({"application": "a", "resolverRef": whole_run})));
        assert_eq!(reason.unwrap(), "resolverRef.resourceKind pipelinerun is not supported; use pipeline");
    }
}
