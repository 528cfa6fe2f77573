//! The Kubernetes API as the controllers use it: get, list, create, annotate, write a status. Each write either changes
//! nothing or one object, and a write from stale knowledge is refused by `resourceVersion`. It must not know what the
//! objects mean, nor whether the API server is in this process.

use crate::error::Error;
use kube::Client;
use kube::core::Request;
use kube::core::params::{GetParams, ListParams, Patch, PatchParams, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sluice_api::konflux as k;
use sluice_api::meta::ObjectMeta;
use sluice_api::tekton as t;
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// A kind of object and the Rust type that holds it.
#[derive(Debug)]
pub struct Kind<T> {
    pub api_version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    type_: PhantomData<fn() -> T>,
}

impl<T> Clone for Kind<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Kind<T> {}

impl<T> Kind<T> {
    const fn new(api_version: &'static str, kind: &'static str, plural: &'static str) -> Self {
        Self { api_version, kind, plural, type_: PhantomData }
    }

    fn path(&self, namespace: &str) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        if namespace.is_empty() {
            format!("/{root}/{}/{}", self.api_version, self.plural)
        } else {
            format!("/{root}/{}/namespaces/{namespace}/{}", self.api_version, self.plural)
        }
    }
}

const KONFLUX: &str = "appstudio.redhat.com/v1alpha1";
pub const APPLICATIONS: Kind<k::Application> = Kind::new(KONFLUX, "Application", "applications");
pub const COMPONENTS: Kind<k::Component> = Kind::new(KONFLUX, "Component", "components");
pub const SNAPSHOTS: Kind<k::Snapshot> = Kind::new(KONFLUX, "Snapshot", "snapshots");
pub const SCENARIOS: Kind<k::IntegrationTestScenario> =
    Kind::new("appstudio.redhat.com/v1beta2", "IntegrationTestScenario", "integrationtestscenarios");
pub const RELEASE_PLANS: Kind<k::ReleasePlan> = Kind::new(KONFLUX, "ReleasePlan", "releaseplans");
pub const RELEASE_PLAN_ADMISSIONS: Kind<k::ReleasePlanAdmission> =
    Kind::new(KONFLUX, "ReleasePlanAdmission", "releaseplanadmissions");
pub const RELEASES: Kind<k::Release> = Kind::new(KONFLUX, "Release", "releases");
pub const POLICIES: Kind<k::EnterpriseContractPolicy> =
    Kind::new(KONFLUX, "EnterpriseContractPolicy", "enterprisecontractpolicies");
pub const PIPELINE_RUNS: Kind<t::PipelineRun> = Kind::new(t::API_VERSION, "PipelineRun", "pipelineruns");
pub const TASK_RUNS: Kind<t::TaskRun> = Kind::new(t::API_VERSION, "TaskRun", "taskruns");
pub const SECRETS: Kind<Value> = Kind::new("v1", "Secret", "secrets");

/// The API, as one ServiceAccount.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

impl Cluster {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The object, or nothing if there is none of that name.
    pub async fn get<T: DeserializeOwned>(
        &self,
        kind: Kind<T>,
        namespace: &str,
        name: &str,
    ) -> Result<Option<T>, Error> {
        // An empty name would address the collection.
        if name.is_empty() || namespace.is_empty() {
            return Ok(None);
        }
        let what = || format!("get {} {namespace}/{name}", kind.kind);
        let request = Request::new(kind.path(namespace)).get(name, &GetParams::default());
        match self.send::<Value>(request, what()).await {
            Ok(value) => decode(value, what()).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every object of the kind in the namespace with these labels. One that has not the kind's shape is left out and
    /// logged, so that it cannot stop the work on the others.
    pub async fn list<T: DeserializeOwned>(
        &self,
        kind: Kind<T>,
        namespace: &str,
        labels: &[(&str, &str)],
    ) -> Result<Vec<T>, Error> {
        let selector: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut params = ListParams::default();
        if !selector.is_empty() {
            params = params.labels(&selector.join(","));
        }
        let what = || format!("list {} in {namespace}", kind.plural);
        let list: Value = self.send(Request::new(kind.path(namespace)).list(&params), what()).await?;
        let items = match list {
            Value::Object(mut list) => list.remove("items"),
            _ => None,
        };
        let items = match items {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        Ok(items
            .into_iter()
            .filter_map(|item| match decode(item, what()) {
                Ok(object) => Some(object),
                Err(error) => {
                    tracing::warn!(%error, "an object was left out of a list");
                    None
                }
            })
            .collect())
    }

    /// Makes the object. `AlreadyExists` is the caller's to judge ([`Error::is_already_exists`]).
    pub async fn create<T: DeserializeOwned>(
        &self,
        kind: Kind<T>,
        namespace: &str,
        object: &Value,
    ) -> Result<T, Error> {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let what = || format!("create {} {namespace}/{name}", kind.kind);
        let body = encode(object, what())?;
        let request = Request::new(kind.path(namespace)).create(&PostParams::default(), body);
        decode(self.send(request, what()).await?, what())
    }

    /// Adds labels and annotations, and owner references where some are given.
    pub async fn annotate<T>(&self, kind: Kind<T>, meta: &ObjectMeta, changes: Annotate) -> Result<(), Error> {
        let mut metadata = json!({"resourceVersion": meta.resource_version});
        if !changes.annotations.is_empty() {
            metadata["annotations"] = json!(changes.annotations);
        }
        if !changes.labels.is_empty() {
            metadata["labels"] = json!(changes.labels);
        }
        if !changes.owner_references.is_empty() {
            metadata["ownerReferences"] = json!(changes.owner_references);
        }
        self.patch(kind, meta, json!({"metadata": metadata}), false).await
    }

    /// Replaces fields of the status, from the version of the object that was read.
    pub async fn update_status<T>(
        &self,
        kind: Kind<T>,
        meta: &ObjectMeta,
        status: &impl Serialize,
    ) -> Result<(), Error> {
        let patch = json!({"metadata": {"resourceVersion": meta.resource_version}, "status": status});
        self.patch(kind, meta, patch, true).await
    }

    async fn patch<T>(&self, kind: Kind<T>, meta: &ObjectMeta, patch: Value, status: bool) -> Result<(), Error> {
        let (part, verb) = if status { (" status of", "write") } else { ("", "annotate") };
        let what = || format!("{verb}{part} {} {}/{}", kind.kind, meta.namespace, meta.name);
        let request = Request::new(kind.path(&meta.namespace));
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        let request = if status {
            request.patch_subresource("status", &meta.name, &params, &patch)
        } else {
            request.patch(&meta.name, &params, &patch)
        };
        self.send::<Value>(request, what()).await.map(|_| ())
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
        what: String,
    ) -> Result<T, Error> {
        let request = request.map_err(|e| Error::Request { what: what.clone(), message: e.to_string() })?;
        self.client.request(request).await.map_err(|source| Error::Api { what, source: Box::new(source) })
    }
}

/// What [`Cluster::annotate`] adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotate {
    pub annotations: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub owner_references: Vec<sluice_api::meta::OwnerReference>,
}

impl Annotate {
    pub fn annotation(mut self, name: &str, value: impl Into<String>) -> Self {
        self.annotations.insert(name.to_owned(), value.into());
        self
    }
}

fn decode<T: DeserializeOwned>(value: Value, what: String) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|source| Error::Shape { what, source })
}

fn encode(value: &impl Serialize, what: String) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|source| Error::Shape { what, source })
}
