//! Blobs: streamed from and to files. A file appears under its name only complete, checked and on disk.

use super::authorization::{Access, escape};
use super::transport::{Body, PATIENCE, full, join};
use super::{Client, Target};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::reference::Reference;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use std::path::Path;
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

impl Client {
    /// The repository has this blob, as far as this user is told.
    pub async fn blob_exists(&self, reference: &Reference, digest: &Digest) -> Result<bool> {
        let target = self.target(reference)?;
        let url = target.url(&format!("blobs/{digest}"));
        let answer = self.ask(&target, Access::Pull, Method::HEAD, &url, HeaderMap::new()).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(false),
            _ => self.granted(&target, blob_name(reference, digest), answer).await.map(|_| true),
        }
    }

    /// A small blob, into memory.
    pub async fn blob_bytes(&self, reference: &Reference, blob: &Descriptor, limit: u64) -> Result<Bytes> {
        let object = blob_name(reference, &blob.digest);
        if blob.size > limit {
            return Err(Error::TooLarge { object, limit });
        }
        let (target, answer) = self.open_blob(reference, &blob.digest).await?;
        let bytes = collect(answer, limit, &target).await?;
        if !blob.digest.matches(&bytes) || bytes.len() as u64 != blob.size {
            return Err(corrupt(object, blob, &Digest::sha256(&bytes), bytes.len() as u64));
        }
        Ok(bytes)
    }

    /// Streams a blob to `path`, which then has exactly the described bytes and is on disk; on any error `path` is as
    /// it was before. The digest's own limit is the descriptor's size.
    pub async fn blob_to_file(&self, reference: &Reference, blob: &Descriptor, path: &Path) -> Result<()> {
        let object = blob_name(reference, &blob.digest);
        let (target, answer) = self.open_blob(reference, &blob.digest).await?;
        let file_error = |e| Error::file(path, e);
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::NamedTempFile::new_in(folder).map_err(file_error)?;
        let file = temporary.as_file().try_clone().map_err(file_error)?;
        let mut file = tokio::io::BufWriter::with_capacity(256 * 1024, tokio::fs::File::from_std(file));
        let mut hasher = Hasher::new(blob.digest.algorithm());
        let mut body = answer.into_body();
        let mut size = 0u64;
        while let Some(chunk) = next_chunk(&mut body, &target).await? {
            size += chunk.len() as u64;
            if size > blob.size {
                let detail = format!("it is longer than the {} bytes of its descriptor", blob.size);
                return Err(Error::Corrupt { object, detail });
            }
            hasher.update(&chunk);
            file.write_all(&chunk).await.map_err(file_error)?;
        }
        let seen = hasher.finish();
        if seen != blob.digest || size != blob.size {
            return Err(corrupt(object, blob, &seen, size));
        }
        file.flush().await.map_err(file_error)?;
        file.get_ref().sync_all().await.map_err(file_error)?;
        temporary.persist(path).map_err(|e| Error::file(path, e.error))?;
        let folder = std::fs::File::open(folder).map_err(file_error)?;
        folder.sync_all().map_err(file_error)
    }

    /// Pushes bytes as a blob, unless the repository has it. Gives its digest.
    pub async fn push_blob(&self, reference: &Reference, bytes: impl Into<Bytes>) -> Result<Digest> {
        let bytes: Bytes = bytes.into();
        let digest = Digest::sha256(&bytes);
        if !self.blob_exists(reference, &digest).await? {
            let size = bytes.len() as u64;
            self.upload(reference, &digest, size, full(bytes)).await?;
        }
        Ok(digest)
    }

    /// Streams a file as a blob, unless the repository has it. Digest and size are computed first, by reading it once.
    pub async fn push_blob_file(&self, reference: &Reference, path: &Path) -> Result<(Digest, u64)> {
        let (digest, size) = hash_file(path).await?;
        if !self.blob_exists(reference, &digest).await? {
            let file = tokio::fs::File::open(path).await.map_err(|e| Error::file(path, e))?;
            let stream = ReaderStream::with_capacity(tokio::io::AsyncReadExt::take(file, size), 128 * 1024);
            let body = StreamBody::new(stream.map_ok(Frame::data)).boxed_unsync();
            self.upload(reference, &digest, size, body).await?;
        }
        Ok((digest, size))
    }

    /// Makes a blob of another repository of the same registry visible in this one; false if the registry would not.
    pub async fn mount_blob(&self, reference: &Reference, from: &Reference, digest: &Digest) -> Result<bool> {
        let target = self.target(reference)?;
        let source = self.target(from)?;
        if source.base != target.base {
            return Ok(false);
        }
        let from = escape(source.reference.repository());
        let url = target.url(&format!("blobs/uploads/?mount={}&from={from}", escape(&digest.to_string())));
        let answer = self.ask(&target, Access::Push, Method::POST, &url, no_body()).await?;
        if answer.status() == StatusCode::CREATED {
            return Ok(true);
        }
        let answer = self.granted(&target, blob_name(reference, digest), answer).await?;
        // Not mounted: the registry opened an upload instead. Leave nothing behind; failing that, it expires.
        if let Some(location) = answer.headers().get(header::LOCATION).and_then(|v| v.to_str().ok())
            && let Ok(uri) = join(&target.uri(&url)?, location)
        {
            let _ = self.ask(&target, Access::Push, Method::DELETE, &uri.to_string(), HeaderMap::new()).await;
        }
        Ok(false)
    }

    async fn upload(&self, reference: &Reference, digest: &Digest, size: u64, body: Body) -> Result<()> {
        let target = self.target(reference)?;
        let object = blob_name(reference, digest);
        let url = target.url("blobs/uploads/");
        let answer = self.ask(&target, Access::Push, Method::POST, &url, no_body()).await?;
        let answer = self.granted(&target, object.clone(), answer).await?;
        let location = answer.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let place = join(&target.uri(&url)?, location)
            .map_err(|e| Error::unusable(&object, format!("the registry opened no upload: {e}"), "Try again."))?;
        drop(answer);
        let separator = if place.query().is_some() { '&' } else { '?' };
        let place = target.uri(&format!("{place}{separator}digest={}", escape(&digest.to_string())))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
        self.authorize(&target, Access::Push, &place, &mut headers);
        let answer = self.inner.transport.send(Method::PUT, &place, &headers, body).await;
        let answer = answer.map_err(|detail| super::transport_unreachable(&target, detail))?;
        self.granted(&target, object, answer).await.map(|_| ())
    }

    async fn open_blob(&self, reference: &Reference, digest: &Digest) -> Result<(Target, Response<Incoming>)> {
        let target = self.target(reference)?;
        let url = target.url(&format!("blobs/{digest}"));
        let answer = self.ask(&target, Access::Pull, Method::GET, &url, HeaderMap::new()).await?;
        let answer = self.granted(&target, blob_name(reference, digest), answer).await?;
        Ok((target, answer))
    }

    /// Passes a success on and turns everything else into an error that says what to do.
    pub(super) async fn granted(
        &self,
        target: &Target,
        object: String,
        answer: Response<Incoming>,
    ) -> Result<Response<Incoming>> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let detail = collect(answer, 64 * 1024, target).await.map(|b| error_text(&b)).unwrap_or_default();
        let registry = target.reference.registry();
        let known = self.inner.auth.lookup(registry, target.reference.repository()).is_some();
        match status {
            StatusCode::NOT_FOUND => Err(Error::NotFound { object }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let remedy = match (status, known) {
                    (StatusCode::FORBIDDEN, _) => {
                        "The credentials are right but not enough for this repository; ask its owner for the role."
                            .to_owned()
                    }
                    (_, true) => format!("The credentials for `{registry}` were not accepted; renew them."),
                    (_, false) => format!(
                        "There are no credentials for `{registry}`; log in, or name them in the registry auth file."
                    ),
                };
                Err(Error::Denied { object, detail: non_empty(detail, status), remedy })
            }
            _ => Err(Error::Refused { object, status: status.as_u16(), detail: non_empty(detail, status) }),
        }
    }
}

