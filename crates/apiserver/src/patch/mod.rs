//! Patches: from a state and a patch to the next state. Pure; it must not know how states are stored.

mod strategic;

use crate::catalogue::Served;
use crate::error::ApiError;
use crate::store::{MAX_DEPTH, MAX_OBJECT_BYTES, within_depth};
use serde_json::Value;

/// A patch as it came in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Patch {
    /// RFC 7386.
    Merge(Value),
    /// RFC 6902.
    Json(json_patch::Patch),
    /// Kubernetes' merge by keys, for its own kinds only.
    Strategic(Value),
    /// Server-side apply: the fields that one manager wants.
    Apply(Value),
}

/// Why a patch has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum PatchError {
    #[error(
        "the body of the request was in an unknown format - accepted media types include: \
         application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )]
    NoStrategic,
    #[error("the server rejected our request due to an error in our request: {0}")]
    Json(String),
    #[error("{0}")]
    Strategic(String),
    #[error("server-side apply is not computed here")]
    Apply,
}

impl PatchError {
    pub(crate) fn into_error(self, kind: &Served, name: &str) -> ApiError {
        match self {
            Self::NoStrategic => ApiError::unsupported_media(self.to_string()),
            Self::Json(_) => {
                let mut error = ApiError::new(422, "Invalid", self.to_string());
                error.details = Some(serde_json::json!({"name": name, "kind": kind.plural, "group": kind.group}));
                error
            }
            Self::Strategic(message) => ApiError::bad_request(message),
            Self::Apply => ApiError::internal(self.to_string()),
        }
    }
}

/// Operations of one JSON patch at most, as in Kubernetes.
const MAX_OPERATIONS: usize = 10_000;

impl Patch {
    /// Reads a body by its media type.
    pub(crate) fn parse(media_type: &str, body: &[u8]) -> Result<Self, ApiError> {
        let json = || -> Result<Value, ApiError> {
            serde_json::from_slice(body).map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))
        };
        match media_type {
            "application/merge-patch+json" => Ok(Self::Merge(json()?)),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic(json()?)),
            "application/json-patch+json" => {
                let patch: json_patch::Patch = serde_json::from_slice(body)
                    .map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))?;
                if patch.0.len() > MAX_OPERATIONS {
                    let message = format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}");
                    return Err(ApiError::too_large(message));
                }
                Ok(Self::Json(patch))
            }
            "application/apply-patch+yaml" => crate::body::yaml(body).map(Self::Apply),
            _ => Err(ApiError::unsupported_media(PatchError::NoStrategic.to_string())),
        }
    }

    /// Whether the patch is meant for one resourceVersion only.
    pub(crate) fn names_revision(&self) -> bool {
        match self {
            Self::Merge(patch) | Self::Strategic(patch) | Self::Apply(patch) => {
                patch.pointer("/metadata/resourceVersion").is_some_and(|v| !v.is_null())
            }
            Self::Json(patch) => patch.0.iter().any(|op| op.path().as_str() == "/metadata/resourceVersion"),
        }
    }

    /// The state after the patch.
    pub(crate) fn compute(&self, kind: &Served, state: &Value) -> Result<Value, PatchError> {
        let mut next = state.clone();
        match self {
            Self::Merge(patch) => merge(&mut next, patch),
            Self::Json(patch) => apply_operations(&mut next, patch)?,
            Self::Strategic(patch) if strategic::is_for(kind) => {
                strategic::merge(&mut next, patch).map_err(PatchError::Strategic)?;
            }
            Self::Strategic(_) => return Err(PatchError::NoStrategic),
            Self::Apply(_) => return Err(PatchError::Apply),
        }
        Ok(next)
    }
}

/// RFC 6902, bounded: copies of copies grow without end, in size and in depth.
fn apply_operations(next: &mut Value, patch: &json_patch::Patch) -> Result<(), PatchError> {
    use json_patch::PatchOperation::{Add, Copy, Move, Remove, Replace, Test};
    let mut copied = 0;
    for operation in &patch.0 {
        let at = operation.path().as_str();
        let fits = |value: Option<&Value>| {
            let depth = at.matches('/').count();
            depth < MAX_DEPTH && value.is_none_or(|v| within_depth(v, MAX_DEPTH - depth))
        };
        let moved = match operation {
            Add(add) => Some(&add.value),
            Replace(replace) => Some(&replace.value),
            Copy(copy) => next.pointer(copy.from.as_str()),
            Move(moving) => next.pointer(moving.from.as_str()),
            Remove(_) | Test(_) => None,
        };
        if !fits(moved) {
            return Err(PatchError::Json(format!("`{}` would nest deeper than {MAX_DEPTH} levels", operation.path())));
        }
        if let (Copy(_), Some(value)) = (operation, moved) {
            copied += value.to_string().len();
            if copied > MAX_OBJECT_BYTES {
                return Err(PatchError::Json(format!("it copies more than {MAX_OBJECT_BYTES} bytes")));
            }
        }
        json_patch::patch(next, std::slice::from_ref(operation)).map_err(|e| PatchError::Json(e.to_string()))?;
    }
    Ok(())
}

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(map) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            map.remove(name);
        } else {
            merge(map.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn copies_of_copies_end() {
        let copy = json!({"op": "copy", "from": "", "path": "/a"});
        let patch: json_patch::Patch = serde_json::from_value(Value::Array(vec![copy; 128])).unwrap();
        assert!(apply_operations(&mut json!({"a": 1}), &patch).is_err());
        let wide = json!({"op": "copy", "from": "/a", "path": "/a/-"});
        let patch: json_patch::Patch = serde_json::from_value(Value::Array(vec![wide; 64])).unwrap();
        assert!(apply_operations(&mut json!({"a": ["x".repeat(1000)]}), &patch).is_err());
    }

    #[test]
    fn examples_of_rfc_7386() {
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (mut target, patch, expected) in cases {
            merge(&mut target, &patch);
            assert_eq!(target, expected, "{patch}");
        }
    }
}
