//! PEM blocks as Go reads them.

use super::super::encoding::base64_bytes;

/// A block's label and content.
#[derive(Debug)]
pub(in super::super) struct Block {
    pub label: String,
    pub bytes: Vec<u8>,
}

/// The first block of a text, and what follows it.
pub(in super::super) fn first(text: &str) -> Option<(Block, &str)> {
    let start = if text.starts_with("-----BEGIN ") { 0 } else { text.find("\n-----BEGIN ")? + 1 };
    let after = text.get(start + "-----BEGIN ".len()..)?;
    let (label, after) = after.split_once("-----")?;
    let end = format!("-----END {label}-----");
    let (body, rest) = after.split_once(&end)?;
    // Headers, where there are any, end with an empty line.
    let body = match body.trim_start().split_once("\n\n") {
        Some((headers, body)) if headers.contains(':') => body,
        _ => body,
    };
    let encoded: String = body.split_whitespace().collect();
    let bytes = base64_bytes(&encoded).ok()?;
    let rest = rest.trim_start_matches([' ', '\t', '\r']);
    Some((Block { label: label.to_owned(), bytes }, rest.strip_prefix('\n').unwrap_or(rest)))
}
