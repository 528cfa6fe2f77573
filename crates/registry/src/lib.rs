//! The embedded OCI registry (distribution spec 1.1): an axum router over a folder. Everything is streamed to disk and
//! durable before it is acknowledged. It must not know Kubernetes, runs or policies: who may do what it asks its
//! `Authority`, and what happened it tells its `Recorder`.
//!
//! ```text
//! ROOT/blobs/ALGORITHM/HEX                         content, shared by all repositories
//! ROOT/repositories/NAME/_blobs/ALGORITHM/HEX      the repository may serve this blob (empty file)
//! ROOT/repositories/NAME/_manifests/ALGORITHM/HEX  it has this manifest; the file holds the media type
//! ROOT/repositories/NAME/_tags/TAG                 the manifest that the tag means
//! ROOT/repositories/NAME/_referrers/ALGORITHM/HEX/ALGORITHM-HEX  descriptor of a manifest about that subject
//! ROOT/uploads/                                    unfinished; emptied when the registry is opened
//! ```
//! No repository's component begins with `_`, so names and these folders cannot meet.

mod authority;
mod disk;
mod error;
mod http;
mod serve;
mod store;
mod uploads;

pub use authority::{Action, Authority, Credential, Identity, Recorder, Transfer, TransferKind};
pub use error::OpenError;
pub use serve::PATIENCE;

use sluice_oci::Digest;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open registry; clones are the same one.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    store: store::Store,
    uploads: uploads::Uploads,
    authority: Arc<dyn Authority>,
    recorder: Arc<dyn Recorder>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("root", &self.inner.store.root()).finish_non_exhaustive()
    }
}

impl Registry {
    /// Opens (or makes) the registry in `root`, which no other process may use. Unfinished uploads are removed.
    pub fn open(
        root: impl AsRef<Path>,
        authority: Arc<dyn Authority>,
        recorder: Arc<dyn Recorder>,
    ) -> Result<Self, OpenError> {
        let store = store::Store::open(root.as_ref())?;
        let uploads = uploads::Uploads::open(root.as_ref())?;
        Ok(Registry { inner: Arc::new(Inner { store, uploads, authority, recorder }) })
    }

    /// The API under `/v2/`.
    pub fn router(&self) -> axum::Router {
        http::router(self.inner.clone())
    }

    /// Serves it over plain HTTP/1.1, with bounds on connections, until the future is dropped. `patience` is how long a
    /// client may take over the head of a request, usually `PATIENCE`.
    pub async fn serve(&self, listener: tokio::net::TcpListener, patience: std::time::Duration) {
        serve::serve(self.router(), listener, patience).await;
    }

    /// Where the content of a digest is or would be, for a reader in this process that has checked its right to it.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.inner.store.content_path(digest)
    }
}
