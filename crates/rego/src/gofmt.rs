//! One argument of `sprintf` under one verb, exactly as Go's `fmt` writes it, mismatches (`%!d(string=a)`) included.

use crate::{bytes, gofloat, text};
use num_bigint::{BigInt, Sign};
use std::fmt::Write;

/// What Go sees of a value: OPA gives it integers, big integers, doubles, and all else as strings.
#[derive(Clone, Debug)]
pub enum Arg {
    Int(i64),
    Big(BigInt),
    Float(f64),
    Text(String),
}

/// Flags, width and precision of a verb.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    pub sharp: bool,
    pub zero: bool,
    pub plus: bool,
    pub minus: bool,
    pub space: bool,
    /// `%+v`, which only big integers heed.
    pub plus_v: bool,
    /// `%#v`.
    pub sharp_v: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
}

impl Flags {
    fn padding(self, out: &mut String, n: usize) {
        let fill = if self.zero && !self.minus { '0' } else { ' ' };
        out.extend(std::iter::repeat_n(fill, n));
    }

    fn pad(self, out: &mut String, text: &str) {
        let n = self.width.unwrap_or(0).saturating_sub(bytes::shown(text).chars().count());
        if !self.minus {
            self.padding(out, n);
        }
        out.push_str(text);
        if self.minus {
            self.padding(out, n);
        }
    }

    fn without_zero(self) -> Self {
        Self { zero: false, ..self }
    }
}

