//! `units.parse` and `units.parse_bytes`: amounts with SI or binary units.

use super::{Builtin, BuiltinError, Outcome, args, pure, some};
use crate::number::Number;
use crate::value::Value;
use crate::wide::{Decimal, Wide};
use num_bigint::{BigInt, BigUint};

/// Digits that an exponent may have.
const MAX_EXPONENT_DIGITS: usize = 6;
/// Digits after the point of an amount that is no integer.
const PLACES: u32 = 10;

pub const ALL: &[Builtin] = &[
    pure("units.parse", 1, |a, _| units(args::string(a, 1)?)),
    pure("units.parse_bytes", 1, |a, _| bytes(args::string(a, 1)?)),
];

fn error(name: &str, what: &str) -> BuiltinError {
    args::failed(format!("{name}: {what}"))
}

/// The amount's text and the unit's.
fn parts<'a>(name: &str, text: &'a str) -> Result<(&'a str, &'a str), BuiltinError> {
    if text.contains(' ') {
        return Err(error(name, "spaces not allowed in resource strings"));
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(b) = bytes.get(at) {
        match b {
            b'0'..=b'9' | b'.' | b'+' | b'-' => {}
            b'e' | b'E' => {
                let signed = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
                if !signed && !bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                    break;
                }
                at += usize::from(signed);
                let digits = bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
                if digits > MAX_EXPONENT_DIGITS {
                    return Err(args::beyond(format!("{name}: exponent too large")));
                }
            }
            _ => break,
        }
        at += 1;
    }
    if at == 0 {
        return Err(error(name, "no amount provided").clone());
    }
    Ok(text.split_at(at))
}

/// The factor of a unit without its case: `k` and `kb` are 1000, `ki` and `kib` 1024.
fn factor(unit: &str) -> Option<i64> {
    let mut chars = unit.chars();
    let Some(letter) = chars.next() else { return Some(1) };
    let power = u32::try_from("kmgtpe".find(letter)?).ok()? + 1;
    match chars.as_str() {
        "" => 1000i64.checked_pow(power),
        "i" => 1024i64.checked_pow(power),
        _ => None,
    }
}

fn bytes(text: &str) -> Outcome {
    const NAME: &str = "units.parse_bytes";
    let text = text.to_lowercase().replace('"', "");
    let (amount, unit) = parts(NAME, &text).map_err(|e| match e {
        BuiltinError::Failed(text) => args::failed(text.replace("no amount", "no byte amount")),
        other => other,
    })?;
    let bare = unit.strip_suffix('b').filter(|bare| !bare.is_empty()).unwrap_or(unit);
    let factor = factor(bare).ok_or_else(|| error(NAME, &format!("byte unit {unit} not recognized")))?;
    let amount = Wide::parse(amount).ok_or_else(|| error(NAME, "could not parse byte amount to a number"))?;
    let total = amount.mul(Wide::from_i64(factor));
    if total.is_extreme() {
        return Err(args::beyond(format!("{NAME}: exponent too large")));
    }
    some(Value::Number(Number::from_big(total.truncate())))
}

fn units(text: &str) -> Outcome {
    const NAME: &str = "units.parse";
    let text = text.replace('"', "");
    let (amount, unit) = parts(NAME, &text)?;
    let mut letters = unit.chars();
    let first = letters.next();
    // Only behind the first letter is case no matter: `m` is a thousandth and `M` a million.
    let unit: String = first.into_iter().chain(letters.flat_map(char::to_lowercase)).collect();
    let unknown = || error(NAME, &format!("unit {unit} not recognized"));
    let unparsed = || error(NAME, "could not parse amount to a number");
    let (mut top, bottom) = match unit.as_str() {
        // The double nearest to 0.001, as in OPA.
        "m" => (BigUint::from(1_152_921_504_606_847u64), BigUint::from(1u8) << 60),
        _ => {
            let factor = factor(&unit.to_lowercase()).ok_or_else(unknown)?;
            (BigUint::from(factor.unsigned_abs()), BigUint::from(1u8))
        }
    };
    let Decimal { negative, digits, exponent } = Decimal::parse(amount).ok_or_else(unparsed)?;
    let ten = BigUint::from(10u8);
    top *= digits.parse::<BigUint>().map_err(|_| unparsed())?;
    let mut bottom = bottom;
    if exponent >= 0 {
        top *= ten.pow(exponent.unsigned_abs());
    } else {
        bottom *= ten.pow(exponent.unsigned_abs());
    }
    let sign = |n: BigUint| if negative { -BigInt::from(n) } else { BigInt::from(n) };
    if &top % &bottom == BigUint::ZERO {
        return some(Value::Number(Number::from_big(sign(top / bottom))));
    }
    let scale = ten.pow(PLACES);
    // Halves go up.
    let scaled = (top * &scale * 2u8 + &bottom) / (bottom * 2u8);
    let (whole, fraction) = (&scaled / &scale, &scaled % &scale);
    let text = format!("{}{whole}.{:0>10}", if negative { "-" } else { "" }, fraction.to_string());
    Ok(Number::parse(&text).map(Value::Number))
}
