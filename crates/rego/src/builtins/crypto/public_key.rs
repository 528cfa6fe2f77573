//! Public keys of certificates: read, shown, and used to verify what they signed.

use super::der::{Der, INTEGER, OBJECT, SEQUENCE};
use super::show::{base64, number, object};
use crate::value::Value;
use num_bigint::BigInt;
use num_bigint::Sign;
use ring::{digest, signature};

const RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 1];
const RSA_PSS: &[u32] = &[1, 2, 840, 113_549, 1, 1, 10];
const DSA: &[u32] = &[1, 2, 840, 10_040, 4, 1];
const EC: &[u32] = &[1, 2, 840, 10_045, 2, 1];
pub const X25519: &[u32] = &[1, 3, 101, 110];
const ED25519: &[u32] = &[1, 3, 101, 112];

/// Algorithms with what they sign, by Go's number.
const SIGNATURES: &[(&[u32], i64)] = &[
    (&[1, 2, 840, 113_549, 1, 1, 4], 2),
    (&[1, 2, 840, 113_549, 1, 1, 5], 3),
    (&[1, 3, 14, 3, 2, 29], 3),
    (&[1, 2, 840, 113_549, 1, 1, 11], 4),
    (&[1, 2, 840, 113_549, 1, 1, 12], 5),
    (&[1, 2, 840, 113_549, 1, 1, 13], 6),
    (&[1, 2, 840, 10_040, 4, 3], 7),
    (&[2, 16, 840, 1, 101, 3, 4, 3, 2], 8),
    (&[1, 2, 840, 10_045, 4, 1], 9),
    (&[1, 2, 840, 10_045, 4, 3, 2], 10),
    (&[1, 2, 840, 10_045, 4, 3, 3], 11),
    (&[1, 2, 840, 10_045, 4, 3, 4], 12),
];

/// An algorithm with its parameters, still encoded.
#[derive(Clone, Debug)]
pub struct Algorithm<'a> {
    pub id: Vec<u32>,
    pub parameters: &'a [u8],
}

impl<'a> Algorithm<'a> {
    /// Reads the content of an algorithm's sequence.
    pub fn parse(mut content: Der<'a>) -> Result<Self, String> {
        let id = content.object().ok_or("x509: malformed OID")?;
        let parameters = match content.is_empty() {
            true => [].as_slice(),
            false => content.any().ok_or("x509: malformed parameters")?.2,
        };
        Ok(Self { id, parameters })
    }

    /// Go's number for an algorithm of signatures; 0 where it knows none.
    pub fn signature(&self) -> i64 {
        match self.id.as_slice() {
            RSA_PSS => pss(self.parameters).unwrap_or_default(),
            ED25519 if self.parameters.is_empty() => 16,
            id => SIGNATURES.iter().find(|(known, _)| *known == id).map_or(0, |(_, number)| *number),
        }
    }

    /// Go's number for an algorithm of public keys.
    pub fn key(&self) -> i64 {
        match self.id.as_slice() {
            RSA => 1,
            DSA => 2,
            EC => 3,
            ED25519 => 4,
            _ => 0,
        }
    }
}

/// PSS with one digest for all, a salt as long as it, and the usual trailer.
fn pss(parameters: &[u8]) -> Option<i64> {
    let mut outer = Der(parameters).read(SEQUENCE)?;
    let hash = Algorithm::parse(outer.read(super::der::explicit(0))?.read(SEQUENCE)?).ok()?;
    let mask = Algorithm::parse(outer.read(super::der::explicit(1))?.read(SEQUENCE)?).ok()?;
    let inner = Algorithm::parse(Der(mask.parameters).read(SEQUENCE)?).ok()?;
    let salt = outer.read(super::der::explicit(2))?.small(INTEGER)?;
    let trailer = outer.optional(super::der::explicit(3))?.map_or(Some(1), |mut found| found.small(INTEGER))?;
    let plain = |of: &Algorithm<'_>| matches!(of.parameters, [] | [5, 0]);
    let usual = plain(&hash) && plain(&inner) && inner.id == hash.id && trailer == 1;
    match (hash.id.as_slice(), salt) {
        _ if !usual || mask.id != [1, 2, 840, 113_549, 1, 1, 8] => None,
        ([2, 16, 840, 1, 101, 3, 4, 2, 1], 32) => Some(13),
        ([2, 16, 840, 1, 101, 3, 4, 2, 2], 48) => Some(14),
        ([2, 16, 840, 1, 101, 3, 4, 2, 3], 64) => Some(15),
        _ => None,
    }
}

