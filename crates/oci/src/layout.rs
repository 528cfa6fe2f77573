//! OCI image layouts in a folder: read with every digest checked, and pushed.

use crate::client::Client;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::manifest::{Descriptor, ImageIndex, ImageManifest, MAX_MANIFEST_BYTES, media_type, parse};
use crate::reference::Reference;
use bytes::Bytes;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A folder with `oci-layout`, `index.json` and `blobs/`.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    index: ImageIndex,
}

impl Layout {
    /// Opens a layout.
    pub fn open(root: &Path) -> Result<Self> {
        let marker = read(&root.join("oci-layout"), 4096)?;
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Marker {
            image_layout_version: String,
        }
        let name = root.display().to_string();
        let marker: Marker = parse(&marker, &name)?;
        if marker.image_layout_version != "1.0.0" {
            let problem = format!("imageLayoutVersion is `{}`", marker.image_layout_version);
            return Err(Error::unusable(name, problem, "Only 1.0.0 is known."));
        }
        let index = parse(&read(&root.join("index.json"), MAX_MANIFEST_BYTES)?, &name)?;
        Ok(Layout { root: root.to_owned(), index })
    }

    /// The manifests it lists.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.index.manifests
    }

    /// The manifest named `reference` (annotation `org.opencontainers.image.ref.name`), or the only one.
    pub fn manifest(&self, reference: Option<&str>) -> Result<&Descriptor> {
        let named = |d: &&Descriptor| {
            reference.is_none_or(|r| d.annotations.get("org.opencontainers.image.ref.name").is_some_and(|n| n == r))
        };
        let mut found = self.index.manifests.iter().filter(named);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(self.unusable("it has no such manifest")),
            (Some(_), Some(_)) => Err(self.unusable("it has several manifests; name one")),
        }
    }

    /// The path of a blob; whether it is there and right is not yet known.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs").join(digest.algorithm().as_str()).join(digest.hex())
    }

    fn small_blob(&self, descriptor: &Descriptor) -> Result<Bytes> {
        let bytes = read(&self.blob_path(&descriptor.digest), MAX_MANIFEST_BYTES)?;
        if !descriptor.digest.matches(&bytes) {
            let detail = format!("its content is not {}", descriptor.digest);
            return Err(Error::Corrupt { object: self.root.display().to_string(), detail });
        }
        Ok(bytes)
    }

    fn unusable(&self, problem: &str) -> Error {
        Error::unusable(self.root.display(), problem, "Write the layout again, or look into its index.json.")
    }
}

impl Client {
    /// Pushes one manifest of a layout with all that it refers to. Gives its digest.
    pub async fn push_layout(&self, layout: &Layout, manifest: &Descriptor, reference: &Reference) -> Result<Digest> {
        let bytes = layout.small_blob(manifest)?;
        let object = layout.root.display().to_string();
        if manifest.media_type == media_type::INDEX || manifest.media_type == media_type::DOCKER_LIST {
            let index: ImageIndex = parse(&bytes, &object)?;
            for child in &index.manifests {
                let child_bytes = layout.small_blob(child)?;
                self.push_layout_blobs(layout, &parse(&child_bytes, &object)?, reference).await?;
                self.push_manifest(&reference.at_digest(child.digest.clone()), &child.media_type, child_bytes).await?;
            }
        } else {
            self.push_layout_blobs(layout, &parse(&bytes, &object)?, reference).await?;
        }
        self.push_manifest(reference, &manifest.media_type, bytes).await
    }

    async fn push_layout_blobs(&self, layout: &Layout, manifest: &ImageManifest, reference: &Reference) -> Result<()> {
        for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
            let (digest, size) = self.push_blob_file(reference, &layout.blob_path(&blob.digest)).await?;
            if digest != blob.digest || size != blob.size {
                let detail = format!("blob {} has {size} bytes of digest {digest}", blob.digest);
                return Err(Error::Corrupt { object: layout.root.display().to_string(), detail });
            }
        }
        Ok(())
    }
}

fn read(path: &Path, limit: u64) -> Result<Bytes> {
    let file = std::fs::File::open(path).map_err(|e| Error::file(path, e))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| Error::file(path, e))?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { object: path.display().to_string(), limit });
    }
    Ok(bytes.into())
}
