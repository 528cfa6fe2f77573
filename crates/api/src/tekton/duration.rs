//! Go durations (`1h30m`, `90s`, `0`), as timeouts are written, and metav1.Time. Pure text and numbers; no clock.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no duration: write it as Go does, e.g. `1h30m` or `90s`")]
pub struct InvalidDuration(pub String);

/// Parses what Go's `time.ParseDuration` does, but for negative values, which no field of ours may hold.
///
/// # Errors
/// The text is not a duration.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration(text.chars().take(64).collect());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let (number, tail) = rest.split_at(end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let scale: u128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(invalid()),
        };
        nanos = nanos.checked_add(scaled(number, scale).ok_or_else(invalid)?).ok_or_else(invalid)?;
        rest = tail;
    }
    let nanos = i64::try_from(nanos).map_err(|_| invalid())?;
    Ok(Duration::from_nanos(nanos.unsigned_abs()))
}

fn scaled(number: &str, scale: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |s: &str| if s.is_empty() { Some(0) } else { s.parse::<u128>().ok() };
    let mut total = digits(whole)?.checked_mul(scale)?;
    let fraction = fraction.get(..fraction.len().min(18))?;
    if !fraction.is_empty() {
        let power = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        total = total.checked_add(digits(fraction)?.checked_mul(scale)? / power)?;
    }
    Some(total)
}

/// As Go's `Duration.String()` writes it: `1h0m0s`, `1.5s`, `250ms`, `0s`.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        let (scale, unit) = match nanos {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return format!("{}{unit}", decimal(nanos, scale));
    }
    let minutes = nanos / 60_000_000_000;
    let seconds = decimal(nanos % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, m) => format!("{m}m{seconds}s"),
        (h, m) => format!("{h}h{m}m{seconds}s"),
    }
}

fn decimal(nanos: u128, scale: u128) -> String {
    let (whole, part) = (nanos / scale, nanos % scale);
    if part == 0 {
        return whole.to_string();
    }
    let width = scale.to_string().len() - 1;
    let text = format!("{whole}.{part:0width$}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parses_and_writes_as_go_does() {
        let table = [
            ("1h", "1h0m0s"),
            ("60m", "1h0m0s"),
            ("1h30m5s", "1h30m5s"),
            ("90s", "1m30s"),
            ("1.5s", "1.5s"),
            ("250ms", "250ms"),
            ("1500us", "1.5ms"),
            ("0", "0s"),
            ("0s", "0s"),
            (".5h", "30m0s"),
            ("2h0m0.25s", "2h0m0.25s"),
        ];
        for (text, want) in table {
            assert_eq!(format(parse(text).unwrap()), want, "{text}");
        }
        for text in ["", "1", "h", "-1s", "1d", "1s ", ".s", "1.2.3s", "99999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
