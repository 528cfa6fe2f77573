//! Private keys in PKCS 1, PKCS 8 and SEC 1: read and checked, shown as Go marshals them, and as JSON web keys.

use super::der::{self, Der, INTEGER, OCTETS, SEQUENCE};
use super::public_key::{Algorithm, Curve, PublicKey, X25519, coordinates, curve_of};
use super::show::{base64, number, object};
use crate::value::Value;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use num_bigint::{BigInt, BigUint, Sign};
use ring::signature::KeyPair as _;

/// An RSA key of two primes.
#[derive(Clone, Debug)]
pub struct Rsa {
    n: BigUint,
    e: i64,
    d: BigUint,
    p: BigUint,
    q: BigUint,
    dp: BigUint,
    dq: BigUint,
    qi: BigUint,
}

/// A key by its kind.
#[derive(Clone, Debug)]
pub enum PrivateKey {
    Rsa(Box<Rsa>),
    Ec {
        curve: Curve,
        secret: Vec<u8>,
        point: Vec<u8>,
    },
    Ed25519 {
        seed: Vec<u8>,
        public: Vec<u8>,
    },
    /// For agreement only.
    X25519,
}

fn structure(what: &str) -> String {
    format!("asn1: structure error: malformed {what}")
}

/// `RSA PRIVATE KEY`.
pub fn pkcs1(bytes: &[u8]) -> Result<PrivateKey, String> {
    let mut rest = Der(bytes);
    let read = |inner: &mut Der<'_>| -> Option<(i64, i64, Vec<BigInt>)> {
        let version = inner.small(INTEGER)?;
        let n = inner.integer()?;
        let e = inner.small(INTEGER)?;
        let mut numbers = vec![n, inner.integer()?, inner.integer()?, inner.integer()?];
        while inner.next_is(INTEGER) && numbers.len() < 7 {
            numbers.push(inner.integer()?);
        }
        Some((version, e, numbers))
    };
    let mut inner = rest.read(SEQUENCE).ok_or_else(|| structure("private key"))?;
    let (version, e, numbers) = read(&mut inner).ok_or_else(|| structure("private key"))?;
    if !rest.is_empty() {
        return Err("asn1: syntax error: trailing data".to_owned());
    }
    if version > 1 {
        return Err("x509: unsupported private key version".to_owned());
    }
    if numbers.iter().any(|part| part.sign() != Sign::Plus) {
        return Err("x509: private key contains zero or negative value".to_owned());
    }
    if !inner.is_empty() {
        return Err("crypto/rsa: keys of more than two primes are not supported".to_owned());
    }
    let mut numbers = numbers.into_iter().map(|part| part.into_parts().1);
    let mut next = || numbers.next();
    let (n, d, p, q) = (next(), next(), next(), next());
    let (Some(n), Some(d), Some(p), Some(q)) = (n, d, p, q) else { return Err(structure("private key")) };
    let given = [next(), next(), next()];
    rsa(n, e, d, p, q, given).map(|key| PrivateKey::Rsa(Box::new(key))).map_err(|why| format!("crypto/rsa: {why}"))
}

/// Checks that the parts of a key belong together, and computes those that are not given.
fn rsa(
    n: BigUint,
    e: i64,
    d: BigUint,
    p: BigUint,
    q: BigUint,
    [dp, dq, qi]: [Option<BigUint>; 3],
) -> Result<Rsa, &'static str> {
    let one = BigUint::from(1_u8);
    let exponent = BigUint::try_from(e).map_err(|_| "public exponent too small or negative")?;
    if !n.bit(0) {
        return Err("public modulus is even");
    }
    if e <= 1 {
        return Err("public exponent too small or negative");
    }
    if !exponent.bit(0) {
        return Err("public exponent is even");
    }
    if exponent.bits() > 31 {
        return Err("public exponent too large");
    }
    if p <= one || q <= one || p >= n || q >= n {
        return Err("invalid prime");
    }
    if &p * &q != n {
        return Err("p * q != n");
    }
    let (under_p, under_q) = (&p - &one, &q - &one);
    let given_all = dp.is_some() && dq.is_some() && qi.is_some();
    let (dp, dq, qi) = match (dp, dq, qi) {
        (Some(dp), Some(dq), Some(qi)) => (dp, dq, qi),
        _ => (&d % &under_p, &d % &under_q, q.modinv(&p).ok_or("invalid CRT coefficient")?),
    };
    if dp >= under_p || dq >= under_q || &dp * &exponent % &under_p != one || &dq * &exponent % &under_q != one {
        return Err("invalid CRT exponent");
    }
    if given_all && (qi >= p || &qi * &q % &p != one) {
        return Err("invalid CRT coefficient");
    }
    if &d % &under_p != dp {
        return Err("d does not match dP");
    }
    if &d % &under_q != dq {
        return Err("d does not match dQ");
    }
    let apart = if p > q { &p - &q } else { &q - &p };
    if i128::from(apart.bits()) <= i128::from(n.bits()) / 2 - 100 {
        return Err("|p - q| too small");
    }
    if d.bits() <= n.bits() / 2 {
        return Err("d too small");
    }
    Ok(Rsa { n, e, d, p, q, dp, dq, qi })
}

