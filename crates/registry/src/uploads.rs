//! Uploads in progress: a file that only grows, hashed as it grows. An upload whose writing was cut off inside a step is
//! gone; one whose sender went away between steps can be gone on with.

use crate::authority::Identity;
use crate::error::{ApiError, ApiResult, Code, OpenError};
use crate::store::clear;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use sluice_oci::{Algorithm, Digest, Hasher};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Written at once: large enough to be quick, small enough for many uploads.
const BUFFER: usize = 256 * 1024;
/// Largest blob.
const MAX_BLOB_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// An upload that nobody touched for so long is removed.
const IDLE: Duration = Duration::from_secs(3600);
/// Unfinished uploads at once.
const MAX_UPLOADS: usize = 1024;
/// Of these, those of the repositories of one namespace: nobody keeps the others out.
const MAX_UPLOADS_OF_ONE: usize = 128;

type Slot = Arc<tokio::sync::Mutex<Upload>>;

#[derive(Debug)]
pub(crate) struct Uploads {
    folder: PathBuf,
    open: Mutex<HashMap<String, Entry>>,
}

#[derive(Debug)]
struct Entry {
    slot: Slot,
    touched: Instant,
    namespace: String,
}

/// One upload. It belongs to a repository and to the user, or the run of that user, who began it.
#[derive(Debug)]
pub(crate) struct Upload {
    repository: String,
    owner: (String, Option<String>),
    path: PathBuf,
    /// Taken away while a step writes; what is not given back was cut off.
    writer: Option<Writer>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    hasher: Hasher,
    size: u64,
}

impl Uploads {
    pub(crate) fn open(root: &Path) -> Result<Self, OpenError> {
        let folder = root.join("uploads");
        clear(&folder).map_err(|source| OpenError { path: folder.display().to_string(), source })?;
        Ok(Uploads { folder, open: Mutex::new(HashMap::new()) })
    }

    /// Begins an upload and gives its id, which nobody can guess.
    pub(crate) fn begin(&self, repository: &str, who: &Identity) -> ApiResult<(String, Slot)> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, entry| entry.touched.elapsed() < IDLE);
        let namespace = repository.split('/').next().unwrap_or_default();
        let own = open.values().filter(|entry| entry.namespace == namespace).count();
        if open.len() >= MAX_UPLOADS || own >= MAX_UPLOADS_OF_ONE {
            return Err(ApiError::new(Code::TooManyRequests, "too many unfinished uploads; try again later"));
        }
        let id = random_id()?;
        let path = self.folder.join(&id);
        let file = File::options().write(true).create_new(true).open(&path)?;
        let writer = Writer { file, hasher: Hasher::new(Algorithm::Sha256), size: 0 };
        let upload = Upload { repository: repository.to_owned(), owner: owner(who), path, writer: Some(writer) };
        let slot = Arc::new(tokio::sync::Mutex::new(upload));
        let entry = Entry { slot: slot.clone(), touched: Instant::now(), namespace: namespace.to_owned() };
        open.insert(id.clone(), entry);
        Ok((id, slot))
    }

    /// The upload of that id, if it is this repository's and this user's.
    pub(crate) async fn get(
        &self,
        id: &str,
        repository: &str,
        who: &Identity,
    ) -> ApiResult<tokio::sync::OwnedMutexGuard<Upload>> {
        let unknown = || ApiError::new(Code::BlobUploadUnknown, "there is no such upload; begin a new one");
        let slot = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = open.get_mut(id).ok_or_else(unknown)?;
            entry.touched = Instant::now();
            entry.slot.clone()
        };
        let upload = slot.lock_owned().await;
        if upload.repository != repository || upload.owner != owner(who) {
            return Err(unknown());
        }
        if upload.writer.is_none() {
            self.forget(id);
            return Err(unknown());
        }
        Ok(upload)
    }

    /// Drops an upload; its file goes with the last holder.
    pub(crate) fn forget(&self, id: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

fn owner(who: &Identity) -> (String, Option<String>) {
    (who.user.clone(), who.task_run.clone())
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Moved into place when it was completed.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Upload {
    /// Bytes so far.
    pub(crate) fn size(&self) -> u64 {
        self.writer.as_ref().map_or(0, |w| w.size)
    }

    /// Appends a body; on an error of the sender what came before it stays.
    pub(crate) async fn append<S, E>(&mut self, body: S) -> ApiResult<()>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: std::fmt::Display,
    {
        let mut body = std::pin::pin!(body);
        let mut buffer = BytesMut::with_capacity(BUFFER);
        let mut broken = None;
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(chunk) => buffer.extend_from_slice(&chunk),
                Err(e) => {
                    broken = Some(ApiError::new(Code::BlobUploadInvalid, format!("the body broke off: {e}")));
                    break;
                }
            }
            if buffer.len() >= BUFFER {
                self.write(buffer.split().freeze()).await?;
                buffer.reserve(BUFFER);
            }
        }
        if !buffer.is_empty() {
            self.write(buffer.freeze()).await?;
        }
        broken.map_or(Ok(()), Err)
    }

    async fn write(&mut self, bytes: Bytes) -> ApiResult<()> {
        if self.size() + bytes.len() as u64 > MAX_BLOB_BYTES {
            self.writer = None;
            return Err(ApiError::new(Code::SizeInvalid, format!("a blob may have {MAX_BLOB_BYTES} bytes")));
        }
        let mut writer = self.take()?;
        let written = blocking(move || {
            writer.file.write_all(&bytes)?;
            writer.hasher.update(&bytes);
            writer.size += bytes.len() as u64;
            Ok(writer)
        });
        self.writer = Some(written.await?);
        Ok(())
    }

    /// Checks the digest and makes the file durable; the path is the caller's to move. The upload is over either way.
    pub(crate) async fn finish(&mut self, digest: &Digest) -> ApiResult<PathBuf> {
        let writer = self.take()?;
        let (path, digest) = (self.path.clone(), digest.clone());
        let (seen, path) = blocking(move || {
            let seen = match digest.algorithm() {
                Algorithm::Sha256 => writer.hasher.finish(),
                other => hash(&path, other)?,
            };
            if seen == digest {
                writer.file.sync_all()?;
            }
            Ok((seen == digest, path))
        })
        .await?;
        if !seen {
            return Err(ApiError::new(Code::DigestInvalid, "the uploaded bytes do not have the digest given"));
        }
        Ok(path)
    }

    fn take(&mut self) -> ApiResult<Writer> {
        self.writer
            .take()
            .ok_or_else(|| ApiError::new(Code::BlobUploadUnknown, "the upload was cut off; begin a new one"))
    }
}

fn hash(path: &Path, algorithm: Algorithm) -> std::io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0u8; BUFFER];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..read]);
    }
}

/// Runs what blocks off the async threads.
pub(crate) async fn blocking<T, F>(work: F) -> ApiResult<T>
where
    T: Send + 'static,
    F: FnOnce() -> std::io::Result<T> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(std::io::Error::other)??)
}

fn random_id() -> std::io::Result<String> {
    let mut bytes = [0u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex::encode(bytes))
}