impl Arg {
    pub fn go_type(&self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Big(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }

    /// Operations that writing it takes, about, whatever becomes of them: digits are found by division, texts are cut.
    pub fn cost(&self) -> usize {
        match self {
            Self::Int(_) => 1,
            Self::Big(n) => usize::try_from(n.bits() / 64).map_or(usize::MAX, |words| words.saturating_mul(words)),
            Self::Float(_) => 64,
            Self::Text(text) => text.len() / 8,
        }
    }

    /// Writes the argument under the verb.
    pub fn write(&self, out: &mut String, verb: char, flags: Flags) {
        match (verb, self) {
            ('T', _) => string(out, self.go_type(), 's', flags),
            (_, Self::Int(n)) => int(out, *n, verb, flags),
            (_, Self::Big(n)) => big(out, n, verb, flags),
            (_, Self::Float(n)) => float(out, *n, verb, flags),
            (_, Self::Text(text)) => string(out, text, verb, flags),
        }
    }

    fn bad(&self, out: &mut String, verb: char, flags: Flags) {
        let _ = write!(out, "%!{verb}({}=", self.go_type());
        self.write(out, 'v', flags);
        out.push(')');
    }
}

fn int(out: &mut String, n: i64, verb: char, flags: Flags) {
    let code_point = || u32::try_from(n).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    match verb {
        'v' | 'd' => integer(out, n, 10, verb, flags),
        'b' => integer(out, n, 2, verb, flags),
        'o' | 'O' => integer(out, n, 8, verb, flags),
        'x' | 'X' => integer(out, n, 16, verb, flags),
        'c' => flags.pad(out, &bytes::entering(code_point().to_string())),
        'q' => flags.pad(out, &text::quote_char(code_point(), flags.plus)),
        'U' => {
            #[expect(clippy::cast_sign_loss, reason = "Go prints the bits")]
            let bits = n as u64;
            let width = flags.precision.unwrap_or(4).max(4);
            let mut unicode = format!("U+{}", padded(&format!("{bits:X}"), width));
            let shown = u32::try_from(n).ok().and_then(char::from_u32).filter(|c| text::printable(*c));
            if let (true, Some(c)) = (flags.sharp, shown) {
                let _ = write!(unicode, " '{c}'");
            }
            flags.without_zero().pad(out, &unicode);
        }
        _ => Arg::Int(n).bad(out, verb, flags),
    }
}

/// Digits with zeros before them up to a length. (The standard library's formatting has a bound on widths.)
fn padded(digits: &str, length: usize) -> String {
    format!("{}{digits}", "0".repeat(length.saturating_sub(digits.len())))
}

fn integer(out: &mut String, n: i64, radix: u32, verb: char, flags: Flags) {
    let mut digits = BigInt::from(n.unsigned_abs()).to_str_radix(radix);
    if verb == 'X' {
        digits = digits.to_uppercase();
    }
    let signed = n < 0 || flags.plus || flags.space;
    let least = match flags.precision {
        Some(0) if n == 0 => {
            flags.without_zero().padding(out, flags.width.unwrap_or(0));
            return;
        }
        Some(precision) => precision,
        None if flags.zero && !flags.minus => flags.width.unwrap_or(0).saturating_sub(usize::from(signed)),
        None => 0,
    };
    let mut whole = padded(&digits, least);
    if flags.sharp {
        match radix {
            2 => whole.insert_str(0, "0b"),
            8 if !whole.starts_with('0') => whole.insert(0, '0'),
            16 => whole.insert_str(0, if verb == 'X' { "0X" } else { "0x" }),
            _ => {}
        }
    }
    if verb == 'O' {
        whole.insert_str(0, "0o");
    }
    if n < 0 {
        whole.insert(0, '-');
    } else if signed {
        whole.insert(0, if flags.plus { '+' } else { ' ' });
    }
    flags.without_zero().pad(out, &whole);
}

fn big(out: &mut String, n: &BigInt, verb: char, flags: Flags) {
    let (radix, prefix) = match verb {
        'b' => (2, "0b"),
        'o' => (8, "0"),
        'O' => (8, "0o"),
        'd' | 's' | 'v' => (10, ""),
        'x' => (16, "0x"),
        'X' => (16, "0X"),
        _ => {
            let _ = write!(out, "%!{verb}(big.Int={n})");
            return;
        }
    };
    let mut digits = n.magnitude().to_str_radix(radix);
    if verb == 'X' {
        digits = digits.to_uppercase();
    }
    let sign = match (n.sign() == Sign::Minus, flags.plus || flags.plus_v, flags.space) {
        (true, _, _) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    let prefix = if flags.sharp || verb == 'O' { prefix } else { "" };
    let mut zeros = flags.precision.unwrap_or(0).saturating_sub(digits.len());
    let length = sign.len() + prefix.len() + zeros + digits.len();
    let missing = flags.width.unwrap_or(0).saturating_sub(length);
    let (left, right) = match (flags.minus, flags.zero && flags.precision.is_none()) {
        (true, _) => (0, missing),
        (false, true) => {
            zeros = missing;
            (0, 0)
        }
        (false, false) => (missing, 0),
    };
    let (left, right) = (" ".repeat(left), " ".repeat(right));
    let _ = write!(out, "{left}{sign}{prefix}{}{digits}{right}", "0".repeat(zeros));
}

fn float(out: &mut String, n: f64, verb: char, flags: Flags) {
    let (verb, default) = match verb {
        'v' => ('g', None),
        'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
        'e' | 'E' | 'f' | 'F' => (verb, Some(6)),
        _ => return Arg::Float(n).bad(out, verb, flags),
    };
    let precision = flags.precision.or(default);
    let mut number = gofloat::format(n.abs(), verb, precision);
    if flags.sharp && verb != 'b' {
        number = with_point(&number, verb, precision);
    }
    let sign = match (n.is_sign_negative(), flags.plus, flags.space) {
        (true, _, _) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    if flags.zero && !flags.minus && !sign.is_empty() {
        out.push_str(sign);
        let width = flags.width.map(|width| width.saturating_sub(1));
        return Flags { width, ..flags }.pad(out, &number);
    }
    flags.pad(out, &format!("{sign}{number}"));
}

/// `%#g` keeps the point and the zeros at the end.
fn with_point(number: &str, verb: char, precision: Option<usize>) -> String {
    let mark: &[char] = if matches!(verb, 'x' | 'X') { &['p', 'P'] } else { &['e', 'E'] };
    let (head, tail) = number.split_at(number.find(mark).unwrap_or(number.len()));
    let mut missing = match verb {
        'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let significant = head.chars().filter(|c| *c != '.').skip_while(|c| *c == '0').count();
    missing = missing.saturating_sub(significant);
    let mut out = head.to_owned();
    if !head.contains('.') {
        missing = missing.saturating_sub(usize::from(head == "0"));
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', missing));
    out + tail
}

fn string(out: &mut String, text: &str, verb: char, flags: Flags) {
    let cut = || match flags.precision {
        Some(n) if bytes::may_hold(text) => bytes::characters(text).into_iter().take(n).collect(),
        Some(n) => text.chars().take(n).collect(),
        None => text.to_owned(),
    };
    match verb {
        'v' if !flags.sharp_v => flags.pad(out, &cut()),
        's' => flags.pad(out, &cut()),
        'v' | 'q' => {
            let cut: String = cut();
            let plain = |c: char| c == '\t' || c >= ' ' && c != '`' && c != '\u{7f}' && c != '\u{feff}';
            if flags.sharp && cut.chars().all(plain) && std::str::from_utf8(&bytes::bytes(&cut)).is_ok() {
                return flags.pad(out, &format!("`{cut}`"));
            }
            flags.pad(out, &text::quote(&cut, flags.plus));
        }
        'x' | 'X' => hexadecimal(out, text, verb == 'X', flags),
        _ => Arg::Text(text.to_owned()).bad(out, verb, flags),
    }
}

fn hexadecimal(out: &mut String, text: &str, upper: bool, flags: Flags) {
    let bytes = bytes::bytes(text);
    let length = flags.precision.unwrap_or(usize::MAX).min(bytes.len());
    let prefix = if upper { "0X" } else { "0x" };
    let mut whole = String::new();
    for (i, byte) in bytes.iter().take(length).enumerate() {
        if flags.space && i > 0 {
            whole.push(' ');
        }
        if flags.sharp && (i == 0 || flags.space) {
            whole.push_str(prefix);
        }
        let _ = if upper { write!(whole, "{byte:02X}") } else { write!(whole, "{byte:02x}") };
    }
    flags.pad(out, &whole);
}
