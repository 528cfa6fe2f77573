//! Names of hosts and mailboxes: which are well formed, which a certificate is for, and which an authority's constraints
//! let it sign for. The rules are those of Go's package x509.

use super::certificate::Certificate;
use super::extensions::{NAME_CONSTRAINTS, SUBJECT_NAMES, SubjectNames, Subtrees};
use std::net::{IpAddr, Ipv6Addr};

/// Whether a domain has labels of visible ASCII, none empty; a constraint's may begin with a dot. None at all is valid.
pub fn domain_valid(domain: &[u8], constraint: bool) -> bool {
    if domain.is_empty() {
        return true;
    }
    let labels = if constraint { domain.strip_prefix(b".").unwrap_or(domain) } else { domain };
    labels.split(|byte| *byte == b'.').all(|label| !label.is_empty() && label.iter().all(u8::is_ascii_graphic))
}

/// Local part and domain of a mailbox.
pub fn mailbox(text: &str) -> Option<(Vec<u8>, &str)> {
    let bytes = text.as_bytes();
    let mut local = Vec::new();
    let mut at = 0;
    let get = |at: usize| bytes.get(at).copied();
    if get(0)? == b'"' {
        at = 1;
        loop {
            let byte = get(at)?;
            at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    let quoted = get(at).filter(|b| matches!(b, 1..=9 | 11 | 12 | 14..=127))?;
                    local.push(quoted);
                    at += 1;
                }
                1..=8 | 11 | 12 | 14..=33 | 35..=127 => local.push(byte),
                _ => return None,
            }
        }
    } else {
        while let Some(byte) = get(at) {
            match byte {
                b'\\' => {
                    local.push(get(at + 1)?);
                    at += 2;
                }
                _ if byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte) => {
                    local.push(byte);
                    at += 1;
                }
                _ => break,
            }
        }
        let dots = local.starts_with(b".") || local.ends_with(b".") || local.windows(2).any(|pair| pair == b"..");
        if local.is_empty() || dots {
            return None;
        }
    }
    let domain = text.get(at..)?.strip_prefix('@')?;
    domain_valid(domain.as_bytes(), false).then_some((local, domain))
}

/// Whether a name could be a host's; a pattern's first label may be `*`.
fn host_valid(host: &str, pattern: bool) -> bool {
    let host = if pattern { host } else { host.strip_suffix('.').unwrap_or(host) };
    let label = |(i, label): (usize, &str)| {
        let wild = pattern && i == 0 && label == "*";
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        wild || (!label.is_empty() && !label.starts_with('-') && label.bytes().all(allowed))
    };
    host != "*" && host.split('.').enumerate().all(label)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => Some(IpAddr::from(v4)),
        (_, Ok(v6)) => Some(Ipv6Addr::from(v6).to_canonical()),
        _ => None,
    }
}

/// Whether a certificate is for a host, by name or by address.
pub fn is_for(names: &SubjectNames, host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).filter(|inner| !inner.is_empty());
    if let Ok(ip) = bare.unwrap_or(host).parse::<IpAddr>() {
        return names.ips.iter().any(|bytes| address(bytes) == Some(ip.to_canonical()));
    }
    let host = host.to_ascii_lowercase();
    let valid = host_valid(&host, false);
    let labels: Vec<&str> = host.strip_suffix('.').unwrap_or(&host).split('.').collect();
    names.dns.iter().any(|name| {
        let name = name.to_ascii_lowercase();
        if valid && host_valid(&name, true) {
            let pattern: Vec<&str> = name.split('.').collect();
            let fits = |(i, (part, label)): (usize, (&&str, &&str))| part == label || (i == 0 && *part == "*");
            pattern.len() == labels.len() && pattern.iter().zip(&labels).enumerate().all(fits)
        } else {
            !matches!(name.as_str(), "" | ".") && name == host
        }
    })
}

/// Whether a name is at or below a constraint's domain; one that begins with a dot is met below it only.
fn below(constraint: &str, name: &str) -> bool {
    let (constraint, name) = (constraint.as_bytes(), name.as_bytes());
    let Some(start) = name.len().checked_sub(constraint.len()) else { return false };
    let (before, suffix) = name.split_at(start);
    suffix.eq_ignore_ascii_case(constraint)
        && (before.is_empty() || constraint.starts_with(b".") || before.ends_with(b"."))
}

/// Constraints of domains. An excluded one is met by a wildcard too that could stand for it.
fn domains_meet(constraints: &[&str], name: &str, excluded: bool) -> bool {
    let tail = |name: &str| name.find('.').and_then(|dot| name.get(dot..)).map(str::to_ascii_lowercase);
    let wild = if excluded && name.starts_with('*') { tail(name) } else { None };
    let meets = |constraint: &&str| below(constraint, name) || (wild.is_some() && tail(constraint) == wild);
    constraints.iter().any(|constraint| constraint.is_empty() || meets(constraint))
}

