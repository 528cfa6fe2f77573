//! Admission of appstudio.redhat.com kinds: defaults and refusals of the Konflux webhooks.

use crate::admission::{Denied, Request};
use serde_json::Value;

/// Defaults of the mutating webhooks.
pub fn mutate(_request: Request<'_>, _object: &mut Value) {}

/// Refusals of the validating webhooks.
///
/// # Errors
/// The first reason for refusing the object.
pub fn validate(_request: Request<'_>, _object: &Value) -> Result<(), Denied> {
    Ok(())
}
