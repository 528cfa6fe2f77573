//! Admission of objects: what is defaulted and what is refused at the door, by kind. Pure; the API server calls it for
//! every write after authorization and before storing. Kinds that are not named here pass unchanged.

use serde_json::Value;

/// What is being written, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Canonical API group (`appstudio.redhat.com`, never its alias).
    pub group: &'a str,
    /// Plural, lower case.
    pub resource: &'a str,
    pub operation: Operation,
    /// The stored object, on update.
    pub old: Option<&'a Value>,
    /// User name, as authenticated.
    pub user: &'a str,
}

/// The verb of a write; a patch is an update. Writes to the status subresource are not admitted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Update,
}

/// Why a write was refused; the API server answers 422 Invalid with these causes, or 403 where `forbidden`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Denied {
    pub message: String,
    /// Path of the field, e.g. `spec.tasks[0].taskRef`.
    pub field: String,
    pub forbidden: bool,
}

/// Fills in defaults, as upstream's mutating webhooks do.
pub fn mutate(request: Request<'_>, object: &mut Value) {
    match request.group {
        "tekton.dev" => crate::tekton::admission::mutate(request, object),
        "appstudio.redhat.com" => crate::konflux_admission::mutate(request, object),
        _ => {}
    }
}

/// Says whether the (already defaulted) object may be written.
///
/// # Errors
/// The first reason for refusing it.
pub fn validate(request: Request<'_>, object: &Value) -> Result<(), Denied> {
    match request.group {
        "tekton.dev" => crate::tekton::admission::validate(request, object),
        "appstudio.redhat.com" => crate::konflux_admission::validate(request, object),
        _ => Ok(()),
    }
}
