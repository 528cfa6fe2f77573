//! Names of children, made from their parent's alone, so that a creation that is tried twice makes one object.

/// Longest name that also is a label value.
const LONGEST: usize = 63;
/// What is left of a parent's name in front of the 32 hexadecimal digits of its hash.
const HEAD: usize = LONGEST - 32;

/// knative's kmeta.ChildName: `parent` + `suffix`, the parent cut and hashed where both together are longer than 63.
pub fn child_name(parent: &str, suffix: &str) -> String {
    if parent.len() + suffix.len() <= LONGEST {
        return format!("{parent}{suffix}");
    }
    if HEAD <= suffix.len() {
        let head = cut(parent, HEAD);
        return format!("{head}{}", md5_hex(format!("{parent}{suffix}").as_bytes()));
    }
    let name = format!("{}{}{suffix}", cut(parent, HEAD - suffix.len()), md5_hex(parent.as_bytes()));
    name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

fn cut(text: &str, mut at: usize) -> &str {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    &text[..at]
}

/// MD5 (RFC 1321) in hexadecimal. For names alone: it secures nothing.
fn md5_hex(data: &[u8]) -> String {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut message = data.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&(data.len() as u64).wrapping_mul(8).to_le_bytes());
    let mut state = [0x6745_2301u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for chunk in message.chunks_exact(64) {
        let word = |i: usize| u32::from_le_bytes([chunk[4 * i], chunk[4 * i + 1], chunk[4 * i + 2], chunk[4 * i + 3]]);
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64 {
            let (f, g) = match i / 16 {
                0 => ((b & c) | (!b & d), i),
                1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), (7 * i) % 16),
            };
            // The constants are, by definition, the integer parts of 2^32 * |sin(i + 1)|.
            let k = (((i + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
            let sum = a.wrapping_add(f).wrapping_add(k).wrapping_add(word(g));
            a = d;
            d = c;
            c = b;
            b = b.wrapping_add(sum.rotate_left(SHIFTS[i / 16][i % 4]));
        }
        for (s, add) in state.iter_mut().zip([a, b, c, d]) {
            *s = s.wrapping_add(add);
        }
    }
    hex::encode(state.map(u32::to_le_bytes).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_rfc_1321() {
        assert_eq!(md5_hex(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(md5_hex(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
        let digits = b"12345678901234567890123456789012345678901234567890123456789012345678901234567890";
        assert_eq!(md5_hex(digits), "57edf4a22be3c955ac49da2e2107b67a");
    }

    #[test]
    fn names_children_as_knative_does() {
        assert_eq!(child_name("hello", "-build"), "hello-build");
        let long = "f".repeat(63);
        assert_eq!(
            child_name(&long, "-deployment"),
            format!("{}{}-deployment", "f".repeat(20), md5_hex(long.as_bytes()))
        );
        let suffix = format!("-{}", "z".repeat(62));
        assert_eq!(child_name("asdf", &suffix), format!("asdf{}", md5_hex(format!("asdf{suffix}").as_bytes())));
        for parent in [1, 31, 40, 63, 200] {
            for suffix in [1, 10, 30, 31, 32, 63] {
                assert!(child_name(&"p".repeat(parent), &"s".repeat(suffix)).len() <= LONGEST);
            }
        }
    }
}
