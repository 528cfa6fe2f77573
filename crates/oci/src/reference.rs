//! Image references as people write them, normalised as Docker and containers do: `busybox` is
//! `docker.io/library/busybox`. A port is never taken for a tag.

use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// `registry/repository[:tag][@digest]`, complete and checked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is not a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "image reference `{reference}`: {problem}\n\nWrite `HOST[:PORT]/PATH[:TAG][@sha256:DIGEST]`, all but tag in lower case."
)]
pub struct ReferenceError {
    /// The text, cut to a readable length.
    pub reference: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The registry of names without a host.
const DEFAULT_REGISTRY: &str = "docker.io";

impl Reference {
    /// A reference of its parts, checked like parsed text.
    pub fn new(registry: &str, repository: &str) -> Result<Self, ReferenceError> {
        format!("{registry}/{repository}").parse()
    }

    /// `host` or `host:port`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path after the host.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// `host:port/path`, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// What a registry is asked for: the digest, else the tag, else `latest`.
    pub fn identifier(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// The same repository and tag, with this digest.
    pub fn with_digest(&self, digest: Digest) -> Self {
        Reference { digest: Some(digest), ..self.clone() }
    }

    /// The same repository by this digest alone.
    pub fn at_digest(&self, digest: Digest) -> Self {
        Reference { digest: Some(digest), tag: None, ..self.clone() }
    }

    /// The same repository by this tag alone.
    pub fn at_tag(&self, tag: &str) -> Result<Self, ReferenceError> {
        if !is_valid_tag(tag) {
            return Err(bad(&format!("{}:{tag}", self.name()), "the tag is not valid"));
        }
        Ok(Reference { digest: None, tag: Some(tag.to_owned()), ..self.clone() })
    }

    /// The repository alone.
    pub fn without_identifier(&self) -> Self {
        Reference { digest: None, tag: None, ..self.clone() }
    }
}

/// A tag by the distribution spec's grammar.
pub fn is_valid_tag(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    first && tag.len() <= 128 && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// A repository name by the distribution spec's grammar:
/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`, at most 255 bytes. No component can be
/// empty, `.`, `..` or begin with `_`, so a valid name is safe as a relative path.
pub fn is_valid_repository(name: &str) -> bool {
    name.len() <= 255 && !name.is_empty() && name.split('/').all(is_valid_component)
}

fn is_valid_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if !alphanumeric(*first) || !alphanumeric(*last) {
        return false;
    }
    component
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

fn is_valid_registry(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, "")) => (address, None),
            Some((address, after)) => match after.strip_prefix(':') {
                Some(port) => (address, Some(port)),
                None => return false,
            },
            None => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let bracketed = host.starts_with('[');
    let good_name = if bracketed {
        name.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !name.is_empty()
            && name.len() <= 253
            && name.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            })
    };
    good_name && port.is_none_or(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok())
}

fn bad(reference: &str, problem: &str) -> ReferenceError {
    ReferenceError { reference: reference.chars().take(200).collect(), problem: problem.to_owned() }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > 1024 {
            return Err(bad(text, "it is longer than 1024 bytes"));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest.parse::<Digest>().map_err(|e| bad(text, &e.to_string()))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        // Only a colon after the last slash begins a tag; one before it is a port's.
        let last_slash = rest.rfind('/').map_or(0, |i| i + 1);
        let (name, tag) = match rest[last_slash..].split_once(':') {
            Some((last, tag)) => (&rest[..last_slash + last.len()], Some(tag)),
            None => (rest, None),
        };
        let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost" || part.starts_with('[');
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if is_host(first) => (first.to_ascii_lowercase(), path.to_owned()),
            _ => (DEFAULT_REGISTRY.to_owned(), name.to_owned()),
        };
        let registry = if registry == "index.docker.io" { DEFAULT_REGISTRY.to_owned() } else { registry };
        let repository = if registry == DEFAULT_REGISTRY && !path.contains('/') && !path.is_empty() {
            format!("library/{path}")
        } else {
            path
        };
        if !is_valid_registry(&registry) {
            return Err(bad(text, "the registry is not a host name with an optional port"));
        }
        if !is_valid_repository(&repository) {
            return Err(bad(text, "the repository's path is not valid"));
        }
        if tag.is_some_and(|t| !is_valid_tag(t)) {
            return Err(bad(text, "the tag is not valid"));
        }
        Ok(Reference { registry, repository, tag: tag.map(str::to_owned), digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;
    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> String {
        reference.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_normalised() {
        let d = format!("sha256:{}", "a".repeat(64));
        for (given, want) in [
            ("busybox", "docker.io/library/busybox".to_owned()),
            ("busybox:1.36", "docker.io/library/busybox:1.36".to_owned()),
            ("acme/tool", "docker.io/acme/tool".to_owned()),
            ("index.docker.io/library/busybox", "docker.io/library/busybox".to_owned()),
            ("localhost/x", "localhost/x".to_owned()),
            ("localhost:5000/x", "localhost:5000/x".to_owned()),
            ("localhost:5000/acme/x:v1.git", "localhost:5000/acme/x:v1.git".to_owned()),
            ("127.0.0.1:5000/a/b__c/d--e:T_1", "127.0.0.1:5000/a/b__c/d--e:T_1".to_owned()),
            ("[::1]:5000/x", "[::1]:5000/x".to_owned()),
            (&format!("quay.io/a/b:t@{d}"), format!("quay.io/a/b:t@{d}")),
        ] {
            let parsed: Reference = given.parse().unwrap();
            assert_eq!(parsed.to_string(), want, "{given}");
            assert_eq!(parsed.to_string().parse::<Reference>().unwrap(), parsed);
        }
    }

    #[test]
    fn a_port_is_not_a_tag() {
        let parsed: Reference = "localhost:5000/x".parse().unwrap();
        assert_eq!((parsed.registry(), parsed.repository(), parsed.tag()), ("localhost:5000", "x", None));
        assert_eq!(parsed.identifier(), "latest");
    }

    #[test]
    fn hostile_names_are_refused() {
        for given in [
            "",
            "/",
            "x/../y",
            "localhost:5000/../etc",
            "localhost:5000/_uploads/x",
            "localhost:5000//x",
            "localhost:5000/x:",
            "localhost:5000/x:.hidden",
            "localhost:5000/x@sha256:zz",
            "localhost:99999/x",
            "localhost:/x",
            "host.example/X",
            "a b/c",
            "host.example/x%2fy",
            "-host.example/x",
            "user@host.example/x",
            "host.example/a___b",
            "host.example/a.",
        ] {
            assert!(given.parse::<Reference>().is_err(), "{given}");
        }
        assert!("x".repeat(2000).parse::<Reference>().is_err());
    }
}
