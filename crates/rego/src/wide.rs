//! Binary floating point with a mantissa of 64 bits, rounded to nearest even: the arithmetic in which OPA computes. Knows
//! decimal texts and integers, not values.

use num_bigint::{BigInt, BigUint, Sign};
use std::cmp::Ordering;

/// Zero (which has a sign, too), or `mantissa * 2^exponent` with the mantissa's top bit set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wide {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

/// Decimal exponents beyond this are no numbers here, as in OPA's parser.
pub const MAX_EXPONENT: i32 = 100_000;

/// Digits of a number's text beyond this are no number, so that no conversion takes long.
const MAX_DIGITS: usize = 150_000;

/// No exponent gets further than this, far beyond what can be written, so that none overflows.
const FAR: i32 = 1 << 28;

const ZERO: Wide = Wide { negative: false, mantissa: 0, exponent: 0 };

/// A decimal text in parts: sign, digits without a point, and the power of ten that they are multiplied by.
pub struct Decimal {
    pub negative: bool,
    pub digits: String,
    pub exponent: i32,
}

impl Decimal {
    /// Parses `[+-]digits[.digits][e[+-]digits]`.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..])?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        (exponent.abs() <= 2 * MAX_EXPONENT).then_some(Self { negative, digits, exponent })
    }
}

fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: i32 = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
    (-MAX_EXPONENT..=MAX_EXPONENT).contains(&n).then_some(n)
}

fn ten_to(n: u32) -> BigUint {
    BigUint::from(10u32).pow(n)
}

impl Wide {
    /// Rounds `n * 2^exponent`, where `sticky` says that the true value is a little more.
    fn round(negative: bool, n: &BigUint, exponent: i32, sticky: bool) -> Self {
        let bits = i32::try_from(n.bits()).unwrap_or(i32::MAX);
        if bits == 0 {
            return Self { negative, ..ZERO };
        }
        let exponent = exponent.clamp(-FAR, FAR);
        let drop = bits - 64;
        if drop <= 0 {
            let mantissa = u64::try_from(n).unwrap_or(0) << drop.unsigned_abs();
            return Self { negative, mantissa, exponent: exponent + drop };
        }
        let mut mantissa = u64::try_from(n >> drop).unwrap_or(u64::MAX);
        let mut exponent = exponent + drop;
        let below = n - (BigUint::from(mantissa) << drop);
        let half = BigUint::from(1u8) << (drop - 1);
        let up = match below.cmp(&half) {
            Ordering::Greater => true,
            Ordering::Equal => sticky || mantissa & 1 == 1,
            Ordering::Less => false,
        };
        if up {
            (mantissa, exponent) = match mantissa.checked_add(1) {
                Some(next) => (next, exponent),
                None => (1 << 63, exponent + 1),
            };
        }
        Self { negative, mantissa, exponent }
    }

    /// The nearest to an integer.
    pub fn from_big(n: &BigInt) -> Self {
        Self::round(n.sign() == Sign::Minus, n.magnitude(), 0, false)
    }

    /// An integer, exactly.
    pub fn from_i64(n: i64) -> Self {
        Self::round(n < 0, &BigUint::from(n.unsigned_abs()), 0, false)
    }

    /// The nearest to a decimal text.
    pub fn parse(text: &str) -> Option<Self> {
        let Decimal { negative, digits, exponent } = Decimal::parse(text)?;
        let n: BigUint = digits.parse().ok()?;
        if exponent >= 0 {
            return Some(Self::round(negative, &(n * ten_to(exponent.unsigned_abs())), 0, false));
        }
        let divisor = ten_to(exponent.unsigned_abs());
        Some(Self::quotient(negative, &n, &divisor, 0))
    }

    /// Rounds `n / divisor * 2^exponent`.
    fn quotient(negative: bool, n: &BigUint, divisor: &BigUint, exponent: i32) -> Self {
        let shift = i32::try_from(divisor.bits()).unwrap_or(i32::MAX) + 70 - i32::try_from(n.bits()).unwrap_or(0);
        let shift = shift.max(0);
        let scaled = n << shift;
        let (quotient, rest) = (&scaled / divisor, &scaled % divisor);
        Self::round(negative, &quotient, exponent - shift, rest != BigUint::ZERO)
    }

    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    pub fn neg(self) -> Self {
        Self { negative: !self.negative, ..self }
    }

    pub fn abs(self) -> Self {
        Self { negative: false, ..self }
    }

    /// The mantissa as a signed integer, moved left so that the unit is `2^exponent`.
    fn at(self, exponent: i32) -> BigInt {
        let n = BigInt::from(self.mantissa) << (self.exponent - exponent).max(0);
        if self.negative { -n } else { n }
    }

    pub fn add(self, other: Self) -> Self {
        if self.is_zero() && other.is_zero() {
            return Self { negative: self.negative && other.negative, ..ZERO };
        }
        if self.is_zero() || other.is_zero() {
            return if self.is_zero() { other } else { self };
        }
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        if high.exponent - low.exponent > 130 {
            return high;
        }
        let sum = high.at(low.exponent) + low.at(low.exponent);
        Self::round(sum.sign() == Sign::Minus, sum.magnitude(), low.exponent, false)
    }

    pub fn mul(self, other: Self) -> Self {
        let product = BigUint::from(u128::from(self.mantissa) * u128::from(other.mantissa));
        let exponent = self.exponent.saturating_add(other.exponent);
        Self::round(self.negative != other.negative, &product, exponent, false)
    }

