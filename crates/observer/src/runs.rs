//! TaskRuns and PipelineRuns over the Kubernetes API: reading them whole, and what the watch needs to know of one.

use crate::annotate::SIGNED;
use crate::error::{Error, is_status};
use kube::api::{Api, ApiResource, DynamicObject};
use serde_json::Value;
use sluice_api::tekton::API_VERSION;
use std::fmt;

/// The kinds that are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    TaskRun,
    PipelineRun,
}

impl Kind {
    /// As in `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TaskRun => "TaskRun",
            Self::PipelineRun => "PipelineRun",
        }
    }

    /// The resource of the API.
    pub fn resource(self) -> ApiResource {
        ApiResource {
            group: "tekton.dev".to_owned(),
            version: "v1".to_owned(),
            api_version: API_VERSION.to_owned(),
            kind: self.name().to_owned(),
            plural: format!("{}s", self.name().to_lowercase()),
        }
    }
}

/// Names a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.name(), self.namespace, self.name)
    }
}

/// The runs of an API server.
#[derive(Clone)]
pub(crate) struct Runs {
    client: kube::Client,
}

impl Runs {
    pub(crate) fn new(client: kube::Client) -> Self {
        Self { client }
    }

    /// All runs of a kind, for watching.
    pub(crate) fn all(&self, kind: Kind) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &kind.resource())
    }

    /// The runs of a namespace.
    pub(crate) fn of(&self, key: &Key) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &key.namespace, &key.kind.resource())
    }

    /// A run as the API server has it now, as it was sent; none if it is gone.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Value>, Error> {
        match self.of(key).get(&key.name).await {
            Ok(object) => serde_json::to_value(object).map(Some).map_err(|e| Error::Encode(e.to_string())),
            Err(e) if is_status(&e, 404) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

/// Whether the run ended, well or not: condition `Succeeded` is decided.
pub(crate) fn is_done(run: &Value) -> bool {
    let conditions = run.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    conditions
        .filter(|condition| condition["type"] == "Succeeded")
        .any(|condition| condition["status"] == "True" || condition["status"] == "False")
}

/// Whether signing the run has come to an end, one way or the other.
pub(crate) fn is_decided(run: &Value) -> bool {
    matches!(annotation(run, SIGNED), Some("true" | "failed"))
}

/// An annotation of the run.
pub(crate) fn annotation<'a>(run: &'a Value, key: &str) -> Option<&'a str> {
    run.pointer("/metadata/annotations")?.get(key)?.as_str()
}

/// The PipelineRun that controls this run: its name and uid.
pub(crate) fn owner(run: &Value) -> Option<(&str, &str)> {
    let owners = run.pointer("/metadata/ownerReferences")?.as_array()?;
    let is_pipeline_run = |owner: &&Value| {
        let api = owner["apiVersion"].as_str().unwrap_or_default();
        owner["kind"] == "PipelineRun" && api.starts_with("tekton.dev/") && owner["controller"] == true
    };
    let owner = owners.iter().find(is_pipeline_run)?;
    Some((owner["name"].as_str()?, owner["uid"].as_str()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn done_is_a_decided_condition() {
        let run = |status: &str| json!({"status": {"conditions": [{"type": "Succeeded", "status": status}]}});
        assert!(is_done(&run("True")) && is_done(&run("False")));
        assert!(!is_done(&run("Unknown")) && !is_done(&json!({})) && !is_done(&json!({"status": {"conditions": 1}})));
    }

    #[test]
    fn decided_is_what_chains_takes_for_it() {
        let run = |value: &str| json!({"metadata": {"annotations": {SIGNED: value}}});
        assert!(is_decided(&run("true")) && is_decided(&run("failed")));
        assert!(!is_decided(&run("")) && !is_decided(&json!({"metadata": {}})));
    }

    #[test]
    fn the_owner_is_the_controller() {
        let owner_of = |kind: &str, controller: bool| {
            json!({"metadata": {"ownerReferences": [
                {"apiVersion": "tekton.dev/v1", "kind": kind, "name": "n", "uid": "u", "controller": controller}]}})
        };
        assert_eq!(owner(&owner_of("PipelineRun", true)), Some(("n", "u")));
        assert_eq!(owner(&owner_of("PipelineRun", false)), None);
        assert_eq!(owner(&owner_of("Other", true)), None);
    }
}
