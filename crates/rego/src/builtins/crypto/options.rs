//! The options of `crypto.x509.parse_and_verify_certificates_with_options`.

use super::super::{BuiltinError, args};
use super::chain::Wanted;
use crate::value::Value;

/// Usages of keys as OPA names them, by Go's number.
const USAGES: &[&str] = &[
    "KeyUsageAny",
    "KeyUsageServerAuth",
    "KeyUsageClientAuth",
    "KeyUsageCodeSigning",
    "KeyUsageEmailProtection",
    "KeyUsageIPSECEndSystem",
    "KeyUsageIPSECTunnel",
    "KeyUsageIPSECUser",
    "KeyUsageTimeStamping",
    "KeyUsageOCSPSigning",
    "KeyUsageMicrosoftServerGatedCrypto",
    "KeyUsageNetscapeServerGatedCrypto",
    "KeyUsageMicrosoftCommercialCodeSigning",
    "KeyUsageMicrosoftKernelCodeSigning",
];

/// What a chain has to be good for, and at which time; that of the evaluation where the options name none.
pub fn parse(a: &[Value], now_ns: i64) -> Result<(Wanted, i64), BuiltinError> {
    let (mut wanted, mut now_ns) = (Wanted::default(), now_ns);
    let wrong = |name: &str, what: &str| args::failed(format!("'{name}' should be {what}"));
    for (key, value) in args::object(a, 2)?.iter() {
        let Some(name) = key.as_str() else { continue };
        let integer = |kind: &str| match value {
            Value::Number(n) => n.as_i64().ok_or_else(|| wrong(name, &format!("a valid {kind}number"))),
            _ => Err(wrong(name, "a number")),
        };
        match name {
            "DNSName" => {
                let host = value.as_str().ok_or_else(|| wrong(name, "a string"))?;
                host.trim_matches('"').clone_into(&mut wanted.host);
            }
            "CurrentTime" => now_ns = integer("int64 ")?,
            // Known, and without effect; comparisons are limited anyway.
            "MaxConstraintComparisons" => {
                integer("")?;
            }
            "KeyUsages" => wanted.usages = usages(value).ok_or_else(|| wrong(name, "an Array or Set"))??,
            _ => return Err(args::failed("invalid key option")),
        }
    }
    Ok((wanted, now_ns))
}

/// None where it is no collection. What is no string is passed over.
fn usages(value: &Value) -> Option<Result<Vec<i64>, BuiltinError>> {
    let items: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Set(items) => items.iter().collect(),
        _ => return None,
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for name in items.into_iter().filter_map(Value::as_str).map(|name| name.trim_matches('"')) {
        match (0..).zip(USAGES).find(|(_, usage)| **usage == name) {
            Some((number, _)) => known.push(number),
            None => unknown.push(name),
        }
    }
    let wrong = || args::failed(format!("invalid entries for 'KeyUsages' found: [{}]", unknown.join(" ")));
    Some(if unknown.is_empty() { Ok(known) } else { Err(wrong()) })
}
