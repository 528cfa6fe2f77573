//! Tekton bundles: an image with one gzipped tar layer for each object, which the layer's annotations name. Written
//! deterministically; read with bounds, since a bundle may come from anyone.

use crate::artifact::{Artifact, Layer};
use crate::client::Client;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::manifest::media_type;
use crate::reference::Reference;
use bytes::Bytes;
use std::io::{Read, Write};

/// Largest object in a bundle: what an API server would store.
pub const MAX_OBJECT_BYTES: u64 = 3 * 1024 * 1024 / 2;
/// Largest number of objects, as in Tekton's resolver.
const MAX_OBJECTS: usize = 20;
const PREFIX: &str = "dev.tekton.image.";

/// One object of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleObject {
    /// `v1`: the version alone, as `tkn bundle push` writes it.
    pub api_version: String,
    /// Lower case, singular.
    pub kind: String,
    /// metadata.name.
    pub name: String,
    /// The object as YAML or JSON.
    pub content: Bytes,
}

/// The artifact that holds `objects`; the same objects give the same digest.
pub fn bundle_artifact(objects: &[BundleObject]) -> Result<Artifact> {
    let mut layers = Vec::new();
    let mut diff_ids = Vec::new();
    if objects.is_empty() || objects.len() > MAX_OBJECTS {
        return Err(Error::Configuration(format!("a bundle holds 1 to {MAX_OBJECTS} objects, not {}", objects.len())));
    }
    for object in objects {
        let (compressed, diff_id) = layer_of(object).map_err(|e| Error::Configuration(e.to_string()))?;
        diff_ids.push(diff_id.to_string());
        layers.push(
            Layer::bytes(media_type::DOCKER_LAYER_GZIP, compressed)
                .annotated(&format!("{PREFIX}apiVersion"), &object.api_version)
                .annotated(&format!("{PREFIX}kind"), &object.kind.to_lowercase())
                .annotated(&format!("{PREFIX}name"), &object.name),
        );
    }
    let config = serde_json::json!({
        "architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    Ok(Artifact {
        manifest_media_type: Some(media_type::DOCKER_MANIFEST.to_owned()),
        config: Some(("application/vnd.docker.container.image.v1+json".to_owned(), config.to_string().into())),
        layers,
        ..Artifact::default()
    })
}

fn layer_of(object: &BundleObject) -> std::io::Result<(Bytes, Digest)> {
    let mut header = tar::Header::new_ustar();
    header.set_size(object.content.len() as u64);
    header.set_mode(0o600);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, &object.name, object.content.as_ref())?;
    let plain = builder.into_inner()?;
    let mut gzip = flate2::GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain)?;
    Ok((gzip.finish()?.into(), Digest::sha256(&plain)))
}

impl Client {
    /// Reads one object of a bundle. Gives the digest that the reference means and the object's content.
    pub async fn bundle_object(&self, reference: &Reference, kind: &str, name: &str) -> Result<(Digest, Bytes)> {
        let pulled = self.manifest(reference).await?;
        let manifest = pulled.image()?;
        let annotation = |d: &crate::Descriptor, key: &str| d.annotations.get(&format!("{PREFIX}{key}")).cloned();
        if manifest.layers.len() > MAX_OBJECTS {
            let problem = format!("the bundle has {} objects, more than {MAX_OBJECTS}", manifest.layers.len());
            return Err(Error::unusable(reference, problem, "Split it."));
        }
        let kind = kind.to_lowercase();
        let layer = manifest.layers.iter().find(|l| {
            annotation(l, "kind").is_some_and(|k| k.to_lowercase() == kind)
                && annotation(l, "name").as_deref() == Some(name)
        });
        let layer = layer.ok_or_else(|| {
            let has = manifest
                .layers
                .iter()
                .filter_map(|l| Some(format!("{}/{}", annotation(l, "kind")?, annotation(l, "name")?)));
            let has = has.collect::<Vec<_>>().join(", ");
            let problem = format!("the bundle has no {kind} `{name}`");
            Error::unusable(
                reference,
                problem,
                if has.is_empty() { "It is not a Tekton bundle.".to_owned() } else { format!("It has: {has}.") },
            )
        })?;
        let blob = self.blob_bytes(reference, layer, 2 * MAX_OBJECT_BYTES).await?;
        let (content, diff_id) = object_of(&blob).map_err(|problem| {
            Error::unusable(reference, format!("{kind} `{name}`: {problem}"), "Push the bundle again.")
        })?;
        tracing::debug!(%reference, kind, name, %diff_id, "read from bundle");
        Ok((pulled.digest, content))
    }
}

/// The one file of a layer.
fn object_of(layer: &[u8]) -> std::result::Result<(Bytes, Digest), String> {
    let mut plain: Box<dyn Read> = if layer.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::read::MultiGzDecoder::new(layer))
    } else {
        Box::new(layer)
    };
    let limit = MAX_OBJECT_BYTES + 64 * 1024;
    let mut bytes = Vec::new();
    plain
        .by_ref()
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("the layer does not decompress: {e}"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("it is larger than {MAX_OBJECT_BYTES} bytes"));
    }
    let mut hasher = Hasher::new(crate::Algorithm::Sha256);
    hasher.update(&bytes);
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut content = None;
    for entry in archive.entries().map_err(|e| format!("the layer is no tar: {e}"))? {
        let mut entry = entry.map_err(|e| format!("the layer is no tar: {e}"))?;
        if entry.header().entry_type() != tar::EntryType::Regular || content.is_some() {
            return Err("the layer is not one plain file".to_owned());
        }
        let mut file = Vec::new();
        entry.read_to_end(&mut file).map_err(|e| format!("the layer is no tar: {e}"))?;
        content = Some(file);
    }
    let content = content.ok_or("the layer is empty")?;
    Ok((content.into(), hasher.finish()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn object(content: &[u8]) -> BundleObject {
        let content = Bytes::copy_from_slice(content);
        BundleObject { api_version: "v1".into(), kind: "Task".into(), name: "echo".into(), content }
    }

    #[test]
    fn a_layer_reads_back_and_is_deterministic() {
        let (layer, diff_id) = layer_of(&object(b"kind: Task\n")).unwrap();
        assert_eq!(layer_of(&object(b"kind: Task\n")).unwrap().0, layer);
        let (content, seen) = object_of(&layer).unwrap();
        assert_eq!((content.as_ref(), seen), (b"kind: Task\n".as_slice(), diff_id));
    }

    #[test]
    fn hostile_layers_are_refused() {
        let (bomb, _) = layer_of(&object(&vec![0u8; 8 * 1024 * 1024])).unwrap();
        assert!(object_of(&bomb).unwrap_err().contains("larger"));
        assert!(object_of(b"\x1f\x8bnot gzip").is_err());
        assert!(object_of(b"").is_err());
        assert!(object_of(&[0u8; 1024]).is_err());
        assert!(bundle_artifact(&[]).is_err());
    }
}
