//! The edge to what cannot be computed: the clock and randomness. Nothing else in this crate reads either.

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandomness;

/// Now, in seconds since 1970.
pub fn now_seconds() -> i64 {
    Timestamp::now().as_second()
}

/// Now as metav1.Time: RFC 3339, UTC, whole seconds.
pub fn now() -> String {
    time(now_seconds())
}

/// Seconds since 1970 as metav1.Time.
pub fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |t| t.to_string())
}

/// That many random bytes.
///
/// # Errors
/// The system has none.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A random UUID (version 4).
///
/// # Errors
/// The system gave no random bytes.
pub fn uid() -> Result<String, NoRandomness> {
    let mut b = random::<16>()?;
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (i, byte) in b.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(text)
}

/// Five characters for `metadata.generateName`, of the alphabet that Kubernetes uses (no vowels, nothing look-alike).
///
/// # Errors
/// The system gave no random bytes.
pub fn name_suffix() -> Result<String, NoRandomness> {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    Ok(random::<5>()?.iter().map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()])).collect())
}
