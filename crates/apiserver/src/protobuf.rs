//! Kubernetes' protobuf bodies. Not read yet: they are refused, never misread.

use crate::error::ApiError;
use serde_json::Value;

/// Reads a body of `application/vnd.kubernetes.protobuf`.
///
/// # Errors
/// 415 always.
pub(crate) fn decode(_body: &[u8]) -> Result<Value, ApiError> {
    Err(ApiError::unsupported_media(
        "the body is protobuf, which is not read here: send application/json, or use `kubectl apply -f`, which does",
    ))
}
