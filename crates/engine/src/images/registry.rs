//! Images and bundles from registries: asked for by name under registries.conf, kept by digest. What was named by digest
//! is asked for once.

use super::{BundleObject, Image, ImageError, ImageSource, Layer};
use futures::future::BoxFuture;
use sluice_oci::{Client, Digest, Reference};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The file of a blob that is on this machine already (in the embedded registry), by digest.
pub type LocalBlobs = Arc<dyn Fn(&Digest) -> Option<PathBuf> + Send + Sync>;

/// Most images and bundle objects remembered; beyond it all are forgotten, and asked for again when needed.
const REMEMBERED: usize = 1024;

/// Images and bundles through a registry client.
pub struct RegistryImages {
    client: Client,
    /// `.../blobs/sha256`.
    blobs: PathBuf,
    local: LocalBlobs,
    images: Mutex<HashMap<String, Image>>,
    objects: Mutex<HashMap<(String, String, String), BundleObject>>,
    /// One download of a blob at a time; the disk and the link are shared anyway.
    downloading: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for RegistryImages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryImages").field("blobs", &self.blobs).finish_non_exhaustive()
    }
}

impl RegistryImages {
    /// Keeps downloaded blobs under `folder`/blobs/sha256 (`control/images`); `local` finds those that need no download.
    pub fn new(client: Client, folder: impl Into<PathBuf>, local: LocalBlobs) -> Self {
        Self {
            client,
            blobs: folder.into().join("blobs/sha256"),
            local,
            images: Mutex::default(),
            objects: Mutex::default(),
            downloading: tokio::sync::Mutex::default(),
        }
    }

    /// The reference with the digest that it means now.
    async fn pinned(&self, name: &str) -> Result<Reference, ImageError> {
        let reference: Reference = name.parse().map_err(lasting)?;
        if reference.digest().is_some() {
            return Ok(reference);
        }
        let digest = self.client.resolve(&reference).await.map_err(failed)?;
        Ok(reference.with_digest(digest))
    }

    async fn fetch_image(&self, name: &str) -> Result<Image, ImageError> {
        let pinned = self.pinned(name).await?;
        let key = pinned.to_string();
        if let Some(image) = self.images.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(image.clone());
        }
        let pulled = self.client.image(&pinned).await.map_err(failed)?;
        let (config, rootfs) = (pulled.config.config, pulled.config.rootfs);
        if rootfs.diff_ids.len() != pulled.manifest.layers.len() {
            return Err(lasting(format!(
                "image `{name}` has {} layers and {} diff ids; it is broken, build it again",
                pulled.manifest.layers.len(),
                rootfs.diff_ids.len()
            )));
        }
        let mut layers = Vec::with_capacity(rootfs.diff_ids.len());
        for (blob, diff_id) in pulled.manifest.layers.iter().zip(rootfs.diff_ids) {
            // Read as a digest, because it names a folder.
            let diff_id: Digest = diff_id.parse().map_err(lasting)?;
            layers.push(Layer {
                media_type: blob.media_type.clone(),
                digest: blob.digest.to_string(),
                size: blob.size,
                diff_id: diff_id.to_string(),
            });
        }
        let env = config.env.iter().filter_map(|e| e.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
        let image = Image {
            reference: format!("{}@{}", pinned.name(), pulled.digest),
            entrypoint: config.entrypoint,
            cmd: config.cmd,
            env: env.collect(),
            user: config.user,
            working_dir: config.working_dir,
            layers,
        };
        remember(&self.images, key, image.clone());
        Ok(image)
    }

    async fn fetch_layer(&self, image: &Image, layer: &Layer) -> Result<PathBuf, ImageError> {
        let digest: Digest = layer.digest.parse().map_err(lasting)?;
        if let Some(path) = (self.local)(&digest) {
            return Ok(path);
        }
        let path = self.blobs.join(digest.hex());
        if path.exists() {
            return Ok(path);
        }
        let _one = self.downloading.lock().await;
        if path.exists() {
            return Ok(path);
        }
        let unusable = |e: std::io::Error| ImageError {
            message: format!("cannot use `{}`: {e}; check the disk and its permissions", self.blobs.display()),
            transient: true,
        };
        tokio::fs::create_dir_all(&self.blobs).await.map_err(unusable)?;
        let reference: Reference = image.reference.parse().map_err(lasting)?;
        let blob = sluice_oci::Descriptor::new(&layer.media_type, digest, layer.size);
        self.client.blob_to_file(&reference, &blob, &path).await.map_err(failed)?;
        Ok(path)
    }

    async fn fetch_object(&self, bundle: &str, kind: &str, name: &str) -> Result<BundleObject, ImageError> {
        let pinned = self.pinned(bundle).await?;
        let key = (pinned.to_string(), kind.to_owned(), name.to_owned());
        if let Some(object) = self.objects.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(object.clone());
        }
        let (digest, content) = self.client.bundle_object(&pinned, kind, name).await.map_err(failed)?;
        let unreadable = |e: String| lasting(format!("{kind} `{name}` of bundle `{bundle}` cannot be read: {e}"));
        let text = std::str::from_utf8(&content).map_err(|e| unreadable(e.to_string()))?;
        let object = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(_) => serde_saphyr::from_str(text).map_err(|e| unreadable(e.to_string()))?,
        };
        let object = BundleObject { repository: pinned.name(), digest: digest.to_string(), object };
        remember(&self.objects, key, object.clone());
        Ok(object)
    }
}

fn remember<K: Eq + std::hash::Hash, V>(known: &Mutex<HashMap<K, V>>, key: K, value: V) {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(key, value);
}

fn lasting(error: impl ToString) -> ImageError {
    ImageError { message: error.to_string(), transient: false }
}

fn failed(error: sluice_oci::Error) -> ImageError {
    ImageError { transient: error.is_transient(), message: error.to_string() }
}

impl ImageSource for RegistryImages {
    fn image<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Image, ImageError>> {
        Box::pin(self.fetch_image(name))
    }

    fn layer<'a>(&'a self, image: &'a Image, layer: &'a Layer) -> BoxFuture<'a, Result<PathBuf, ImageError>> {
        Box::pin(self.fetch_layer(image, layer))
    }

    fn bundle_object<'a>(
        &'a self,
        bundle: &'a str,
        kind: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<BundleObject, ImageError>> {
        Box::pin(self.fetch_object(bundle, kind, name))
    }
}
