//! `fieldValidation`: fields of an object that its kind does not have, as far as that is known here: at the top and in
//! `metadata`. What is inside `spec` is kept as it is. Pure.

use crate::catalogue::Served;
use crate::error::ApiError;
use serde_json::Value;

const METADATA: [&str; 16] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
    "clusterName",
];

/// Fields at the top of a built-in kind, besides `apiVersion`, `kind` and `metadata`; nothing if they are not known.
fn top(kind: &Served) -> Option<&'static [&'static str]> {
    if !kind.built_in {
        return None;
    }
    Some(match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace" | "Pod" | "PersistentVolumeClaim") => &["spec", "status"],
        ("", "ConfigMap") => &["data", "binaryData", "immutable"],
        ("", "Secret") => &["data", "stringData", "type", "immutable"],
        ("", "ServiceAccount") => &["secrets", "imagePullSecrets", "automountServiceAccountToken"],
        ("rbac.authorization.k8s.io", "Role") => &["rules"],
        ("rbac.authorization.k8s.io", "ClusterRole") => &["rules", "aggregationRule"],
        ("rbac.authorization.k8s.io", _) => &["subjects", "roleRef"],
        ("tekton.dev" | "appstudio.redhat.com" | "apiextensions.k8s.io", _) => &["spec", "status"],
        _ => return None,
    })
}

/// The paths of fields that the kind does not have.
pub(crate) fn unknown(kind: &Served, object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if let (Some(known), Some(map)) = (top(kind), object.as_object()) {
        let common = ["apiVersion", "kind", "metadata"];
        let strange = map.keys().filter(|k| !common.contains(&k.as_str()) && !known.contains(&k.as_str()));
        found.extend(strange.cloned());
    }
    if let Some(map) = object.get("metadata").and_then(Value::as_object) {
        found.extend(map.keys().filter(|k| !METADATA.contains(&k.as_str())).map(|k| format!("metadata.{k}")));
    }
    found
}

/// What to warn of; as `fieldValidation` says.
///
/// # Errors
/// 400 for unknown fields under `Strict`, and for an unknown mode.
pub(crate) fn check(mode: Option<&str>, kind: &Served, object: &Value) -> Result<Vec<String>, ApiError> {
    let found: Vec<String> = unknown(kind, object).iter().map(|path| format!("unknown field \"{path}\"")).collect();
    match mode {
        Some("Ignore") => Ok(Vec::new()),
        None | Some("Warn") => Ok(found),
        Some("Strict") if found.is_empty() => Ok(found),
        Some("Strict") => Err(ApiError::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
            kind.kind,
            object.get("apiVersion").and_then(Value::as_str).unwrap_or_default(),
            kind.kind,
            found.join(", ")
        ))),
        Some(other) => Err(ApiError::bad_request(format!(
            "fieldValidation: Unsupported value: \"{other}\": supported values: \"Ignore\", \"Strict\", \"Warn\""
        ))),
    }
}
