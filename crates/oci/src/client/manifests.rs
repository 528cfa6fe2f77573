//! Manifests: resolve, pull, push, tags, referrers. Bytes are kept exactly as the registry gave them.

use super::authorization::{Access, escape};
use super::{Client, Target, blobs};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::manifest::{
    Descriptor, ImageConfig, ImageIndex, ImageManifest, MAX_MANIFEST_BYTES, media_type, media_type_of, parse,
};
use crate::reference::Reference;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// A manifest whose digest was checked.
#[derive(Clone, Debug)]
pub struct PulledManifest {
    /// The bytes as served.
    pub bytes: Bytes,
    /// Their media type.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    object: String,
}

impl PulledManifest {
    /// It lists images by platform.
    pub fn is_index(&self) -> bool {
        self.media_type == media_type::INDEX || self.media_type == media_type::DOCKER_LIST
    }

    /// The bytes as an image or artifact manifest.
    pub fn image(&self) -> Result<ImageManifest> {
        parse(&self.bytes, &self.object)
    }

    /// The bytes as an index.
    pub fn index(&self) -> Result<ImageIndex> {
        parse(&self.bytes, &self.object)
    }
}

/// An image for this platform, layers not yet read.
#[derive(Clone, Debug)]
pub struct PulledImage {
    /// The digest of what the reference named: the index's if it is one.
    pub digest: Digest,
    /// The manifest of the image itself.
    pub manifest_digest: Digest,
    /// Its content.
    pub manifest: ImageManifest,
    /// Its config.
    pub config: ImageConfig,
}

impl Client {
    /// The digest that a reference means now; a digest means itself, if the registry has it.
    pub async fn resolve(&self, reference: &Reference) -> Result<Digest> {
        let target = self.target(reference)?;
        let url = target.url(&format!("manifests/{}", target.reference.identifier()));
        let answer = self.ask(&target, Access::Pull, Method::HEAD, &url, accept()).await?;
        let header = answer.headers().get("docker-content-digest").and_then(|v| v.to_str().ok());
        match (answer.status(), header.map(str::parse::<Digest>)) {
            (StatusCode::OK, Some(Ok(digest))) if target.reference.digest().is_none_or(|d| *d == digest) => Ok(digest),
            // The answer to HEAD has no body: where it failed or said too little, GET tells why.
            _ => Ok(self.manifest(reference).await?.digest),
        }
    }

    /// Reads a manifest of any kind.
    pub async fn manifest(&self, reference: &Reference) -> Result<PulledManifest> {
        let target = self.target(reference)?;
        let url = target.url(&format!("manifests/{}", target.reference.identifier()));
        let answer = self.ask(&target, Access::Pull, Method::GET, &url, accept()).await?;
        let answer = self.granted(&target, reference.to_string(), answer).await?;
        let content_type = answer.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let claimed = answer.headers().get("docker-content-digest").and_then(|v| v.to_str().ok()?.parse().ok());
        let bytes = blobs::collect(answer, MAX_MANIFEST_BYTES, &target).await?;
        let expected: Option<Digest> = target.reference.digest().cloned();
        let digest = expected.or(claimed).unwrap_or_else(|| Digest::sha256(&bytes));
        if !digest.matches(&bytes) {
            let seen = Digest::sha256(&bytes);
            let detail = format!("expected {digest}, received {seen}");
            return Err(Error::Corrupt { object: reference.to_string(), detail });
        }
        let object = reference.to_string();
        let media_type = media_type_of(&bytes, content_type.as_deref(), &object)?;
        Ok(PulledManifest { bytes, media_type, digest, object })
    }

    /// Reads an image's manifest and config for linux/amd64.
    pub async fn image(&self, reference: &Reference) -> Result<PulledImage> {
        let named = self.manifest(reference).await?;
        let digest = named.digest.clone();
        let manifest = if named.is_index() {
            let index = named.index()?;
            let entry = index.linux_amd64().ok_or_else(|| {
                Error::unusable(
                    reference,
                    "the image has no linux/amd64 variant",
                    "Use an image built for linux/amd64.",
                )
            })?;
            self.manifest(&reference.at_digest(entry.digest.clone())).await?
        } else {
            named
        };
        let image = manifest.image()?;
        let config = self.blob_bytes(reference, &image.config, MAX_MANIFEST_BYTES).await?;
        let config: ImageConfig = if image.config.media_type == media_type::EMPTY {
            ImageConfig::default()
        } else {
            parse(&config, &format!("config of {reference}"))?
        };
        Ok(PulledImage { digest, manifest_digest: manifest.digest, manifest: image, config })
    }

