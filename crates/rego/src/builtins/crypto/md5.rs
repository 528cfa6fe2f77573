//! MD5 (RFC 1321) and its HMAC: no other crate here has it, and policies only compare what others made with it.

const BLOCK: usize = 64;

const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The digest of a message.
pub(super) fn digest(message: &[u8]) -> [u8; 16] {
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % BLOCK != 56 {
        padded.push(0);
    }
    // The length in bits, modulo 2^64.
    padded.extend_from_slice(&(message.len() as u64).wrapping_mul(8).to_le_bytes());
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks_exact(BLOCK) {
        let mut words = [0; 16];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = bytes.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte));
        }
        compress(&mut state, &words);
    }
    let mut out = [0; 16];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    out
}

/// The constant of a step: the sine of its number, as 32 bits of fraction.
fn sine(step: u32) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^32 by definition")]
    let constant = (f64::from(step + 1).sin().abs() * 4_294_967_296.0) as u32;
    constant
}

fn compress(state: &mut [u32; 4], words: &[u32; 16]) {
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..64_u32 {
        let (mixed, index) = match step / 16 {
            0 => ((b & c) | (!b & d), step),
            1 => ((d & b) | (!d & c), 5 * step + 1),
            2 => (b ^ c ^ d, 3 * step + 5),
            _ => (c ^ (b | !d), 7 * step),
        };
        let word = words.get((index % 16) as usize).copied().unwrap_or_default();
        let shift = SHIFTS.get((step / 16) as usize).and_then(|row| row.get((step % 4) as usize)).copied();
        let sum = a.wrapping_add(mixed).wrapping_add(word).wrapping_add(sine(step));
        (a, d, c) = (d, c, b);
        b = b.wrapping_add(sum.rotate_left(shift.unwrap_or_default()));
    }
    for (word, add) in state.iter_mut().zip([a, b, c, d]) {
        *word = word.wrapping_add(add);
    }
}

/// HMAC with MD5 (RFC 2104).
pub(super) fn keyed(key: &[u8], message: &[u8]) -> [u8; 16] {
    let mut block = if key.len() > BLOCK { digest(key).to_vec() } else { key.to_vec() };
    block.resize(BLOCK, 0);
    let mut inner: Vec<u8> = block.iter().map(|byte| byte ^ 0x36).collect();
    inner.extend_from_slice(message);
    let mut outer: Vec<u8> = block.iter().map(|byte| byte ^ 0x5c).collect();
    outer.extend_from_slice(&digest(&inner));
    digest(&outer)
}
