//! URLs as Go's package `net/url` reads and writes them. Knows no scheme's own rules.

use crate::bytes;
use crate::text::quote;
use std::net::IpAddr;

/// The parts of a URL, unescaped where Go has them so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    pub scheme: String,
    /// What follows the scheme where no slash does.
    pub opaque: String,
    /// A user's name and, maybe, password.
    pub user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    pub host: Vec<u8>,
    /// A scheme, and a path without an authority.
    pub omit_host: bool,
    pub path: Vec<u8>,
    /// The path as written, where that is not how it would be escaped here.
    pub raw_path: String,
    /// There is a `?` and nothing behind it.
    pub force_query: bool,
    pub raw_query: String,
    pub fragment: Vec<u8>,
    /// As `raw_path`.
    pub raw_fragment: String,
}

/// What is escaped differs by part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

/// Reads a URL.
///
/// # Errors
/// Go's words for what is wrong with it.
pub fn parse(text: &str) -> Result<Url, String> {
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    let mut url = parse_unfragmented(before).map_err(|why| format!("parse {}: {why}", quote(before, false)))?;
    url.fragment = unescape(fragment, Part::Fragment).map_err(|why| format!("parse {}: {why}", quote(text, false)))?;
    if escape(&url.fragment, Part::Fragment) != fragment {
        fragment.clone_into(&mut url.raw_fragment);
    }
    Ok(url)
}

fn parse_unfragmented(text: &str) -> Result<Url, String> {
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let mut url = Url::default();
    if text == "*" {
        url.path = b"*".to_vec();
        return Ok(url);
    }
    let (scheme, mut rest) = scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    match rest.strip_suffix('?').filter(|before| !before.contains('?')) {
        Some(before) => (url.force_query, rest) = (true, before),
        None => {
            let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
            rest = before;
            query.clone_into(&mut url.raw_query);
        }
    }
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            rest.clone_into(&mut url.opaque);
            return Ok(url);
        }
        if rest.split('/').next().unwrap_or_default().contains(':') {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let authority = rest.strip_prefix("//").filter(|_| !url.scheme.is_empty() || !rest.starts_with("///"));
    if let Some(after) = authority {
        let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
        rest = path;
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        url.host = parse_host(host)?;
        url.user = user.map(parse_user).transpose()?;
    } else if !url.scheme.is_empty() && rest.starts_with('/') {
        url.omit_host = true;
    }
    url.path = unescape(rest, Part::Path)?;
    if escape(&url.path, Part::Path) != rest {
        rest.clone_into(&mut url.raw_path);
    }
    Ok(url)
}

/// The scheme, and what follows its colon.
fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok(text.split_once(':').unwrap_or(("", text))),
            _ => break,
        }
    }
    Ok(("", text))
}

fn parse_user(text: &str) -> Result<(Vec<u8>, Option<Vec<u8>>), String> {
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b)) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    Ok(match text.split_once(':') {
        Some((name, password)) => (unescape(name, Part::User)?, Some(unescape(password, Part::User)?)),
        None => (unescape(text, Part::User)?, None),
    })
}

fn parse_host(host: &str) -> Result<Vec<u8>, String> {
    let port = |port: &str| {
        let valid = port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
        if valid { Ok(()) } else { Err(format!("invalid port {} after host", quote(port, false))) }
    };
    match host.rfind('[') {
        Some(0) => {
            let end = host.rfind(']').ok_or("missing ']' in host")?;
            let (name, after) = (host.get(1..end).unwrap_or_default(), host.get(end + 1..).unwrap_or_default());
            port(after)?;
            let (before, zone) = name.split_at(name.find("%25").unwrap_or(name.len()));
            let mut bytes = unescape(before, Part::Host)?;
            bytes.extend(unescape(zone, Part::Zone)?);
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            match shown.split('%').next().unwrap_or_default().parse::<IpAddr>() {
                Ok(IpAddr::V6(_)) if !shown.ends_with('%') => {}
                Ok(_) => return Err("invalid IP-literal".to_owned()),
                Err(_) => {
                    let shown = quote(&shown, false);
                    return Err(format!("invalid host: ParseAddr({shown}): unable to parse IP"));
                }
            }
            let after = unescape(after, Part::Host)?;
            Ok([b"[".as_slice(), &bytes, b"]", &after].concat())
        }
        Some(_) => Err("invalid IP-literal".to_owned()),
        None => {
            if let Some(colon) = host.rfind(':') {
                port(host.get(colon..).unwrap_or_default())?;
            }
            unescape(host, Part::Host)
        }
    }
}

