//! An image as it is in its source repository: its manifests, and what lies beside it under tags of its digest (`.sig`,
//! `.att`, `.sbom`). The client checks every digest. Blobs are mounted where the registry can, else streamed by way of a
//! file.

use super::{PublishError, file, registry};
use sluice_oci::{Client, Descriptor, Digest, PulledManifest, Reference};
use std::collections::BTreeSet;
use std::path::Path;

/// Most manifests of one image; an index of more is not an image.
const MAX_MANIFESTS: usize = 64;

/// Layers of cosign's `.sig` and `.att`, and of an `.sbom`.
const SIGNATURE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const SBOMS: [&str; 6] = [
    "text/spdx",
    "text/spdx+json",
    "application/spdx+json",
    "application/vnd.cyclonedx",
    "application/vnd.cyclonedx+json",
    "application/vnd.cyclonedx+xml",
];

/// An image and everything that goes with it.
#[derive(Debug)]
pub(super) struct Image {
    pub component: String,
    source: Reference,
    root: PulledManifest,
    /// Images of an index; empty for a plain image.
    children: Vec<PulledManifest>,
    pub companions: Vec<Companion>,
}

/// An artifact under a tag that follows from the image's digest.
#[derive(Debug)]
pub(super) struct Companion {
    pub tag: String,
    pub manifest: PulledManifest,
}

impl Image {
    /// The manifest or index that the Snapshot names.
    pub(super) fn root(&self) -> &PulledManifest {
        &self.root
    }

    /// All manifests, those before others that name them.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &PulledManifest> {
        self.children.iter().chain([&self.root]).chain(self.companions.iter().map(|c| &c.manifest))
    }
}

/// Reads all manifests of an image. A signature and an attestation have to be there: what is not signed is not published.
pub(super) async fn image(client: &Client, component: &str, source: &Reference) -> Result<Image, PublishError> {
    let failed = |source| registry(component, source);
    let root = client.manifest(source).await.map_err(failed)?;
    let mut children = Vec::new();
    if root.is_index() {
        let entries = root.index().map_err(failed)?.manifests;
        if entries.len() > MAX_MANIFESTS {
            let detail = format!("its index has {} entries; at most {MAX_MANIFESTS} are published", entries.len());
            return Err(PublishError::Component { component: component.to_owned(), detail });
        }
        for entry in entries {
            let child = client.manifest(&source.at_digest(entry.digest)).await.map_err(failed)?;
            if child.is_index() {
                let detail = "its index names another index, which is not published".to_owned();
                return Err(PublishError::Component { component: component.to_owned(), detail });
            }
            children.push(child);
        }
    }
    let mut companions = Vec::new();
    for (i, manifest) in [&root].into_iter().chain(&children).enumerate() {
        for kind in ["sig", "att", "sbom"] {
            let tag = format!("sha256-{}.{kind}", manifest.digest.hex());
            let place = source.at_tag(&tag).map_err(|e| failed(e.into()))?;
            match client.manifest(&place).await {
                Ok(manifest) => {
                    check_companion(component, kind, &tag, &manifest)?;
                    companions.push(Companion { tag, manifest });
                }
                // Of the image itself; the images of an index and SBOMs may do without.
                Err(error) if error.is_not_found() && (i > 0 || kind == "sbom") => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
    Ok(Image { component: component.to_owned(), source: source.clone(), root, children, companions })
}

/// What a tag beside an image may hold. Those tags are the tenant's, and nobody verified what is there now: an image of
/// its own would reach the production repository by the way.
fn check_companion(component: &str, kind: &str, tag: &str, manifest: &PulledManifest) -> Result<(), PublishError> {
    let wrong = |detail: String| PublishError::Component { component: component.to_owned(), detail };
    if manifest.is_index() {
        return Err(wrong(format!("`{tag}` is an index, where a {kind} belongs; build the image again")));
    }
    let content = manifest.image().map_err(|source| registry(component, source))?;
    let known = |media_type: &str| match kind {
        "sig" => media_type == SIGNATURE,
        "att" => media_type == ENVELOPE,
        _ => SBOMS.contains(&media_type),
    };
    match content.layers.iter().find(|layer| !known(&layer.media_type)) {
        None => Ok(()),
        Some(layer) => Err(wrong(format!(
            "`{tag}` has a layer of type `{}`, which is not that of a {kind}; build the image again",
            layer.media_type.chars().take(100).collect::<String>()
        ))),
    }
}

/// Makes every blob of the image available in the repository.
pub(super) async fn copy_blobs(
    client: &Client,
    image: &Image,
    repository: &Reference,
    scratch: &Path,
) -> Result<(), PublishError> {
    let failed = |source| registry(&image.component, source);
    let mut seen: BTreeSet<Digest> = BTreeSet::new();
    for manifest in image.manifests().filter(|m| !m.is_index()) {
        let content = manifest.image().map_err(failed)?;
        for blob in content.layers.into_iter().chain([content.config]) {
            if seen.insert(blob.digest.clone()) {
                copy_blob(client, image, &blob, repository, scratch).await?;
            }
        }
    }
    Ok(())
}

async fn copy_blob(
    client: &Client,
    image: &Image,
    blob: &Descriptor,
    repository: &Reference,
    scratch: &Path,
) -> Result<(), PublishError> {
    let failed = |source| registry(&image.component, source);
    if client.blob_exists(repository, &blob.digest).await.map_err(failed)? {
        return Ok(());
    }
    // A registry that will not mount can still be copied to; if it refuses the push as well, that is what is told.
    if client.mount_blob(repository, &image.source, &blob.digest).await.unwrap_or(false) {
        return Ok(());
    }
    let path = scratch.join(blob.digest.hex());
    client.blob_to_file(&image.source, blob, &path).await.map_err(failed)?;
    client.push_blob_file(repository, &path).await.map_err(failed)?;
    std::fs::remove_file(&path).map_err(|e| file(&path, &e))
}
