//! The public half of a signing key: ECDSA on P-256 with SHA-256, as cosign makes by default. Knows nothing of where a
//! key is kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::{DecodePublicKey, EncodePublicKey, LineEnding};
use sha2::{Digest, Sha256};
use std::fmt;

/// Longest PEM text that is looked at.
const MAX_PEM: usize = 16 * 1024;

/// Why a key or a signature was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("not a PEM `PUBLIC KEY` of an ECDSA P-256 key: {0}; pass the text of cosign.pub")]
    Pem(String),
    #[error("the signature is not DER of an ECDSA signature")]
    Encoding,
    #[error("the signature was not made over these bytes by key {0}")]
    Signature(String),
}

/// A public key that verifies signatures.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: String,
}

impl PublicKey {
    /// Reads the first `PUBLIC KEY` block of a PEM text.
    ///
    /// # Errors
    /// When the text is no PEM public key on P-256.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if pem.len() > MAX_PEM {
            return Err(KeyError::Pem(format!("{} bytes are more than a key can have", pem.len())));
        }
        let key = VerifyingKey::from_public_key_pem(pem.trim()).map_err(|e| KeyError::Pem(e.to_string()))?;
        Ok(Self::from_key(key))
    }

    /// The public half of a key already in memory.
    pub fn from_key(key: VerifyingKey) -> Self {
        let id = key_id(&key);
        Self { key, id }
    }

    /// `SHA256:...`, the fingerprint that ssh gives the key; Chains writes it as `keyid`.
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// The key as PEM, as `cosign public-key` prints it.
    ///
    /// # Errors
    /// When the key cannot be encoded, which no key that was read can cause.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.key.to_public_key_pem(LineEnding::LF).map_err(|e| KeyError::Pem(e.to_string()))
    }

    /// Verifies a DER signature over the SHA-256 of the message. Both forms of `s` are accepted, as cosign does: Go
    /// makes either.
    ///
    /// # Errors
    /// When the signature is not DER, or not this key's over this message.
    pub fn verify(&self, message: &[u8], der: &[u8]) -> Result<(), KeyError> {
        let signature = Signature::from_der(der).map_err(|_| KeyError::Encoding)?;
        self.key.verify(message, &signature).map_err(|_| KeyError::Signature(self.id.clone()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.id).finish()
    }
}

/// The fingerprint of ssh: SHA-256 over the key in ssh's wire form, base64 without padding.
fn key_id(key: &VerifyingKey) -> String {
    let point = key.to_sec1_point(false);
    let mut hash = Sha256::new();
    for field in [b"ecdsa-sha2-nistp256".as_slice(), b"nistp256", point.as_bytes()] {
        hash.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(field);
    }
    format!("SHA256:{}", STANDARD_NO_PAD.encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    // openssl ecparam -genkey -name prime256v1; fingerprint by ssh-keygen -l of the same key.
    const PEM: &str = include_str!("../testdata/p256.pub");
    const FINGERPRINT: &str = include_str!("../testdata/p256.fingerprint");

    #[test]
    fn key_id_is_the_fingerprint_of_ssh() {
        let key = PublicKey::from_pem(PEM).unwrap();
        assert_eq!(key.key_id(), FINGERPRINT.trim());
        assert_eq!(PublicKey::from_pem(&key.to_pem().unwrap()).unwrap(), key);
    }

    #[test]
    fn verifies_what_openssl_signed_and_nothing_else() {
        let key = PublicKey::from_pem(PEM).unwrap();
        let der = include_bytes!("../testdata/message.sig");
        key.verify(b"a message\n", der).unwrap();
        assert!(matches!(key.verify(b"another message\n", der), Err(KeyError::Signature(_))));
        assert_eq!(key.verify(b"a message\n", b"not DER"), Err(KeyError::Encoding));
    }

    #[test]
    fn refuses_what_is_no_key() {
        for text in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", &"x".repeat(MAX_PEM + 1)] {
            assert!(matches!(PublicKey::from_pem(text), Err(KeyError::Pem(_))), "{text:.40}");
        }
    }
}
