//! Paths of the distribution API. What parses here has a valid name and digest, and so is safe on disk.

use crate::error::{ApiError, ApiResult, Code};
use sluice_oci::{Digest, is_valid_repository, is_valid_tag};

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Base,
    Catalog,
    Tags { name: String },
    Referrers { name: String, subject: Digest },
    Manifest { name: String, reference: ManifestReference },
    Blob { name: String, digest: Digest },
    Uploads { name: String },
    Upload { name: String, id: String },
}

/// How a manifest is named.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ManifestReference {
    Tag(String),
    Digest(Digest),
    /// Neither: nothing can be there, and nothing can be put there.
    Invalid,
}

impl Route {
    pub(super) fn parse(path: &str) -> ApiResult<Route> {
        let unknown = || ApiError::new(Code::NameUnknown, "there is no such path in the distribution API");
        let path = decode(path).ok_or_else(unknown)?;
        let rest = path.strip_prefix("/v2").ok_or_else(unknown)?;
        let rest = match rest {
            "" | "/" => return Ok(Route::Base),
            "/_catalog" => return Ok(Route::Catalog),
            _ => rest.strip_prefix('/').ok_or_else(unknown)?,
        };
        let parts: Vec<&str> = rest.split('/').collect();
        let named = |tail: usize| -> ApiResult<String> {
            let name = parts[..parts.len() - tail].join("/");
            if is_valid_repository(&name) {
                return Ok(name);
            }
            Err(ApiError::new(Code::NameInvalid, "the repository's name is not valid"))
        };
        let digest = |text: &str| text.parse::<Digest>().map_err(|e| ApiError::new(Code::DigestInvalid, e.to_string()));
        match parts.as_slice() {
            [_, .., "tags", "list"] => Ok(Route::Tags { name: named(2)? }),
            [_, .., "manifests", reference] => {
                let name = named(2)?;
                let reference = if reference.contains(':') {
                    ManifestReference::Digest(digest(reference)?)
                } else if is_valid_tag(reference) {
                    ManifestReference::Tag((*reference).to_owned())
                } else {
                    ManifestReference::Invalid
                };
                Ok(Route::Manifest { name, reference })
            }
            [_, .., "referrers", subject] => Ok(Route::Referrers { name: named(2)?, subject: digest(subject)? }),
            [_, .., "blobs", "uploads"] => Ok(Route::Uploads { name: named(2)? }),
            [_, .., "blobs", "uploads", ""] => Ok(Route::Uploads { name: named(3)? }),
            [_, .., "blobs", "uploads", id] => Ok(Route::Upload { name: named(3)?, id: (*id).to_owned() }),
            [_, .., "blobs", text] => Ok(Route::Blob { name: named(2)?, digest: digest(text)? }),
            _ => Err(unknown()),
        }
    }
}

/// Pairs of a query string.
pub(super) fn parse_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|p| !p.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter_map(|(key, value)| Some((decode(key)?, decode(&value.replace('+', "%20"))?))).collect()
}

/// Percent-decoding; none for what is not text.
fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            if !pair.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        let d = Digest::sha256(b"x");
        let name = "acme/blobs/uploads".to_owned();
        assert_eq!(
            Route::parse("/v2/acme/blobs/uploads/manifests/v1").unwrap(),
            Route::Manifest { name, reference: ManifestReference::Tag("v1".into()) }
        );
        assert_eq!(Route::parse("/v2/").unwrap(), Route::Base);
        assert_eq!(Route::parse("/v2/a/b/tags/list").unwrap(), Route::Tags { name: "a/b".into() });
        assert_eq!(
            Route::parse(&format!("/v2/a/blobs/{}", d.to_string().replace(':', "%3A"))).unwrap(),
            Route::Blob { name: "a".into(), digest: d }
        );
        assert_eq!(Route::parse("/v2/a/blobs/uploads/").unwrap(), Route::Uploads { name: "a".into() });
        assert_eq!(Route::parse("/v2/a/blobs/uploads/x").unwrap(), Route::Upload { name: "a".into(), id: "x".into() });
    }

    #[test]
    fn hostile_paths_do_not_parse() {
        for path in [
            "/v2/../etc/manifests/v1",
            "/v2/a/../b/tags/list",
            "/v2/a/%2e%2e/b/tags/list",
            "/v2/a%2f..%2fb/tags/list",
            "/v2/_blobs/tags/list",
            "/v2/a/_tags/manifests/x",
            "/v2/A/tags/list",
            "/v2//tags/list",
            "/v2/tags/list",
            "/v2/a/blobs/sha256:../../x",
            "/v2/a/blobs/sha256:00",
            "/v2/a%zz/tags/list",
            "/v3/a",
        ] {
            assert!(Route::parse(path).is_err(), "{path}");
        }
        for path in ["/v2/a/manifests/..", "/v2/a/manifests/%00", "/v2/a/manifests/", "/v2/a/manifests/.x"] {
            let want = Route::Manifest { name: "a".into(), reference: ManifestReference::Invalid };
            assert_eq!(Route::parse(path).unwrap(), want, "{path}");
        }
    }
}