/// Whether a byte is written as `%XX` in a part.
fn escaped(b: u8, part: Part) -> bool {
    if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
        return false;
    }
    match part {
        Part::Host | Part::Zone => !b"!$&'()*+,;=:[]<>\"".contains(&b),
        Part::Path => !b"$&+,/:;=@".contains(&b),
        Part::User => !b"$&+,;=".contains(&b),
        Part::Fragment => !b"$&+,/:;=?@!()*".contains(&b),
    }
}

fn escape(bytes: &[u8], part: Part) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut out, b| {
        if escaped(*b, part) {
            out.push_str(&format!("%{b:02X}"));
        } else {
            out.push(char::from(*b));
        }
        out
    })
}

fn unescape(text: &str, part: Part) -> Result<Vec<u8>, String> {
    let wrong = |shown: &[u8]| Err(format!("invalid URL escape {}", quote(&bytes::text(shown), false)));
    let named = matches!(part, Part::Host | Part::Zone);
    let mut out = Vec::with_capacity(text.len());
    let whole = bytes::bytes(text);
    let mut rest = whole.as_ref();
    while let Some((b, after)) = rest.split_first() {
        let mut byte = [*b];
        if *b == b'%' {
            if after.get(..2).is_none_or(|digits| hex::decode_to_slice(digits, &mut byte).is_err()) {
                return wrong(rest.get(..3).unwrap_or(rest));
            }
            let [value] = byte;
            let allowed = match part {
                Part::Host => value >= 0x80 || value == b'%',
                Part::Zone => value == b'%' || value == b' ' || !escaped(value, Part::Host),
                _ => true,
            };
            if !allowed {
                return wrong(rest.get(..3).unwrap_or(rest));
            }
            rest = after.get(2..).unwrap_or_default();
        } else {
            if named && b.is_ascii() && escaped(*b, part) {
                let shown = quote(&char::from(*b).to_string(), false);
                return Err(format!("invalid character {shown} in host name"));
            }
            rest = after;
        }
        out.extend(byte);
    }
    Ok(out)
}

impl Url {
    /// The path as it goes into a request.
    pub fn escaped_path(&self) -> String {
        written(&self.path, &self.raw_path, Part::Path)
    }

    fn user_text(&self) -> Option<String> {
        let (name, password) = self.user.as_ref()?;
        let password = password.as_ref().map(|password| format!(":{}", escape(password, Part::User)));
        Some(format!("{}{}", escape(name, Part::User), password.unwrap_or_default()))
    }
}

/// As written where that means the same, else escaped anew.
fn written(bytes: &[u8], raw: &str, part: Part) -> String {
    let valid = |b: u8| b"!$&'()*+,;=:@[]%".contains(&b) || !escaped(b, part);
    if !raw.is_empty() && raw.bytes().all(valid) && unescape(raw, part).is_ok_and(|found| found == bytes) {
        return raw.to_owned();
    }
    if bytes == b"*" { "*".to_owned() } else { escape(bytes, part) }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if self.opaque.is_empty() {
            let has_host = !self.host.is_empty() || self.user.is_some();
            if has_host || (!self.scheme.is_empty() && !self.omit_host && !self.path.is_empty()) {
                f.write_str("//")?;
            }
            if let Some(user) = self.user_text() {
                write!(f, "{user}@")?;
            }
            f.write_str(&escape(&self.host, Part::Host))?;
            let path = self.escaped_path();
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                f.write_str("/")?;
            }
            let relative = self.scheme.is_empty() && !has_host;
            if relative && path.split('/').next().unwrap_or_default().contains(':') {
                f.write_str("./")?;
            }
            f.write_str(&path)?;
        } else {
            f.write_str(&self.opaque)?;
        }
        if self.force_query || !self.raw_query.is_empty() {
            write!(f, "?{}", self.raw_query)?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", written(&self.fragment, &self.raw_fragment, Part::Fragment))?;
        }
        Ok(())
    }
}
