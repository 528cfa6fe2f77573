//! The engine's signature over a run's final status: the canonical bytes it covers and its verification. A status is
//! signed together with what names the run and its spec, so that it cannot be moved to another run.

use crate::key::{KeyError, PublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sluice_api::gojson;
use std::collections::BTreeMap;

/// The key in `status.annotations` that holds base64 of the DER signature.
pub const STATUS_SIGNATURE: &str = "sluice.dev/status-signature";

/// The key in a PipelineRun's `status.annotations` that holds the uids of its TaskRuns by name, as a JSON object. The
/// engine's signature covers it, so no TaskRun can be put in the place of another of the same name.
pub const CHILD_UIDS: &str = "sluice.dev/child-uids";

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
    annotate(run, STATUS_SIGNATURE, STANDARD.encode(der));
}

fn gojson_text(value: &Value) -> String {
    String::from_utf8_lossy(&gojson::to_vec(value)).into_owned()
}

fn annotate(run: &mut Value, key: &str, text: String) {
    let Value::Object(run) = run else { return };
    let status = run.entry("status").or_insert_with(|| json!({}));
    let Value::Object(status) = status else { return };
    let annotations = status.entry("annotations").or_insert_with(|| json!({}));
    if !annotations.is_object() {
        *annotations = json!({});
    }
    if let Value::Object(annotations) = annotations {
        annotations.insert(key.to_owned(), Value::String(text));
    }
}

/// Writes the uids of a PipelineRun's TaskRuns, by name, into its status; to be done before it is signed.
pub fn set_child_uids<'a>(run: &mut Value, uids: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let uids: BTreeMap<&str, &str> = uids.into_iter().collect();
    annotate(run, CHILD_UIDS, gojson_text(&json!(uids)));
}

/// The uid of a child TaskRun as the PipelineRun's status names it; none where the status names no uids at all. A name
/// that is missing among them is an empty uid.
pub fn child_uid(run: &Value, name: &str) -> Option<String> {
    let text = run.pointer("/status/annotations")?.get(CHILD_UIDS)?.as_str()?;
    let uids: BTreeMap<String, String> = serde_json::from_str(text).unwrap_or_default();
    Some(uids.get(name).cloned().unwrap_or_default())
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
    fn child_uids_are_signed_with_the_status() {
        let mut parent = run();
        assert_eq!(child_uid(&parent, "a"), None);
        let before = status_payload(&parent);
        set_child_uids(&mut parent, [("a", "1"), ("b", "2")]);
        assert_ne!(status_payload(&parent), before);
        assert_eq!(child_uid(&parent, "a").as_deref(), Some("1"));
        assert_eq!(child_uid(&parent, "c").as_deref(), Some(""));
        parent["status"]["annotations"][CHILD_UIDS] = json!("not JSON");
        assert_eq!(child_uid(&parent, "a").as_deref(), Some(""));
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
