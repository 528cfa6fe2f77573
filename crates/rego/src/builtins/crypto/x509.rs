//! `crypto.x509.parse_certificates` and `parse_certificate_request`: in the fields that Go's package x509 has.

use super::super::encoding::base64_bytes;
use super::super::jwt::pem;
use super::super::{BuiltinError, Outcome, args, some};
use crate::number::Number;
use crate::value::Value;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use num_bigint::{BigInt, Sign};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Certificates in PEM, base64 of PEM, or base64 of DER.
pub(super) fn certificates(text: &str) -> Outcome {
    let der =
        der(text, "CERTIFICATE", |label| args::failed(format!("PEM block type is '{label}', expected CERTIFICATE")))?;
    let mut rest = der.as_slice();
    let mut certificates = Vec::new();
    while !rest.is_empty() {
        let (after, certificate) =
            X509Certificate::from_der(rest).map_err(|_| args::failed("x509: malformed certificate"))?;
        let raw = rest.get(..rest.len() - after.len()).unwrap_or_default();
        certificates.push(of_certificate(&certificate, raw));
        rest = after;
    }
    some(Value::array(certificates))
}

/// A signing request in PEM, or base64 of PEM or DER.
pub(super) fn request(text: &str) -> Outcome {
    let der = der(text, "CERTIFICATE REQUEST", |_| args::failed("invalid PEM-encoded certificate signing request"))?;
    let Ok(([], request)) = X509CertificationRequest::from_der(&der) else {
        return Err(args::failed("asn1: structure error: malformed certificate request"));
    };
    let info = &request.certification_request_info;
    let mut fields = vec![
        ("Raw", base64(&der)),
        ("RawSubject", base64(info.subject.as_raw())),
        ("RawSubjectPublicKeyInfo", base64(info.subject_pki.raw)),
        ("RawTBSCertificateRequest", base64(info.raw)),
        ("Version", Value::from(i64::from(info.version.0))),
        ("Signature", base64(&request.signature_value.data)),
        ("Subject", name(&info.subject)),
    ];
    let extensions: Vec<_> = request.requested_extensions().into_iter().flatten().collect();
    alternative_names(&mut fields, extensions.into_iter());
    public_key(&mut fields, &info.subject_pki);
    some(object(fields))
}

/// DER of all blocks of one label, or of base64.
fn der(text: &str, label: &str, other: impl Fn(&str) -> BuiltinError) -> Result<Vec<u8>, BuiltinError> {
    let decoded;
    let mut rest = text;
    if !text.starts_with("-----BEGIN") {
        let bytes = base64_bytes(text)?;
        if !bytes.starts_with(b"-----BEGIN") {
            return Ok(bytes);
        }
        decoded = String::from_utf8_lossy(&bytes).into_owned();
        rest = &decoded;
    }
    let mut der = Vec::new();
    while let Some((block, after)) = pem::first(rest) {
        if block.label != label {
            return Err(other(&block.label));
        }
        der.extend(block.bytes);
        rest = after;
    }
    Ok(der)
}

fn object(fields: Vec<(&str, Value)>) -> Value {
    Value::object(fields.into_iter().map(|(name, value)| (name.into(), value)))
}

fn base64(bytes: &[u8]) -> Value {
    Value::string(BASE64_STANDARD.encode(bytes))
}

fn integer(bytes: &[u8]) -> Value {
    Value::Number(Number::from_big(BigInt::from_bytes_be(Sign::Plus, bytes)))
}

/// A list; null where it is empty, as Go has it.
fn list(items: Vec<Value>) -> Value {
    if items.is_empty() { Value::Null } else { Value::array(items) }
}

fn identifier(id: &x509_parser::der_parser::Oid<'_>) -> Value {
    Value::array(id.iter().into_iter().flatten().map(|part| Value::from(i64::try_from(part).unwrap_or(i64::MAX))))
}

fn name(name: &X509Name<'_>) -> Value {
    let of = |id: &str| -> Vec<Value> {
        let attributes = name.iter_attributes().filter(|attribute| attribute.attr_type().to_id_string() == id);
        attributes.filter_map(|attribute| attribute.as_str().ok().map(Value::string)).collect()
    };
    let last = |id: &str| of(id).pop().unwrap_or_else(|| "".into());
    let names = name.iter_attributes().map(|attribute| {
        let value = attribute.as_str().map_or(Value::Null, Value::string);
        object(vec![("Type", identifier(attribute.attr_type())), ("Value", value)])
    });
    object(vec![
        ("CommonName", last("2.5.4.3")),
        ("SerialNumber", last("2.5.4.5")),
        ("Country", list(of("2.5.4.6"))),
        ("Locality", list(of("2.5.4.7"))),
        ("Province", list(of("2.5.4.8"))),
        ("StreetAddress", list(of("2.5.4.9"))),
        ("Organization", list(of("2.5.4.10"))),
        ("OrganizationalUnit", list(of("2.5.4.11"))),
        ("PostalCode", list(of("2.5.4.17"))),
        ("ExtraNames", Value::Null),
        ("Names", list(names.collect())),
    ])
}

fn time(seconds: i64) -> Value {
    Value::string(jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string())
}

