//! The manifest under a `.att` or `.sig` tag: which layers are there, and the manifest with more of them. Layers of
//! others are kept as they are. Pure; the store fetches and pushes.

use crate::error::Error;
use serde_json::json;
use sluice_oci::{Descriptor, ImageManifest, media_type};
use std::collections::BTreeMap;

/// Annotation of a layer: uid of the run that its statement is about.
pub(crate) const RUN_UID: &str = "sluice.dev/run-uid";
/// Most layers of one manifest.
const MAX_LAYERS: usize = 512;

/// A layer to attach.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
    pub annotations: BTreeMap<String, String>,
}

impl Attachment {
    /// Its entry in the manifest.
    pub(crate) fn descriptor(&self) -> Descriptor {
        let mut descriptor = Descriptor::of(self.media_type, &self.bytes);
        descriptor.annotations = self.annotations.clone();
        descriptor
    }
}

/// A manifest and its config, ready to be pushed.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub bytes: Vec<u8>,
    pub config: Vec<u8>,
}

/// The manifest of the layers that are there and those that are new, in the form that cosign writes: an image without
/// platform, its layers uncompressed.
pub(crate) fn manifest(there: Option<&ImageManifest>, new: &[Descriptor]) -> Result<Manifest, Error> {
    let mut layers = there.map_or_else(Vec::new, |manifest| manifest.layers.clone());
    layers.extend(new.iter().cloned());
    if layers.len() > MAX_LAYERS {
        return Err(Error::Size(format!(
            "{} layers are more than the {MAX_LAYERS} that one manifest may have; delete the tag's old ones",
            layers.len()
        )));
    }
    let encode = |e: serde_json::Error| Error::Encode(e.to_string());
    let never = "0001-01-01T00:00:00Z";
    let config = serde_json::to_vec(&json!({
        "architecture": "",
        "created": never,
        "history": layers.iter().map(|_| json!({"created": never})).collect::<Vec<_>>(),
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|layer| layer.digest.to_string()).collect::<Vec<_>>()},
        "config": {},
    }));
    let config = config.map_err(encode)?;
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::MANIFEST.to_owned()),
        artifact_type: there.and_then(|manifest| manifest.artifact_type.clone()),
        config: Descriptor::of(media_type::CONFIG, &config),
        layers,
        subject: there.and_then(|manifest| manifest.subject.clone()),
        annotations: there.map_or_else(BTreeMap::new, |manifest| manifest.annotations.clone()),
    };
    Ok(Manifest { bytes: serde_json::to_vec(&manifest).map_err(encode)?, config })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn attachment(text: &str) -> Attachment {
        let annotations = BTreeMap::from([("k".to_owned(), text.to_owned())]);
        Attachment { media_type: "application/x", bytes: text.into(), annotations }
    }

    #[test]
    fn layers_are_added_and_none_is_lost() {
        let first = manifest(None, &[attachment("a").descriptor()]).unwrap();
        let mut there: ImageManifest = serde_json::from_slice(&first.bytes).unwrap();
        there.annotations.insert("others".to_owned(), "kept".to_owned());
        let second = manifest(Some(&there), &[attachment("b").descriptor()]).unwrap();
        let both: ImageManifest = serde_json::from_slice(&second.bytes).unwrap();
        assert_eq!(both.layers, [attachment("a").descriptor(), attachment("b").descriptor()]);
        assert_eq!(both.annotations, there.annotations);
        assert_eq!(both.config, Descriptor::of(media_type::CONFIG, &second.config));
        let config: serde_json::Value = serde_json::from_slice(&second.config).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn the_same_layers_are_the_same_bytes() {
        let layers = [attachment("a").descriptor()];
        assert_eq!(manifest(None, &layers).unwrap().bytes, manifest(None, &layers).unwrap().bytes);
    }

    #[test]
    fn a_manifest_is_bounded() {
        let layers = vec![attachment("a").descriptor(); MAX_LAYERS + 1];
        assert!(matches!(manifest(None, &layers), Err(Error::Size(_))));
    }
}
