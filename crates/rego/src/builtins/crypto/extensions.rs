//! What the extensions of a certificate say, for those that Go's package x509 knows.

use super::certificate::Extension;
use super::der::{self, Der, INTEGER, OBJECT, OCTETS, SEQUENCE};
use super::names::{domain_valid, mailbox};
use crate::gourl::{self, Url};
use std::collections::HashSet;

/// Usages of keys by Go's number.
const USAGES: &[&[u32]] = &[
    &[2, 5, 29, 37, 0],
    &[1, 3, 6, 1, 5, 5, 7, 3, 1],
    &[1, 3, 6, 1, 5, 5, 7, 3, 2],
    &[1, 3, 6, 1, 5, 5, 7, 3, 3],
    &[1, 3, 6, 1, 5, 5, 7, 3, 4],
    &[1, 3, 6, 1, 5, 5, 7, 3, 5],
    &[1, 3, 6, 1, 5, 5, 7, 3, 6],
    &[1, 3, 6, 1, 5, 5, 7, 3, 7],
    &[1, 3, 6, 1, 5, 5, 7, 3, 8],
    &[1, 3, 6, 1, 5, 5, 7, 3, 9],
    &[1, 3, 6, 1, 4, 1, 311, 10, 3, 3],
    &[2, 16, 840, 1, 113_730, 4, 1],
    &[1, 3, 6, 1, 4, 1, 311, 2, 1, 22],
    &[1, 3, 6, 1, 4, 1, 311, 61, 1, 1],
];

pub const SUBJECT_NAMES: &[u32] = &[2, 5, 29, 17];
pub const NAME_CONSTRAINTS: &[u32] = &[2, 5, 29, 30];
const AUTHORITY_INFORMATION: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];

/// Alternative names of a subject.
#[derive(Clone, Debug, Default)]
pub struct SubjectNames {
    pub dns: Vec<String>,
    pub mail: Vec<String>,
    /// Of 4 or 16 bytes.
    pub ips: Vec<Vec<u8>>,
    pub uris: Vec<Url>,
}

/// Names that an authority may, or may not, sign for.
#[derive(Clone, Debug, Default)]
pub struct Subtrees {
    pub dns: Vec<String>,
    pub mail: Vec<String>,
    /// Address and mask.
    pub ips: Vec<(Vec<u8>, Vec<u8>)>,
    pub uris: Vec<String>,
}

/// All that the extensions say.
#[derive(Clone, Debug, Default)]
pub struct Says {
    /// Go's bits.
    pub key_usage: i64,
    /// Whether it is an authority, and how many authorities may stand below it.
    pub basic: Option<(bool, Option<i64>)>,
    pub names: SubjectNames,
    pub permitted: Subtrees,
    pub excluded: Subtrees,
    pub constraints_critical: bool,
    pub revocations: Vec<String>,
    pub authority_key: Option<Vec<u8>>,
    pub subject_key: Option<Vec<u8>>,
    pub require_policy: Option<i64>,
    pub inhibit_mapping: Option<i64>,
    pub inhibit_any: Option<i64>,
    /// Go's numbers of extended usages.
    pub usages: Vec<i64>,
    pub unknown_usages: Vec<Vec<u32>>,
    pub policies: Option<Vec<Vec<u128>>>,
    pub mappings: Vec<(Vec<u128>, Vec<u128>)>,
    pub ocsp: Vec<String>,
    pub issuers: Vec<String>,
    /// Critical, and not understood here.
    pub unhandled: Vec<Vec<u32>>,
}

fn invalid(what: &str) -> impl Fn() -> String {
    move || format!("x509: invalid {what}")
}

