//! Signatures and attestations of an image, verified before any rule sees them: by this key, about this digest. What does
//! not verify is left out as cosign leaves it out; if nothing is left, that is a violation.

use crate::store::{self, Store};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sluice_api::witness::PREDICATE_TYPE;
use sluice_attest::statement::{SLSA_V02, Statement};
use sluice_attest::{PublicKey, dsse, simplesigning};
use sluice_oci::{Digest, Reference};

/// Most layers of a `.sig` or `.att` manifest that are looked at.
const MAX_LAYERS: usize = 256;
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// A verified statement and the signatures of its envelope.
#[derive(Clone, Debug)]
pub struct Verified {
    pub statement: Value,
    pub signatures: Vec<Value>,
}

/// Why an image has no valid signature or attestation, in ec's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("Image signature check failed: no signatures found")]
    NoSignatures,
    #[error("Image {kind} check failed: {reason}")]
    Fetch { kind: &'static str, reason: String },
    #[error(
        "No image signatures found matching the given public key. Verify the correct public key was provided, and a signature was created. Error: no matching signatures: {0}"
    )]
    NoMatchingSignatures(String),
    #[error(
        "No image attestations found matching the given public key. Verify the correct public key was provided, and one or more attestations were created. Error: no matching attestations: {0}"
    )]
    NoMatchingAttestations(String),
}

/// The image's signatures by that key over that digest; never an empty list.
pub async fn image_signatures(
    store: &dyn Store,
    image: &Reference,
    digest: &Digest,
    key: &PublicKey,
) -> Result<Vec<Value>, VerifyError> {
    let kind = "signature";
    let fetch = |error: store::StoreError| VerifyError::Fetch { kind, reason: error.to_string() };
    let layers = store::attached(store, image, digest, "sig").await.map_err(fetch)?;
    if layers.is_empty() {
        return Err(VerifyError::NoSignatures);
    }
    let mut found = Vec::new();
    let mut reasons = Vec::new();
    for layer in layers.iter().filter(|layer| layer.media_type == simplesigning::MEDIA_TYPE).take(MAX_LAYERS) {
        let payload = store.blob(image, layer, 64 * 1024).await.map_err(fetch)?;
        let signature = layer.annotations.get(SIGNATURE).cloned().unwrap_or_default();
        let checked = STANDARD
            .decode(&signature)
            .map_err(|error| error.to_string())
            .and_then(|der| key.verify(&payload, &der).map_err(|error| error.to_string()))
            .and_then(|()| simplesigning::check(&payload, &digest.to_string()).map_err(|error| error.to_string()));
        match checked {
            Ok(_) => found.push(json!({"keyid": key.key_id(), "sig": signature})),
            Err(reason) => reasons.push(reason),
        }
    }
    if found.is_empty() { Err(VerifyError::NoMatchingSignatures(joined(reasons))) } else { Ok(found) }
}

/// The in-toto statements about that digest in envelopes that the key signed; never an empty list.
pub async fn attestations(
    store: &dyn Store,
    image: &Reference,
    digest: &Digest,
    key: &PublicKey,
) -> Result<Vec<Verified>, VerifyError> {
    let kind = "attestation";
    let fetch = |error: store::StoreError| VerifyError::Fetch { kind, reason: error.to_string() };
    let layers = store::attached(store, image, digest, "att").await.map_err(fetch)?;
    let mut found = Vec::new();
    let mut reasons = Vec::new();
    for layer in layers.iter().filter(|layer| layer.media_type == dsse::MEDIA_TYPE).take(MAX_LAYERS) {
        let bytes = store.blob(image, layer, dsse::MAX_ENVELOPE as u64).await.map_err(fetch)?;
        match open(&bytes, digest, key) {
            Ok(verified) => found.push(verified),
            Err(reason) => reasons.push(reason),
        }
    }
    if found.is_empty() { Err(VerifyError::NoMatchingAttestations(joined(reasons))) } else { Ok(found) }
}

fn open(bytes: &[u8], digest: &Digest, key: &PublicKey) -> Result<Verified, String> {
    let envelope = dsse::Envelope::parse(bytes).map_err(|error| error.to_string())?;
    let payload = envelope.verify(dsse::INTOTO, key).map_err(|error| error.to_string())?;
    let statement = Statement::parse(&payload).map_err(|error| error.to_string())?;
    if !statement.has_subject(digest.hex()) {
        return Err(format!("none of the statement's subjects has the digest {digest}"));
    }
    // The rules see the statement as it was signed, fields unknown to `Statement` included.
    let statement = serde_json::from_slice(&payload).map_err(|error| error.to_string())?;
    let signatures =
        envelope.signatures.iter().map(|signature| json!({"keyid": signature.keyid, "sig": signature.sig})).collect();
    Ok(Verified { statement, signatures })
}

fn joined(mut reasons: Vec<String>) -> String {
    reasons.dedup();
    reasons.truncate(5);
    if reasons.is_empty() { "there are none".to_owned() } else { reasons.join("; ") }
}

/// A JSON pointer and what has to hold of the value there.
type Field = (&'static str, fn(&Value) -> bool);

const PROVENANCE: &[Field] = &[("/predicate/builder/id", Value::is_string), ("/predicate/buildType", Value::is_string)];
const WITNESS: &[Field] = &[
    ("/predicate/run/kind", Value::is_string),
    ("/predicate/run/name", Value::is_string),
    ("/predicate/run/uid", Value::is_string),
    ("/predicate/subjects", Value::is_array),
    ("/predicate/tasks", Value::is_array),
];

/// What every statement of a known predicate type must have for the rules to read it.
pub fn syntax(attestations: &[Verified]) -> Result<(), String> {
    if attestations.is_empty() {
        return Err("Attestation syntax check failed: no attestation data".to_owned());
    }
    let mut missing = Vec::new();
    for Verified { statement, .. } in attestations {
        let kind = statement["predicateType"].as_str().unwrap_or_default();
        let required = match kind {
            SLSA_V02 => PROVENANCE,
            PREDICATE_TYPE => WITNESS,
            _ => &[],
        };
        for (pointer, holds) in required {
            if !statement.pointer(pointer).is_some_and(holds) {
                missing.push(format!("{kind}: `{pointer}` is missing or of another type"));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("Attestation syntax check failed: attestation syntax validation failed: {}", missing.join("; ")))
}
