//! The algorithms of JSON web signatures over the keys that they take.

use super::keys::Key;
use ring::signature as rs;
use ring::{hmac, signature};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

impl Algorithm {
    /// By the name in a header.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hs256,
            "HS384" => Self::Hs384,
            "HS512" => Self::Hs512,
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }

    /// The keyed digest, for those that take a secret.
    pub(super) fn keyed(self) -> Option<hmac::Algorithm> {
        match self {
            Self::Hs256 => Some(hmac::HMAC_SHA256),
            Self::Hs384 => Some(hmac::HMAC_SHA384),
            Self::Hs512 => Some(hmac::HMAC_SHA512),
            _ => None,
        }
    }

    pub(super) fn verify_secret(self, secret: &[u8], message: &[u8], signature: &[u8]) -> bool {
        self.keyed().is_some_and(|keyed| hmac::verify(&hmac::Key::new(keyed, secret), message, signature).is_ok())
    }

    /// Whether a key made a signature; false where it is a key for another algorithm.
    pub(super) fn verify(self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match key {
            Key::Secret(secret) => self.verify_secret(secret, message, signature),
            Key::Rsa { n, e } => {
                let parameters: &rs::RsaParameters = match self {
                    // The shorter keys that OPA takes too.
                    Self::Rs256 => &rs::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                    Self::Rs384 => &rs::RSA_PKCS1_2048_8192_SHA384,
                    Self::Rs512 => &rs::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                    Self::Ps256 => &rs::RSA_PSS_2048_8192_SHA256,
                    Self::Ps384 => &rs::RSA_PSS_2048_8192_SHA384,
                    Self::Ps512 => &rs::RSA_PSS_2048_8192_SHA512,
                    _ => return false,
                };
                let public = signature::RsaPublicKeyComponents { n, e };
                public.verify(parameters, message, signature).is_ok()
            }
            Key::P256(point) => {
                self == Self::Es256 && verified(&signature::ECDSA_P256_SHA256_FIXED, point, message, signature)
            }
            Key::P384(point) => {
                self == Self::Es384 && verified(&signature::ECDSA_P384_SHA384_FIXED, point, message, signature)
            }
            Key::P521(point) => self == Self::Es512 && verified_p521(point, message, signature).is_some(),
            Key::Ed25519(point) => self == Self::EdDsa && verified(&signature::ED25519, point, message, signature),
            Key::Other => false,
        }
    }
}

fn verified(
    algorithm: &'static dyn signature::VerificationAlgorithm,
    point: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    signature::UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
}

/// ECDSA on P-521 with SHA-512, the signature's two numbers one after the other.
fn verified_p521(point: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    use p521::ecdsa::signature::Verifier as _;
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
    key.verify(message, &p521::ecdsa::Signature::from_slice(signature).ok()?).ok()
}
