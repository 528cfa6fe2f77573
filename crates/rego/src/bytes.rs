//! Bytes in texts. A string of Go's may hold bytes that are no UTF-8, as `hex.decode("ff")` gives; one of Rust's may not.
//! So a byte that is part of no character stands in a text as a private-use character of its own, U+10FF00 and the byte,
//! and a real character of those (U+10FF80 to U+10FFFF) as four of them, one for each of its bytes: the mapping is
//! injective. Texts come in by `entering` and go out by `shown`; what works on bytes takes `bytes` and makes `text`.

use std::borrow::Cow;

/// Only characters from U+100000 on begin with this byte, all that stand for bytes among them.
const LEAD: u8 = 0xf4;

/// Whether bytes may stand in a text; in almost no text they do.
pub(crate) fn may_hold(text: &str) -> bool {
    text.as_bytes().contains(&LEAD)
}

/// Whether a character stands for a byte.
pub(crate) fn stands(c: char) -> bool {
    c >= '\u{10ff80}'
}

/// The character that stands for a byte from 0x80 on.
fn standing(byte: u8) -> char {
    char::from_u32(0x10_ff00 | u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn enter(out: &mut String, valid: &str) {
    if !may_hold(valid) {
        return out.push_str(valid);
    }
    for c in valid.chars() {
        match stands(c) {
            true => out.extend(c.encode_utf8(&mut [0; 4]).bytes().map(standing)),
            false => out.push(c),
        }
    }
}

/// Bytes as a text of the engine's.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.utf8_chunks().fold(String::with_capacity(bytes.len()), |mut out, chunk| {
        enter(&mut out, chunk.valid());
        out.extend(chunk.invalid().iter().copied().map(standing));
        out
    })
}

/// The bytes of a text of the engine's.
pub(crate) fn bytes(text: &str) -> Cow<'_, [u8]> {
    if !may_hold(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match stands(c) {
            true => out.extend(u32::from(c).to_le_bytes().first()),
            false => out.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Cow::Owned(out)
}

/// A text from outside as one of the engine's.
pub fn entering<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let text = text.into();
    if !may_hold(&text) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    enter(&mut out, &text);
    Cow::Owned(out)
}

/// A text of the engine's as the outside sees it: a byte that is part of no character is U+FFFD, as Go has it.
pub fn shown(text: &str) -> Cow<'_, str> {
    if may_hold(text) { Cow::Owned(lossy(&bytes(text))) } else { Cow::Borrowed(text) }
}

/// Bytes as a text for the outside: U+FFFD for each byte that is part of no character. (Rust's own has one for a run.)
pub(crate) fn lossy(bytes: &[u8]) -> String {
    bytes.utf8_chunks().fold(String::with_capacity(bytes.len()), |mut out, chunk| {
        out.push_str(chunk.valid());
        out.extend(std::iter::repeat_n(char::REPLACEMENT_CHARACTER, chunk.invalid().len()));
        out
    })
}

/// The characters of a text, and the bytes between them, each as a text.
pub(crate) fn characters(whole: &str) -> Vec<String> {
    let mut out = Vec::new();
    for chunk in bytes(whole).utf8_chunks() {
        out.extend(chunk.valid().chars().map(|c| entering(c.to_string()).into_owned()));
        out.extend(chunk.invalid().iter().map(|byte| text(&[*byte])));
    }
    out
}

/// A text put together of others, in which bytes may have become characters.
pub(crate) fn joined(whole: String) -> String {
    if may_hold(&whole) { text(&bytes(&whole)) } else { whole }
}

/// A text with a character for each byte, so that functions of texts work on bytes.
pub(crate) fn spread(text: &str) -> String {
    bytes(text).iter().copied().map(char::from).collect()
}

/// The text of which `spread` made this or that this is a part of.
pub(crate) fn gathered(spread: &str) -> String {
    text(&spread.chars().filter_map(|c| u8::try_from(c).ok()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that often make, or nearly make, characters; of a small generator (xorshift).
    fn random(n: usize) -> Vec<Vec<u8>> {
        const OFTEN: &[u8] = b"a\x7f\x80\x82\xa0\xbe\xbf\xc0\xc3\xa9\xe2\xed\xf4\x8f\xbf\x80\xff\xf0\x9f";
        let mut state = 0x9e37_79b9_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            usize::try_from(state >> 8).unwrap_or_default()
        };
        (0..n).map(|_| (0..next() % 12).map(|_| OFTEN[next() % OFTEN.len()]).collect()).collect()
    }

    #[test]
    fn bytes_come_back() {
        let all: Vec<u8> = (0..=255).collect();
        let known = [&all[..], b"\xf4\x8f\xbf\x80", b"\xf4\x8f\xbf", b"\xf4\x8f\xbe\xbf", b"\xf4\x90\x80\x80"];
        for given in known.into_iter().map(<[u8]>::to_vec).chain(random(20_000)) {
            let made = text(&given);
            assert_eq!(*bytes(&made), given);
            assert_eq!(shown(&made), lossy(&given));
            assert_eq!(gathered(&spread(&made)), made);
            assert_eq!(joined(made.clone()), made);
            match std::str::from_utf8(&given) {
                Ok(valid) => assert_eq!((entering(valid).as_ref(), shown(&made).as_ref()), (&*made, valid)),
                Err(_) => assert!(made.chars().any(stands)),
            }
        }
    }

    #[test]
    fn parts_of_a_text_are_texts() {
        for made in random(2000).iter().map(|given| text(given)) {
            for (at, _) in made.char_indices() {
                for part in [&made[..at], &made[at..]] {
                    assert_eq!(text(&bytes(part)), part);
                }
            }
        }
    }

    #[test]
    fn only_what_stands_for_bytes_is_changed() {
        assert!(matches!(entering("plain é \u{fffd}"), Cow::Borrowed(_)));
        assert_eq!(entering("\u{100000}\u{10ff7f}"), "\u{100000}\u{10ff7f}");
        assert_eq!(entering("\u{10ffc0}"), "\u{10fff4}\u{10ff8f}\u{10ffbf}\u{10ff80}");
        assert_eq!(text(b"a\xff"), "a\u{10ffff}");
        assert_eq!(joined([text(b"\xc3"), text(b"\xa9")].concat()), "é");
    }
}
