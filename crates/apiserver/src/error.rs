//! What a client is told when something is refused: metav1.Status with Kubernetes' codes, reasons and messages.
//! It must not know which part of the server refused.

use crate::catalogue::Served;
use crate::store::StoreError;
use serde_json::{Value, json};

/// A refusal on its way to the client.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub details: Option<Value>,
}

impl ApiError {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    fn about(mut self, kind: &Served, name: &str) -> Self {
        self.details = Some(json!({"name": name, "group": kind.group, "kind": kind.plural}));
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub(crate) fn forbidden(kind: &Served, name: &str, why: &str) -> Self {
        let named = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        Self::new(403, "Forbidden", format!("{}{named} is forbidden: {why}", kind.qualified_plural())).about(kind, name)
    }

    pub(crate) fn not_found(kind: &Served, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.qualified_plural())).about(kind, name)
    }

    pub(crate) fn no_such_path() -> Self {
        let mut error = Self::new(404, "NotFound", "the server could not find the requested resource");
        error.details = Some(json!({}));
        error
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }

    pub(crate) fn exists(kind: &Served, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", kind.qualified_plural()))
            .about(kind, name)
    }

    pub(crate) fn conflict(kind: &Served, name: &str, why: &str) -> Self {
        let plural = kind.qualified_plural();
        Self::new(409, "Conflict", format!("Operation cannot be fulfilled on {plural} \"{name}\": {why}"))
            .about(kind, name)
    }

    pub(crate) fn modified(kind: &Served, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(413, "RequestEntityTooLarge", message)
    }

    pub(crate) fn unsupported_media(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {}", message.into()))
    }

    /// 422 with one cause.
    pub(crate) fn invalid(kind: &Served, name: &str, field: &str, cause: &str, message: &str) -> Self {
        let mut kind_name = kind.kind.clone();
        if !kind.group.is_empty() {
            kind_name = format!("{kind_name}.{}", kind.group);
        }
        let at = if field.is_empty() { String::new() } else { format!("{field}: ") };
        let mut error = Self::new(422, "Invalid", format!("{kind_name} \"{name}\" is invalid: {at}{message}"));
        error.details = Some(json!({
            "name": name,
            "group": kind.group,
            "kind": kind.kind,
            "causes": [{"reason": cause, "message": message, "field": field}],
        }));
        error
    }

    /// What a write's failure in the store means to the client.
    pub(crate) fn of_store(kind: &Served, name: &str, error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::modified(kind, name),
            StoreError::Exists => Self::exists(kind, name),
            StoreError::NotFound => Self::not_found(kind, name),
            StoreError::TooLarge(_) => Self::too_large(format!(
                "{} \"{name}\" is too large: {error}; keep what is large in an OCI artifact and refer to it by digest",
                kind.qualified_plural()
            )),
            StoreError::TooDeep => Self::bad_request(format!("{} \"{name}\": {error}", kind.qualified_plural())),
            StoreError::NoNamespace(ref namespace) => {
                let mut not_found = Self::new(404, "NotFound", error.to_string());
                not_found.details = Some(json!({"name": namespace, "kind": "namespaces"}));
                not_found
            }
            StoreError::NamespaceTerminating(ref namespace) => {
                let why =
                    format!("unable to create new content in namespace {namespace} because it is being terminated");
                let mut forbidden = Self::forbidden(kind, name, &why);
                if let Some(details) = forbidden.details.as_mut() {
                    details["causes"] = json!([{
                        "reason": "NamespaceTerminating",
                        "message": format!("namespace {namespace} is being terminated"),
                        "field": "metadata.namespace",
                    }]);
                }
                forbidden
            }
            StoreError::NamespaceNotEmpty(_) => Self::conflict(kind, name, &error.to_string()),
            StoreError::Disk(_) => Self::internal(error.to_string()),
        }
    }

    /// The metav1.Status object.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }
}
