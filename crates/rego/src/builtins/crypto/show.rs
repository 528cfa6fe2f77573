//! Certificates, and what they consist of, as the JSON that Go's `x509.Certificate` marshals to.

use super::certificate::{Certificate, Extension};
use super::extensions::{SubjectNames, Subtrees};
use crate::gourl::Url;
use crate::number::Number;
use crate::value::Value;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use num_bigint::BigInt;
use std::net::{IpAddr, Ipv6Addr};

pub fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::object(fields.into_iter().map(|(name, value)| (name.into(), value)))
}

pub fn base64(bytes: &[u8]) -> Value {
    Value::string(BASE64_STANDARD.encode(bytes))
}

pub fn number(n: &BigInt) -> Value {
    Value::Number(Number::from_big(n.clone()))
}

/// A list; null where it is empty, as Go has it.
pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.into_iter().collect();
    if items.is_empty() { Value::Null } else { Value::array(items) }
}

pub fn identifier(id: &[u32]) -> Value {
    Value::array(id.iter().map(|part| Value::from(i64::from(*part))))
}

fn texts(texts: &[String]) -> Value {
    list(texts.iter().map(|text| Value::entering(text)))
}

fn optional(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, base64)
}

fn time(seconds: i64) -> Value {
    Value::string(jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string())
}

fn address(bytes: &[u8]) -> Value {
    let ip = match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => IpAddr::from(v4),
        (_, Ok(v6)) => Ipv6Addr::from(v6).to_canonical(),
        _ => return Value::Null,
    };
    Value::string(ip.to_string())
}

fn ranges(ranges: &[(Vec<u8>, Vec<u8>)]) -> Value {
    list(ranges.iter().map(|(ip, mask)| object([("IP", address(ip)), ("Mask", base64(mask))])))
}

fn url(url: &Url) -> Value {
    let text = |bytes: &[u8]| Value::entering(&crate::bytes::lossy(bytes));
    object([
        ("Scheme", Value::string(&url.scheme)),
        ("Opaque", Value::string(&url.opaque)),
        // Go shows none of a user's fields.
        ("User", url.user.as_ref().map_or(Value::Null, |_| Value::object([]))),
        ("Host", text(&url.host)),
        ("Path", text(&url.path)),
        ("RawPath", Value::string(&url.raw_path)),
        ("OmitHost", url.omit_host.into()),
        ("ForceQuery", url.force_query.into()),
        ("RawQuery", Value::string(&url.raw_query)),
        ("Fragment", text(&url.fragment)),
        ("RawFragment", Value::string(&url.raw_fragment)),
    ])
}

pub fn merged(parts: impl IntoIterator<Item = Value>) -> Value {
    let fields = parts.into_iter().flat_map(|part| match part {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        _ => Vec::new(),
    });
    Value::object(fields)
}

/// The alternative names of a subject.
pub fn subject_names(names: &SubjectNames) -> Value {
    object([
        ("DNSNames", texts(&names.dns)),
        ("EmailAddresses", texts(&names.mail)),
        ("IPAddresses", list(names.ips.iter().map(|ip| address(ip)))),
        ("URIs", list(names.uris.iter().map(url))),
    ])
}

pub fn extension(extension: &Extension<'_>) -> Value {
    object([
        ("Id", identifier(&extension.id)),
        ("Critical", extension.critical.into()),
        ("Value", base64(extension.value)),
    ])
}

fn subtrees(prefix: &str, of: &Subtrees) -> Value {
    Value::object([
        (Value::string(format!("{prefix}DNSDomains")), texts(&of.dns)),
        (Value::string(format!("{prefix}EmailAddresses")), texts(&of.mail)),
        (Value::string(format!("{prefix}IPRanges")), ranges(&of.ips)),
        (Value::string(format!("{prefix}URIDomains")), texts(&of.uris)),
    ])
}

