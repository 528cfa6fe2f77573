//! Go's durations (`1h15m30.918ms`), as nanoseconds. The messages are those that OPA shows.

use super::quote;

/// Nanoseconds in a unit.
fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

const LIMIT: u64 = 1 << 63;

/// Parses a signed duration.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = split_digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_digits(after),
            None => ("", after),
        };
        let whole: u64 = match whole {
            "" if fraction.is_empty() => return Err(invalid()),
            "" => 0,
            digits => digits.parse().ok().filter(|n| *n <= LIMIT).ok_or_else(invalid)?,
        };
        let unit_length = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (name, after) = after.split_at(unit_length);
        if name.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let Some(scale) = unit(name) else {
            return Err(format!("time: unknown unit {} in duration {}", quote(name), quote(text)));
        };
        let part = part(whole, fraction, scale).ok_or_else(invalid)?;
        total = total.checked_add(part).filter(|n| *n <= LIMIT).ok_or_else(invalid)?;
        rest = after;
    }
    if negative {
        return Ok(0i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// One number with its unit, its fraction rounded down.
fn part(whole: u64, fraction: &str, scale: u64) -> Option<u64> {
    let mut nanos = whole.checked_mul(scale).filter(|n| *n <= LIMIT)?;
    // Digits beyond the eighteenth are below a nanosecond of any unit.
    let digits = fraction.get(..fraction.len().min(18)).unwrap_or_default();
    if !digits.is_empty() {
        let value: u128 = digits.parse().ok()?;
        let divisor = 10u128.checked_pow(u32::try_from(digits.len()).ok()?)?;
        nanos = nanos.checked_add(u64::try_from(value * u128::from(scale) / divisor).ok()?)?;
    }
    (nanos <= LIMIT).then_some(nanos)
}
