//! PEM blocks as Go reads them.

use super::super::encoding::base64_bytes;

/// A block's label and content.
#[derive(Debug)]
pub struct Block {
    pub label: String,
    pub bytes: Vec<u8>,
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "\n-----END ";

/// The first block of a text that is whole, and what follows it. Whatever else stands there is passed over.
pub fn first(text: &str) -> Option<(Block, &str)> {
    let mut rest = text;
    loop {
        // The last beginning before the first end, so that a beginning without an end is passed over.
        let end = rest.find(END)?;
        let (before, from_end) = rest.split_at_checked(end)?;
        let after_end = from_end.strip_prefix(END)?;
        let begin = before.rfind(BEGIN).filter(|at| *at == 0 || before.as_bytes().get(at - 1) == Some(&b'\n'));
        if let Some(found) = begin.and_then(|at| block(before.get(at + BEGIN.len()..)?, after_end)) {
            return Some(found);
        }
        rest = after_end;
    }
}

/// A line without its end and the blanks before that, and what follows.
fn line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.strip_suffix('\r').unwrap_or(line).trim_end_matches([' ', '\t']), rest)
}

/// The block between its first line, without what begins it, and its last.
fn block<'a>(text: &str, after_end: &'a str) -> Option<(Block, &'a str)> {
    let (first, mut body) = line(text);
    let label = first.strip_suffix("-----")?;
    loop {
        let (header, rest) = line(body);
        if !header.contains(':') {
            break;
        }
        body = rest;
    }
    let after = after_end.strip_prefix(label)?.strip_prefix("-----")?;
    let (trailing, rest) = line(after);
    let encoded: String = body.chars().filter(|c| !matches!(c, ' ' | '\t')).collect();
    let bytes = base64_bytes(&encoded).ok()?;
    trailing.is_empty().then(|| (Block { label: label.to_owned(), bytes }, rest))
}