/// The named curves that Go knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// Known by its name only: nothing here computes on it.
    P224,
    P256,
    P384,
    P521,
}

impl Curve {
    pub fn named(id: &[u32]) -> Option<Self> {
        Some(match id {
            [1, 3, 132, 0, 33] => Self::P224,
            [1, 2, 840, 10_045, 3, 1, 7] => Self::P256,
            [1, 3, 132, 0, 34] => Self::P384,
            [1, 3, 132, 0, 35] => Self::P521,
            _ => return None,
        })
    }

    /// The bytes of a coordinate.
    pub fn size(self) -> usize {
        match self {
            Self::P224 => 28,
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Whether an uncompressed point is on the curve.
    fn has(self, point: &[u8]) -> bool {
        match self {
            Self::P224 => true,
            Self::P256 => p256::PublicKey::from_sec1_bytes(point).is_ok(),
            Self::P384 => p384::PublicKey::from_sec1_bytes(point).is_ok(),
            Self::P521 => p521::PublicKey::from_sec1_bytes(point).is_ok(),
        }
    }
}

/// A key by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    Rsa { n: BigInt, e: i64 },
    Dsa { y: BigInt, p: BigInt, q: BigInt, g: BigInt },
    Ec { curve: Curve, point: Vec<u8> },
    Ed25519(Vec<u8>),
}

/// What a certificate says of its subject's key.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// Go's number; 0 where it does not know the algorithm.
    pub algorithm: i64,
    pub key: Option<PublicKey>,
}

/// Reads a subject's public key from the content of its sequence.
pub fn parse(mut content: Der<'_>) -> Result<KeyInfo, String> {
    let algorithm = content.read(SEQUENCE).ok_or("x509: malformed public key algorithm identifier")?;
    let algorithm = Algorithm::parse(algorithm)?;
    let bytes = content.aligned_bits().ok_or("x509: malformed subjectPublicKey")?;
    Ok(KeyInfo { algorithm: algorithm.key(), key: key(&algorithm, &bytes)? })
}

fn key(algorithm: &Algorithm<'_>, bytes: &[u8]) -> Result<Option<PublicKey>, String> {
    Ok(Some(match algorithm.key() {
        1 => {
            if algorithm.parameters != [5, 0] {
                return Err("x509: RSA key missing NULL parameters".to_owned());
            }
            let mut inner = Der(bytes).read(SEQUENCE).ok_or("x509: invalid RSA public key")?;
            let n = inner.integer().ok_or("x509: invalid RSA modulus")?;
            let e = inner.small(INTEGER).ok_or("x509: invalid RSA public exponent")?;
            if n.sign() != Sign::Plus {
                return Err("x509: RSA modulus is not a positive number".to_owned());
            }
            if e <= 0 {
                return Err("x509: RSA public exponent is not a positive number".to_owned());
            }
            PublicKey::Rsa { n, e }
        }
        2 => {
            let y = Der(bytes).integer().ok_or("x509: invalid DSA public key")?;
            let numbers = Der(algorithm.parameters)
                .read(SEQUENCE)
                .and_then(|mut inner| Some([inner.integer()?, inner.integer()?, inner.integer()?]));
            let [p, q, g] = numbers.ok_or("x509: invalid DSA parameters")?;
            if [&y, &p, &q, &g].iter().any(|part| part.sign() != Sign::Plus) {
                return Err("x509: zero or negative DSA parameter".to_owned());
            }
            PublicKey::Dsa { y, p, q, g }
        }
        3 => {
            let curve = Der(algorithm.parameters).object().ok_or("x509: invalid ECDSA parameters")?;
            let curve = Curve::named(&curve).ok_or("x509: unsupported elliptic curve")?;
            if bytes.first() != Some(&4) || bytes.len() != 1 + 2 * curve.size() {
                return Err("ecdsa: invalid uncompressed public key".to_owned());
            }
            if !curve.has(bytes) {
                return Err(format!("{curve:?} point not on curve"));
            }
            PublicKey::Ec { curve, point: bytes.to_vec() }
        }
        4 if !algorithm.parameters.is_empty() => {
            return Err("x509: Ed25519 key encoded with illegal parameters".to_owned());
        }
        4 if bytes.len() != 32 => return Err("x509: wrong Ed25519 public key size".to_owned()),
        4 => PublicKey::Ed25519(bytes.to_vec()),
        _ => return Ok(None),
    }))
}

