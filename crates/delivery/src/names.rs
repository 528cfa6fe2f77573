//! Names that follow from what they are for, so that doing a step twice makes one object. Pure.

use sha2::{Digest, Sha256};

/// The longest name that fits a label value.
const MAX_NAME: usize = 63;
/// Room for `-YYYYMMDD-HHMMSS-mmm`, and for that and `-xx`.
const MAX_PREFIX: usize = 43;
const MAX_PREFIX_WITH_SUFFIX: usize = 40;

/// `<application>-YYYYMMDD-HHMMSS-mmm[-xx]`, in UTC. The suffix parts two runs that started in the same millisecond.
pub fn snapshot(application: &str, started: jiff::Timestamp, suffix: Option<&str>) -> String {
    let limit = if suffix.is_some() { MAX_PREFIX_WITH_SUFFIX } else { MAX_PREFIX };
    let prefix = cut(application, limit);
    let time = started.strftime("%Y%m%d-%H%M%S");
    let millis = started.as_millisecond().rem_euclid(1000);
    let suffix = suffix.map(|s| format!("-{s}")).unwrap_or_default();
    format!("{prefix}-{time}-{millis:03}{suffix}")
}

/// As `generateName` would, but always the same for the same parts: `prefix` (which ends in `-`), cut where needed, and
/// ten hexadecimal digits of a digest of the parts.
pub fn derived(prefix: &str, parts: &[&str]) -> String {
    let digest = digest(parts, 10);
    format!("{}{digest}", cut(prefix, MAX_NAME - digest.len()))
}

/// The first `digits` hexadecimal digits of a digest over the parts, each with its length, so that no two lists of
/// parts run together.
pub fn digest(parts: &[&str], digits: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = hex::encode(hash.finalize());
    text.truncate(digits);
    text
}

/// The image of a Snapshot component: the repository that the run says it pushed to, its port kept and its tag and
/// digest cut off, by the digest. Nothing if either is not what it should be.
pub fn image(url: &str, digest: &str) -> Option<String> {
    let repository = repository(url.trim())?;
    is_digest(digest.trim()).then(|| format!("{repository}@{}", digest.trim()))
}

/// An image reference without tag and digest. A colon before the last slash belongs to a port.
pub fn repository(image: &str) -> Option<&str> {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let last_part = name.rfind('/').map_or(0, |i| i + 1);
    let name = name[last_part..].find(':').map_or(name, |i| &name[..last_part + i]);
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':' | '[' | ']');
    let whole = !name.is_empty() && name.chars().all(allowed) && !name.split('/').any(str::is_empty);
    whole.then_some(name)
}

/// `sha256:` and 64 hexadecimal digits in lower case.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)))
}

/// Whether an image is named by a valid digest.
pub fn has_digest(image: &str) -> bool {
    image.split_once('@').is_some_and(|(name, digest)| repository(name).is_some() && is_digest(digest))
}

fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn snapshots_are_named_after_the_runs_start() {
        let started: jiff::Timestamp = "2026-11-21T10:01:36.045Z".parse().unwrap();
        assert_eq!(snapshot("hello", started, None), "hello-20261121-100136-045");
        let long = "a".repeat(60);
        assert_eq!(snapshot(&long, started, None).len(), 63);
        assert_eq!(snapshot(&long, started, Some("x1")).len(), 63);
        assert!(snapshot(&long, started, Some("x1")).ends_with("-20261121-100136-045-x1"));
    }

    #[test]
    fn derived_names_are_stable_and_fit() {
        assert_eq!(derived("managed-", &["uid", "1"]), derived("managed-", &["uid", "1"]));
        assert_ne!(derived("managed-", &["ab", "c"]), derived("managed-", &["a", "bc"]));
        assert_eq!(derived(&"p".repeat(80), &["a"]).len(), 63);
    }

    #[test]
    fn a_port_is_not_a_tag() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let table = [
            ("localhost:5000/acme/hello:main", Some("localhost:5000/acme/hello")),
            ("localhost:5000/acme/hello", Some("localhost:5000/acme/hello")),
            ("quay.io/acme/hello:1@sha256:00", Some("quay.io/acme/hello")),
            ("[::1]:5000/acme/hello:1", Some("[::1]:5000/acme/hello")),
            ("hello:1\n", Some("hello")),
            ("", None),
            ("a//b", None),
            ("a b/c", None),
            ("reg/a$(x):1", None),
        ];
        for (url, want) in table {
            assert_eq!(image(url, &digest), want.map(|w| format!("{w}@{digest}")), "{url}");
        }
        assert_eq!(image("a/b", "sha256:zz"), None);
        assert_eq!(image("a/b", &digest.to_uppercase()), None);
        assert!(has_digest(&format!("localhost:5000/a/b@{digest}")));
        assert!(!has_digest("localhost:5000/a/b:latest"));
    }
}
