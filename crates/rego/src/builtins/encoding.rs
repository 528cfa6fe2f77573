//! Text encodings: base64, hex and queries of URLs. (JSON and YAML are in `marshal`.)

use super::{Builtin, BuiltinError, Outcome, args, bounds, pure, some};
use crate::bytes::{self, bytes};
use crate::value::Value;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use std::collections::BTreeMap;

/// Go takes any bits behind the last whole byte.
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, CONFIG);

pub const ALL: &[Builtin] = &[
    pure("base64.encode", 1, |a, _| some(BASE64.encode(bytes(args::string(a, 1)?)).as_str())),
    pure("base64.decode", 1, |a, _| decode(args::string(a, 1)?)),
    pure("base64.is_valid", 1, |a, _| some(args::string(a, 1).is_ok_and(|text| decode(text).is_ok()))),
    pure("base64url.encode", 1, |a, _| some(BASE64_URL.encode(bytes(args::string(a, 1)?)).as_str())),
    pure("base64url.encode_no_pad", 1, |a, _| {
        some(BASE64_URL.encode(bytes(args::string(a, 1)?)).trim_end_matches('='))
    }),
    pure("base64url.decode", 1, |a, _| base64url_decode(args::string(a, 1)?)),
    pure("hex.encode", 1, |a, _| some(hex::encode(bytes(args::string(a, 1)?)).as_str())),
    pure("hex.decode", 1, |a, _| hex_decode(args::string(a, 1)?)),
    pure("urlquery.encode", 1, |a, _| some(query_escape(args::string(a, 1)?).as_str())),
    pure("urlquery.decode", 1, |a, _| {
        let text = args::string(a, 1)?;
        some(query_unescape(text).map_err(args::failed)?.as_str())
    }),
    pure("urlquery.encode_object", 1, |a, _| encode_object(a)),
    pure("urlquery.decode_object", 1, |a, _| decode_object(args::string(a, 1)?)),
];

fn text(bytes: &[u8]) -> Outcome {
    some(bytes::text(bytes).as_str())
}

fn decode(encoded: &str) -> Outcome {
    text(&base64_bytes(encoded)?)
}

/// The bytes of standard base64.
pub(super) fn base64_bytes(encoded: &str) -> Result<Vec<u8>, BuiltinError> {
    decoded(&BASE64, b"+/", encoded)
}

fn decoded(engine: &GeneralPurpose, special: &[u8], encoded: &str) -> Result<Vec<u8>, BuiltinError> {
    // Go skips ends of lines wherever they stand.
    let bare: String = encoded.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    engine.decode(&bare).map_err(|_| {
        args::failed(format!("illegal base64 data at input byte {}", wrong_byte(&bytes(encoded), special)))
    })
}

/// Where Go sees what is wrong with base64 whose alphabet ends with two special characters.
fn wrong_byte(encoded: &[u8], special: &[u8]) -> usize {
    let get = |at: usize| encoded.get(at).copied();
    let after_lines = |mut at: usize| {
        while matches!(get(at), Some(b'\r' | b'\n')) {
            at += 1;
        }
        at
    };
    let (mut at, mut digits) = (0, 0);
    while let Some(byte) = get(at) {
        match byte {
            b'\r' | b'\n' => {}
            b'=' if digits % 4 >= 2 => {
                let second = after_lines(at + 1);
                return match get(second) {
                    _ if digits % 4 == 3 => second,
                    None => encoded.len(),
                    Some(b'=') => after_lines(second + 1),
                    Some(_) => second - 1,
                };
            }
            _ if byte.is_ascii_alphanumeric() || special.contains(&byte) => digits += 1,
            _ => return at,
        }
        at += 1;
    }
    at.saturating_sub(digits % 4)
}

fn base64url_decode(encoded: &str) -> Outcome {
    text(&base64url_bytes(encoded)?)
}

/// The bytes of base64url, whose padding may be missing.
pub(super) fn base64url_bytes(encoded: &str) -> Result<Vec<u8>, BuiltinError> {
    let padding = match bytes(encoded).len() % 4 {
        _ if encoded.ends_with('=') => "",
        0 => "",
        2 => "==",
        3 => "=",
        _ => return Err(args::failed(format!("illegal base64url string: {encoded}"))),
    };
    decoded(&BASE64_URL, b"-_", &format!("{encoded}{padding}"))
}

fn hex_decode(encoded: &str) -> Outcome {
    if let Some(bad) = bytes(encoded).iter().copied().find(|b| !b.is_ascii_hexdigit()) {
        let c = char::from(bad);
        let shown = if crate::text::printable(c) { format!(" '{c}'") } else { String::new() };
        return Err(args::failed(format!("encoding/hex: invalid byte: U+{bad:04X}{shown}")));
    }
    let bytes = hex::decode(encoded).map_err(|_| args::failed("encoding/hex: odd length hex string"))?;
    text(&bytes)
}

/// As Go's `url.QueryEscape`.
pub(super) fn query_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in bytes(text).iter().copied() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
            b' ' => out.push('+'),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// As Go's `url.QueryUnescape`.
fn query_unescape(text: &str) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let whole = bytes(text);
    let mut left = whole.as_ref();
    while let Some((b, rest)) = left.split_first() {
        left = rest;
        match b {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = rest.get(..2).unwrap_or(rest);
                let mut byte = [0];
                if hex::decode_to_slice(digits, &mut byte).is_err() {
                    let shown = bytes::text(digits);
                    return Err(format!("invalid URL escape {}", crate::text::quote(&format!("%{shown}"), false)));
                }
                out.extend(byte);
                left = rest.get(2..).unwrap_or_default();
            }
            b => out.push(*b),
        }
    }
    Ok(bytes::text(&out))
}

fn encode_object(a: &[Value]) -> Outcome {
    let wrong = || args::operand(1, "values must be string, array[string], or set[string]");
    let mut pairs: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (key, value) in args::object(a, 1)? {
        let values: Option<Vec<&str>> = match value {
            Value::String(text) => Some(vec![text]),
            Value::Array(items) => items.iter().map(Value::as_str).collect(),
            Value::Set(items) => items.iter().map(Value::as_str).collect(),
            _ => None,
        };
        pairs.insert(crate::json::key_text(key), values.ok_or_else(wrong)?);
    }
    let pairs = pairs.iter().flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
    let mut encoded = String::new();
    for (key, value) in pairs {
        // Not more than three bytes for one.
        bounds::text(encoded.len() + 3 * (key.len() + value.len()))?;
        let separator = if encoded.is_empty() { "" } else { "&" };
        encoded.extend([separator, &query_escape(key), "=", &query_escape(value)]);
    }
    some(encoded.as_str())
}

fn decode_object(query: &str) -> Outcome {
    let mut found: BTreeMap<Value, Vec<Value>> = BTreeMap::new();
    let unescape = |text| query_unescape(text).map(Value::string).map_err(args::failed);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            return Err(BuiltinError::Failed("invalid semicolon separator in query".to_owned()));
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        found.entry(unescape(key)?).or_default().push(unescape(value)?);
    }
    some(Value::object(found.into_iter().map(|(key, values)| (key, Value::array(values)))))
}
