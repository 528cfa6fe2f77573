//! What the managed push task does: the images of a Snapshot, with their signatures, attestations and SBOMs, to the
//! repositories of the release data. Everything is read and checked first, then blobs, then manifests by digest; tags
//! come last, so that a failure before them shows nothing to anybody. It must not know Kubernetes, and it verifies no
//! signature: it runs after the task that does.

mod collect;
mod mapping;

use collect::Image;
use serde::Serialize;
use serde_json::Value;
use sluice_api::konflux::SnapshotSpec;
use sluice_oci::{Client, Reference};
use std::path::{Path, PathBuf};

/// Name of the result that lists what was published.
const RESULT: &str = "IMAGES";

/// One image that was published, as Konflux lists it in a Release's artifacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The component.
    pub name: String,
    /// The image's digest.
    pub shasum: String,
    /// `repository:tag` of each tag.
    pub urls: Vec<String>,
}

/// Why nothing was published; tags were set only if the message says so.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("`{}`: {detail}", path.display())]
    File { path: PathBuf, detail: String },
    #[error("release data: {0}")]
    Mapping(String),
    #[error("component `{component}`: {detail}")]
    Component { component: String, detail: String },
    #[error("component `{component}`: {source}")]
    Registry {
        component: String,
        #[source]
        source: Box<sluice_oci::Error>,
    },
    #[error(
        "component `{component}`: the tag `{tag}` could not be set after {done} others had been: {source}\n\nRun the release again; it sets all of them."
    )]
    Tag {
        component: String,
        tag: String,
        done: usize,
        #[source]
        source: Box<sluice_oci::Error>,
    },
}

/// Reads a Snapshot's spec and the release data, publishes, and writes the task's results into a folder.
///
/// # Errors
/// A file that cannot be read or written, data that maps nothing, or a registry that refuses.
pub async fn push_snapshot(
    client: &Client,
    snapshot: &Path,
    data: &Path,
    results: &Path,
) -> Result<Vec<Published>, PublishError> {
    let spec: SnapshotSpec = read(snapshot)?;
    let data: Value = read(data)?;
    let published = publish(client, &spec, &data).await?;
    let path = results.join(RESULT);
    let text = serde_json::to_string(&published).map_err(|e| file(&path, &e))?;
    std::fs::write(&path, text).map_err(|e| file(&path, &e))?;
    Ok(published)
}

/// Publishes the components that the data maps. Doing it again changes nothing.
///
/// # Errors
/// Before anything is visible, unless the error is [`PublishError::Tag`].
pub async fn publish(client: &Client, spec: &SnapshotSpec, data: &Value) -> Result<Vec<Published>, PublishError> {
    let plan = mapping::plan(spec, data)?;
    let scratch = tempfile::tempdir().map_err(|e| file(&std::env::temp_dir(), &e))?;
    let mut images = Vec::new();
    for item in &plan {
        images.push(collect::image(client, &item.component, &item.source).await?);
    }
    for (item, image) in plan.iter().zip(&images) {
        for target in &item.targets {
            collect::copy_blobs(client, image, &target.repository, scratch.path()).await?;
        }
    }
    for (item, image) in plan.iter().zip(&images) {
        for target in &item.targets {
            push_manifests(client, image, &target.repository).await?;
        }
    }
    let mut done = 0;
    for (item, image) in plan.iter().zip(&images) {
        for target in &item.targets {
            set_tags(client, image, target, &mut done).await?;
        }
    }
    Ok(plan
        .iter()
        .map(|item| Published {
            name: item.component.clone(),
            shasum: item.source.digest().map(ToString::to_string).unwrap_or_default(),
            urls: item
                .targets
                .iter()
                .flat_map(|target| target.tags.iter().map(|tag| format!("{}:{tag}", target.repository.name())))
                .collect(),
        })
        .collect())
}

async fn push_manifests(client: &Client, image: &Image, repository: &Reference) -> Result<(), PublishError> {
    for manifest in image.manifests() {
        let place = repository.at_digest(manifest.digest.clone());
        client
            .push_manifest(&place, &manifest.media_type, manifest.bytes.clone())
            .await
            .map_err(|source| registry(&image.component, source))?;
    }
    Ok(())
}

/// The tags of signatures and attestations before those of the image: whoever sees the image can verify it.
async fn set_tags(
    client: &Client,
    image: &Image,
    target: &mapping::Target,
    done: &mut usize,
) -> Result<(), PublishError> {
    let companions = image.companions.iter().map(|c| (c.tag.as_str(), &c.manifest));
    let own = target.tags.iter().map(|tag| (tag.as_str(), image.root()));
    for (tag, manifest) in companions.chain(own) {
        let set = async {
            let place = target.repository.at_tag(tag)?;
            client.push_manifest(&place, &manifest.media_type, manifest.bytes.clone()).await
        };
        set.await.map_err(|source| PublishError::Tag {
            component: image.component.clone(),
            tag: format!("{}:{tag}", target.repository.name()),
            done: *done,
            source: Box::new(source),
        })?;
        *done += 1;
    }
    Ok(())
}

fn registry(component: &str, source: sluice_oci::Error) -> PublishError {
    PublishError::Registry { component: component.to_owned(), source: Box::new(source) }
}

fn file(path: &Path, error: &dyn std::fmt::Display) -> PublishError {
    PublishError::File { path: path.to_owned(), detail: error.to_string() }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, PublishError> {
    let text = std::fs::read_to_string(path).map_err(|e| file(path, &e))?;
    serde_json::from_str(&text).map_err(|e| file(path, &e))
}
