//! `ImageSource` over registries: what a name means now is asked of its registry, what a digest means is remembered, and
//! layer blobs are kept by digest in a content store.

use super::{Bundle, BundleObject, Image, ImageError, ImageSource, Layer};
use futures::future::BoxFuture;
use sluice_oci::{Client, Descriptor, Digest, Reference};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Most entries remembered; then all are forgotten, which costs only time.
const MEMORY: usize = 1024;

/// Images and bundles of the registries that the client reaches.
#[derive(Debug)]
pub struct Registries {
    client: Client,
    /// The content store: `blobs/sha256/HEX`.
    store: PathBuf,
    images: Mutex<HashMap<String, Image>>,
    bundles: Mutex<HashMap<String, Bundle>>,
}

impl Registries {
    /// `store` is a folder of this process alone; it is made when it is needed.
    pub fn new(client: Client, store: impl Into<PathBuf>) -> Self {
        Self { client, store: store.into(), images: Mutex::default(), bundles: Mutex::default() }
    }

    /// The reference with the digest that it means now.
    async fn pinned(&self, name: &str) -> Result<Reference, ImageError> {
        let reference: Reference = name.parse().map_err(|e: sluice_oci::ReferenceError| permanent(e.to_string()))?;
        match reference.digest() {
            Some(_) => Ok(reference),
            None => {
                let digest = self.client.resolve(&reference).await.map_err(failed)?;
                Ok(reference.with_digest(digest))
            }
        }
    }

    async fn read_image(&self, reference: &Reference) -> Result<Image, ImageError> {
        let pulled = self.client.image(reference).await.map_err(failed)?;
        let (layers, diff_ids) = (&pulled.manifest.layers, &pulled.config.rootfs.diff_ids);
        if layers.len() != diff_ids.len() {
            let counts = format!("{} layers and {} diff ids", layers.len(), diff_ids.len());
            return Err(permanent(format!("image `{reference}` is malformed: it has {counts}")));
        }
        let layers = layers.iter().zip(diff_ids).map(|(layer, diff_id)| {
            let diff_id: Digest =
                diff_id.parse().map_err(|_| permanent(format!("image `{reference}`: `{diff_id}` is no diff id")))?;
            Ok(Layer { digest: layer.digest.to_string(), diff_id: diff_id.to_string() })
        });
        let config = &pulled.config.config;
        let env = config.env.iter().filter_map(|entry| entry.split_once('='));
        Ok(Image {
            reference: format!("{}@{}", reference.name(), pulled.digest),
            entrypoint: config.entrypoint.clone(),
            cmd: config.cmd.clone(),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            user: config.user.clone(),
            working_dir: config.working_dir.clone(),
            layers: layers.collect::<Result<_, ImageError>>()?,
        })
    }

    async fn read_bundle(&self, reference: &Reference) -> Result<Bundle, ImageError> {
        let pulled = self.client.manifest(reference).await.map_err(failed)?;
        let manifest = pulled.image().map_err(failed)?;
        let mut objects = Vec::new();
        for layer in &manifest.layers {
            let of = |key: &str| layer.annotations.get(&format!("dev.tekton.image.{key}")).cloned();
            let (Some(kind), Some(name)) = (of("kind"), of("name")) else { continue };
            let (_, content) = self.client.bundle_object(reference, &kind, &name).await.map_err(failed)?;
            // A bundle holds YAML; JSON is YAML too.
            let text = std::str::from_utf8(&content)
                .map_err(|_| permanent(format!("bundle `{reference}`: {kind} `{name}` is not text")))?;
            let object = serde_saphyr::from_str(text)
                .map_err(|e| permanent(format!("bundle `{reference}`: {kind} `{name}`: {e}")))?;
            objects.push(BundleObject { kind, name, object });
        }
        Ok(Bundle { repository: reference.name(), digest: pulled.digest.to_string(), objects })
    }

    async fn fetch(&self, image: &Image, layer: &Layer) -> Result<PathBuf, ImageError> {
        let digest: Digest = layer.digest.parse().map_err(|_| permanent(format!("`{}` is no digest", layer.digest)))?;
        let path = self.store.join("blobs").join(digest.algorithm().as_str()).join(digest.hex());
        // A file has its final name only once its digest was verified.
        if tokio::fs::try_exists(&path).await.unwrap_or(false) {
            return Ok(path);
        }
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder)
                .await
                .map_err(|e| permanent(format!("making `{}`: {e}", folder.display())))?;
        }
        let reference: Reference =
            image.reference.parse().map_err(|e: sluice_oci::ReferenceError| permanent(e.to_string()))?;
        let pulled = self.client.image(&reference).await.map_err(failed)?;
        let descriptor: Option<Descriptor> = pulled.manifest.layers.into_iter().find(|l| l.digest == digest);
        let descriptor = descriptor.ok_or_else(|| permanent(format!("image `{reference}` has no layer {digest}")))?;
        self.client.blob_to_file(&reference, &descriptor, &path).await.map_err(failed)?;
        Ok(path)
    }
}

impl ImageSource for Registries {
    fn image<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Image, ImageError>> {
        Box::pin(async move {
            let reference = self.pinned(name).await?;
            if let Some(image) = remembered(&self.images, &reference.to_string()) {
                return Ok(image);
            }
            let image = self.read_image(&reference).await?;
            remember(&self.images, reference.to_string(), image.clone());
            Ok(image)
        })
    }

    fn layer<'a>(&'a self, image: &'a Image, layer: &'a Layer) -> BoxFuture<'a, Result<PathBuf, ImageError>> {
        Box::pin(self.fetch(image, layer))
    }

    fn bundle<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Bundle, ImageError>> {
        Box::pin(async move {
            let reference = self.pinned(name).await?;
            if let Some(bundle) = remembered(&self.bundles, &reference.to_string()) {
                return Ok(bundle);
            }
            let bundle = self.read_bundle(&reference).await?;
            remember(&self.bundles, reference.to_string(), bundle.clone());
            Ok(bundle)
        })
    }
}

fn remembered<T: Clone>(memory: &Mutex<HashMap<String, T>>, key: &str) -> Option<T> {
    memory.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

fn remember<T>(memory: &Mutex<HashMap<String, T>>, key: String, value: T) {
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    if memory.len() >= MEMORY {
        memory.clear();
    }
    memory.insert(key, value);
}

fn failed(error: sluice_oci::Error) -> ImageError {
    ImageError { transient: error.is_transient(), message: error.to_string() }
}

fn permanent(message: String) -> ImageError {
    ImageError { message, transient: false }
}
