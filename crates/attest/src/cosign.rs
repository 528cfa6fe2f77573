//! Where cosign looks for signatures and attestations of an image in a registry, and in which annotations: the tag
//! layout that Chains writes with `dsse` encoding. Names and values only; nothing here talks to a registry.

use crate::PublicKey;
use crate::dsse::{self, DsseError, Envelope};
use crate::key::KeyError;
use crate::simplesigning::{self, Signed, SimpleSigningError};
use crate::statement::{Statement, StatementError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// Annotation of a `.sig` layer: base64 of the DER signature over the layer. Of an `.att` layer: the empty string.
pub const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
/// Annotation of an `.att` layer that cosign filters by.
pub const PREDICATE_TYPE: &str = "predicateType";

/// Why a layer says nothing about an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CosignError {
    #[error("the layer has no signature in annotation `{SIGNATURE}`")]
    Unsigned,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Payload(#[from] SimpleSigningError),
    #[error(transparent)]
    Envelope(#[from] DsseError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error("no subject of the statement has the digest `{0}`")]
    Subject(String),
}

/// The tag of an image's attestations; the digest is `sha256:HEX`.
pub fn attestation_tag(digest: &str) -> String {
    format!("{}.att", digest.replacen(':', "-", 1))
}

/// The tag of an image's signatures.
pub fn signature_tag(digest: &str) -> String {
    format!("{}.sig", digest.replacen(':', "-", 1))
}

/// Annotations of an `.att` layer, as Chains writes them for a key without certificate, with the predicate type that
/// cosign adds itself when it attests.
pub fn attestation_annotations(predicate_type: &str) -> BTreeMap<String, String> {
    let mut annotations = annotations("");
    annotations.insert(PREDICATE_TYPE.to_owned(), predicate_type.to_owned());
    annotations
}

/// Annotations of a `.sig` layer.
pub fn signature_annotations(der: &[u8]) -> BTreeMap<String, String> {
    annotations(&STANDARD.encode(der))
}

fn annotations(signature: &str) -> BTreeMap<String, String> {
    [(SIGNATURE, signature), (CERTIFICATE, ""), (CHAIN, "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

/// Verifies an `.att` layer: an envelope signed by the key, around a statement with that digest (`sha256:HEX`) among
/// its subjects.
///
/// # Errors
/// When the layer says nothing about the image, or not by this key.
pub fn verify_attestation(layer: &[u8], digest: &str, key: &PublicKey) -> Result<Statement, CosignError> {
    let payload = Envelope::parse(layer)?.verify(dsse::INTOTO, key)?;
    let statement = Statement::parse(&payload)?;
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    if !statement.has_subject(hex) {
        return Err(CosignError::Subject(digest.to_owned()));
    }
    Ok(statement)
}

/// Verifies a `.sig` layer: a simple signing payload about that digest, with the key's signature in the annotation.
///
/// # Errors
/// When the layer says nothing about the image, or not by this key.
pub fn verify_signature(
    layer: &[u8],
    annotations: &BTreeMap<String, String>,
    digest: &str,
    key: &PublicKey,
) -> Result<Signed, CosignError> {
    let signature = annotations.get(SIGNATURE).filter(|text| !text.is_empty()).ok_or(CosignError::Unsigned)?;
    let der = STANDARD.decode(signature).map_err(|_| KeyError::Encoding)?;
    key.verify(layer, &der)?;
    Ok(simplesigning::check(layer, digest)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key() -> PublicKey {
        PublicKey::from_pem(include_str!("../testdata/p256.pub")).unwrap()
    }

    #[test]
    fn tags_and_annotations_are_cosigns() {
        assert_eq!(attestation_tag("sha256:ab"), "sha256-ab.att");
        assert_eq!(signature_tag("sha256:ab"), "sha256-ab.sig");
        assert_eq!(signature_annotations(b"\x01")[SIGNATURE], "AQ==");
        let of_attestation = attestation_annotations("https://slsa.dev/provenance/v0.2");
        assert_eq!(of_attestation[SIGNATURE], "");
        assert_eq!(of_attestation[CERTIFICATE], "");
        assert_eq!(of_attestation[CHAIN], "");
    }

    #[test]
    fn a_signature_needs_its_annotation_and_its_payload() {
        let verify = |layer: &[u8], annotations| verify_signature(layer, &annotations, "sha256:ab", &key());
        assert_eq!(verify(b"{}", BTreeMap::new()), Err(CosignError::Unsigned));
        assert_eq!(verify(b"{}", annotations("")), Err(CosignError::Unsigned));
        assert_eq!(verify(b"{}", annotations("*")), Err(CosignError::Key(KeyError::Encoding)));
        let der = include_bytes!("../testdata/message.sig");
        assert!(matches!(verify(b"{}", signature_annotations(der)), Err(CosignError::Key(KeyError::Signature(_)))));
        // A good signature over something else than a payload.
        assert!(matches!(verify(b"a message\n", signature_annotations(der)), Err(CosignError::Payload(_))));
    }
}