fn non_empty(detail: String, status: StatusCode) -> String {
    if detail.is_empty() { status.canonical_reason().unwrap_or("no reason given").to_owned() } else { detail }
}

/// The registry's words, on one line and cut: they come from outside.
fn error_text(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Answer {
        errors: Vec<One>,
    }
    #[derive(serde::Deserialize)]
    struct One {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let text = match serde_json::from_slice::<Answer>(body) {
        Ok(answer) => {
            let words = answer.errors.iter().map(|e| format!("{} {}", e.code, e.message).trim().to_owned());
            words.collect::<Vec<_>>().join("; ")
        }
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect::<String>().trim().to_owned()
}

fn no_body() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers
}

fn blob_name(reference: &Reference, digest: &Digest) -> String {
    format!("{}@{digest}", reference.name())
}

fn corrupt(object: String, blob: &Descriptor, digest: &Digest, size: u64) -> Error {
    let detail = format!("expected {} of {} bytes, received {digest} of {size} bytes", blob.digest, blob.size);
    Error::Corrupt { object, detail }
}

/// A whole body, no larger than `limit`.
pub(super) async fn collect(answer: Response<Incoming>, limit: u64, target: &Target) -> Result<Bytes> {
    let mut body = answer.into_body();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = next_chunk(&mut body, target).await? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(Error::TooLarge { object: target.given.to_string(), limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

async fn next_chunk(body: &mut Incoming, target: &Target) -> Result<Option<Bytes>> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
        let frame = frame.map_err(|_| super::transport_unreachable(target, "it went silent".to_owned()))?;
        match frame {
            None => return Ok(None),
            Some(Err(e)) => return Err(super::transport_unreachable(target, format!("the answer broke off: {e}"))),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(_) => continue,
            },
        }
    }
}

/// Digest and size of a file, streamed.
pub(crate) async fn hash_file(path: &Path) -> Result<(Digest, u64)> {
    let owned = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || -> std::io::Result<(Digest, u64)> {
        use std::io::Read;
        let mut file = std::fs::File::open(&owned)?;
        let mut hasher = Hasher::new(crate::digest::Algorithm::Sha256);
        let mut buffer = vec![0u8; 256 * 1024];
        let mut size = 0u64;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok((hasher.finish(), size));
            }
            size += read as u64;
            hasher.update(&buffer[..read]);
        }
    });
    let hashed = hashed.await.map_err(|e| Error::file(path, std::io::Error::other(e)))?;
    hashed.map_err(|e| Error::file(path, e))
}
