//! Where images and their evidence are read from: a narrow port, so that the gate's decisions can be tested without a
//! registry, and its one real implementation over the registry client. Knows nothing of what the bytes mean.

use serde_json::Value;
use sluice_oci::{Client, Descriptor, Digest, Reference};
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

/// A boxed future, so that the port can be a trait object.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A manifest as served.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub digest: Digest,
    pub bytes: Vec<u8>,
}

/// Why something could not be read. That it is absent is an answer, not an error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// Reads manifests and blobs.
pub trait Store: Debug + Send + Sync {
    /// The manifest that a reference names now, or `None` if there is none.
    fn manifest<'a>(&'a self, reference: &'a Reference) -> Answer<'a, Option<Manifest>>;

    /// A blob of the repository; its size and digest are those of the descriptor, or it is an error.
    fn blob<'a>(&'a self, repository: &'a Reference, blob: &'a Descriptor, limit: u64) -> Answer<'a, Vec<u8>>;
}

impl Store for Client {
    fn manifest<'a>(&'a self, reference: &'a Reference) -> Answer<'a, Option<Manifest>> {
        Box::pin(async move {
            match Client::manifest(self, reference).await {
                Ok(found) => Ok(Some(Manifest { digest: found.digest, bytes: found.bytes.to_vec() })),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(StoreError(error.to_string())),
            }
        })
    }

    fn blob<'a>(&'a self, repository: &'a Reference, blob: &'a Descriptor, limit: u64) -> Answer<'a, Vec<u8>> {
        Box::pin(async move {
            let bytes = self.blob_bytes(repository, blob, limit).await;
            bytes.map(|b| b.to_vec()).map_err(|error| StoreError(error.to_string()))
        })
    }
}

impl Manifest {
    /// Layers and annotations of the manifest, if it is that of an image or artifact.
    pub(crate) fn layers(&self) -> Result<Vec<Descriptor>, StoreError> {
        let manifest: sluice_oci::ImageManifest = serde_json::from_slice(&self.bytes).map_err(|error| {
            StoreError(format!("`{}` is not the manifest of an image or artifact: {error}", self.digest))
        })?;
        Ok(manifest.layers)
    }

    /// The config's descriptor, if there is one (an index has none).
    pub(crate) fn config(&self) -> Option<Descriptor> {
        let manifest: Value = serde_json::from_slice(&self.bytes).ok()?;
        serde_json::from_value(manifest.get("config")?.clone()).ok()
    }
}

/// Layers of the manifest under cosign's tag for what belongs to an image (`sha256-HEX.SUFFIX`).
pub(crate) async fn attached(
    store: &dyn Store,
    image: &Reference,
    digest: &Digest,
    suffix: &str,
) -> Result<Vec<Descriptor>, StoreError> {
    let tag = format!("{}-{}.{suffix}", digest.algorithm().as_str(), digest.hex());
    let reference = image.at_tag(&tag).map_err(|error| StoreError(error.to_string()))?;
    match store.manifest(&reference).await? {
        Some(manifest) => manifest.layers(),
        None => Ok(Vec::new()),
    }
}
