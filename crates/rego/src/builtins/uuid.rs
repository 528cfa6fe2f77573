//! `uuid.*`: random UUIDs from the evaluation's seed, and what a UUID's text tells.

use super::{Builtin, Context, Outcome, args, impure, pure, some};
use crate::value::Value;
use std::fmt::Write;

/// 100 ns steps from the Gregorian reform to 1970.
const EPOCH: i64 = 122_192_928_000_000_000;

pub const ALL: &[Builtin] =
    &[impure("uuid.rfc4122", 1, random), pure("uuid.parse", 1, |a, _| parse(args::string(a, 1)?))];

/// The same for the same argument during an evaluation.
fn random(a: &[Value], context: &mut Context) -> Outcome {
    let key = ("uuid.rfc4122", args::value(a, 1).clone());
    if let Some(known) = context.memo.get(&key) {
        return some(known.clone());
    }
    let bits = u128::from(context.random()) << 64 | u128::from(context.random());
    let bits = bits & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let text = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    let value = Value::string(text);
    context.memo.insert(key, value.clone());
    some(value)
}

/// The 16 bytes of `X-X-X-X-X`, also within `{}` or after `urn:uuid:`, or of 32 digits alone.
fn bytes(text: &str) -> Option<[u8; 16]> {
    if !text.is_ascii() {
        return None;
    }
    let bare = match text.len() {
        32 => return hex::decode(text).ok()?.try_into().ok(),
        36 => text,
        38 => &text[1..37],
        45 if text[..9].eq_ignore_ascii_case("urn:uuid:") => &text[9..],
        _ => return None,
    };
    let dashes = [8, 13, 18, 23].iter().all(|at| bare.as_bytes().get(*at) == Some(&b'-'));
    let digits: String = bare.chars().filter(|c| *c != '-').collect();
    if !dashes || digits.len() != 32 {
        return None;
    }
    hex::decode(digits).ok()?.try_into().ok()
}

/// Undefined where the text is no UUID.
fn parse(text: &str) -> Outcome {
    let Some(b) = bytes(text) else { return Ok(None) };
    let version = i64::from(b[6] >> 4);
    let variant = match b[8] {
        v if v & 0xc0 == 0x80 => "RFC4122",
        v if v & 0xe0 == 0xc0 => "Microsoft",
        v if v & 0xe0 == 0xe0 => "Future",
        _ => "Reserved",
    };
    let mut out = vec![("version", Value::from(version)), ("variant", Value::string(variant))];
    if version == 1 || version == 2 {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| n << 8 | i64::from(*b));
        let time = number(&b[..4]) | number(&b[4..6]) << 32 | number(&[b[6] & 0xf, b[7]]) << 48;
        let mut node = String::new();
        for (i, byte) in b[10..].iter().enumerate() {
            let _ = write!(node, "{}{byte:02x}", if i == 0 { "" } else { "-" });
        }
        let kind = match b[10] & 3 {
            3 => "local:multicast",
            1 => "global:multicast",
            2 => "local:unicast",
            _ => "global:unicast",
        };
        out.push(("time", Value::from((time - EPOCH).wrapping_mul(100))));
        out.push(("nodeid", Value::string(node)));
        out.push(("macvariables", Value::string(kind)));
        out.push(("clocksequence", Value::from(number(&[b[8] & 0x3f, b[9]]))));
        if version == 2 {
            let domain = match b[9] {
                0 => "Person".to_owned(),
                1 => "Group".to_owned(),
                2 => "Org".to_owned(),
                n => format!("Domain{n}"),
            };
            out.push(("id", Value::from(number(&b[..4]))));
            out.push(("domain", Value::string(domain)));
        }
    }
    some(Value::object(out.into_iter().map(|(key, value)| (Value::string(key), value))))
}