/// The names of a certificate, in the form in which they are compared.
struct Names<'a> {
    dns: &'a [String],
    hosts: Vec<String>,
    mail: Vec<(Vec<u8>, String)>,
    ips: &'a [Vec<u8>],
}

impl<'a> Names<'a> {
    /// None where one of them cannot be compared.
    fn of(names: &'a SubjectNames) -> Option<Self> {
        let host = |uri: &crate::gourl::Url| {
            let host = String::from_utf8(uri.host.clone()).ok()?;
            let name = match host.split_once(':') {
                Some((name, port)) if !port.contains([':', ']']) => name,
                Some(_) => return None,
                None => &host,
            };
            let comparable = !name.is_empty() && name.parse::<IpAddr>().is_err() && !name.starts_with('[');
            comparable.then(|| name.to_owned())
        };
        let mail = |text: &String| mailbox(text).map(|(local, domain)| (local, domain.to_ascii_lowercase()));
        let hosts: Vec<String> = names.uris.iter().map(host).collect::<Option<_>>()?;
        let mail: Vec<_> = names.mail.iter().map(mail).collect::<Option<_>>()?;
        let domains = names.dns.iter().chain(&hosts).chain(mail.iter().map(|(_, domain)| domain));
        let valid = domains.into_iter().all(|domain| domain_valid(domain.as_bytes(), false));
        valid.then_some(Self { dns: &names.dns, hosts, mail, ips: &names.ips })
    }

    fn count(&self) -> usize {
        self.dns.len() + self.hosts.len() + self.mail.len() + self.ips.len()
    }

    /// Whether all are permitted, where anything of their kind is, and none is excluded.
    fn meet(&self, permitted: &Subtrees, excluded: &Subtrees) -> bool {
        let domains = |permitted: &[String], excluded: &[String], names: Vec<&str>| {
            let [permitted, excluded] =
                [permitted, excluded].map(|of| of.iter().map(String::as_str).collect::<Vec<_>>());
            names.into_iter().all(|name| {
                (permitted.is_empty() || domains_meet(&permitted, name, false)) && !domains_meet(&excluded, name, true)
            })
        };
        domains(&permitted.dns, &excluded.dns, self.dns.iter().map(String::as_str).collect())
            && domains(&permitted.uris, &excluded.uris, self.hosts.iter().map(String::as_str).collect())
            && self.mail.iter().all(|mail| {
                (permitted.mail.is_empty() || mail_meets(&permitted.mail, mail, false))
                    && !mail_meets(&excluded.mail, mail, true)
            })
            && self.ips.iter().all(|ip| {
                let within = |ranges: &[(Vec<u8>, Vec<u8>)]| ranges.iter().any(|(base, mask)| contains(base, mask, ip));
                (permitted.ips.is_empty() || within(&permitted.ips)) && !within(&excluded.ips)
            })
    }
}

/// Constraints of mailboxes: whole ones, or domains.
fn mail_meets(constraints: &[String], (local, domain): &(Vec<u8>, String), excluded: bool) -> bool {
    let (whole, domains): (Vec<&str>, Vec<&str>) =
        constraints.iter().map(String::as_str).partition(|constraint| constraint.contains('@'));
    let same =
        |constraint: &&str| mailbox(constraint).is_some_and(|(of, at)| of == *local && at.eq_ignore_ascii_case(domain));
    whole.iter().any(same) || domains_meet(&domains, domain, excluded)
}

fn contains(base: &[u8], mask: &[u8], ip: &[u8]) -> bool {
    let same = |((base, mask), ip): ((&u8, &u8), &u8)| base & mask == ip & mask;
    base.len() == ip.len() && base.iter().zip(mask).zip(ip).all(same)
}

/// Whether all names in a chain (from the leaf upwards) meet the constraints of the authorities above them. Takes what it
/// compares from a budget, and says no when that is used up.
pub fn chain_meets(chain: &[&Certificate<'_>], budget: &mut usize) -> bool {
    let has = |certificate: &Certificate<'_>, id: &[u32]| certificate.extensions.iter().any(|found| found.id == id);
    for (i, named) in chain.iter().enumerate().filter(|(_, named)| has(named, SUBJECT_NAMES)) {
        let mut above = chain.iter().skip(i + 1).filter(|above| has(above, NAME_CONSTRAINTS)).peekable();
        if above.peek().is_none() {
            return true;
        }
        let Some(names) = Names::of(&named.says.names) else { return false };
        for authority in above {
            let (permitted, excluded) = (&authority.says.permitted, &authority.says.excluded);
            let size = |of: &Subtrees| of.dns.len() + of.mail.len() + of.ips.len() + of.uris.len();
            let cost = names.count().saturating_mul(size(permitted) + size(excluded));
            match budget.checked_sub(cost) {
                Some(left) => *budget = left,
                None => return false,
            }
            if !names.meet(permitted, excluded) {
                return false;
            }
        }
    }
    true
}
