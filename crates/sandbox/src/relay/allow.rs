//! The allow-list of the forward path. Pure: it decides on names and addresses that others resolve.

use super::addresses::is_public;
use std::net::IpAddr;

/// Patterns of `egressAllow`.
#[derive(Debug, Default)]
pub(super) struct AllowList(Vec<Pattern>);

#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    host: Host,
    port: Option<u16>,
}

#[derive(Debug, PartialEq, Eq)]
enum Host {
    Any,
    /// With the leading dot.
    Suffix(String),
    Exact(String),
}

/// What a name may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Refused,
    /// Public addresses only.
    Public,
    /// A pattern names this very host and port, so any address will do.
    Named,
}

impl Verdict {
    /// May a connection go to `address`?
    pub(super) fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Refused => false,
            Self::Public => is_public(address),
            // Even then never to "any address of this machine", nor to many machines at once.
            Self::Named => !address.is_unspecified() && !address.is_multicast(),
        }
    }
}

impl AllowList {
    /// Reads the patterns; one that cannot be read allows nothing.
    pub(super) fn new(patterns: &[String]) -> Self {
        Self(patterns.iter().filter_map(|pattern| parse(pattern)).collect())
    }

    /// What a connection to `host` (as [`plain`] gives it) and `port` may lead to.
    pub(super) fn verdict(&self, host: &str, port: u16) -> Verdict {
        let mut verdict = Verdict::Refused;
        for pattern in &self.0 {
            if pattern.port.is_some_and(|wanted| wanted != port) {
                continue;
            }
            match &pattern.host {
                Host::Exact(name) if name == host && pattern.port.is_some() => return Verdict::Named,
                Host::Exact(name) if name == host => verdict = Verdict::Public,
                Host::Suffix(suffix) if host.ends_with(suffix.as_str()) => verdict = Verdict::Public,
                Host::Any => verdict = Verdict::Public,
                Host::Exact(_) | Host::Suffix(_) => {}
            }
        }
        verdict
    }
}

fn parse(pattern: &str) -> Option<Pattern> {
    let (host, port) = match pattern.rsplit_once(':') {
        Some((host, "*")) => (host, None),
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (pattern, None),
    };
    let host = match host {
        "*" => Host::Any,
        _ => match host.strip_prefix('*') {
            Some(suffix) if suffix.starts_with('.') => Host::Suffix(suffix.to_ascii_lowercase()),
            Some(_) => return None,
            None => Host::Exact(plain(host)?),
        },
    };
    Some(Pattern { host, port })
}

/// A host name or address in one form: lower case, no final dot, no brackets. None if it is neither.
pub(super) fn plain(host: &str) -> Option<String> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(bare) = bare {
        return bare.parse::<std::net::Ipv6Addr>().ok().map(|address| address.to_string());
    }
    if host.contains(':') {
        return host.parse::<std::net::Ipv6Addr>().ok().map(|address| address.to_string());
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let good = !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        });
    good.then_some(host)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn list(patterns: &[&str]) -> AllowList {
        AllowList::new(&patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        assert_eq!(list(&[]).verdict("example.org", 443), Verdict::Refused);
    }

    #[test]
    fn patterns() {
        let allow = list(&["*.example.org", "git.corp:443", "127.0.0.1:8080", "[::1]:9", "plain.net"]);
        assert_eq!(allow.verdict("a.example.org", 80), Verdict::Public);
        assert_eq!(allow.verdict("a.b.example.org", 80), Verdict::Public);
        assert_eq!(allow.verdict("example.org", 80), Verdict::Refused);
        assert_eq!(allow.verdict("notexample.org", 80), Verdict::Refused);
        assert_eq!(allow.verdict("git.corp", 443), Verdict::Named);
        assert_eq!(allow.verdict("git.corp", 80), Verdict::Refused);
        assert_eq!(allow.verdict("127.0.0.1", 8080), Verdict::Named);
        assert_eq!(allow.verdict("127.0.0.1", 8081), Verdict::Refused);
        assert_eq!(allow.verdict("::1", 9), Verdict::Named);
        assert_eq!(allow.verdict("plain.net", 1), Verdict::Public);
        assert_eq!(list(&["*"]).verdict("x.y", 1), Verdict::Public);
        assert_eq!(list(&["*:443"]).verdict("x.y", 80), Verdict::Refused);
        assert_eq!(list(&["*x.y", "a b", "x:y:z"]).verdict("ax.y", 80), Verdict::Refused);
    }

    #[test]
    fn private_addresses_need_a_name_and_a_port() {
        let private = "10.0.0.1".parse().unwrap();
        assert!(!Verdict::Public.admits(private));
        assert!(Verdict::Named.admits(private));
        assert!(!Verdict::Named.admits("0.0.0.0".parse().unwrap()));
    }

    #[test]
    fn names_have_one_form() {
        assert_eq!(plain("EXAMPLE.org.").unwrap(), "example.org");
        assert_eq!(plain("[::1]").unwrap(), "::1");
        for bad in ["", ".", "a..b", "a b", "a/b", "[::1", "x\0", "[1.2.3.4]", "é.org"] {
            assert_eq!(plain(bad), None, "{bad:?}");
        }
    }
}
