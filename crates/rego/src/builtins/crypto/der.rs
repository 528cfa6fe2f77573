//! DER as certificates and keys use it: elements of low tags and definite, shortest lengths. Nothing else is read.

use num_bigint::BigInt;

pub const BOOLEAN: u8 = 0x01;
pub const INTEGER: u8 = 0x02;
pub const BITS: u8 = 0x03;
pub const OCTETS: u8 = 0x04;
pub const OBJECT: u8 = 0x06;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

/// The longest integer that is read, in bytes: what is shown and computed grows faster than its length.
const MAX_INTEGER: usize = 2049;

/// A constructed element of a context's tag, e.g. `[3]`.
pub const fn explicit(tag: u8) -> u8 {
    0xa0 | tag
}

/// A primitive element of a context's tag.
pub const fn implicit(tag: u8) -> u8 {
    0x80 | tag
}

/// Elements still to be read, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Der<'a>(pub &'a [u8]);

impl<'a> Der<'a> {
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Whether the next element has a tag.
    pub fn next_is(self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The next element of any tag: the tag, its content, and the whole.
    pub fn any(&mut self) -> Option<(u8, Der<'a>, &'a [u8])> {
        let (&[tag, short], after) = self.0.split_first_chunk::<2>()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, digits) = match short {
            0..=0x7f => (usize::from(short), 0),
            0x81..=0x84 => {
                let digits = usize::from(short & 0x7f);
                let length = after.get(..digits)?.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
                // A length is written in as few bytes as can be.
                if length < 0x80 || after.first() == Some(&0) {
                    return None;
                }
                (length, digits)
            }
            _ => return None,
        };
        let header = 2 + digits;
        let end = header.checked_add(length)?;
        let (whole, rest) = (self.0.get(..end)?, self.0.get(end..)?);
        self.0 = rest;
        Some((tag, Der(whole.get(header..)?), whole))
    }

    /// The content of the next element, which has to have a tag.
    pub fn read(&mut self, tag: u8) -> Option<Der<'a>> {
        self.element(tag).map(|(content, _)| content)
    }

    /// The content and the whole of the next element, which has to have a tag.
    pub fn element(&mut self, tag: u8) -> Option<(Der<'a>, &'a [u8])> {
        let mut after = *self;
        let (found, content, whole) = after.any()?;
        if found != tag {
            return None;
        }
        *self = after;
        Some((content, whole))
    }

    /// The content of the next element if that has a tag; fails where it has it and cannot be read.
    pub fn optional(&mut self, tag: u8) -> Option<Option<Der<'a>>> {
        if self.next_is(tag) { self.read(tag).map(Some) } else { Some(None) }
    }

    pub fn boolean(&mut self) -> Option<bool> {
        match self.read(BOOLEAN)?.0 {
            [0] => Some(false),
            [0xff] => Some(true),
            _ => None,
        }
    }

    /// The content of an integer, whatever its tag: as few bytes as can be, and not more than any key has.
    fn integer_bytes(&mut self, tag: u8) -> Option<&'a [u8]> {
        let bytes = self.read(tag)?.0;
        match bytes {
            _ if bytes.len() > MAX_INTEGER => None,
            [] => None,
            [0, second, ..] if *second < 0x80 => None,
            [0xff, second, ..] if *second >= 0x80 => None,
            _ => Some(bytes),
        }
    }

    pub fn integer(&mut self) -> Option<BigInt> {
        self.integer_bytes(INTEGER).map(BigInt::from_signed_bytes_be)
    }

    /// A small integer.
    pub fn small(&mut self, tag: u8) -> Option<i64> {
        let bytes = self.integer_bytes(tag)?;
        i64::try_from(BigInt::from_signed_bytes_be(bytes)).ok()
    }

    /// Bits, as bytes, and how many of the last byte's do not count.
    pub fn bits(&mut self) -> Option<(&'a [u8], u8)> {
        let (unused, bytes) = self.read(BITS)?.0.split_first()?;
        let last = bytes.last().copied().unwrap_or_default();
        let clean = if bytes.is_empty() { *unused == 0 } else { *unused < 8 && last & ((1_u8 << unused) - 1) == 0 };
        clean.then_some((bytes, *unused))
    }

    /// Bits that make whole bytes, moved to the right where they do not.
    pub fn aligned_bits(&mut self) -> Option<Vec<u8>> {
        let (bytes, unused) = self.bits()?;
        if unused == 0 {
            return Some(bytes.to_vec());
        }
        let mut carried = 0;
        Some(
            bytes
                .iter()
                .map(|byte| {
                    let moved = carried << (8 - unused) | byte >> unused;
                    carried = *byte;
                    moved
                })
                .collect(),
        )
    }

    /// An object identifier whose parts are below 2^31.
    pub fn object(&mut self) -> Option<Vec<u32>> {
        let parts = identifier(self.read(OBJECT)?.0)?;
        parts.into_iter().map(|part| u32::try_from(part).ok().filter(|part| *part < 1 << 31)).collect()
    }
}

/// The parts of an object identifier from its content.
pub fn identifier(content: &[u8]) -> Option<Vec<u128>> {
    let mut parts = Vec::new();
    let mut rest = content;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte < 0x80)?;
        let (digits, after) = rest.split_at_checked(end + 1)?;
        if digits.first() == Some(&0x80) || digits.len() > 18 {
            return None;
        }
        let part = digits.iter().fold(0_u128, |sum, byte| (sum << 7) | u128::from(byte & 0x7f));
        if parts.is_empty() {
            let first = (part / 40).min(2);
            parts.extend([first, part - first * 40]);
        } else {
            parts.push(part);
        }
        rest = after;
    }
    (!parts.is_empty()).then_some(parts)
}
