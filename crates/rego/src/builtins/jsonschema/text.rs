//! Values as JSON in the text that the schema library compares and shows, and its numbers.

use crate::number::Number;
use crate::value::Value;

/// The value with JSON's types only: sets as arrays, keys as strings.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        whole if is_plain(whole) => whole.clone(),
        Value::Array(items) => Value::array(items.iter().map(plain)),
        Value::Set(items) => Value::array(items.iter().map(plain)),
        Value::Object(map) => Value::object(map.iter().map(|(key, item)| {
            let key = match key {
                Value::String(_) => key.clone(),
                // Numbers in it as they are written.
                other => Value::string(crate::json::key_text(other)),
            };
            (key, plain(item))
        })),
        scalar => scalar.clone(),
    }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(map) => map.iter().all(|(key, item)| key.as_str().is_some() && is_plain(item)),
        Value::Set(_) => false,
        _ => true,
    }
}

/// JSON as Go writes it after reading numbers as doubles.
pub(super) fn json(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&double(n.to_f64())),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => list(out, items.iter(), ['[', ']'], write),
        Value::Set(items) => list(out, items.iter(), ['[', ']'], write),
        Value::Object(map) => list(out, map.iter(), ['{', '}'], |out, (key, item)| {
            write(out, key);
            out.push(':');
            write(out, item);
        }),
    }
}

fn list<T>(out: &mut String, items: impl Iterator<Item = T>, [open, close]: [char; 2], each: impl Fn(&mut String, T)) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(close);
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn double(n: f64) -> String {
    if n == 0.0 || (1e-6..1e21).contains(&n.abs()) {
        return n.to_string();
    }
    let text = format!("{n:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

/// A bound as messages show it: Go's `%v` of a big float.
pub(super) fn bound(n: &Number) -> String {
    let (negative, digits, exponent) = decimal(n);
    let sign = if negative { "-" } else { "" };
    // Of the first digit.
    let place = exponent - 1;
    if !(-4..6).contains(&place) {
        let (first, rest) = digits.split_at(1.min(digits.len()));
        let point = if rest.is_empty() { "" } else { "." };
        let way = if place < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{way}{:02}", place.abs());
    }
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let zeros = |n: i64| "0".repeat(usize::try_from(n).unwrap_or_default());
    if exponent <= 0 {
        return if digits.is_empty() { "0".to_owned() } else { format!("{sign}0.{}{digits}", zeros(-exponent)) };
    }
    if exponent >= count {
        return format!("{sign}{digits}{}", zeros(exponent - count));
    }
    let (whole, fraction) = digits.split_at(usize::try_from(exponent).unwrap_or_default());
    format!("{sign}{whole}.{fraction}")
}

/// Sign, digits without zeros at either end, and the place of the point after the first of them.
fn decimal(n: &Number) -> (bool, String, i64) {
    let text = n.to_string();
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap_or(0)),
        None => (text.as_str(), 0),
    };
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let leading = all.len() - significant.len();
    let digits = significant.trim_end_matches('0').to_owned();
    if digits.is_empty() {
        return (false, digits, 0);
    }
    let point = i64::try_from(whole.len()).unwrap_or_default() - i64::try_from(leading).unwrap_or_default();
    (negative, digits, point + exponent)
}

/// Whether a number is a whole multiple of another, exactly on their decimal texts.
pub(super) fn is_multiple(n: &Number, of: &Number) -> bool {
    use num_bigint::BigInt;
    let (_, digits, point) = decimal(n);
    let (_, of_digits, of_point) = decimal(of);
    if digits.is_empty() {
        return true;
    }
    let scale = |digits: &str, point: i64| point - i64::try_from(digits.len()).unwrap_or_default();
    let shift = scale(&digits, point) - scale(&of_digits, of_point);
    let (Ok(value), Ok(divisor)) = (digits.parse::<BigInt>(), of_digits.parse::<BigInt>()) else {
        return false;
    };
    let Ok(places) = u32::try_from(shift.unsigned_abs()) else { return false };
    if places > 4096 || divisor == BigInt::ZERO {
        // So far apart that only ones and zeros decide.
        return shift > 0 && divisor != BigInt::ZERO && (of_digits == "1" || of_digits == "2" || of_digits == "5");
    }
    let power = BigInt::from(10).pow(places);
    let (value, divisor) = if shift >= 0 { (value * power, divisor) } else { (value, divisor * power) };
    value % divisor == BigInt::ZERO
}
