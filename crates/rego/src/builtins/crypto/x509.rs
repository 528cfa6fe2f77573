//! `crypto.x509.*` and `crypto.parse_private_keys`: PEM, or base64 of PEM or DER, to what is in it.

use super::super::encoding::base64_bytes;
use super::super::{BuiltinError, Context, Outcome, args, some};
use super::certificate::{self, Certificate};
use super::private_key::{self, PrivateKey};
use super::show::{list, object};
use super::{chain, options, pem, show};
use crate::value::Value;

/// `parse_certificates`.
pub fn certificates(text: &str) -> Outcome {
    let der = certificates_der(text)?;
    let found = certificate::parse_all(&der).map_err(args::failed)?;
    some(shown(&found.iter().collect::<Vec<_>>(), true))
}

fn shown(certificates: &[&Certificate<'_>], uris: bool) -> Value {
    Value::array(certificates.iter().map(|one| show::certificate(one, uris)))
}

/// `parse_and_verify_certificates`, with options or without.
pub fn verify(a: &[Value], with_options: bool, context: &Context) -> Outcome {
    let text = args::string(a, 1)?;
    if with_options {
        args::object(a, 2)?;
    }
    let unverified = || some(Value::array([false.into(), Value::array([])]));
    let Ok(der) = certificates_der(text) else { return unverified() };
    let Ok(found) = certificate::parse_all(&der) else { return unverified() };
    let (wanted, now_ns) = match with_options {
        true => options::parse(a, context.now_ns)?,
        false => (chain::Wanted::default(), context.now_ns),
    };
    match chain::verify(&found, now_ns, &wanted) {
        Some(chain) => some(Value::array([true.into(), shown(&chain, !with_options)])),
        None => unverified(),
    }
}

/// The text of PEM blocks, or the bytes of DER.
enum Encoded {
    Pem(String),
    Der(Vec<u8>),
}

/// What a text is that may be PEM, or base64 of PEM or DER.
fn decoded(text: &str, begin: &str) -> Result<Encoded, BuiltinError> {
    if text.starts_with(begin) {
        return Ok(Encoded::Pem(text.to_owned()));
    }
    let bytes = base64_bytes(text)?;
    Ok(match bytes.starts_with(begin.as_bytes()) {
        true => Encoded::Pem(String::from_utf8_lossy(&bytes).into_owned()),
        false => Encoded::Der(bytes),
    })
}

fn certificates_der(text: &str) -> Result<Vec<u8>, BuiltinError> {
    let text = match decoded(text, "-----BEGIN")? {
        Encoded::Der(bytes) => return Ok(bytes),
        Encoded::Pem(text) => text,
    };
    let (mut der, mut rest) = (Vec::new(), text.as_str());
    while let Some((block, after)) = pem::first(rest) {
        if block.label != "CERTIFICATE" {
            return Err(args::failed(format!("PEM block type is '{}', expected CERTIFICATE", block.label)));
        }
        der.extend(block.bytes);
        rest = after;
    }
    Ok(der)
}

/// `parse_private_keys`.
pub fn private_keys(text: &str) -> Outcome {
    if text.is_empty() {
        return some(Value::Null);
    }
    some(Value::array(keys_of(text)?.iter().map(PrivateKey::to_value)))
}

/// `parse_rsa_private_key`: the first key of any kind, as a JSON web key.
pub fn jwk(text: &str) -> Outcome {
    if text.is_empty() {
        return Err(args::failed("input PEM data was empty"));
    }
    let text = match text.starts_with("-----BEGIN") {
        true => text.to_owned(),
        false => String::from_utf8_lossy(&base64_bytes(text)?).into_owned(),
    };
    match keys_of(&text)?.first() {
        None => some(Value::Null),
        Some(key) => some(key.to_jwk().ok_or_else(|| args::failed("the key has no form as a JSON web key here"))?),
    }
}

/// The keys of all blocks that hold private ones.
fn keys_of(text: &str) -> Result<Vec<PrivateKey>, BuiltinError> {
    let decoded = base64_bytes(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = decoded.unwrap_or_else(|_| text.to_owned());
    let (mut keys, mut rest) = (Vec::new(), text.as_str());
    while let Some((block, after)) = pem::first(rest) {
        match block.label.as_str() {
            "RSA PRIVATE KEY" => keys.push(private_key::pkcs1(&block.bytes).map_err(args::failed)?),
            "PRIVATE KEY" => keys.push(private_key::pkcs8(&block.bytes).map_err(args::failed)?),
            "EC PRIVATE KEY" => keys.push(private_key::sec1(&block.bytes, None).map_err(args::failed)?),
            _ => {}
        }
        rest = after;
    }
    Ok(keys)
}

/// `parse_keypair`: a certificate (and what else stands with it) and its private key.
pub fn key_pair(a: &[Value]) -> Outcome {
    let (certificate, key) =
        (args::string(a, 1)?, args::string(a, 2).map_err(|_| args::wrong_type(1, args::value(a, 2), &["string"]))?);
    let (certificate, key) = (decoded(certificate, "-----BEGIN ")?, decoded(key, "-----BEGIN ")?);
    let failed = |why: &str| args::failed(format!("tls: {why}"));
    let chain = match certificate {
        Encoded::Der(bytes) => vec![bytes],
        Encoded::Pem(text) => blocks(&text, |label| label == "CERTIFICATE").map_err(|labels| match labels.as_slice() {
            [] => failed("failed to find any PEM data in certificate input"),
            [one] if one.ends_with("PRIVATE KEY") => failed(
                "failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may \
                 have been switched",
            ),
            labels => failed(&format!(
                "failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following \
                 types: [{}]",
                labels.join(" ")
            )),
        })?,
    };
    let key = match key {
        Encoded::Der(bytes) => bytes,
        Encoded::Pem(text) => {
            let private = |label: &str| label == "PRIVATE KEY" || label.ends_with(" PRIVATE KEY");
            let found = blocks(&text, private).map_err(|labels| match labels.as_slice() {
                [] => failed("failed to find any PEM data in key input"),
                [one] if one == "CERTIFICATE" => {
                    failed("found a certificate rather than a key in the PEM for the private key")
                }
                labels => failed(&format!(
                    "failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks \
                     of the following types: [{}]",
                    labels.join(" ")
                )),
            })?;
            found.into_iter().next().unwrap_or_default()
        }
    };
    let leaf = chain.first().map(Vec::as_slice).unwrap_or_default();
    let leaf = certificate::parse_one(leaf).map_err(args::failed)?;
    let key = private_key::pkcs1(&key)
        .or_else(|_| private_key::pkcs8(&key))
        .or_else(|_| private_key::sec1(&key, None))
        .map_err(|_| failed("failed to parse private key"))?;
    if matches!(key, PrivateKey::X25519) {
        return Err(failed("found unknown private key type in PKCS#8 wrapping"));
    }
    match leaf.key.key.as_ref().and_then(|public| key.matches(public)) {
        None => return Err(failed("unknown public key algorithm")),
        Some((false, _)) => return Err(failed("private key type does not match public key type")),
        Some((true, false)) => return Err(failed("private key does not match public key")),
        Some((true, true)) => {}
    }
    some(object([
        ("Certificate", list(chain.iter().map(|der| show::base64(der)))),
        ("PrivateKey", key.to_value()),
        ("SupportedSignatureAlgorithms", Value::Null),
        ("OCSPStaple", Value::Null),
        ("SignedCertificateTimestamps", Value::Null),
        ("Leaf", show::certificate(&leaf, false)),
    ]))
}

/// The content of all blocks of a kind; the labels of the others where there is none.
fn blocks(text: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<Vec<u8>>, Vec<String>> {
    let (mut found, mut others, mut rest) = (Vec::new(), Vec::new(), text);
    while let Some((block, after)) = pem::first(rest) {
        if wanted(&block.label) {
            found.push(block.bytes);
        } else {
            others.push(block.label);
        }
        rest = after;
    }
    if found.is_empty() { Err(others) } else { Ok(found) }
}
