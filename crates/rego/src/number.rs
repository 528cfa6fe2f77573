//! Numbers as OPA has them: each keeps the text that it was written with, all compare by magnitude, exactly, and
//! compute with a mantissa of 64 bits.

use crate::wide::{self, Wide};
use num_bigint::{BigInt, Sign};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A finite number. Equal values are equal however they were written (1 == 1.0).
#[derive(Clone, Debug)]
pub enum Number {
    /// Any integer that fits.
    Int(i64),
    /// Outside i64.
    Big(Arc<BigInt>),
    /// Not integral; its text is the shortest that reads back as this double. Never NaN or infinite.
    Float(f64),
    /// Any other text of JSON's grammar, e.g. `1.0`, `1e3`, `0.3333333333333333333`.
    Text(Arc<str>),
}

impl Default for Number {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

/// The text that Go's shortest `%g` gives a double, with exponents from `plain` digits on.
pub(crate) fn general(n: f64, plain: i32) -> String {
    let text = format!("{:e}", n.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    wide::general(n.is_sign_negative(), &digits, point, plain)
}

impl Number {
    /// From a double; none for NaN and infinities.
    pub fn from_f64(n: f64) -> Option<Self> {
        if !n.is_finite() {
            return None;
        }
        if n.fract() == 0.0 && n.abs() < 9.0e15 {
            // Exact: below 2^53.
            #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
            return Some(Self::Int(n as i64));
        }
        if n.fract() == 0.0 {
            return Some(Self::Text(Arc::from(general(n, 6))));
        }
        Some(Self::Float(n))
    }

    /// From an integer of any size.
    pub fn from_big(n: BigInt) -> Self {
        match i64::try_from(&n) {
            Ok(small) => Self::Int(small),
            Err(_) => Self::Big(Arc::new(n)),
        }
    }

    /// From JSON's grammar for numbers; none where the exponent is beyond 100,000.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.strip_prefix('-').unwrap_or(text).as_bytes();
        let whole = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        let leading_zero = whole > 1 && bytes.first() == Some(&b'0');
        let after_point = bytes.get(whole) == Some(&b'.') && !bytes.get(whole + 1).is_some_and(u8::is_ascii_digit);
        if whole == 0 || leading_zero || after_point {
            return None;
        }
        Self::parse_lenient(text)
    }

    /// As `parse`, but for texts that only a cast meets: `+1`, `.5`, `007`.
    pub(crate) fn parse_lenient(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            if let Ok(n) = text.parse::<i64>() {
                // The text of minus zero is kept.
                return Some(if n == 0 && digits.len() < text.len() {
                    Self::Text(Arc::from(text))
                } else {
                    Self::Int(n)
                });
            }
            wide::Decimal::parse(text)?;
            return text.parse::<BigInt>().ok().map(Self::from_big);
        }
        wide::Decimal::parse(text)?;
        let double = text.parse::<f64>().ok()?;
        if double.is_finite() && double.fract() != 0.0 && general(double, 6) == text {
            return Some(Self::Float(double));
        }
        Some(Self::Text(Arc::from(text)))
    }

    /// What a computation came to, in the text that OPA gives it; none where it is too large to be written.
    pub(crate) fn from_wide(n: Wide) -> Option<Self> {
        if n.is_extreme() {
            return None;
        }
        let minus_zero = n.is_negative() && n.is_zero();
        if n.is_integer() && n.truncate().bits() <= 64 && !minus_zero {
            return Some(Self::from_big(n.truncate()));
        }
        let (digits, point) = n.shortest();
        if n.is_integer() {
            let sign = if n.is_negative() { "-" } else { "" };
            return Self::parse(&format!("{sign}{}", wide::fixed(&String::from_utf8_lossy(&digits), point)));
        }
        Self::parse(&wide::general(n.is_negative(), &digits, point, 6))
    }

    /// In the form to compute with.
    pub(crate) fn to_wide(&self) -> Wide {
        match self {
            Self::Int(n) => Wide::from_i64(*n),
            Self::Big(n) => Wide::from_big(n),
            Self::Float(_) | Self::Text(_) => Wide::parse(&self.to_string()).unwrap_or(Wide::from_i64(0)),
        }
    }

    /// Operations that finding its form to compute with takes, about: powers of ten are multiplied out.
    pub(crate) fn cost(&self) -> usize {
        match self {
            Self::Int(_) => 1,
            Self::Big(n) => usize::try_from(n.bits() / 64).unwrap_or(usize::MAX),
            Self::Float(_) => 64,
            Self::Text(text) => {
                let size = wide::Decimal::parse(text).map_or(0, |parts| {
                    parts.digits.len() + usize::try_from(parts.exponent.unsigned_abs()).unwrap_or(0)
                });
                64 + size.saturating_mul(size) / 400
            }
        }
    }

    /// The nearest double; infinite where it is beyond all doubles.
    pub fn to_f64(&self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
            Self::Int(n) => *n as f64,
            Self::Big(n) => n.to_string().parse().unwrap_or(f64::MAX),
            Self::Float(n) => *n,
            Self::Text(text) => text.parse().unwrap_or(f64::MAX),
        }
    }

    /// The integer, if it is written as one (`1`, not `1.0`) within i64.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            // Zero with a sign that only arithmetic sees.
            Self::Text(text) if &**text == "-0" => Some(0),
            _ => None,
        }
    }

    /// The integer of any size, if it is written as one.
    pub fn as_big(&self) -> Option<BigInt> {
        match self {
            Self::Int(n) => Some(BigInt::from(*n)),
            Self::Big(n) => Some((**n).clone()),
            Self::Float(_) | Self::Text(_) => None,
        }
    }

    /// Bytes of what it points to, about.
    pub(crate) fn extra_size(&self) -> u64 {
        match self {
            Self::Int(_) | Self::Float(_) => 0,
            Self::Big(n) => n.bits() / 8,
            Self::Text(text) => text.len() as u64,
        }
    }

    /// The integer that it is however written, in the precision of computations.
    pub(crate) fn to_integer(&self) -> Option<BigInt> {
        if let Self::Int(n) = self {
            return Some(BigInt::from(*n));
        }
        let n = self.to_wide();
        n.is_integer().then(|| n.truncate())
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Big(a), Self::Big(b)) => a.cmp(b),
            // What is outside i64 is beyond all within: its sign decides.
            (Self::Int(_), Self::Big(b)) if b.sign() == Sign::Minus => Ordering::Greater,
            (Self::Int(_), Self::Big(_)) => Ordering::Less,
            (Self::Big(_), Self::Int(_)) => other.cmp(self).reverse(),
            _ => wide::compare(&self.to_string(), &other.to_string()),
        }
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Adding zero makes -0 the same as 0, which are equal.
        (self.to_f64() + 0.0).to_bits().hash(state);
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => n.fmt(f),
            Self::Big(n) => n.fmt(f),
            Self::Float(n) => f.write_str(&general(*n, 6)),
            Self::Text(text) => f.write_str(text),
        }
    }
}