    /// None for a divisor of zero.
    pub fn div(self, other: Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let exponent = self.exponent.saturating_sub(other.exponent);
        let (n, divisor) = (BigUint::from(self.mantissa), BigUint::from(other.mantissa));
        Some(Self::quotient(self.negative != other.negative, &n, &divisor, exponent))
    }

    /// Towards zero.
    pub fn truncate(self) -> BigInt {
        if self.exponent >= 0 {
            return self.at(0);
        }
        let n = self.mantissa.checked_shr(self.exponent.unsigned_abs()).unwrap_or(0);
        if self.negative { -BigInt::from(n) } else { BigInt::from(n) }
    }

    pub fn is_integer(self) -> bool {
        self.is_zero() || self.exponent >= 0 || self.mantissa.trailing_zeros() >= self.exponent.unsigned_abs()
    }

    pub fn is_negative(self) -> bool {
        self.negative
    }

    /// Whether it is so large or small that no text of it can be read back.
    pub fn is_extreme(self) -> bool {
        self.exponent.abs() > 4 * MAX_EXPONENT
    }

    /// The shortest decimal that reads back as this: digits, and where the point stands relative to their start.
    pub fn shortest(self) -> (Vec<u8>, i32) {
        if self.is_zero() {
            return (b"0".to_vec(), 1);
        }
        // Half a unit of the last place is the lowest bit of the mantissa doubled.
        let doubled = BigUint::from(self.mantissa) << 1u32;
        let exponent = self.exponent - 1;
        let (digits, point) = decimal(&doubled, exponent);
        let (lower, _) = decimal(&(&doubled - 1u32), exponent);
        let (upper, _) = decimal(&(&doubled + 1u32), exponent);
        // Where a bound has its point elsewhere, the first digits differ, and that is all that matters.
        let inclusive = self.mantissa & 1 == 0;
        let at = |digits: &[u8], i: usize| digits.get(i).copied().unwrap_or(b'0');
        for i in 0..digits.len() {
            let (l, m, u) = (at(&lower, i), at(&digits, i), at(&upper, i));
            let down = l != m || inclusive && i + 1 == lower.len();
            let up = m != u && (inclusive || m + 1 < u || i + 1 < upper.len());
            let next = at(&digits, i + 1);
            let exact_half = next == b'5' && i + 2 >= digits.len();
            let nearer_up = if exact_half { m % 2 == 1 } else { next >= b'5' };
            match (down, up) {
                (true, true) if nearer_up => return round_up(&digits[..=i], point),
                (true, _) => return (trim(digits[..=i].to_vec()), point),
                (false, true) => return round_up(&digits[..=i], point),
                (false, false) => {}
            }
        }
        (digits, point)
    }
}

/// Compares two decimal texts by magnitude, exactly.
pub fn compare(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| {
        let Some(Decimal { negative, digits, exponent }) = Decimal::parse(text) else {
            return (0, 0, String::new());
        };
        let significant = digits.trim_start_matches('0');
        let point = i32::try_from(significant.len()).unwrap_or(i32::MAX).saturating_add(exponent);
        let significant = significant.trim_end_matches('0');
        match (significant.is_empty(), negative) {
            (true, _) => (0, 0, String::new()),
            (false, true) => (-1, point, significant.to_owned()),
            (false, false) => (1, point, significant.to_owned()),
        }
    };
    let (a, b) = (parts(a), parts(b));
    let magnitude = a.1.cmp(&b.1).then_with(|| a.2.cmp(&b.2));
    a.0.cmp(&b.0).then(if a.0 < 0 { magnitude.reverse() } else { magnitude })
}

/// The exact decimal of `n * 2^exponent`, without zeros at its end.
fn decimal(n: &BigUint, exponent: i32) -> (Vec<u8>, i32) {
    let digits = if exponent >= 0 {
        (n << exponent).to_string()
    } else {
        (n * BigUint::from(5u8).pow(exponent.unsigned_abs())).to_string()
    };
    let point = i32::try_from(digits.len()).unwrap_or(i32::MAX) + exponent.min(0);
    (trim(digits.into_bytes()), point)
}

fn trim(mut digits: Vec<u8>) -> Vec<u8> {
    while digits.len() > 1 && digits.last() == Some(&b'0') {
        digits.pop();
    }
    digits
}

fn round_up(digits: &[u8], point: i32) -> (Vec<u8>, i32) {
    let mut digits = digits.to_vec();
    while let Some(last) = digits.pop() {
        if last < b'9' {
            digits.push(last + 1);
            return (digits, point);
        }
    }
    (b"1".to_vec(), point + 1)
}

/// Digits with their point as Go's `%g` writes them: an exponent below 1e-4 and from 1e21 or, where `plain` says so, from
/// that many digits on.
pub fn general(negative: bool, digits: &[u8], point: i32, plain: i32) -> String {
    let exponent = point - 1;
    let sign = if negative { "-" } else { "" };
    let text = String::from_utf8_lossy(digits);
    if exponent < -4 || exponent >= plain {
        let (first, rest) = text.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let mark = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{dot}{rest}e{mark}{:02}", exponent.abs());
    }
    format!("{sign}{}", fixed(&text, point))
}

/// Digits with their point as Go's `%f` writes them.
pub fn fixed(digits: &str, point: i32) -> String {
    let Ok(at) = usize::try_from(point) else {
        return format!("0.{}{digits}", "0".repeat(usize::try_from(-point).unwrap_or(0)));
    };
    if at == 0 {
        return format!("0.{digits}");
    }
    if at >= digits.len() {
        return format!("{digits}{}", "0".repeat(at - digits.len()));
    }
    let (whole, fraction) = digits.split_at(at);
    format!("{whole}.{fraction}")
}
