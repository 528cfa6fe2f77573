//! `io.jwt.encode_sign` and `encode_sign_raw`: tokens signed with JSON web keys.

use super::super::encoding::base64url_bytes;
use super::super::{BuiltinError, Outcome, args, bounds, some};
use super::algorithm::Algorithm;
use super::keys::{field, part, point};
use super::token::Object;
use crate::bytes::{bytes, entering, shown};
use crate::json;
use crate::value::Value;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair};

/// Headers, payload and key as values.
pub(super) fn encode_sign(a: &[Value]) -> Outcome {
    let text = |position: usize| entering(json::to_string(args::value(a, position)));
    a.iter().try_for_each(bounds::value)?;
    encode_sign_raw(&text(1), &text(2), &text(3))
}

/// Headers, payload and key as JSON.
pub(super) fn encode_sign_raw(headers: &str, payload: &str, key: &str) -> Outcome {
    let key = first_key(key)?;
    let missing = |why: &str| args::failed(format!("missing or invalid 'alg' header: {why}"));
    if headers.trim().is_empty() {
        return Err(missing("cannot parse JSON: cannot parse empty string; unparsed tail: \"\""));
    }
    let map = match json::parse(&shown(headers)) {
        Ok(Value::Object(map)) => map.as_ref().clone(),
        Err(error) if headers.trim_start().starts_with('{') => {
            return Err(missing(&format!("cannot parse JSON: {error}")));
        }
        // Nothing in it can be looked up.
        _ => Object::new(),
    };
    let alg = field(&map, "alg").ok_or_else(|| missing("jwsbb: header \"alg\" not found"))?;
    let algorithm = Algorithm::named(alg).ok_or_else(|| args::failed(format!("unknown JWS algorithm: {alg}")))?;
    if field(&map, "typ").is_none_or(|typ| typ == "JWT") && json::parse(&shown(payload)).is_err() {
        return Err(args::failed("type is JWT but payload is not JSON"));
    }
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(&bytes(headers)), encode(&bytes(payload)));
    let signature = sign(algorithm, &key, signed.as_bytes())
        .ok_or_else(|| args::failed(format!("the key cannot sign with {alg}")))?;
    some(Value::string(format!("{signed}.{}", encode(&signature))))
}

fn first_key(text: &str) -> Result<Object, BuiltinError> {
    let wrong = || args::failed("failed to parse a JWK key (set)");
    let Ok(Value::Object(map)) = json::parse(&shown(text)) else { return Err(wrong()) };
    let key = match map.get(&"keys".into()) {
        None => map.as_ref().clone(),
        Some(Value::Array(keys)) => match keys.first() {
            Some(Value::Object(key)) => key.as_ref().clone(),
            Some(_) => return Err(wrong()),
            None => return Err(args::failed("no keys found in JWK set")),
        },
        Some(_) => return Err(wrong()),
    };
    for name in ["k", "n", "e", "d", "x", "y"] {
        if let Some(encoded) = field(&key, name) {
            base64url_bytes(encoded)?;
        }
    }
    Ok(key)
}

/// The signature; none where the key is not for the algorithm.
fn sign(algorithm: Algorithm, key: &Object, message: &[u8]) -> Option<Vec<u8>> {
    let random = SystemRandom::new();
    if let Some(keyed) = algorithm.keyed() {
        let key = hmac::Key::new(keyed, &part(key, "k")?);
        return Some(hmac::sign(&key, message).as_ref().to_vec());
    }
    let padding: &'static dyn signature::RsaEncoding = match algorithm {
        Algorithm::Es256 => {
            let kind = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = EcdsaKeyPair::from_private_key_and_public_key(kind, &part(key, "d")?, &point(key, 32)?, &random);
            return Some(pair.ok()?.sign(&random, message).ok()?.as_ref().to_vec());
        }
        Algorithm::Es384 => {
            let kind = &signature::ECDSA_P384_SHA384_FIXED_SIGNING;
            let pair = EcdsaKeyPair::from_private_key_and_public_key(kind, &part(key, "d")?, &point(key, 48)?, &random);
            return Some(pair.ok()?.sign(&random, message).ok()?.as_ref().to_vec());
        }
        Algorithm::Es512 => return sign_p521(&part(key, "d")?, &point(key, 66)?, message),
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_seed_and_public_key(&part(key, "d")?, &part(key, "x")?);
            return Some(pair.ok()?.sign(message).as_ref().to_vec());
        }
        Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
        _ => return None,
    };
    let pair = KeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents { n: part(key, "n")?, e: part(key, "e")? },
        d: part(key, "d")?,
        p: part(key, "p")?,
        q: part(key, "q")?,
        dP: part(key, "dp")?,
        dQ: part(key, "dq")?,
        qInv: part(key, "qi")?,
    })
    .ok()?;
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(padding, &random, message, &mut signature).ok()?;
    Some(signature)
}

/// ECDSA on P-521 with SHA-512 (RFC 6979, so without chance); none where the public point is not the secret's.
fn sign_p521(secret: &[u8], point: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    use p521::ecdsa::signature::Signer as _;
    let missing = 66_usize.checked_sub(secret.len())?;
    let key = p521::ecdsa::SigningKey::from_slice(&[vec![0; missing], secret.to_vec()].concat()).ok()?;
    let public = p521::ecdsa::VerifyingKey::from(&key);
    let signature: p521::ecdsa::Signature = key.sign(message);
    (public.to_sec1_point(false).as_bytes() == point).then(|| signature.to_bytes().to_vec())
}
