//! `crypto.x509.parse_certificate_request`: requests for certificates (PKCS 10), as Go marshals them.

use super::super::encoding::base64_bytes;
use super::super::{Outcome, args};
use super::certificate::{self, Extension};
use super::der::{self, Der, INTEGER, SEQUENCE, SET};
use super::extensions::{self, SUBJECT_NAMES};
use super::public_key::{self, Algorithm, PublicKey};
use super::show::{base64, identifier, list, object};
use super::{name, pem, show};
use crate::value::Value;
use std::collections::HashSet;

/// The attribute whose value is a list of extensions.
const EXTENSION_REQUEST: &[u32] = &[1, 2, 840, 113_549, 1, 9, 14];

/// A request in PEM, or base64 of PEM or DER.
pub fn request(text: &str) -> Outcome {
    let bytes = match text.starts_with("-----BEGIN CERTIFICATE REQUEST-----") {
        true => text.as_bytes().to_vec(),
        false => base64_bytes(text)?,
    };
    let der = match pem::first(&String::from_utf8_lossy(&bytes)) {
        Some((block, _)) if block.label != "CERTIFICATE REQUEST" => {
            return Err(args::failed("invalid PEM-encoded certificate signing request"));
        }
        Some((block, _)) => block.bytes,
        None => bytes,
    };
    parse(&der).map(Some).map_err(args::failed)
}

fn parse(bytes: &[u8]) -> Result<Value, String> {
    let wrong = || "asn1: structure error: malformed certificate request".to_owned();
    let mut rest = Der(bytes);
    let (mut outer, raw) = rest.element(SEQUENCE).ok_or_else(wrong)?;
    if !rest.is_empty() {
        return Err("asn1: syntax error: trailing data".to_owned());
    }
    let (mut inner, body) = outer.element(SEQUENCE).ok_or_else(wrong)?;
    let version = inner.small(INTEGER).ok_or_else(wrong)?;
    let (_, subject_raw) = inner.element(SEQUENCE).ok_or_else(wrong)?;
    let (key, key_raw) = inner.element(SEQUENCE).ok_or_else(wrong)?;
    let attributes = inner.read(der::explicit(0)).ok_or_else(wrong)?;
    let algorithm = Algorithm::parse(outer.read(SEQUENCE).ok_or_else(wrong)?).map_err(|_| wrong())?;
    let signature = outer.aligned_bits().ok_or_else(wrong)?;
    let key = public_key::parse(key)?;
    let subject = name::parse(subject_raw)?;
    let (attributes, requested) = attributes_of(attributes)?;
    let names = requested.iter().find(|extension| extension.id == SUBJECT_NAMES);
    let names = names.map(|found| extensions::subject_names(Der(found.value))).transpose()?.unwrap_or_default();
    let fields = object([
        ("Raw", base64(raw)),
        ("RawTBSCertificateRequest", base64(body)),
        ("RawSubjectPublicKeyInfo", base64(key_raw)),
        ("RawSubject", base64(subject_raw)),
        ("Version", Value::from(version)),
        ("Signature", base64(&signature)),
        ("SignatureAlgorithm", Value::from(algorithm.signature())),
        ("PublicKeyAlgorithm", Value::from(key.algorithm)),
        ("PublicKey", key.key.as_ref().map_or(Value::Null, PublicKey::to_value)),
        ("Subject", subject.to_value()),
        ("Attributes", list(attributes)),
        ("Extensions", list(requested.iter().map(show::extension))),
        ("ExtraExtensions", Value::Null),
    ]);
    Ok(show::merged([fields, show::subject_names(&names)]))
}

/// The attributes that have the form of names' parts, and the extensions that are asked for.
fn attributes_of(mut rest: Der<'_>) -> Result<(Vec<Value>, Vec<Extension<'_>>), String> {
    let wrong = || "asn1: structure error: malformed certificate request".to_owned();
    let (mut shown, mut requested) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let (_, _, whole) = rest.any().ok_or_else(wrong)?;
        shown.extend(attribute(whole));
        let Some((id, mut values)) = Der(whole).read(SEQUENCE).and_then(|mut a| Some((a.object()?, a.read(SET)?)))
        else {
            continue;
        };
        if id != EXTENSION_REQUEST || values.is_empty() {
            continue;
        }
        let mut list = values.read(SEQUENCE).ok_or_else(wrong)?;
        let mut seen = HashSet::new();
        while !list.is_empty() {
            let mut one = list.read(SEQUENCE).ok_or_else(wrong)?;
            let extension = certificate::extension(&mut one).map_err(|_| wrong())?;
            if !seen.insert(extension.id.clone()) {
                return Err("x509: certificate request contains duplicate requested extensions".to_owned());
            }
            requested.push(extension);
        }
    }
    Ok((shown, requested))
}

/// An attribute whose values are lists of types and values; a flag between the two, as extensions have it, is left out.
fn attribute(whole: &[u8]) -> Option<Value> {
    let mut inner = Der(whole).read(SEQUENCE)?;
    let id = inner.object()?;
    let mut lists = inner.read(SET)?;
    let mut values = Vec::new();
    while !lists.is_empty() {
        let mut pairs = lists.read(SEQUENCE)?;
        let mut items = Vec::new();
        while !pairs.is_empty() {
            let mut pair = pairs.read(SEQUENCE)?;
            let kind = pair.object()?;
            let (tag, value, _) = pair.any()?;
            let value = match tag {
                der::OCTETS => base64(value.0),
                der::BOOLEAN => (value.0 == [0xff]).into(),
                _ => return None,
            };
            items.push(object([("Type", identifier(&kind)), ("Value", value)]));
        }
        values.push(Value::array(items));
    }
    Some(object([("Type", identifier(&id)), ("Value", list(values))]))
}
