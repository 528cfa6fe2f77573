//! Doubles as Go's `strconv.FormatFloat` writes them. Knows nothing of verbs' flags.

use crate::number;

/// All digits of a double behind the point; what is asked for beyond is zeros. (The standard library's formatting has a
/// bound on precisions.)
const MAX_EXACT: usize = 1100;

/// `verb` is one of b, e, E, f, F, g, G, x, X; no precision means the shortest that reads back.
pub fn format(n: f64, verb: char, precision: Option<usize>) -> String {
    match verb {
        'b' => binary(n),
        'e' | 'E' => case(exponential(n, precision), verb == 'E'),
        'f' | 'F' => match precision {
            Some(precision) => {
                let exact = precision.min(MAX_EXACT);
                format!("{n:.exact$}{}", "0".repeat(precision - exact))
            }
            None => format!("{n}"),
        },
        'g' | 'G' => case(general(n, precision), verb == 'G'),
        _ => case(hexadecimal(n, precision), verb == 'X'),
    }
}

fn case(text: String, upper: bool) -> String {
    if upper { text.to_uppercase() } else { text }
}

fn exponential(n: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{n:.0$e}", precision.min(MAX_EXACT)),
        None => format!("{n:e}"),
    };
    let zeros = "0".repeat(precision.unwrap_or(0).saturating_sub(MAX_EXACT));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (mark, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}{zeros}e{mark}{digits:0>2}")
}

fn general(n: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else {
        return number::general(n, 6);
    };
    let precision = precision.clamp(1, MAX_EXACT);
    let text = format!("{:.*e}", precision - 1, n.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    while digits.len() > 1 && digits.last() == Some(&b'0') {
        digits.pop();
    }
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let mut plain = i32::try_from(precision).unwrap_or(i32::MAX);
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if plain > count && count >= point {
        plain = count;
    }
    crate::wide::general(n.is_sign_negative(), &digits, point, plain)
}

/// Sign, mantissa and binary exponent, so that the value is `mantissa * 2^exponent`.
fn parts(n: f64) -> (&'static str, u64, i64) {
    let bits = n.to_bits();
    let exponent = i64::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    let mantissa = bits & ((1 << 52) - 1);
    let sign = if n.is_sign_negative() { "-" } else { "" };
    if exponent == 0 { (sign, mantissa, -1074) } else { (sign, mantissa | 1 << 52, exponent - 1075) }
}

fn binary(n: f64) -> String {
    let (sign, mantissa, exponent) = parts(n);
    format!("{sign}{mantissa}p{exponent:+}")
}

fn hexadecimal(n: f64, precision: Option<usize>) -> String {
    let (sign, mut mantissa, mut exponent) = parts(n);
    if mantissa == 0 {
        exponent = -52;
    }
    while mantissa != 0 && mantissa >> 52 == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(precision) = precision.filter(|precision| *precision < 13) {
        let drop = 4 * (13 - precision);
        let (low, half) = (mantissa & ((1 << drop) - 1), 1u64 << (drop - 1));
        let up = low > half || low == half && mantissa >> drop & 1 == 1;
        mantissa = ((mantissa >> drop) + u64::from(up)) << drop;
        if mantissa >> 53 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let fraction = match precision {
        Some(precision) => {
            let exact = precision.min(fraction.len());
            format!("{}{}", &fraction[..exact], "0".repeat(precision - exact))
        }
        None => fraction.trim_end_matches('0').to_owned(),
    };
    let dot = if fraction.is_empty() { "" } else { "." };
    let exponent = exponent + 52;
    let mark = if exponent < 0 { '-' } else { '+' };
    format!("{sign}0x{}{dot}{fraction}p{mark}{:02}", mantissa >> 52, exponent.abs())
}