/// A certificate; with the texts of its URIs where they are asked for.
pub fn certificate(certificate: &Certificate<'_>, uris: bool) -> Value {
    let says = &certificate.says;
    let limit = |limit: Option<i64>| Value::from(limit.unwrap_or_default());
    let zero = |limit: Option<i64>| Value::from(limit == Some(0));
    let (basic, authority, path) = says.basic.map_or((false, false, 0), |(ca, path)| (true, ca, path.unwrap_or(-1)));
    let body = object([
        ("Raw", base64(certificate.raw)),
        ("RawTBSCertificate", base64(certificate.body)),
        ("RawSubjectPublicKeyInfo", base64(certificate.key_raw)),
        ("RawSubject", base64(certificate.subject_raw)),
        ("RawIssuer", base64(certificate.issuer_raw)),
        ("Signature", base64(&certificate.signature)),
        ("SignatureAlgorithm", Value::from(certificate.signature_algorithm)),
        ("PublicKeyAlgorithm", Value::from(certificate.key.algorithm)),
        ("PublicKey", certificate.key.key.as_ref().map_or(Value::Null, super::public_key::PublicKey::to_value)),
        ("Version", Value::from(certificate.version)),
        ("SerialNumber", number(&certificate.serial)),
        ("Issuer", certificate.issuer.to_value()),
        ("Subject", certificate.subject.to_value()),
        ("NotBefore", time(certificate.not_before)),
        ("NotAfter", time(certificate.not_after)),
        ("Extensions", list(certificate.extensions.iter().map(extension))),
        ("ExtraExtensions", Value::Null),
    ]);
    let more = object([
        ("KeyUsage", Value::from(says.key_usage)),
        ("UnhandledCriticalExtensions", list(says.unhandled.iter().map(|id| identifier(id)))),
        ("ExtKeyUsage", list(says.usages.iter().map(|usage| Value::from(*usage)))),
        ("UnknownExtKeyUsage", list(says.unknown_usages.iter().map(|id| identifier(id)))),
        ("BasicConstraintsValid", basic.into()),
        ("IsCA", authority.into()),
        ("MaxPathLen", Value::from(path)),
        ("MaxPathLenZero", (basic && path == 0).into()),
        ("SubjectKeyId", optional(says.subject_key.as_deref())),
        ("AuthorityKeyId", optional(says.authority_key.as_deref())),
        ("OCSPServer", texts(&says.ocsp)),
        ("IssuingCertificateURL", texts(&says.issuers)),
        ("CRLDistributionPoints", texts(&says.revocations)),
        ("PermittedDNSDomainsCritical", says.constraints_critical.into()),
        (
            "PolicyIdentifiers",
            says.policies.as_ref().map_or(Value::Null, |policies| {
                let narrow =
                    |id: &Vec<u128>| id.iter().map(|part| u32::try_from(*part).ok().filter(|p| *p < 1 << 31)).collect();
                Value::array(policies.iter().filter_map(narrow).map(|id: Vec<u32>| identifier(&id)))
            }),
        ),
        ("Policies", list(says.policies.iter().flatten().map(|id| dotted(id)))),
        (
            "PolicyMappings",
            list(says.mappings.iter().map(|(issuer, subject)| {
                object([("IssuerDomainPolicy", dotted(issuer)), ("SubjectDomainPolicy", dotted(subject))])
            })),
        ),
        ("InhibitAnyPolicy", limit(says.inhibit_any)),
        ("InhibitAnyPolicyZero", zero(says.inhibit_any)),
        ("InhibitPolicyMapping", limit(says.inhibit_mapping)),
        ("InhibitPolicyMappingZero", zero(says.inhibit_mapping)),
        ("RequireExplicitPolicy", limit(says.require_policy)),
        ("RequireExplicitPolicyZero", zero(says.require_policy)),
    ]);
    let mut parts = vec![
        body,
        more,
        subject_names(&says.names),
        subtrees("Permitted", &says.permitted),
        subtrees("Excluded", &says.excluded),
    ];
    if uris {
        parts.push(object([("URIStrings", list(says.names.uris.iter().map(|uri| Value::string(uri.to_string()))))]));
    }
    merged(parts)
}

fn dotted(id: &[u128]) -> Value {
    Value::string(id.iter().map(u128::to_string).collect::<Vec<_>>().join("."))
}
