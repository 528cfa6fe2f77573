//! Keys to verify with: of certificates and public keys in PEM, and of JSON web keys and sets of them.

use super::super::crypto::{self, Curve, PublicKey, pem};
use super::super::encoding::base64url_bytes;
use super::super::{BuiltinError, args};
use super::algorithm::Algorithm;
use crate::json;
use crate::value::Value;
use num_bigint::BigUint;
use std::collections::BTreeMap;

/// One key by what it is good for.
#[derive(Clone, Debug)]
pub(super) enum Key {
    Secret(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    P256(Vec<u8>),
    P384(Vec<u8>),
    P521(Vec<u8>),
    Ed25519(Vec<u8>),
    /// Well formed, and nothing here verifies with it.
    Other,
}

/// A key with what its JSON says of it; empty where that is nothing.
#[derive(Clone, Debug)]
pub(super) struct Trusted {
    pub alg: String,
    pub kid: String,
    pub key: Key,
}

/// The keys of one PEM block, or of a JSON web key or set.
pub(super) fn trusted(text: &str) -> Result<Vec<Trusted>, BuiltinError> {
    let Some((block, rest)) = pem::first(text) else { return of_json(text) };
    if !rest.is_empty() {
        return Err(args::failed("extra data after a PEM certificate block"));
    }
    let key = match block.label.as_str() {
        "CERTIFICATE" => of_public(
            crypto::certificate_key(&block.bytes)
                .map_err(|why| args::failed(format!("failed to parse a PEM certificate: {why}")))?,
        ),
        "PUBLIC KEY" => of_public(
            crypto::info_key(&block.bytes)
                .ok_or_else(|| args::failed("failed to parse a PEM public key: asn1: structure error"))?,
        ),
        _ => return Err(args::failed("failed to extract a Key from the PEM certificate")),
    };
    Ok(vec![Trusted { alg: String::new(), kid: String::new(), key }])
}

fn without_zeros(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

fn of_public(key: Option<PublicKey>) -> Key {
    match key {
        Some(PublicKey::Rsa { n, e }) => {
            Key::Rsa { n: n.magnitude().to_bytes_be(), e: BigUint::try_from(e).unwrap_or_default().to_bytes_be() }
        }
        Some(PublicKey::Ec { curve: Curve::P256, point }) => Key::P256(point),
        Some(PublicKey::Ec { curve: Curve::P384, point }) => Key::P384(point),
        Some(PublicKey::Ec { curve: Curve::P521, point }) => Key::P521(point),
        Some(PublicKey::Ed25519(point)) => Key::Ed25519(point),
        _ => Key::Other,
    }
}

fn of_json(text: &str) -> Result<Vec<Trusted>, BuiltinError> {
    let wrong = |why: &str| args::failed(format!("failed to parse a JWK key (set): {why}"));
    let Ok(Value::Object(map)) = json::parse(&crate::bytes::shown(text)) else {
        return Err(wrong("it is no JSON object"));
    };
    let single = [Value::Object(map.clone())];
    let items: &[Value] = match map.get(&"keys".into()) {
        Some(Value::Array(items)) => items,
        Some(_) => return Err(wrong("keys must be an array")),
        None => &single,
    };
    let mut keys = Vec::new();
    for item in items {
        let Value::Object(map) = item else { return Err(wrong("a key must be an object")) };
        let key = of_jwk(map).ok_or_else(|| wrong("a key has no known type or lacks a part"))?;
        let alg = field(map, "alg").unwrap_or_default().to_owned();
        if alg.is_empty() || Algorithm::named(&alg).is_some() {
            keys.push(Trusted { alg, kid: field(map, "kid").unwrap_or_default().to_owned(), key });
        }
    }
    Ok(keys)
}

pub(super) fn field<'a>(map: &'a BTreeMap<Value, Value>, name: &str) -> Option<&'a str> {
    map.get(&Value::string(name)).and_then(Value::as_str)
}

/// A part of a JSON web key.
pub(super) fn part(map: &BTreeMap<Value, Value>, name: &str) -> Option<Vec<u8>> {
    base64url_bytes(field(map, name)?).ok()
}

/// The uncompressed point of a key on a curve whose coordinates have so many bytes.
pub(super) fn point(map: &BTreeMap<Value, Value>, size: usize) -> Option<Vec<u8>> {
    let mut point = vec![4];
    for name in ["x", "y"] {
        let coordinate = part(map, name)?;
        point.extend(std::iter::repeat_n(0, size.checked_sub(coordinate.len())?));
        point.extend(coordinate);
    }
    Some(point)
}

fn of_jwk(map: &BTreeMap<Value, Value>) -> Option<Key> {
    Some(match (field(map, "kty")?, field(map, "crv")) {
        ("oct", _) => Key::Secret(part(map, "k")?),
        ("RSA", _) => Key::Rsa { n: without_zeros(&part(map, "n")?), e: without_zeros(&part(map, "e")?) },
        ("EC", Some("P-256")) => Key::P256(point(map, 32)?),
        ("EC", Some("P-384")) => Key::P384(point(map, 48)?),
        ("EC", Some("P-521")) => Key::P521(point(map, 66)?),
        ("OKP", Some("Ed25519")) => Key::Ed25519(part(map, "x")?),
        ("OKP", Some(_)) => Key::Other,
        _ => return None,
    })
}

/// Whether any key verifies. The one that a token names decides alone; else those for any algorithm, or for the token's.
pub(super) fn any(keys: &[Trusted], kid: &str, alg: &str, verifies: impl Fn(&Key) -> bool) -> bool {
    if let Some(named) = keys.iter().find(|key| !kid.is_empty() && key.kid == kid) {
        return verifies(&named.key);
    }
    keys.iter().any(|key| (key.alg.is_empty() || key.alg == alg) && verifies(&key.key))
}