/// `EC PRIVATE KEY`; the curve may be named around it.
pub fn sec1(bytes: &[u8], named: Option<Curve>) -> Result<PrivateKey, String> {
    let wrong = || format!("x509: failed to parse EC private key: {}", structure("EC private key"));
    let mut inner = Der(bytes).read(SEQUENCE).ok_or_else(wrong)?;
    let version = inner.small(INTEGER).ok_or_else(wrong)?;
    let secret = inner.read(OCTETS).ok_or_else(wrong)?;
    let own = inner.optional(der::explicit(0)).ok_or_else(wrong)?;
    // The point is computed; what the file says of it has to be well formed only.
    if let Some(mut public) = inner.optional(der::explicit(1)).ok_or_else(wrong)? {
        public.bits().ok_or_else(wrong)?;
    }
    if version != 1 {
        return Err(format!("x509: unknown EC private key version {version}"));
    }
    let curve = named.or_else(|| curve_of(own?.0)).ok_or("x509: unknown elliptic curve")?;
    // Some write zeros in front, and some leave those out that belong there.
    let digits = secret.0.get(secret.0.iter().take_while(|byte| **byte == 0).count()..).unwrap_or_default();
    let missing = curve.size().checked_sub(digits.len()).ok_or("x509: invalid private key length")?;
    let secret = [vec![0; missing], digits.to_vec()].concat();
    let point = public_point(curve, &secret).ok_or("crypto/ecdsa: invalid private key")?;
    Ok(PrivateKey::Ec { curve, secret, point })
}

/// The uncompressed point that belongs to a secret.
fn public_point(curve: Curve, secret: &[u8]) -> Option<Vec<u8>> {
    use p256::elliptic_curve::sec1::ToSec1Point as _;
    Some(match curve {
        Curve::P224 => return None,
        Curve::P256 => p256::SecretKey::from_slice(secret).ok()?.public_key().to_sec1_point(false).as_bytes().to_vec(),
        Curve::P384 => p384::SecretKey::from_slice(secret).ok()?.public_key().to_sec1_point(false).as_bytes().to_vec(),
        Curve::P521 => p521::SecretKey::from_slice(secret).ok()?.public_key().to_sec1_point(false).as_bytes().to_vec(),
    })
}

/// `PRIVATE KEY`.
pub fn pkcs8(bytes: &[u8]) -> Result<PrivateKey, String> {
    let mut inner = Der(bytes).read(SEQUENCE).ok_or_else(|| structure("PKCS#8 private key"))?;
    inner.small(INTEGER).ok_or_else(|| structure("PKCS#8 private key"))?;
    let algorithm = inner.read(SEQUENCE).ok_or_else(|| structure("PKCS#8 private key"))?;
    let algorithm = Algorithm::parse(algorithm).map_err(|_| structure("PKCS#8 private key"))?;
    let key = inner.read(OCTETS).ok_or_else(|| structure("PKCS#8 private key"))?;
    let embedded =
        |kind: &str, why: &str| format!("x509: failed to parse {kind} private key embedded in PKCS#8: {why}");
    match (algorithm.key(), algorithm.id.as_slice()) {
        (1, _) => pkcs1(key.0).map_err(|why| embedded("RSA", &why)),
        (3, _) => sec1(key.0, curve_of(algorithm.parameters)).map_err(|why| embedded("EC", &why)),
        (4, _) if !algorithm.parameters.is_empty() => Err("x509: invalid Ed25519 private key parameters".to_owned()),
        (4, _) => {
            let mut key = key;
            let seed =
                key.read(OCTETS).ok_or_else(|| format!("x509: invalid Ed25519 private key: {}", structure("key")))?;
            let wrong = || format!("x509: invalid Ed25519 private key length: {}", seed.0.len());
            let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(seed.0).map_err(|_| wrong())?;
            Ok(PrivateKey::Ed25519 { seed: seed.0.to_vec(), public: pair.public_key().as_ref().to_vec() })
        }
        (_, X25519) => {
            let mut key = key;
            let secret = key.read(OCTETS).filter(|secret| algorithm.parameters.is_empty() && secret.0.len() == 32);
            secret.map(|_| PrivateKey::X25519).ok_or_else(|| "x509: invalid X25519 private key".to_owned())
        }
        (_, id) => {
            let id = id.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            Err(format!("x509: PKCS#8 wrapping contained private key with unknown algorithm: {id}"))
        }
    }
}

