//! Distinguished names: read, and shown as Go's `pkix.Name`.

use super::der::{Der, SEQUENCE, SET};
use super::show::{identifier, list, object};
use crate::value::Value;

/// Attributes in their order: type and text.
#[derive(Clone, Debug, Default)]
pub struct Name(Vec<(Vec<u32>, String)>);

/// Reads the sequence of a name.
pub fn parse(whole: &[u8]) -> Result<Name, String> {
    let wrong = |what: &str| format!("x509: invalid RDNSequence{what}");
    let mut rest = Der(whole).read(SEQUENCE).ok_or_else(|| wrong(""))?;
    let mut attributes = Vec::new();
    while !rest.is_empty() {
        let mut set = rest.read(SET).ok_or_else(|| wrong(""))?;
        while !set.is_empty() {
            let mut attribute = set.read(SEQUENCE).ok_or_else(|| wrong(": invalid attribute"))?;
            let kind = attribute.object().ok_or_else(|| wrong(": invalid attribute type"))?;
            let (tag, value, _) = attribute.any().ok_or_else(|| wrong(": invalid attribute value"))?;
            let text = text(tag, value.0).map_err(|why| wrong(&format!(": invalid attribute value: {why}")))?;
            attributes.push((kind, text));
        }
    }
    Ok(Name(attributes))
}

/// A string of one of ASN.1's kinds.
fn text(tag: u8, bytes: &[u8]) -> Result<String, String> {
    let ascii = |name: &str, allowed: &dyn Fn(u8) -> bool| match bytes.iter().all(|byte| allowed(*byte)) {
        true => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        false => Err(format!("invalid {name}")),
    };
    match tag {
        0x0c => String::from_utf8(bytes.to_vec()).map_err(|_| "invalid UTF-8 string".to_owned()),
        0x12 => ascii("NumericString", &|byte| byte.is_ascii_digit() || byte == b' '),
        0x13 => ascii("PrintableString", &|byte| byte.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(&byte)),
        // T.61, which the world reads as Latin 1.
        0x14 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        0x16 => ascii("IA5String", &|byte| byte.is_ascii()),
        0x1e => {
            let (units, []) = bytes.strip_suffix(&[0, 0]).unwrap_or(bytes).as_chunks::<2>() else {
                return Err("invalid BMPString".to_owned());
            };
            let code = |unit: &[u8; 2]| u16::from_be_bytes(*unit);
            let characters = units.iter().map(|unit| char::from_u32(u32::from(code(unit))));
            let assigned = |c: &char| !matches!(u32::from(*c), 0xfdd0..=0xfdef | 0xfffe..=0xffff);
            characters.map(|c| c.filter(assigned)).collect::<Option<_>>().ok_or_else(|| "invalid BMPString".to_owned())
        }
        other => Err(format!("unsupported string type: {other}")),
    }
}

impl Name {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        let of = |last: u32| self.0.iter().filter(move |(kind, _)| *kind == [2, 5, 4, last]);
        let one = |last| of(last).next_back().map_or_else(|| "".into(), |(_, text)| Value::entering(text));
        let all = |last| list(of(last).map(|(_, text)| Value::entering(text)));
        let names =
            self.0.iter().map(|(kind, text)| object([("Type", identifier(kind)), ("Value", Value::entering(text))]));
        object([
            ("CommonName", one(3)),
            ("SerialNumber", one(5)),
            ("Country", all(6)),
            ("Locality", all(7)),
            ("Province", all(8)),
            ("StreetAddress", all(9)),
            ("Organization", all(10)),
            ("OrganizationalUnit", all(11)),
            ("PostalCode", all(17)),
            ("ExtraNames", Value::Null),
            ("Names", list(names)),
        ])
    }
}