impl PublicKey {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Rsa { n, e } => object([("N", number(n)), ("E", Value::from(*e))]),
            Self::Dsa { y, p, q, g } => {
                object([("Y", number(y)), ("P", number(p)), ("Q", number(q)), ("G", number(g))])
            }
            Self::Ec { point, .. } => {
                let (x, y) = coordinates(point);
                object([("Curve", Value::object([])), ("X", number(&x)), ("Y", number(&y))])
            }
            Self::Ed25519(bytes) => base64(bytes),
        }
    }

    /// Whether the key made a signature with an algorithm of Go's number. False for all that is weak: MD5, SHA-1, DSA,
    /// RSA of less than 1024 bits (of less than 2048 where the digest is SHA-384 or the padding PSS).
    pub fn verifies(&self, algorithm: i64, message: &[u8], signed: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => {
                let parameters = match algorithm {
                    4 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                    5 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    6 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                    13 => &signature::RSA_PSS_2048_8192_SHA256,
                    14 => &signature::RSA_PSS_2048_8192_SHA384,
                    15 => &signature::RSA_PSS_2048_8192_SHA512,
                    _ => return false,
                };
                let (n, e) = (n.magnitude().to_bytes_be(), BigInt::from(*e).magnitude().to_bytes_be());
                signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, signed).is_ok()
            }
            Self::Ec { curve, point } => {
                let digest = match algorithm {
                    10 => &digest::SHA256,
                    11 => &digest::SHA384,
                    12 => &digest::SHA512,
                    _ => return false,
                };
                verify_ec(*curve, point, digest::digest(digest, message).as_ref(), signed).unwrap_or(false)
            }
            Self::Ed25519(point) => {
                let key = signature::UnparsedPublicKey::new(&signature::ED25519, point);
                algorithm == 16 && key.verify(message, signed).is_ok()
            }
            Self::Dsa { .. } => false,
        }
    }
}

/// ECDSA over a digest, the signature in DER.
fn verify_ec(curve: Curve, point: &[u8], digest: &[u8], signed: &[u8]) -> Option<bool> {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    Some(match curve {
        Curve::P224 => false,
        Curve::P256 => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
            key.verify_prehash(digest, &p256::ecdsa::Signature::from_der(signed).ok()?).is_ok()
        }
        Curve::P384 => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
            key.verify_prehash(digest, &p384::ecdsa::Signature::from_der(signed).ok()?).is_ok()
        }
        Curve::P521 => {
            let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
            key.verify_prehash(digest, &p521::ecdsa::Signature::from_der(signed).ok()?).is_ok()
        }
    })
}

/// The two numbers of an uncompressed point.
pub fn coordinates(point: &[u8]) -> (BigInt, BigInt) {
    let bytes = point.get(1..).unwrap_or_default();
    let (x, y) = bytes.split_at(bytes.len() / 2);
    (BigInt::from_bytes_be(Sign::Plus, x), BigInt::from_bytes_be(Sign::Plus, y))
}

/// The curve that encoded parameters name.
pub fn curve_of(parameters: &[u8]) -> Option<Curve> {
    Der(parameters).next_is(OBJECT).then(|| Der(parameters).object()).flatten().and_then(|id| Curve::named(&id))
}
