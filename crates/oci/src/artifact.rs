//! Pushes one-manifest artifacts: a config, some layers, one PUT of the manifest, which is the moment at which all of it
//! exists or nothing does.

use crate::client::Client;
use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::{Descriptor, ImageManifest, media_type};
use crate::reference::Reference;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// An artifact to be pushed. Without a config it is the empty one; the same input gives the same digest.
#[derive(Clone, Debug, Default)]
pub struct Artifact {
    /// What it is (`application/vnd.acme.thing`).
    pub artifact_type: Option<String>,
    /// Media type of the manifest; OCI's when absent.
    pub manifest_media_type: Option<String>,
    /// Media type and content of the config.
    pub config: Option<(String, Bytes)>,
    /// In order.
    pub layers: Vec<Layer>,
    /// Of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// The manifest that this one is about.
    pub subject: Option<Descriptor>,
}

/// One layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its media type.
    pub media_type: String,
    /// Its content.
    pub source: LayerSource,
    /// Of its descriptor.
    pub annotations: BTreeMap<String, String>,
}

/// Where a layer's bytes are.
#[derive(Clone, Debug)]
pub enum LayerSource {
    /// In memory.
    Bytes(Bytes),
    /// In a file, streamed.
    File(PathBuf),
}

impl Layer {
    /// A layer in memory.
    pub fn bytes(media_type: &str, bytes: impl Into<Bytes>) -> Self {
        let source = LayerSource::Bytes(bytes.into());
        Layer { media_type: media_type.to_owned(), source, annotations: BTreeMap::new() }
    }

    /// A layer in a file.
    pub fn file(media_type: &str, path: impl Into<PathBuf>) -> Self {
        let source = LayerSource::File(path.into());
        Layer { media_type: media_type.to_owned(), source, annotations: BTreeMap::new() }
    }

    /// With an annotation more.
    pub fn annotated(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }
}

impl Client {
    /// Pushes blobs, then the manifest under the reference's tag (or by digest alone). Gives the manifest's digest.
    pub async fn push_artifact(&self, reference: &Reference, artifact: &Artifact) -> Result<Digest> {
        let (config_type, config) =
            artifact.config.clone().unwrap_or((media_type::EMPTY.to_owned(), Bytes::from_static(b"{}")));
        let config_descriptor = Descriptor::of(&config_type, &config);
        self.push_blob(reference, config).await?;
        let mut layers = Vec::with_capacity(artifact.layers.len());
        for layer in &artifact.layers {
            let (digest, size) = match &layer.source {
                LayerSource::Bytes(bytes) => (self.push_blob(reference, bytes.clone()).await?, bytes.len() as u64),
                LayerSource::File(path) => self.push_blob_file(reference, path).await?,
            };
            let mut descriptor = Descriptor::new(&layer.media_type, digest, size);
            descriptor.annotations.clone_from(&layer.annotations);
            layers.push(descriptor);
        }
        let kind = artifact.manifest_media_type.clone().unwrap_or_else(|| media_type::MANIFEST.to_owned());
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: Some(kind.clone()),
            artifact_type: artifact.artifact_type.clone(),
            config: config_descriptor,
            layers,
            subject: artifact.subject.clone(),
            annotations: artifact.annotations.clone(),
        };
        let bytes = serde_json::to_vec(&manifest).map_err(|e| crate::Error::Configuration(e.to_string()))?;
        self.push_manifest(reference, &kind, bytes).await
    }
}
