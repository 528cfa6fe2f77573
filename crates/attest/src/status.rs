//! The engine's signature over a run's final status: the canonical bytes it covers and its verification. A status is
//! signed together with what names the run and its spec, so that it cannot be moved to another run.

use crate::key::{KeyError, PublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sluice_api::gojson;

/// The key in `status.annotations` that holds base64 of the DER signature.
pub const STATUS_SIGNATURE: &str = "sluice.dev/status-signature";

/// Why a status is not known to be the engine's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    #[error(
        "status not signed: `status.annotations[{STATUS_SIGNATURE}]` is absent, and this run's engine signs every final status"
    )]
    Absent,
    #[error("status signature broken: {0}; the run, its spec or its status is not what the engine signed")]
    Broken(KeyError),
}

/// The bytes that the engine signs: apiVersion, kind, namespace, name, uid, spec and the status without the signature
/// itself, as Go writes JSON. What is absent is null.
pub fn status_payload(run: &Value) -> Vec<u8> {
    let mut status = run.get("status").cloned().unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut status {
        let empty = match fields.get_mut("annotations") {
            Some(Value::Object(annotations)) => {
                annotations.remove(STATUS_SIGNATURE);
                annotations.is_empty()
            }
            _ => false,
        };
        if empty {
            fields.remove("annotations");
        }
    }
    let at = |pointer: &str| run.pointer(pointer).cloned().unwrap_or(Value::Null);
    gojson::to_vec(&json!({
        "apiVersion": at("/apiVersion"),
        "kind": at("/kind"),
        "namespace": at("/metadata/namespace"),
        "name": at("/metadata/name"),
        "uid": at("/metadata/uid"),
        "spec": at("/spec"),
        "status": status,
    }))
}

/// Writes the signature into the run's status, where [`verify_status`] finds it. Makes the status and its annotations
/// where they are absent.
pub fn set_status_signature(run: &mut Value, der: &[u8]) {
    let Value::Object(run) = run else { return };
    let status = run.entry("status").or_insert_with(|| json!({}));
    let Value::Object(status) = status else { return };
    let annotations = status.entry("annotations").or_insert_with(|| json!({}));
    if !annotations.is_object() {
        *annotations = json!({});
    }
    if let Value::Object(annotations) = annotations {
        annotations.insert(STATUS_SIGNATURE.to_owned(), Value::String(STANDARD.encode(der)));
    }
}

/// Verifies that the engine signed this status of this run.
///
/// # Errors
/// When the signature is absent or does not hold.
pub fn verify_status(run: &Value, engine: &PublicKey) -> Result<(), StatusError> {
    let signature = run
        .pointer("/status/annotations")
        .and_then(|annotations| annotations.get(STATUS_SIGNATURE))
        .ok_or(StatusError::Absent)?;
    let der = signature
        .as_str()
        .and_then(|text| STANDARD.decode(text).ok())
        .ok_or(StatusError::Broken(KeyError::Encoding))?;
    engine.verify(&status_payload(run), &der).map_err(StatusError::Broken)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn run() -> Value {
        json!({
            "apiVersion": "tekton.dev/v1", "kind": "TaskRun",
            "metadata": {"name": "n", "namespace": "ns", "uid": "u", "labels": {"a": "b"}},
            "spec": {"params": []},
            "status": {"podName": "p<1>", "annotations": {STATUS_SIGNATURE: "x"}},
        })
    }

    #[test]
    fn payload_is_canonical_and_leaves_out_the_signature() {
        let want = r#"{"apiVersion":"tekton.dev/v1","kind":"TaskRun","name":"n","namespace":"ns","spec":{"params":[]},"status":{"podName":"p\u003c1\u003e"},"uid":"u"}"#;
        assert_eq!(String::from_utf8(status_payload(&run())).unwrap(), want);
        let mut other = run();
        other["status"]["annotations"]["else"] = json!("kept");
        let text = String::from_utf8(status_payload(&other)).unwrap();
        assert!(text.contains(r#""annotations":{"else":"kept"}"#), "{text}");
        assert!(!text.contains(STATUS_SIGNATURE), "{text}");
    }

    #[test]
    fn payload_does_not_depend_on_the_signature_being_there() {
        let mut unsigned = run();
        unsigned["status"].as_object_mut().unwrap().remove("annotations");
        let payload = status_payload(&unsigned);
        set_status_signature(&mut unsigned, b"der");
        assert_eq!(status_payload(&unsigned), payload);
    }

    #[test]
    fn hostile_shapes_neither_panic_nor_verify() {
        let key = PublicKey::from_pem(include_str!("../testdata/p256.pub")).unwrap();
        for mut value in [json!(null), json!([]), json!({"status": []}), json!({"status": {"annotations": 1}})] {
            assert_eq!(verify_status(&value, &key), Err(StatusError::Absent), "{value}");
            set_status_signature(&mut value, b"x");
            assert!(verify_status(&value, &key).is_err(), "{value}");
        }
        let mut value = run();
        value["status"]["annotations"][STATUS_SIGNATURE] = json!(7);
        assert_eq!(verify_status(&value, &key), Err(StatusError::Broken(KeyError::Encoding)));
    }
}