fn address(bytes: &[u8]) -> Option<Value> {
    let ip = match <[u8; 4]>::try_from(bytes) {
        Ok(v4) => std::net::IpAddr::from(v4),
        Err(_) => std::net::IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
    };
    Some(Value::string(ip.to_string()))
}

fn alternative_names<'a>(fields: &mut Vec<(&str, Value)>, extensions: impl Iterator<Item = &'a ParsedExtension<'a>>) {
    let (mut dns, mut mail, mut ips, mut uris) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for extension in extensions {
        let ParsedExtension::SubjectAlternativeName(names) = extension else { continue };
        for name in &names.general_names {
            match name {
                GeneralName::DNSName(text) => dns.push(Value::string(text)),
                GeneralName::RFC822Name(text) => mail.push(Value::string(text)),
                GeneralName::URI(text) => uris.push(Value::string(text)),
                GeneralName::IPAddress(bytes) => ips.extend(address(bytes)),
                _ => {}
            }
        }
    }
    fields.push(("DNSNames", list(dns)));
    fields.push(("EmailAddresses", list(mail)));
    fields.push(("IPAddresses", list(ips)));
    fields.push(("URIStrings", list(uris)));
}

fn public_key(fields: &mut Vec<(&str, Value)>, info: &SubjectPublicKeyInfo<'_>) {
    let (kind, key) = match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => (1, object(vec![("N", integer(rsa.modulus)), ("E", integer(rsa.exponent))])),
        Ok(PublicKey::EC(point)) => {
            let coordinates = point.data().get(1..).unwrap_or_default();
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            (3, object(vec![("Curve", Value::object([])), ("X", integer(x)), ("Y", integer(y))]))
        }
        _ if info.algorithm.algorithm.to_id_string() == "1.3.101.112" => (4, base64(&info.subject_public_key.data)),
        _ => (0, Value::Null),
    };
    fields.push(("PublicKeyAlgorithm", Value::from(kind)));
    fields.push(("PublicKey", key));
}

/// Go's number of a signature's algorithm.
fn signature_algorithm(id: &str) -> i64 {
    match id {
        "1.2.840.113549.1.1.4" => 2,
        "1.2.840.113549.1.1.5" => 3,
        "1.2.840.113549.1.1.11" => 4,
        "1.2.840.113549.1.1.12" => 5,
        "1.2.840.113549.1.1.13" => 6,
        "1.2.840.10045.4.1" => 9,
        "1.2.840.10045.4.3.2" => 10,
        "1.2.840.10045.4.3.3" => 11,
        "1.2.840.10045.4.3.4" => 12,
        "1.3.101.112" => 16,
        _ => 0,
    }
}

fn extension(extension: &X509Extension<'_>) -> Value {
    object(vec![
        ("Id", identifier(&extension.oid)),
        ("Critical", extension.critical.into()),
        ("Value", base64(extension.value)),
    ])
}

fn of_certificate(certificate: &X509Certificate<'_>, raw: &[u8]) -> Value {
    let body = &certificate.tbs_certificate;
    let mut fields = vec![
        ("Raw", base64(raw)),
        ("RawTBSCertificate", base64(body.as_ref())),
        ("RawSubjectPublicKeyInfo", base64(body.subject_pki.raw)),
        ("RawSubject", base64(body.subject.as_raw())),
        ("RawIssuer", base64(body.issuer.as_raw())),
        ("Signature", base64(&certificate.signature_value.data)),
        (
            "SignatureAlgorithm",
            Value::from(signature_algorithm(&certificate.signature_algorithm.algorithm.to_id_string())),
        ),
        ("Version", Value::from(i64::from(body.version.0) + 1)),
        ("SerialNumber", integer(body.raw_serial())),
        ("Issuer", name(&body.issuer)),
        ("Subject", name(&body.subject)),
        ("NotBefore", time(body.validity.not_before.timestamp())),
        ("NotAfter", time(body.validity.not_after.timestamp())),
        ("Extensions", list(body.extensions().iter().map(extension).collect())),
    ];
    let mut key_usage = 0;
    let (mut basic, mut authority, mut most) = (false, false, -1);
    let (mut subject_key, mut authority_key) = (Value::Null, Value::Null);
    for extension in body.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => key_usage = i64::from(usage.flags),
            ParsedExtension::BasicConstraints(constraints) => {
                (basic, authority) = (true, constraints.ca);
                most = constraints.path_len_constraint.map_or(-1, i64::from);
            }
            ParsedExtension::SubjectKeyIdentifier(id) => subject_key = base64(id.0),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                authority_key = id.key_identifier.as_ref().map_or(Value::Null, |id| base64(id.0));
            }
            _ => {}
        }
    }
    fields.extend([
        ("KeyUsage", Value::from(key_usage)),
        ("BasicConstraintsValid", basic.into()),
        ("IsCA", authority.into()),
        ("MaxPathLen", Value::from(if basic { most } else { 0 })),
        ("MaxPathLenZero", (most == 0).into()),
        ("SubjectKeyId", subject_key),
        ("AuthorityKeyId", authority_key),
    ]);
    alternative_names(&mut fields, body.extensions().iter().map(X509Extension::parsed_extension));
    public_key(&mut fields, &body.subject_pki);
    object(fields)
}
