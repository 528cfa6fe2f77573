//! Admission of tekton.dev kinds: defaults and refusals of the Tekton webhook, and the refusal of what is not done yet.

use crate::admission::{Denied, Request};
use serde_json::Value;

/// Defaults of upstream's SetDefaults.
pub fn mutate(_request: Request<'_>, _object: &mut Value) {}

/// Refusals of upstream's Validate.
///
/// # Errors
/// The first reason for refusing the object.
pub fn validate(request: Request<'_>, object: &Value) -> Result<(), Denied> {
    super::lineage::validate(request, object)
}