/// Reads all extensions.
pub fn process(extensions: &[Extension<'_>]) -> Result<Says, String> {
    let mut says = Says::default();
    for extension in extensions {
        let handled = match extension.id.as_slice() {
            [2, 5, 29, kind] => standard(&mut says, *kind, extension)?,
            AUTHORITY_INFORMATION => {
                authority_information(&mut says, extension)?;
                true
            }
            _ => false,
        };
        if extension.critical && !handled {
            says.unhandled.push(extension.id.clone());
        }
    }
    Ok(says)
}

/// One of the standard's; false where it is not understood, or not wholly.
fn standard(says: &mut Says, kind: u32, extension: &Extension<'_>) -> Result<bool, String> {
    let mut value = Der(extension.value);
    match kind {
        14 => {
            if extension.critical {
                return Err("x509: subject key identifier incorrectly marked critical".to_owned());
            }
            let id = value.read(OCTETS).ok_or_else(invalid("subject key identifier"))?;
            says.subject_key = Some(id.0.to_vec());
        }
        15 => {
            let (bytes, _) = value.bits().ok_or_else(invalid("key usage"))?;
            let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0);
            says.key_usage = (0..9).filter(|at| bit(*at)).map(|at| 1 << at).sum();
        }
        17 => {
            says.names = subject_names(value)?;
            let names = &says.names;
            return Ok(!(names.dns.is_empty()
                && names.mail.is_empty()
                && names.ips.is_empty()
                && names.uris.is_empty()));
        }
        19 => says.basic = Some(basic(value).ok_or_else(invalid("basic constraints"))?),
        30 => return name_constraints(says, extension),
        31 => says.revocations = revocations(value)?,
        32 => says.policies = Some(policies(value).ok_or_else(invalid("certificate policies"))?),
        33 => says.mappings = mappings(value).ok_or_else(invalid("policy mappings extension"))?,
        35 => {
            if extension.critical {
                return Err("x509: authority key identifier incorrectly marked critical".to_owned());
            }
            let mut inner = value.read(SEQUENCE).ok_or_else(invalid("authority key identifier"))?;
            let id = inner.optional(der::implicit(0)).ok_or_else(invalid("authority key identifier"))?;
            says.authority_key = id.map(|id| id.0.to_vec());
        }
        36 => {
            let mut inner = value.read(SEQUENCE).ok_or_else(invalid("policy constraints extension"))?;
            for (tag, place) in [(0, &mut says.require_policy), (1, &mut says.inhibit_mapping)] {
                if inner.next_is(der::implicit(tag)) {
                    let limit = inner.small(der::implicit(tag));
                    *place = Some(limit.ok_or_else(invalid("policy constraints extension"))?);
                }
            }
        }
        37 => {
            let mut inner = value.read(SEQUENCE).ok_or_else(invalid("extended key usages"))?;
            while !inner.is_empty() {
                let id = inner.object().ok_or_else(invalid("extended key usages"))?;
                match USAGES.iter().position(|known| *known == id.as_slice()).map(i64::try_from) {
                    Some(Ok(usage)) => says.usages.push(usage),
                    _ => says.unknown_usages.push(id),
                }
            }
        }
        54 => {
            let limit = value.small(INTEGER);
            says.inhibit_any = Some(limit.ok_or_else(invalid("inhibit any policy extension"))?);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn basic(mut value: Der<'_>) -> Option<(bool, Option<i64>)> {
    let mut inner = value.read(SEQUENCE)?;
    let authority = if inner.next_is(der::BOOLEAN) { inner.boolean()? } else { false };
    let path = match inner.next_is(INTEGER) {
        true => Some(inner.small(INTEGER).filter(|path| *path >= 0)?),
        false => None,
    };
    Some((authority, path))
}

fn ascii(bytes: &[u8]) -> Option<String> {
    bytes.is_ascii().then(|| bytes.iter().map(|byte| char::from(*byte)).collect())
}

/// Bytes that Go takes for text as they are.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The names of an extension for them, certificates' or requests'.
pub fn subject_names(mut value: Der<'_>) -> Result<SubjectNames, String> {
    let mut names = SubjectNames::default();
    let mut inner = value.read(SEQUENCE).ok_or_else(invalid("subject alternative names"))?;
    while !inner.is_empty() {
        let (tag, content, _) = inner.any().ok_or_else(invalid("subject alternative name"))?;
        let malformed = |what: &str| format!("x509: SAN {what} is malformed");
        match tag {
            0x81 => names.mail.push(ascii(content.0).ok_or_else(|| malformed("rfc822Name"))?),
            0x82 => names.dns.push(ascii(content.0).ok_or_else(|| malformed("dNSName"))?),
            0x86 => {
                let text = ascii(content.0).ok_or_else(|| malformed("uniformResourceIdentifier"))?;
                let shown = crate::text::quote(&text, false);
                let uri = gourl::parse(&text).map_err(|why| format!("x509: cannot parse URI {shown}: {why}"))?;
                if !domain_valid(&uri.host, false) {
                    return Err(format!("x509: cannot parse URI {shown}: invalid domain"));
                }
                names.uris.push(uri);
            }
            0x87 if matches!(content.0.len(), 4 | 16) => names.ips.push(content.0.to_vec()),
            0x87 => return Err(format!("x509: cannot parse IP address of length {}", content.0.len())),
            _ => {}
        }
    }
    Ok(names)
}

/// False where a constraint is on names of a kind that is not understood.
fn name_constraints(says: &mut Says, extension: &Extension<'_>) -> Result<bool, String> {
    let wrong = invalid("NameConstraints extension");
    let mut value = Der(extension.value);
    let mut inner = value.read(SEQUENCE).filter(|_| value.is_empty()).ok_or_else(&wrong)?;
    let permitted = inner.optional(der::explicit(0)).ok_or_else(&wrong)?;
    let excluded = inner.optional(der::explicit(1)).ok_or_else(&wrong)?;
    if !inner.is_empty() {
        return Err(wrong());
    }
    let (permitted, excluded) = (permitted.unwrap_or(Der(&[])), excluded.unwrap_or(Der(&[])));
    if permitted.is_empty() && excluded.is_empty() {
        return Err("x509: empty name constraints extension".to_owned());
    }
    let mut handled = true;
    says.permitted = subtrees(permitted, &mut handled)?;
    says.excluded = subtrees(excluded, &mut handled)?;
    says.constraints_critical = extension.critical;
    Ok(handled)
}

fn subtrees(mut rest: Der<'_>, handled: &mut bool) -> Result<Subtrees, String> {
    let mut found = Subtrees::default();
    while !rest.is_empty() {
        let base = rest.read(SEQUENCE).and_then(|mut inner| inner.any());
        let (tag, content, _) = base.ok_or_else(invalid("NameConstraints extension"))?;
        let text = || {
            let shown = crate::text::quote(&lossy(content.0), false);
            ascii(content.0).ok_or_else(|| {
                format!("x509: invalid constraint value: x509: {shown} cannot be encoded as an IA5String")
            })
        };
        let failed = |what: &str, text: &str| {
            format!("x509: failed to parse {what} constraint {}", crate::text::quote(text, false))
        };
        match tag {
            0x81 => {
                let text = text()?;
                let valid =
                    if text.contains('@') { mailbox(&text).is_some() } else { domain_valid(text.as_bytes(), true) };
                if !valid {
                    return Err(failed("rfc822Name", &text));
                }
                found.mail.push(text);
            }
            0x82 => {
                let text = text()?;
                if !domain_valid(text.as_bytes(), true) {
                    return Err(failed("dnsName", &text));
                }
                found.dns.push(text);
            }
            0x86 => {
                let text = text()?;
                if text.parse::<std::net::IpAddr>().is_ok() {
                    return Err(format!("{}: cannot be IP address", failed("URI", &text)));
                }
                if !domain_valid(text.as_bytes(), true) {
                    return Err(failed("URI", &text));
                }
                found.uris.push(text);
            }
            0x87 => {
                let half = content.0.len() / 2;
                if !matches!(content.0.len(), 8 | 32) {
                    return Err(format!("x509: IP constraint contained value of length {}", content.0.len()));
                }
                let (address, mask) = content.0.split_at(half);
                let bits: u128 = mask.iter().fold(0, |bits, byte| (bits << 8) | u128::from(*byte));
                let bits = bits << (128 - 8 * half);
                if bits.leading_ones() != bits.count_ones() {
                    return Err(format!("x509: IP constraint contained invalid mask {}", hex::encode(mask)));
                }
                found.ips.push((address.to_vec(), mask.to_vec()));
            }
            _ => *handled = false,
        }
    }
    Ok(found)
}

fn revocations(mut value: Der<'_>) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut inner = value.read(SEQUENCE).ok_or_else(invalid("CRL distribution points"))?;
    while !inner.is_empty() {
        let mut point = inner.read(SEQUENCE).ok_or_else(invalid("CRL distribution point"))?;
        let Some(mut name) = point.optional(der::explicit(0)).ok_or_else(invalid("CRL distribution point"))? else {
            continue;
        };
        let mut full = name.read(der::explicit(0)).ok_or_else(invalid("CRL distribution point"))?;
        while full.next_is(der::implicit(6)) {
            let uri = full.read(der::implicit(6)).ok_or_else(invalid("CRL distribution point"))?;
            found.push(lossy(uri.0));
        }
    }
    Ok(found)
}

fn policies(mut value: Der<'_>) -> Option<Vec<Vec<u128>>> {
    let mut inner = value.read(SEQUENCE)?;
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    while !inner.is_empty() {
        let id = inner.read(SEQUENCE)?.read(OBJECT)?;
        found.push(der::identifier(id.0).filter(|_| seen.insert(id.0))?);
    }
    Some(found)
}

fn mappings(mut value: Der<'_>) -> Option<Vec<(Vec<u128>, Vec<u128>)>> {
    let mut inner = value.read(SEQUENCE)?;
    let mut found = Vec::new();
    while !inner.is_empty() {
        let mut pair = inner.read(SEQUENCE)?;
        found.push((der::identifier(pair.read(OBJECT)?.0)?, der::identifier(pair.read(OBJECT)?.0)?));
    }
    Some(found)
}

fn authority_information(says: &mut Says, extension: &Extension<'_>) -> Result<(), String> {
    if extension.critical {
        return Err("x509: authority info access incorrectly marked critical".to_owned());
    }
    let wrong = invalid("authority info access");
    let mut inner = Der(extension.value).read(SEQUENCE).ok_or_else(&wrong)?;
    while !inner.is_empty() {
        let mut one = inner.read(SEQUENCE).ok_or_else(&wrong)?;
        let method = one.object().ok_or_else(&wrong)?;
        if !one.next_is(der::implicit(6)) {
            continue;
        }
        let uri = lossy(one.read(der::implicit(6)).ok_or_else(&wrong)?.0);
        match method.as_slice() {
            [1, 3, 6, 1, 5, 5, 7, 48, 1] => says.ocsp.push(uri),
            [1, 3, 6, 1, 5, 5, 7, 48, 2] => says.issuers.push(uri),
            _ => {}
        }
    }
    Ok(())
}
