//! DSSE envelopes: the bytes a signature covers (PAE), the envelope in the field order of Go's securesystemslib, and
//! verification. Knows nothing of what the payload says.

use crate::key::{KeyError, PublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};

/// Payload type of in-toto statements.
pub const INTOTO: &str = "application/vnd.in-toto+json";
/// Media type of a layer that holds an envelope.
pub const MEDIA_TYPE: &str = "application/vnd.dsse.envelope.v1+json";
/// Largest envelope that is parsed.
pub const MAX_ENVELOPE: usize = 32 * 1024 * 1024;
/// Most signatures of one envelope that are tried.
const MAX_SIGNATURES: usize = 16;

/// Why an envelope was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DsseError {
    #[error("not a DSSE envelope: {0}")]
    Envelope(String),
    #[error("the envelope holds `{found}`, not `{wanted}`")]
    PayloadType { found: String, wanted: String },
    #[error("the envelope has {0} signatures; between 1 and {MAX_SIGNATURES} are looked at")]
    Signatures(usize),
    #[error("no signature of the envelope holds: {0}")]
    Unverified(KeyError),
}

/// A payload with its signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    pub payload_type: String,
    /// Base64.
    pub payload: String,
    pub signatures: Vec<Signature>,
}

/// One signature over the PAE of the payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    #[serde(default)]
    pub keyid: String,
    /// Base64 of the DER signature.
    pub sig: String,
}

/// The pre-authentication encoding: the bytes to sign for a payload of that type.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

impl Envelope {
    /// An envelope with one signature, made by the caller over [`pae`] of the same type and payload.
    pub fn new(payload_type: &str, payload: &[u8], keyid: &str, der: &[u8]) -> Self {
        Self {
            payload_type: payload_type.to_owned(),
            payload: STANDARD.encode(payload),
            signatures: vec![Signature { keyid: keyid.to_owned(), sig: STANDARD.encode(der) }],
        }
    }

    /// The envelope's bytes, always the same for the same envelope.
    ///
    /// # Errors
    /// Never for an envelope of strings; the signature leaves room for the serializer's error.
    pub fn to_vec(&self) -> Result<Vec<u8>, DsseError> {
        serde_json::to_vec(self).map_err(|e| DsseError::Envelope(e.to_string()))
    }

    /// Parses an envelope of at most [`MAX_ENVELOPE`] bytes.
    ///
    /// # Errors
    /// When the bytes are no envelope.
    pub fn parse(bytes: &[u8]) -> Result<Self, DsseError> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(DsseError::Envelope(format!("{} bytes are more than {MAX_ENVELOPE}", bytes.len())));
        }
        serde_json::from_slice(bytes).map_err(|e| DsseError::Envelope(e.to_string()))
    }

    /// The payload without any verification: for looking at what an envelope claims to be.
    ///
    /// # Errors
    /// When it is not base64.
    pub fn payload_unverified(&self) -> Result<Vec<u8>, DsseError> {
        decode(&self.payload).ok_or_else(|| DsseError::Envelope("`payload` is not base64".to_owned()))
    }

    /// The payload, if it has that type and one of the signatures is the key's. A `keyid` is a hint and decides nothing.
    ///
    /// # Errors
    /// When no signature holds.
    pub fn verify(&self, payload_type: &str, key: &PublicKey) -> Result<Vec<u8>, DsseError> {
        if self.payload_type != payload_type {
            return Err(DsseError::PayloadType { found: self.payload_type.clone(), wanted: payload_type.to_owned() });
        }
        if self.signatures.is_empty() || self.signatures.len() > MAX_SIGNATURES {
            return Err(DsseError::Signatures(self.signatures.len()));
        }
        let payload = self.payload_unverified()?;
        let message = pae(payload_type, &payload);
        let mut last = KeyError::Encoding;
        for signature in &self.signatures {
            match decode(&signature.sig).ok_or(KeyError::Encoding).and_then(|der| key.verify(&message, &der)) {
                Ok(()) => return Ok(payload),
                Err(e) => last = e,
            }
        }
        Err(DsseError::Unverified(last))
    }
}

/// Standard or URL-safe base64, as the DSSE protocol allows.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pae_is_that_of_the_protocol() {
        // The example of the DSSE protocol document.
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("", "é".as_bytes()), "DSSEv1 0  2 é".as_bytes());
    }

    #[test]
    fn bytes_are_in_gos_field_order() {
        let envelope = Envelope::new(INTOTO, b"{}", "SHA256:x", b"\x01");
        let want = r#"{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"SHA256:x","sig":"AQ=="}]}"#;
        assert_eq!(String::from_utf8(envelope.to_vec().unwrap()).unwrap(), want);
        assert_eq!(Envelope::parse(want.as_bytes()).unwrap(), envelope);
    }

    #[test]
    fn refuses_other_types_and_broken_signatures() {
        let key = PublicKey::from_pem(include_str!("../testdata/p256.pub")).unwrap();
        let mut envelope = Envelope::new(INTOTO, b"{}", key.key_id(), include_bytes!("../testdata/message.sig"));
        assert!(matches!(envelope.verify("text/plain", &key), Err(DsseError::PayloadType { .. })));
        assert!(matches!(envelope.verify(INTOTO, &key), Err(DsseError::Unverified(KeyError::Signature(_)))));
        envelope.signatures[0].sig = "***".to_owned();
        assert_eq!(envelope.verify(INTOTO, &key), Err(DsseError::Unverified(KeyError::Encoding)));
        envelope.signatures.clear();
        assert_eq!(envelope.verify(INTOTO, &key), Err(DsseError::Signatures(0)));
        envelope.payload = "***".to_owned();
        assert!(envelope.payload_unverified().is_err());
        assert!(Envelope::parse(b"[]").is_err());
    }
}
