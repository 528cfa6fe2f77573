//! Simple signing: the payload of a signature over an image by digest, in the bytes that Chains and cosign write.

use crate::name::ImageDigest;
use crate::{hints, run::Run};
use serde::{Deserialize, Serialize};
use sluice_api::gojson;

/// Media type of a layer that holds a payload.
pub const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// `critical.type` of cosign's payloads.
const TYPE: &str = "cosign container image signature";
/// Largest payload that is parsed.
const MAX_PAYLOAD: usize = 64 * 1024;

/// Why a payload was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimpleSigningError {
    #[error("not a simple signing payload: {0}")]
    Shape(String),
    #[error("the payload is of type `{0}`, not `{TYPE}`")]
    Type(String),
    #[error("the payload signs `{signed}`, not `{wanted}`")]
    Digest { signed: String, wanted: String },
}

/// What a payload says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Repository that the signer named; a hint, since a signature may be copied along with its image.
    pub repository: String,
    /// `sha256:...`.
    pub digest: String,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    type_: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// The bytes to sign for an image.
pub fn payload(image: &ImageDigest) -> Vec<u8> {
    gojson::to_vec(&serde_json::json!({
        "critical": {
            "identity": {"docker-reference": image.repository},
            "image": {"docker-manifest-digest": image.digest()},
            "type": TYPE,
        },
        "optional": null,
    }))
}

/// Images that Chains would sign for the run: those that a TaskRun's results claim, and none for a PipelineRun.
pub fn images_as_chains(run: &Run) -> Vec<ImageDigest> {
    match run {
        Run::TaskRun(_) => hints::images(run.results()),
        Run::PipelineRun { .. } => vec![],
    }
}

/// Reads a payload whose signature was verified and checks that it is about that digest (`sha256:...`).
///
/// # Errors
/// When it is no payload or about something else.
pub fn check(payload: &[u8], digest: &str) -> Result<Signed, SimpleSigningError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(SimpleSigningError::Shape(format!("{} bytes are more than {MAX_PAYLOAD}", payload.len())));
    }
    let Payload { critical } = serde_json::from_slice(payload).map_err(|e| SimpleSigningError::Shape(e.to_string()))?;
    if critical.type_ != TYPE {
        return Err(SimpleSigningError::Type(critical.type_));
    }
    let signed =
        Signed { repository: critical.identity.docker_reference, digest: critical.image.docker_manifest_digest };
    if signed.digest != digest {
        return Err(SimpleSigningError::Digest { signed: signed.digest, wanted: digest.to_owned() });
    }
    Ok(signed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_payload_is_about_one_digest() {
        let image = ImageDigest::parse(&format!("localhost:5000/acme/hello@sha256:{}", "a".repeat(64))).unwrap();
        let bytes = payload(&image);
        assert_eq!(check(&bytes, &image.digest()).unwrap().repository, "localhost:5000/acme/hello");
        assert!(matches!(check(&bytes, "sha256:b"), Err(SimpleSigningError::Digest { .. })));
        let other = String::from_utf8(bytes).unwrap().replace("cosign container", "other");
        assert!(matches!(check(other.as_bytes(), &image.digest()), Err(SimpleSigningError::Type(_))));
        assert!(matches!(check(b"{}", &image.digest()), Err(SimpleSigningError::Shape(_))));
    }
}
