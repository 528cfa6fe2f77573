//! Certificates in DER, as strictly as Go's package x509 reads them; its words are the errors.

use super::der::{self, BITS, Der, INTEGER, SEQUENCE};
use super::extensions::{self, Says};
use super::name::{self, Name};
use super::public_key::{self, Algorithm, KeyInfo};
use num_bigint::{BigInt, Sign};
use std::collections::HashSet;

/// One extension, its value still encoded.
#[derive(Clone, Debug)]
pub struct Extension<'a> {
    pub id: Vec<u32>,
    pub critical: bool,
    pub value: &'a [u8],
}

/// A certificate over the bytes that it was read from.
#[derive(Clone, Debug)]
pub struct Certificate<'a> {
    pub raw: &'a [u8],
    /// What is signed.
    pub body: &'a [u8],
    pub key_raw: &'a [u8],
    pub subject_raw: &'a [u8],
    pub issuer_raw: &'a [u8],
    pub signature: Vec<u8>,
    /// Go's number.
    pub signature_algorithm: i64,
    pub key: KeyInfo,
    /// From 1.
    pub version: i64,
    pub serial: BigInt,
    pub issuer: Name,
    pub subject: Name,
    /// Seconds since 1970, both included.
    pub not_before: i64,
    pub not_after: i64,
    pub extensions: Vec<Extension<'a>>,
    pub says: Says,
}

/// Certificates one after the other.
pub fn parse_all(der: &[u8]) -> Result<Vec<Certificate<'_>>, String> {
    let mut rest = Der(der);
    let mut certificates = Vec::new();
    while !rest.is_empty() {
        certificates.push(parse(&mut rest)?);
    }
    Ok(certificates)
}

/// One certificate, with nothing behind it.
pub fn parse_one(der: &[u8]) -> Result<Certificate<'_>, String> {
    let mut rest = Der(der);
    let certificate = parse(&mut rest)?;
    if rest.is_empty() { Ok(certificate) } else { Err("x509: trailing data".to_owned()) }
}

fn malformed(what: &str) -> impl Fn() -> String {
    move || format!("x509: malformed {what}")
}

fn parse<'a>(rest: &mut Der<'a>) -> Result<Certificate<'a>, String> {
    let (mut outer, raw) = rest.element(SEQUENCE).ok_or_else(malformed("certificate"))?;
    let (mut inner, body) = outer.element(SEQUENCE).ok_or_else(malformed("tbs certificate"))?;
    let version = inner.optional(der::explicit(0)).ok_or_else(malformed("version"))?;
    let version = version.map_or(Some(0), |mut found| found.small(INTEGER).filter(|_| found.is_empty()));
    let version = version.filter(|version| *version >= 0).ok_or_else(malformed("version"))?;
    if version > 2 {
        return Err("x509: invalid version".to_owned());
    }
    let serial = inner.integer().ok_or_else(malformed("serial number"))?;
    if serial.sign() == Sign::Minus {
        return Err("x509: negative serial number".to_owned());
    }
    let algorithm = inner.read(SEQUENCE).ok_or_else(malformed("signature algorithm identifier"))?;
    let again = outer.read(SEQUENCE).ok_or_else(malformed("algorithm identifier"))?;
    if algorithm.0 != again.0 {
        return Err("x509: inner and outer signature algorithm identifiers don't match".to_owned());
    }
    let algorithm = Algorithm::parse(algorithm)?;
    let (_, issuer_raw) = inner.element(SEQUENCE).ok_or_else(malformed("issuer"))?;
    let issuer = name::parse(issuer_raw)?;
    let mut validity = inner.read(SEQUENCE).ok_or_else(malformed("validity"))?;
    let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
    let (_, subject_raw) = inner.element(SEQUENCE).ok_or_else(malformed("issuer"))?;
    let subject = name::parse(subject_raw)?;
    let (key, key_raw) = inner.element(SEQUENCE).ok_or_else(malformed("spki"))?;
    let key = public_key::parse(key)?;
    let mut found = Vec::new();
    if version > 0 {
        inner.optional(der::implicit(1)).ok_or_else(malformed("issuerUniqueID"))?;
        inner.optional(der::implicit(2)).ok_or_else(malformed("subjectUniqueID"))?;
    }
    if version == 2
        && let Some(mut wrapped) = inner.optional(der::explicit(3)).ok_or_else(malformed("extensions"))?
    {
        found = extensions_of(wrapped.read(SEQUENCE).ok_or_else(malformed("extensions"))?)?;
    }
    let says = extensions::process(&found)?;
    let signature = if outer.next_is(BITS) { outer.aligned_bits() } else { None };
    Ok(Certificate {
        raw,
        body,
        key_raw,
        subject_raw,
        issuer_raw,
        signature: signature.ok_or_else(malformed("signature"))?,
        signature_algorithm: algorithm.signature(),
        key,
        version: version + 1,
        serial,
        issuer,
        subject,
        not_before,
        not_after,
        extensions: found,
        says,
    })
}

/// The extensions of a list, each of its own kind.
fn extensions_of(mut rest: Der<'_>) -> Result<Vec<Extension<'_>>, String> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let mut one = rest.read(SEQUENCE).ok_or_else(malformed("extension"))?;
        let extension = extension(&mut one)?;
        if !seen.insert(extension.id.clone()) {
            let id = extension.id.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            return Err(format!("x509: certificate contains duplicate extension with OID \"{id}\""));
        }
        found.push(extension);
    }
    Ok(found)
}

/// The content of one extension.
pub fn extension<'a>(content: &mut Der<'a>) -> Result<Extension<'a>, String> {
    let id = content.object().ok_or_else(malformed("extension OID field"))?;
    let critical = match content.next_is(der::BOOLEAN) {
        true => content.boolean().ok_or_else(malformed("extension critical field"))?,
        false => false,
    };
    let value = content.read(der::OCTETS).ok_or_else(malformed("extension value field"))?;
    Ok(Extension { id, critical, value: value.0 })
}

/// A time, in UTC as RFC 5280 has it: `YYMMDDHHMM[SS]Z` of the years 1950 to 2049, or `YYYYMMDDHHMMSSZ`.
fn time(rest: &mut Der<'_>) -> Result<i64, String> {
    let (what, tag, year) = match rest.0.first() {
        Some(0x17) => ("UTCTime", 0x17, 2),
        Some(0x18) => ("GeneralizedTime", 0x18, 4),
        _ => return Err("x509: unsupported time format".to_owned()),
    };
    let content = rest.read(tag).ok_or_else(malformed(what))?;
    civil(content.0, year, year == 4 || content.0.len() == 13).ok_or_else(malformed(what))
}

fn civil(bytes: &[u8], year_digits: usize, seconds: bool) -> Option<i64> {
    let digits = bytes.strip_suffix(b"Z")?;
    let all = digits.len() == year_digits + if seconds { 10 } else { 8 } && digits.iter().all(u8::is_ascii_digit);
    let value =
        |from: usize, to: usize| -> Option<i16> { std::str::from_utf8(digits.get(from..to)?).ok()?.parse().ok() };
    let pair = |nth: usize| value(year_digits + 2 * nth, year_digits + 2 * nth + 2).and_then(|n| i8::try_from(n).ok());
    let year = match value(0, year_digits)? {
        year if year_digits == 4 => year,
        year @ 50.. => 1900 + year,
        year => 2000 + year,
    };
    let second = if seconds { pair(4)? } else { 0 };
    let at = jiff::civil::DateTime::new(year, pair(0)?, pair(1)?, pair(2)?, pair(3)?, second, 0).ok()?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    all.then(|| at.timestamp().as_second())
}
