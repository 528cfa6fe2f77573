//! `crypto.*`: digests and keyed digests, as hexadecimal text; certificates and keys.

mod certificate;
mod chain;
mod der;
mod extensions;
mod md5;
mod name;
mod names;
mod options;
pub(super) mod pem;
mod private_key;
mod public_key;
mod request;
mod show;
mod x509;

use super::{Builtin, Outcome, args, pure, some};
use crate::bytes::bytes;
use crate::value::Value;
use ring::{digest, hmac};

pub(super) use public_key::{Curve, PublicKey};

pub const ALL: &[Builtin] = &[
    pure("crypto.md5", 1, |a, _| hexadecimal(&md5::digest(&bytes(args::string(a, 1)?)))),
    pure("crypto.sha1", 1, |a, _| hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, a)),
    pure("crypto.sha256", 1, |a, _| hash(&digest::SHA256, a)),
    pure("crypto.x509.parse_certificates", 1, |a, _| x509::certificates(args::string(a, 1)?)),
    pure("crypto.x509.parse_certificate_request", 1, |a, _| request::request(args::string(a, 1)?)),
    pure("crypto.x509.parse_and_verify_certificates", 1, |a, context| x509::verify(a, false, context)),
    pure("crypto.x509.parse_and_verify_certificates_with_options", 2, |a, context| x509::verify(a, true, context)),
    pure("crypto.x509.parse_keypair", 2, |a, _| x509::key_pair(a)),
    pure("crypto.x509.parse_rsa_private_key", 1, |a, _| x509::jwk(args::string(a, 1)?)),
    pure("crypto.parse_private_keys", 1, |a, _| x509::private_keys(args::string(a, 1)?)),
    pure("crypto.hmac.md5", 2, |a, _| {
        let (message, key) = (args::string(a, 1)?, args::string(a, 2)?);
        hexadecimal(&md5::keyed(&bytes(key), &bytes(message)))
    }),
    pure("crypto.hmac.sha1", 2, |a, _| keyed(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, a)),
    pure("crypto.hmac.sha256", 2, |a, _| keyed(hmac::HMAC_SHA256, a)),
    pure("crypto.hmac.sha512", 2, |a, _| keyed(hmac::HMAC_SHA512, a)),
    pure("crypto.hmac.equal", 2, |a, _| {
        use subtle::ConstantTimeEq as _;
        let (first, second) = (args::string(a, 1)?, args::string(a, 2)?);
        some(bool::from(first.as_bytes().ct_eq(second.as_bytes())))
    }),
];

fn hexadecimal(bytes: &[u8]) -> Outcome {
    some(Value::string(hex::encode(bytes)))
}

fn hash(algorithm: &'static digest::Algorithm, a: &[Value]) -> Outcome {
    hexadecimal(digest::digest(algorithm, &bytes(args::string(a, 1)?)).as_ref())
}

/// The message is the first argument, the key the second.
fn keyed(algorithm: hmac::Algorithm, a: &[Value]) -> Outcome {
    let (message, key) = (args::string(a, 1)?, args::string(a, 2)?);
    let key = hmac::Key::new(algorithm, &bytes(key));
    hexadecimal(hmac::sign(&key, &bytes(message)).as_ref())
}

/// The public key of one certificate in DER.
pub(super) fn certificate_key(der: &[u8]) -> Result<Option<PublicKey>, String> {
    certificate::parse_one(der).map(|certificate| certificate.key.key)
}

/// A public key in DER, as PEM's `PUBLIC KEY` has it.
pub(super) fn info_key(der: &[u8]) -> Option<Option<PublicKey>> {
    let mut rest = der::Der(der);
    let content = rest.read(der::SEQUENCE).filter(|_| rest.is_empty())?;
    public_key::parse(content).ok().map(|info| info.key)
}
