//! Private keys: where they are kept and signing with them. Reached by the programs that sign and by nobody else; a
//! private key never leaves this crate, neither as bytes nor in a message.

mod file;

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey as Secret};
use sluice_attest::PublicKey;
use sluice_attest::dsse::{self, Envelope};
use std::fmt;
use std::path::{Path, PathBuf};

/// Why there is no key to sign with. No message holds a byte of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("cannot {what} the key file `{path}`: {source}")]
    Io { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "the key file `{path}` has mode {mode:04o}, so others can read it; run `chmod 600 {path}` or make a new key"
    )]
    Readable { path: PathBuf, mode: u32 },
    #[error("`{path}` is not a regular file; a key is kept in a file of its own")]
    NotAFile { path: PathBuf },
    #[error("`{path}` holds no ECDSA P-256 key as PKCS#8 PEM (`PRIVATE KEY`): {reason}")]
    Format { path: PathBuf, reason: String },
    #[error("cannot make a key: {0}")]
    Generate(String),
}

/// An ECDSA P-256 key that signs the SHA-256 of a message. Signing is deterministic (RFC 6979): the same message always
/// gets the same signature, so signing again after a crash adds nothing new.
pub struct SigningKey {
    secret: Secret,
    public: PublicKey,
    pem: String,
}

impl SigningKey {
    /// Loads the key of that file, or makes one there if there is no file: PKCS#8 PEM, mode 0600, complete and on disk
    /// before it has its name.
    ///
    /// # Errors
    /// When the file can be read by others, is no key, or cannot be made.
    pub fn load_or_create(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        file::load_or_create(path.as_ref())
    }

    /// Loads the key of that file.
    ///
    /// # Errors
    /// When the file is absent, can be read by others or is no key.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        file::load(path.as_ref())
    }

    /// A key that lives in memory only.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn generate() -> Result<Self, KeyFileError> {
        use p256::elliptic_curve::Generate;
        Self::new(Secret::try_generate().map_err(|e| KeyFileError::Generate(e.to_string()))?)
    }

    fn new(secret: Secret) -> Result<Self, KeyFileError> {
        let public = PublicKey::from_key(*secret.verifying_key());
        let pem = public.to_pem().map_err(|e| KeyFileError::Generate(e.to_string()))?;
        Ok(Self { secret, public, pem })
    }

    /// The DER signature over the SHA-256 of the message.
    pub fn sign_der(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.secret.sign(message);
        signature.to_der().as_bytes().to_vec()
    }

    /// A DSSE envelope of the payload with this key's signature.
    pub fn sign_dsse(&self, payload_type: &str, payload: &[u8]) -> Envelope {
        let der = self.sign_der(&dsse::pae(payload_type, payload));
        Envelope::new(payload_type, payload, self.key_id(), &der)
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The public half as PEM, as in cosign.pub.
    pub fn public_pem(&self) -> &str {
        &self.pem
    }

    /// The fingerprint of ssh, `SHA256:...`.
    pub fn key_id(&self) -> &str {
        self.public.key_id()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn signs_deterministically_what_the_public_half_verifies() {
        let key = SigningKey::generate().unwrap();
        let der = key.sign_der(b"message");
        assert_eq!(der, key.sign_der(b"message"));
        key.public().verify(b"message", &der).unwrap();
        assert!(key.public().verify(b"massage", &der).is_err());
        let envelope = key.sign_dsse(dsse::INTOTO, b"{}");
        assert_eq!(envelope.verify(dsse::INTOTO, key.public()).unwrap(), b"{}");
        assert!(SigningKey::generate().unwrap().public().verify(b"message", &der).is_err());
    }

    #[test]
    fn signature_is_the_example_of_rfc_6979() {
        // RFC 6979, A.2.5, SHA-256, message "sample".
        let scalar: [u8; 32] = [
            0xC9, 0xAF, 0xA9, 0xD8, 0x45, 0xBA, 0x75, 0x16, 0x6B, 0x5C, 0x21, 0x57, 0x67, 0xB1, 0xD6, 0x93, 0x4E, 0x50,
            0xC3, 0xDB, 0x36, 0xE8, 0x9B, 0x12, 0x7B, 0x8A, 0x62, 0x2B, 0x12, 0x0F, 0x67, 0x21,
        ];
        let key = SigningKey::new(Secret::from_slice(&scalar).unwrap()).unwrap();
        let signature = Signature::from_der(&key.sign_der(b"sample")).unwrap();
        let hex: String = signature.to_bytes().iter().map(|b| format!("{b:02X}")).collect();
        assert_eq!(
            hex,
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
             F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
        );
    }

    #[test]
    fn debug_shows_the_public_half_only() {
        let key = SigningKey::generate().unwrap();
        let text = format!("{key:?}");
        let scalar: String = key.secret.to_bytes().iter().map(|b| format!("{b:02x}")).collect();
        assert!(text.contains(key.key_id()), "{text}");
        assert!(!text.to_lowercase().contains(&scalar), "{text}");
    }
}