    /// Pushes manifest bytes under the reference's tag, or by digest when it has none. Blobs must be there already.
    pub async fn push_manifest(
        &self,
        reference: &Reference,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<Digest> {
        let bytes: Bytes = bytes.into();
        if bytes.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(Error::TooLarge { object: reference.to_string(), limit: MAX_MANIFEST_BYTES });
        }
        let target = self.target(reference)?;
        let digest = match reference.digest() {
            Some(digest) if !digest.matches(&bytes) => {
                let detail = format!("the manifest to push has digest {}", Digest::sha256(&bytes));
                return Err(Error::Corrupt { object: reference.to_string(), detail });
            }
            Some(digest) => digest.clone(),
            None => Digest::sha256(&bytes),
        };
        let place = reference.tag().map_or_else(|| digest.to_string(), str::to_owned);
        let url = target.url(&format!("manifests/{place}"));
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_str(media_type)
            .map_err(|_| Error::Configuration(format!("media type `{media_type}` is not valid")))?;
        headers.insert(header::CONTENT_TYPE, kind);
        let answer = self.put(&target, &url, headers, bytes).await?;
        let answer = self.granted(&target, reference.to_string(), answer).await?;
        let stored =
            answer.headers().get("docker-content-digest").and_then(|v| v.to_str().ok()?.parse::<Digest>().ok());
        if stored.is_some_and(|s| s.algorithm() == digest.algorithm() && s != digest) {
            let detail = "the registry stored other bytes than were sent".to_owned();
            return Err(Error::Corrupt { object: reference.to_string(), detail });
        }
        Ok(digest)
    }

    /// All tags of a repository, in the registry's order.
    pub async fn tags(&self, reference: &Reference) -> Result<Vec<String>> {
        #[derive(serde::Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let target = self.target(reference)?;
        let mut url = target.url("tags/list?n=1000");
        let mut tags = Vec::new();
        // A hostile registry could page for ever.
        for _ in 0..1000 {
            let answer = self.ask(&target, Access::Pull, Method::GET, &url, HeaderMap::new()).await?;
            let answer = self.granted(&target, reference.name(), answer).await?;
            let next = next_link(answer.headers());
            let bytes = blobs::collect(answer, MAX_MANIFEST_BYTES, &target).await?;
            tags.extend(parse::<Page>(&bytes, &reference.name())?.tags.unwrap_or_default());
            match next {
                Some(next) if next.starts_with('/') => url = format!("{}{next}", target.base),
                Some(next) if next.starts_with(&target.base) => url = next,
                _ => break,
            }
        }
        Ok(tags)
    }

    /// Manifests that name `subject` as theirs. A registry without that API has none (its fallback tag is read).
    pub async fn referrers(
        &self,
        reference: &Reference,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>> {
        let target = self.target(reference)?;
        let query = artifact_type.map(|t| format!("?artifactType={}", escape(t))).unwrap_or_default();
        let url = target.url(&format!("referrers/{subject}{query}"));
        let answer = self.ask(&target, Access::Pull, Method::GET, &url, HeaderMap::new()).await?;
        let mut found = if answer.status() == StatusCode::NOT_FOUND {
            let tag = format!("{}-{}", subject.algorithm().as_str(), subject.hex());
            match self.manifest(&reference.at_tag(&tag)?).await {
                Ok(manifest) => manifest.index()?.manifests,
                Err(e) if e.is_not_found() => Vec::new(),
                Err(e) => return Err(e),
            }
        } else {
            let answer = self.granted(&target, reference.name(), answer).await?;
            let bytes = blobs::collect(answer, MAX_MANIFEST_BYTES, &target).await?;
            parse::<ImageIndex>(&bytes, &reference.name())?.manifests
        };
        // Filtering is optional for registries.
        found.retain(|d| artifact_type.is_none_or(|t| d.artifact_type.as_deref() == Some(t)));
        Ok(found)
    }

    /// Removes a tag or a manifest. Not every registry allows it.
    pub async fn delete_manifest(&self, reference: &Reference) -> Result<()> {
        let target = self.target(reference)?;
        let url = target.url(&format!("manifests/{}", target.reference.identifier()));
        let answer = self.ask(&target, Access::Push, Method::DELETE, &url, HeaderMap::new()).await?;
        self.granted(&target, reference.to_string(), answer).await.map(|_| ())
    }

    async fn put(
        &self,
        target: &Target,
        url: &str,
        headers: HeaderMap,
        bytes: Bytes,
    ) -> Result<http::Response<hyper::body::Incoming>> {
        let uri = target.uri(url)?;
        let mut again = true;
        loop {
            let mut with = headers.clone();
            self.authorize(target, Access::Push, &uri, &mut with);
            let body = super::transport::full(bytes.clone());
            let answer = self.inner.transport.send(Method::PUT, &uri, &with, body).await;
            let answer = answer.map_err(|detail| super::transport_unreachable(target, detail))?;
            let challenged = answer.status() == StatusCode::UNAUTHORIZED && again;
            let sent = with.get(header::AUTHORIZATION);
            if !challenged || !self.answer_challenge(target, Access::Push, &answer, sent).await? {
                return Ok(answer);
            }
            again = false;
        }
    }
}

fn accept() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for kind in [media_type::MANIFEST, media_type::INDEX, media_type::DOCKER_MANIFEST, media_type::DOCKER_LIST] {
        headers.append(header::ACCEPT, HeaderValue::from_static(kind));
    }
    headers
}

fn next_link(headers: &HeaderMap) -> Option<String> {
    let link = headers.get(header::LINK)?.to_str().ok()?;
    let (url, rest) = link.strip_prefix('<')?.split_once('>')?;
    rest.replace([' ', '"'], "").contains("rel=next").then(|| url.to_owned())
}
