//! Images and bundles, as the engine needs them: a name becomes a digest, a configuration and verified layers on disk.

mod registry;

pub use registry::{LocalBlobs, RegistryImages};

use futures::future::BoxFuture;
use std::path::PathBuf;

/// An image by digest, for linux/amd64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// `name@sha256:...`: the name under which it was asked for and the digest that was found.
    pub reference: String,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub env: Vec<(String, String)>,
    pub user: String,
    pub working_dir: String,
    /// Lowest first.
    pub layers: Vec<Layer>,
}

/// One layer of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    pub media_type: String,
    /// `sha256:...` of the blob.
    pub digest: String,
    /// Of the blob, in bytes.
    pub size: u64,
    /// `sha256:...` of the uncompressed tar.
    pub diff_id: String,
}

/// One object of a Tekton bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleObject {
    /// Name of the bundle's repository without tag or digest, as refSource's uri.
    pub repository: String,
    /// `sha256:...` of the bundle's manifest.
    pub digest: String,
    pub object: serde_json::Value,
}

/// Why an image or bundle is not there. `transient` ones are worth another try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ImageError {
    pub message: String,
    pub transient: bool,
}

/// Where images and bundles come from.
pub trait ImageSource: Send + Sync + 'static {
    /// The image of that name.
    fn image<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Image, ImageError>>;

    /// A file with that layer's blob, its digest verified. Path relative to the working folder.
    fn layer<'a>(&'a self, image: &'a Image, layer: &'a Layer) -> BoxFuture<'a, Result<PathBuf, ImageError>>;

    /// The object of that kind and name in the Tekton bundle.
    fn bundle_object<'a>(
        &'a self,
        bundle: &'a str,
        kind: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<BundleObject, ImageError>>;
}
