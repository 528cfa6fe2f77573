//! Repositories on disk: which blobs, manifests, tags and referrers each has. All calls block. Names and digests that
//! come here are already checked by their grammar.

use crate::disk;
use crate::error::{ApiError, ApiResult, Code, OpenError};
use sluice_oci::{Algorithm, Descriptor, Digest};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
    scratch: PathBuf,
    /// One for each share of the repositories: a manifest is checked against blobs that nobody deletes meanwhile.
    locks: Vec<Mutex<()>>,
}

/// A manifest as stored.
#[derive(Debug)]
pub(crate) struct StoredManifest {
    pub digest: Digest,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

impl Store {
    pub(crate) fn open(root: &Path) -> Result<Self, OpenError> {
        let scratch = root.join("scratch");
        let at = |path: &Path| {
            let path = path.display().to_string();
            move |source| OpenError { path, source }
        };
        for folder in ["blobs/sha256", "blobs/sha512", "repositories"] {
            let folder = root.join(folder);
            disk::create_dirs(&folder).map_err(at(&folder))?;
        }
        clear(&scratch).map_err(at(&scratch))?;
        Ok(Store { root: root.to_owned(), scratch, locks: (0..64).map(|_| Mutex::new(())).collect() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn content_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs").join(relative(digest))
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.root.join("repositories").join(name)
    }

    fn link(&self, name: &str, kind: &str, digest: &Digest) -> PathBuf {
        self.repository(name).join(kind).join(relative(digest))
    }

    fn tag_path(&self, name: &str, tag: &str) -> PathBuf {
        self.repository(name).join("_tags").join(tag)
    }

    fn referrer_dir(&self, name: &str, subject: &Digest) -> PathBuf {
        self.link(name, "_referrers", subject)
    }

    fn lock(&self, name: &str) -> MutexGuard<'_, ()> {
        let hash = name.bytes().fold(5381usize, |h, b| h.wrapping_mul(33) ^ usize::from(b));
        self.locks[hash % self.locks.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything was ever pushed to the repository.
    pub(crate) fn exists(&self, name: &str) -> bool {
        let folder = self.repository(name);
        ["_manifests", "_blobs", "_tags"].iter().any(|kind| folder.join(kind).is_dir())
    }

    pub(crate) fn has_blob(&self, name: &str, digest: &Digest) -> bool {
        self.link(name, "_blobs", digest).is_file()
    }

    /// Puts a complete and synced file in place as content, and into the repository.
    pub(crate) fn add_blob(&self, name: &str, digest: &Digest, file: &Path) -> std::io::Result<()> {
        disk::place(file, &self.content_path(digest))?;
        self.link_blob(name, digest)
    }

    /// Makes existing content visible in the repository.
    pub(crate) fn link_blob(&self, name: &str, digest: &Digest) -> std::io::Result<()> {
        disk::write(&self.scratch, &self.link(name, "_blobs", digest), b"")
    }

    pub(crate) fn delete_blob(&self, name: &str, digest: &Digest) -> std::io::Result<bool> {
        let _guard = self.lock(name);
        disk::remove(&self.link(name, "_blobs", digest))
    }

    fn has_manifest(&self, name: &str, digest: &Digest) -> bool {
        self.link(name, "_manifests", digest).is_file()
    }

    pub(crate) fn tag(&self, name: &str, tag: &str) -> std::io::Result<Option<Digest>> {
        let content = disk::read(&self.tag_path(name, tag))?;
        Ok(content.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok()))
    }

    pub(crate) fn tags(&self, name: &str) -> std::io::Result<Vec<String>> {
        let mut tags = disk::names(&self.repository(name).join("_tags"))?;
        tags.sort_unstable();
        Ok(tags)
    }

    pub(crate) fn manifest(&self, name: &str, digest: &Digest) -> std::io::Result<Option<StoredManifest>> {
        let Some(media_type) = disk::read(&self.link(name, "_manifests", digest))? else { return Ok(None) };
        let Some(bytes) = disk::read(&self.content_path(digest))? else { return Ok(None) };
        let media_type = String::from_utf8_lossy(&media_type).into_owned();
        Ok(Some(StoredManifest { digest: digest.clone(), media_type, bytes }))
    }

    /// Stores a manifest whose references were named by `needs`, then its tags; the last tag is the last step.
    pub(crate) fn put_manifest(
        &self,
        name: &str,
        manifest: &StoredManifest,
        needs: &Needs,
        tags: &[String],
    ) -> ApiResult<()> {
        let _guard = self.lock(name);
        let missing_blob = needs.blobs.iter().find(|d| !self.has_blob(name, d));
        let missing_manifest = needs.manifests.iter().find(|d| !self.has_manifest(name, d));
        if let Some(digest) = missing_blob.or(missing_manifest) {
            let what = if missing_blob.is_some() { "blob" } else { "manifest" };
            let message = format!("{what} {digest} is not in repository `{name}`; push or mount it first");
            return Err(ApiError::new(Code::ManifestBlobUnknown, message));
        }
        disk::write(&self.scratch, &self.content_path(&manifest.digest), &manifest.bytes)?;
        if let Some((subject, descriptor)) = &needs.subject {
            let file = self.referrer_dir(name, subject).join(flat(&manifest.digest));
            let descriptor = serde_json::to_vec(descriptor).map_err(std::io::Error::from)?;
            disk::write(&self.scratch, &file, &descriptor)?;
        }
        let link = self.link(name, "_manifests", &manifest.digest);
        disk::write(&self.scratch, &link, manifest.media_type.as_bytes())?;
        for tag in tags {
            disk::write(&self.scratch, &self.tag_path(name, tag), manifest.digest.to_string().as_bytes())?;
        }
        Ok(())
    }

    pub(crate) fn delete_tag(&self, name: &str, tag: &str) -> std::io::Result<bool> {
        let _guard = self.lock(name);
        disk::remove(&self.tag_path(name, tag))
    }

    /// Removes a manifest, first the tags that mean it.
    pub(crate) fn delete_manifest(&self, name: &str, digest: &Digest) -> std::io::Result<bool> {
        let _guard = self.lock(name);
        if !self.has_manifest(name, digest) {
            return Ok(false);
        }
        for tag in self.tags(name)? {
            if self.tag(name, &tag)?.as_ref() == Some(digest) {
                disk::remove(&self.tag_path(name, &tag))?;
            }
        }
        if let Some(manifest) = self.manifest(name, digest)?
            && let Some(subject) = subject_of(&manifest.bytes)
        {
            disk::remove(&self.referrer_dir(name, &subject).join(flat(digest)))?;
        }
        disk::remove(&self.link(name, "_manifests", digest))
    }

    /// Descriptors of the manifests about `subject`, in the order of their digests. A descriptor whose manifest was
    /// never completed is left out.
    pub(crate) fn referrers(&self, name: &str, subject: &Digest) -> std::io::Result<Vec<Descriptor>> {
        let folder = self.referrer_dir(name, subject);
        let mut files = disk::names(&folder)?;
        files.sort_unstable();
        let mut found = Vec::new();
        for file in files {
            let Some(bytes) = disk::read(&folder.join(file))? else { continue };
            match serde_json::from_slice::<Descriptor>(&bytes) {
                Ok(descriptor) if self.has_manifest(name, &descriptor.digest) => found.push(descriptor),
                _ => continue,
            }
        }
        Ok(found)
    }
}

/// What a manifest refers to.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub blobs: Vec<Digest>,
    pub manifests: Vec<Digest>,
    /// The subject, and this manifest as its referrer.
    pub subject: Option<(Digest, Descriptor)>,
}

fn subject_of(manifest: &[u8]) -> Option<Digest> {
    #[derive(serde::Deserialize)]
    struct Subject {
        subject: Descriptor,
    }
    serde_json::from_slice::<Subject>(manifest).ok().map(|s| s.subject.digest)
}

fn relative(digest: &Digest) -> PathBuf {
    Path::new(algorithm(digest)).join(digest.hex())
}

fn flat(digest: &Digest) -> String {
    format!("{}-{}", algorithm(digest), digest.hex())
}

fn algorithm(digest: &Digest) -> &'static str {
    match digest.algorithm() {
        Algorithm::Sha256 => "sha256",
        Algorithm::Sha512 => "sha512",
    }
}

/// Makes a folder, empty.
pub(crate) fn clear(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    disk::create_dirs(folder)
}
