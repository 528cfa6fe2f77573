//! The formats that the schema library checks. One that it does not know matches everything.

use super::super::time::matches_layout;
use crate::goregex;
use std::net::IpAddr;

/// Whether a string is of a format.
pub(super) fn matches(format: &str, text: &str) -> bool {
    match format {
        "date" => matches_layout("2006-01-02", text),
        "time" => matches_layout("15:04:05Z07:00", text) || matches_layout("15:04:05", text),
        "date-time" => {
            let layouts = ["15:04:05", "15:04:05Z07:00", "2006-01-02", "2006-01-02T15:04:05Z07:00"];
            layouts.iter().any(|layout| matches_layout(layout, text))
        }
        "hostname" => hostname(text),
        "email" | "idn-email" => email(text),
        "ipv4" => text.parse::<IpAddr>().is_ok() && text.contains('.'),
        "ipv6" => text.parse::<IpAddr>().is_ok() && text.contains(':'),
        "uri" | "iri" => !text.contains('\\') && matches!(url(text), Some(Url { scheme: true, .. })),
        "uri-reference" | "iri-reference" => !text.contains('\\') && url(text).is_some(),
        "uri-template" => !text.contains('\\') && url(text).is_some_and(|url| balanced(url.path)),
        "uuid" => uuid(text),
        "regex" => text.is_empty() || goregex::compile(text).is_ok(),
        "json-pointer" => json_pointer(text),
        "relative-json-pointer" => relative_json_pointer(text),
        _ => true,
    }
}

fn hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() < 256 && text.split('.').all(label)
}

fn uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    text.split('-').count() == lengths.len()
        && text
            .split('-')
            .zip(lengths)
            .all(|(part, length)| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn json_pointer(text: &str) -> bool {
    let escaped = |token: &str| token.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    text.is_empty() || (text.starts_with('/') && escaped(text))
}

fn relative_json_pointer(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    (number == "0" || (digits > 0 && !number.starts_with('0'))) && (rest == "#" || json_pointer(rest))
}

/// An address as in a mail's header, a name before it included.
fn email(text: &str) -> bool {
    let text = text.trim();
    let address = match text.strip_suffix('>') {
        Some(rest) => match rest.rsplit_once('<') {
            Some((_, address)) => address,
            None => return false,
        },
        None => text,
    };
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    };
    let dotted = |text: &str| text.split('.').all(atom);
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    let literal = domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']'));
    (quoted || dotted(local)) && literal.map_or_else(|| dotted(domain), |ip| ip.parse::<IpAddr>().is_ok())
}

/// Braces open and close in turn.
fn balanced(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        match after.split_once('}') {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// What the checks need of an address.
struct Url<'a> {
    scheme: bool,
    path: &'a str,
}

/// An address as Go's package url takes it.
fn url(text: &str) -> Option<Url<'_>> {
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return None;
    }
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (scheme, rest) = scheme(text)?;
    let rest = rest.split_once('?').map_or(rest, |(before, _)| before);
    if !escapes(fragment) {
        return None;
    }
    let absolute = rest.starts_with('/');
    if scheme && !absolute {
        // Opaque: `mailto:x`.
        return Some(Url { scheme, path: "" });
    }
    if !absolute && rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
        return None;
    }
    let path = match rest.strip_prefix("//") {
        Some(after) if scheme || !rest.starts_with("///") => {
            let end = after.find('/').unwrap_or(after.len());
            let (authority, path) = after.split_at(end);
            if !valid_authority(authority) {
                return None;
            }
            path
        }
        _ => rest,
    };
    escapes(path).then_some(Url { scheme, path })
}

/// Whether there is a scheme, and what follows it.
fn scheme(text: &str) -> Option<(bool, &str)> {
    for (index, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if index > 0 => {}
            ':' if index == 0 => return None,
            ':' => return Some((true, text.get(index + 1..).unwrap_or_default())),
            _ => break,
        }
    }
    Some((false, text))
}

/// Every percent sign begins an escape.
fn escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|after| after.as_bytes().iter().take(2).filter(|b| b.is_ascii_hexdigit()).count() == 2)
}

fn valid_authority(authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let user_ok = escapes(user) && user.chars().all(|c| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c));
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.rsplit_once(']') {
            Some((name, port)) => (name, port),
            None => return false,
        },
        None => host.find(':').map_or((host, ""), |at| host.split_at(host.rfind(':').unwrap_or(at))),
    };
    let port_ok =
        port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let name_ok = escapes(name) && !name.chars().any(|c| c == ' ' || "^`{}|\\".contains(c));
    user_ok && port_ok && name_ok
}
