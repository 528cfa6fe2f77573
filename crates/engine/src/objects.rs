//! Objects of the API as JSON trees: reads, creations and status writes. Trees and not types, so that what the engine
//! does not know is never lost and signatures cover what is really stored.

use http::{Method, Request};
use serde_json::Value;

/// A kind that the engine reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
}

pub const TASK: Kind = tekton("Task", "tasks");
pub const PIPELINE: Kind = tekton("Pipeline", "pipelines");
pub const TASK_RUN: Kind = tekton("TaskRun", "taskruns");
pub const PIPELINE_RUN: Kind = tekton("PipelineRun", "pipelineruns");
pub const POD: Kind = core("Pod", "pods");
pub const EVENT: Kind = core("Event", "events");
pub const SERVICE_ACCOUNT: Kind = core("ServiceAccount", "serviceaccounts");
pub const SECRET: Kind = core("Secret", "secrets");
pub const CONFIG_MAP: Kind = core("ConfigMap", "configmaps");
pub const CLAIM: Kind = core("PersistentVolumeClaim", "persistentvolumeclaims");

const fn tekton(kind: &'static str, plural: &'static str) -> Kind {
    Kind { group: "tekton.dev", version: "v1", kind, plural }
}

const fn core(kind: &'static str, plural: &'static str) -> Kind {
    Kind { group: "", version: "v1", kind, plural }
}

impl Kind {
    /// `group/version`, or `v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    fn path(&self, namespace: &str, name: &str) -> String {
        let root = if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", self.group) };
        let mut path = format!("{root}/{}/namespaces/{namespace}/{}", self.version, self.plural);
        if !name.is_empty() {
            path.push('/');
            path.push_str(name);
        }
        path
    }

    /// For kube's dynamic API.
    pub fn resource(&self) -> kube::core::ApiResource {
        kube::core::ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version: self.api_version(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }
}

/// Namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub fn of(object: &Value) -> Self {
        let text = |p: &str| object.pointer(p).and_then(Value::as_str).unwrap_or_default();
        Self::new(text("/metadata/namespace"), text("/metadata/name"))
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// An API call that failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("{kind} `{key}` was changed or removed meanwhile")]
    Conflict { kind: &'static str, key: Key },
    #[error("cannot {verb} {kind} `{key}`: {source}")]
    Call { verb: &'static str, kind: &'static str, key: Key, source: Box<kube::Error> },
    #[error("cannot {verb} {kind} `{key}`: {message}")]
    Request { verb: &'static str, kind: &'static str, key: Key, message: String },
}

impl ApiError {
    /// Whether the server understood the request and refused it for good (so that trying again is of no use).
    pub fn refusal(&self) -> Option<String> {
        let Self::Call { source, .. } = self else { return None };
        match &**source {
            kube::Error::Api(status) if matches!(status.code, 400 | 403 | 404 | 422) => Some(status.message.clone()),
            _ => None,
        }
    }
}

/// The API by plain requests.
#[derive(Clone)]
pub struct Objects {
    client: kube::Client,
}

impl Objects {
    pub fn new(client: kube::Client) -> Self {
        Self { client }
    }

    /// The object, or none.
    pub async fn get(&self, kind: Kind, key: &Key) -> Result<Option<Value>, ApiError> {
        match self.call("get", kind, key, Method::GET, &kind.path(&key.namespace, &key.name), None).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if code(&error) == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates the object; none if one of that name exists.
    pub async fn create(&self, kind: Kind, object: &Value) -> Result<Option<Value>, ApiError> {
        let key = Key::of(object);
        match self.call("create", kind, &key, Method::POST, &kind.path(&key.namespace, ""), Some(object)).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if code(&error) == Some(409) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the status of the object as it was read: a conflict if it has changed since.
    pub async fn replace_status(&self, kind: Kind, object: &Value) -> Result<Value, ApiError> {
        let key = Key::of(object);
        let path = format!("{}/status", kind.path(&key.namespace, &key.name));
        self.call("update the status of", kind, &key, Method::PUT, &path, Some(object)).await.map_err(
            |error| match code(&error) {
                Some(404 | 409) => ApiError::Conflict { kind: kind.kind, key },
                _ => error,
            },
        )
    }

    /// Merge-patches the object; none if there is none. `sub` is a subresource with its slash, or empty.
    pub async fn merge(&self, kind: Kind, key: &Key, sub: &str, patch: &Value) -> Result<Option<Value>, ApiError> {
        let path = format!("{}{sub}", kind.path(&key.namespace, &key.name));
        match self.call("patch", kind, key, Method::PATCH, &path, Some(patch)).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if code(&error) == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn call(
        &self,
        verb: &'static str,
        kind: Kind,
        key: &Key,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let invalid = |message: String| ApiError::Request { verb, kind: kind.kind, key: key.clone(), message };
        let content_type = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let body = match body {
            Some(body) => serde_json::to_vec(body).map_err(|e| invalid(e.to_string()))?,
            None => Vec::new(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .header("accept", "application/json")
            .body(body)
            .map_err(|e| invalid(e.to_string()))?;
        self.client.request(request).await.map_err(|source| ApiError::Call {
            verb,
            kind: kind.kind,
            key: key.clone(),
            source: Box::new(source),
        })
    }
}

fn code(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::Call { source, .. } => match &**source {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        },
        _ => None,
    }
}
