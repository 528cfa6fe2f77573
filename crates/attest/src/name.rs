//! Image names and digests as Chains reads them out of results: what counts as an image, and its full name. Follows
//! go-containerregistry's `name.NewDigest` with its weak validation and go-digest. Knows nothing of registries.

/// The registry of a name that has none.
const DEFAULT_REGISTRY: &str = "index.docker.io";

/// An image by digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageDigest {
    /// Registry and path, e.g. `index.docker.io/library/nginx`; never a tag.
    pub repository: String,
    /// 64 lower-case hex digits.
    pub sha256: String,
}

impl ImageDigest {
    /// Reads `repository[:tag]@sha256:hex`; a tag is dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let (base, digest) = text.split_once('@')?;
        let hex = digest.strip_prefix("sha256:")?;
        if !is_hex(hex, 64) {
            return None;
        }
        // Like upstream, a base that is no valid tag may still be a valid repository.
        let repository = without_tag(base).and_then(repository_name).or_else(|| repository_name(base))?;
        Some(Self { repository, sha256: hex.to_owned() })
    }

    /// `sha256:...`.
    pub fn digest(&self) -> String {
        format!("sha256:{}", self.sha256)
    }

    /// `repository@sha256:...`, Chains' full key of an image.
    pub fn full_key(&self) -> String {
        format!("{}@sha256:{}", self.repository, self.sha256)
    }

    /// The first twelve digits, Chains' short key of an image.
    pub fn short_key(&self) -> &str {
        self.sha256.get(..12).unwrap_or(&self.sha256)
    }
}

/// The base without its tag; the base itself if it has none.
fn without_tag(base: &str) -> Option<&str> {
    match base.rsplit_once(':') {
        Some((rest, tag)) if !tag.contains('/') => is_tag(tag).then_some(rest),
        _ => Some(base),
    }
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// The full name: with the registry, and `library/` where Docker Hub implies it.
fn repository_name(name: &str) -> Option<String> {
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) => (first, rest),
        _ => ("", name),
    };
    let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-./".contains(&b);
    if !(2..=255).contains(&path.len()) || !path.bytes().all(valid) || !is_registry(registry) {
        return None;
    }
    let registry = if registry.is_empty() || registry == "docker.io" { DEFAULT_REGISTRY } else { registry };
    let implied = registry == DEFAULT_REGISTRY && !path.contains('/');
    Some(format!("{registry}/{}{path}", if implied { "library/" } else { "" }))
}

/// An authority of RFC 3986 without user information: a name or address, and perhaps a port.
fn is_registry(registry: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    if let Some(rest) = registry.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.parse::<std::net::Ipv6Addr>().is_ok()
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = registry.rsplit_once(':').unwrap_or((registry, ""));
    is_port(port) && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_~!$&'()*+,;=".contains(&b))
}

/// `algorithm:hex`, checked: the algorithm in lower case and the hex digits, both without spaces around them.
pub fn parse_digest(text: &str) -> Option<(String, String)> {
    let (algorithm, hex) = text.split_once(':')?;
    let (algorithm, hex) = (algorithm.trim().to_lowercase(), hex.trim());
    let length = match algorithm.as_str() {
        "sha1" => 40,
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return None,
    };
    is_hex(hex, length).then(|| (algorithm, hex.to_owned()))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_completed_and_tags_dropped() {
        let hex = "ab".repeat(32);
        let table = [
            ("nginx", "index.docker.io/library/nginx"),
            ("docker.io/nginx", "index.docker.io/library/nginx"),
            ("user/nginx:1.2", "index.docker.io/user/nginx"),
            ("localhost/a/b", "localhost/a/b"),
            ("localhost:5000/acme/hello:latest", "localhost:5000/acme/hello"),
            ("127.0.0.1:5000/acme/hello", "127.0.0.1:5000/acme/hello"),
            ("[::1]:5000/acme/hello:x", "[::1]:5000/acme/hello"),
            ("gcr.io/foo/bar", "gcr.io/foo/bar"),
        ];
        for (base, want) in table {
            let image = ImageDigest::parse(&format!("{base}@sha256:{hex}")).unwrap();
            assert_eq!(image.repository, want, "{base}");
            assert_eq!(image.full_key(), format!("{want}@sha256:{hex}"));
            assert_eq!(image.short_key(), "abababababab");
        }
    }

    #[test]
    fn what_is_no_image_is_none() {
        let hex = "ab".repeat(32);
        for base in ["", "a", "Upper/case", "gcr.io/", "gcr.io/a b", "pkg:maven/a/b", "gcr.io/foo:", "h:x/ab", "a@b"] {
            assert_eq!(ImageDigest::parse(&format!("{base}@sha256:{hex}")), None, "{base}");
        }
        for digest in ["sha512:ab", "sha256:ab", "sha256:", "", "SHA256:abab"] {
            assert_eq!(ImageDigest::parse(&format!("gcr.io/a/b@{digest}")), None, "{digest}");
        }
        assert_eq!(ImageDigest::parse(&format!("gcr.io/a/b@sha256:{}", "AB".repeat(32))), None);
    }

    #[test]
    fn digests_are_checked_by_algorithm() {
        let hex = |n: usize| "0".repeat(n);
        assert_eq!(parse_digest(&format!(" SHA256 : {} ", hex(64))), Some(("sha256".to_owned(), hex(64))));
        for (algorithm, length) in [("sha1", 40), ("sha384", 96), ("sha512", 128)] {
            assert!(parse_digest(&format!("{algorithm}:{}", hex(length))).is_some());
            assert!(parse_digest(&format!("{algorithm}:{}", hex(length - 1))).is_none());
        }
        for text in ["", "sha256", "md5:00", &format!("sha256:{}:", hex(64)), &format!("sha256:{}", "F".repeat(64))] {
            assert_eq!(parse_digest(text), None, "{text}");
        }
    }
}
