//! Constants of a template: numbers and quoted texts as Go's `strconv` reads them.

use super::super::casts::underscored;
use super::lexer::decode;
use super::node::Number;
use crate::bytes;
use crate::text::quote;

/// Why a text is no constant.
#[derive(Debug)]
pub enum NoConstant {
    Error(String),
    /// An imaginary number, which nothing here computes with.
    Imaginary,
}

fn error<T>(text: impl Into<String>) -> Result<T, NoConstant> {
    Err(NoConstant::Error(text.into()))
}

/// A number (`newNumber` of `parse/node.go`, and `idealConstant` of `exec.go` for its type).
pub fn number(text: &str) -> Result<Number, NoConstant> {
    if text.strip_suffix('i').is_some_and(|real| float(real).is_some()) {
        return Err(NoConstant::Imaginary);
    }
    let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    let hexadecimal = hexadecimal && text.len() > 2 && !text.contains(['p', 'P']);
    let as_float = !hexadecimal && text.contains(['.', 'e', 'E', 'p', 'P']);
    match integer(text) {
        #[expect(clippy::cast_precision_loss, reason = "as Go converts it")]
        Some(n) if as_float => Ok(Number::Float(n as f64)),
        Some(n) => Ok(i64::try_from(n).map_or(Number::Overflow, Number::Int)),
        None => match float(text) {
            Some(n) if as_float => Ok(Number::Float(n)),
            Some(_) => error(format!("integer overflow: {}", quote(text, false))),
            None => error(format!("illegal number syntax: {}", quote(text, false))),
        },
    }
}

/// A character in quotes: its number.
pub fn character(text: &str) -> Result<Number, NoConstant> {
    let whole = bytes::bytes(text);
    let mut rest = whole.get(1..).unwrap_or_default();
    let Some(c) = unescape(&mut rest, b'\'') else {
        return error("invalid syntax");
    };
    if rest != b"'" {
        return error(format!("malformed character constant: {text}"));
    }
    Ok(Number::Int(match c {
        Unescaped::Byte(byte) => i64::from(byte),
        Unescaped::Char(c) => i64::from(u32::from(c)),
    }))
}

/// What i64 holds, or u64 where there is no sign (`ParseInt` and `ParseUint` in base 0).
fn integer(text: &str) -> Option<i128> {
    let text = &*underscored(text)?;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, plain) = match lower.get(..2) {
        Some("0x") if lower.len() > 2 => (16, lower.get(2..)?),
        Some("0o") if lower.len() > 2 => (8, lower.get(2..)?),
        Some("0b") if lower.len() > 2 => (2, lower.get(2..)?),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if plain.starts_with(['+', '-']) {
        return None;
    }
    let n = i128::from(u64::from_str_radix(plain, radix).ok()?);
    let n = if negative { -n } else { n };
    let signed = digits.len() < text.len();
    (!signed || i64::try_from(n).is_ok()).then_some(n)
}

/// A finite double (`ParseFloat`).
fn float(text: &str) -> Option<f64> {
    let plain = underscored(text)?.to_ascii_lowercase();
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let n = match digits.strip_prefix("0x") {
        Some(digits) => hexadecimal(digits)?,
        None if digits.starts_with(|c: char| c == '.' || c.is_ascii_digit()) => digits.parse::<f64>().ok()?,
        None => return None,
    };
    n.is_finite().then_some(sign * n)
}

/// `1f.8p3`, rounded to even where it has more than 53 bits.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    if !exponent.strip_prefix('-').unwrap_or(exponent).starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let exponent = exponent.parse::<i64>().unwrap_or(if exponent.starts_with('-') { -100_000 } else { 100_000 });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (mut bits, mut shift, mut sticky) = (0_u64, 0_i64, false);
    let mut any = false;
    for (c, after_point) in whole.chars().map(|c| (c, false)).chain(fraction.chars().map(|c| (c, true))) {
        let digit = u64::from(c.to_digit(16)?);
        any = true;
        let room = bits >> 58 == 0;
        if room {
            bits = bits << 4 | digit;
        } else {
            sticky |= digit != 0;
        }
        shift += i64::from(!room) * 4 - i64::from(after_point) * 4;
    }
    if !any || mantissa.matches('.').count() > 1 {
        return None;
    }
    let power = exponent.saturating_add(shift).clamp(-5000, 5000);
    // Two steps of scaling, as a single power may be no double though the product is.
    let half = i32::try_from(power / 2).unwrap_or(0);
    let other = i32::try_from(power - power / 2).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "rounds to even; the lowest bit stands for all that were cut")]
    let n = (bits | u64::from(sticky)) as f64;
    Some(n * 2_f64.powi(half) * 2_f64.powi(other))
}

/// What stands between quotes (`strconv.Unquote`); none if it is no text.
pub fn unquote(quoted: &str) -> Option<String> {
    let whole = bytes::bytes(quoted);
    if let Some(raw) = quoted.strip_prefix('`') {
        return Some(raw.strip_suffix('`')?.replace('\r', ""));
    }
    let mut rest = whole.strip_prefix(b"\"")?;
    let mut out = Vec::with_capacity(rest.len());
    while rest != b"\"" {
        match unescape(&mut rest, b'"')? {
            Unescaped::Byte(byte) => out.push(byte),
            Unescaped::Char(c) => out.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Some(bytes::text(&out))
}

enum Unescaped {
    Byte(u8),
    Char(char),
}

/// The next character, escaped or not (`UnquoteChar`).
fn unescape(rest: &mut &[u8], mark: u8) -> Option<Unescaped> {
    let take = |rest: &mut &[u8], n: usize| {
        let (taken, left) = rest.split_at_checked(n)?;
        *rest = left;
        Some(taken.to_vec())
    };
    let first = *rest.first()?;
    if first == mark {
        return None;
    }
    if first != b'\\' {
        let (c, width) = decode(rest)?;
        take(rest, width)?;
        return Some(Unescaped::Char(c));
    }
    let escape = *take(rest, 2)?.last()?;
    let digits = |digits: Vec<u8>, radix| {
        let digits = String::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
        u32::from_str_radix(&digits, radix).ok()
    };
    Some(Unescaped::Byte(match escape {
        b'a' => 0x7,
        b'b' => 0x8,
        b'f' => 0xc,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0xb,
        b'\\' => b'\\',
        b'\'' | b'"' if escape == mark => escape,
        b'x' => u8::try_from(digits(take(rest, 2)?, 16)?).ok()?,
        b'u' => return char::from_u32(digits(take(rest, 4)?, 16)?).map(Unescaped::Char),
        b'U' => return char::from_u32(digits(take(rest, 8)?, 16)?).map(Unescaped::Char),
        b'0'..=b'7' => {
            let more = take(rest, 2)?;
            u8::try_from(digits([vec![escape], more].concat(), 8)?).ok()?
        }
        _ => return None,
    }))
}