fn big(n: &BigUint) -> Value {
    number(&BigInt::from(n.clone()))
}

impl PrivateKey {
    /// As Go marshals it.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Rsa(key) => object([
                ("N", big(&key.n)),
                ("E", Value::from(key.e)),
                ("D", big(&key.d)),
                ("Primes", Value::array([big(&key.p), big(&key.q)])),
                (
                    "Precomputed",
                    object([
                        ("Dp", big(&key.dp)),
                        ("Dq", big(&key.dq)),
                        ("Qinv", big(&key.qi)),
                        ("CRTValues", Value::array([])),
                    ]),
                ),
            ]),
            Self::Ec { secret, point, .. } => {
                let (x, y) = coordinates(point);
                let secret = BigInt::from_bytes_be(Sign::Plus, secret);
                object([("Curve", Value::object([])), ("X", number(&x)), ("Y", number(&y)), ("D", number(&secret))])
            }
            Self::Ed25519 { seed, public } => base64(&[seed.as_slice(), public].concat()),
            Self::X25519 => Value::object([]),
        }
    }

    /// As a JSON web key; none for keys of agreement.
    pub fn to_jwk(&self) -> Option<Value> {
        let text = |bytes: &[u8]| Value::string(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let big = |n: &BigUint| text(&n.to_bytes_be());
        Some(match self {
            Self::Rsa(key) => object([
                ("kty", "RSA".into()),
                ("n", big(&key.n)),
                ("e", big(&BigUint::try_from(key.e).unwrap_or_default())),
                ("d", big(&key.d)),
                ("p", big(&key.p)),
                ("q", big(&key.q)),
                ("dp", big(&key.dp)),
                ("dq", big(&key.dq)),
                ("qi", big(&key.qi)),
            ]),
            Self::Ec { curve, secret, point } => {
                let name = match curve {
                    Curve::P224 => return None,
                    Curve::P256 => "P-256",
                    Curve::P384 => "P-384",
                    Curve::P521 => "P-521",
                };
                let (x, y) = point.get(1..)?.split_at_checked(curve.size())?;
                object([
                    ("kty", "EC".into()),
                    ("crv", name.into()),
                    ("x", text(x)),
                    ("y", text(y)),
                    ("d", text(secret)),
                ])
            }
            Self::Ed25519 { seed, public } => {
                object([("kty", "OKP".into()), ("crv", "Ed25519".into()), ("x", text(public)), ("d", text(seed))])
            }
            Self::X25519 => return None,
        })
    }

    /// Whether a public key is of this kind, and whether it is the one that belongs to it; none for kinds that sign nothing.
    pub fn matches(&self, public: &PublicKey) -> Option<(bool, bool)> {
        Some(match (self, public) {
            (Self::Rsa(key), PublicKey::Rsa { n, e }) => (true, BigInt::from(key.n.clone()) == *n && key.e == *e),
            (Self::Ec { curve, point, .. }, PublicKey::Ec { curve: other, point: at }) => {
                (true, curve == other && point == at)
            }
            (Self::Ed25519 { public, .. }, PublicKey::Ed25519(other)) => (true, public == other),
            (_, PublicKey::Dsa { .. }) => return None,
            _ => (false, false),
        })
    }
}
