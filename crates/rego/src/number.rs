//! Numbers as OPA has them: integers of any size exactly, others as the nearest double, each with one canonical text.

use num_bigint::BigInt;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A finite number. Equal values are equal however they were written (1 == 1.0).
#[derive(Clone, Debug)]
pub enum Number {
    Int(i64),
    /// Outside i64.
    Big(BigInt),
    /// Never integral within i64, never NaN or infinite.
    Float(f64),
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
        Some(Self::Float(n))
    }

    /// From an integer of any size.
    pub fn from_big(n: BigInt) -> Self {
        match i64::try_from(&n) {
            Ok(small) => Self::Int(small),
            Err(_) => Self::Big(n),
        }
    }

    /// From JSON's grammar for numbers.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(n) = text.parse::<i64>() {
            return Some(Self::Int(n));
        }
        if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return text.parse::<BigInt>().ok().map(Self::from_big);
        }
        text.parse::<f64>().ok().and_then(Self::from_f64)
    }

    /// The nearest double.
    pub fn to_f64(&self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
            Self::Int(n) => *n as f64,
            Self::Big(n) => n.to_string().parse().unwrap_or(f64::MAX),
            Self::Float(n) => *n,
        }
    }

    /// The integer, if it is one within i64.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The integer of any size, if it is one.
    pub fn as_big(&self) -> Option<BigInt> {
        match self {
            Self::Int(n) => Some(BigInt::from(*n)),
            Self::Big(n) => Some(n.clone()),
            Self::Float(_) => None,
        }
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
        match (self.as_big(), other.as_big()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => self.to_f64().total_cmp(&other.to_f64()),
        }
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Int(n) => n.hash(state),
            Self::Big(n) => n.hash(state),
            Self::Float(n) => n.to_bits().hash(state),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => n.fmt(f),
            Self::Big(n) => n.fmt(f),
            Self::Float(n) => n.fmt(f),
        }
    }
}
