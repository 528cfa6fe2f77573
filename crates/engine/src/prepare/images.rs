//! Images of the steps: names to digests, and layers on disk before the sandbox is started.

use super::security::Rules;
use super::{IMAGE_PULL_FAILED, PrepareError};
use crate::context::Context;
use crate::images::{Image, ImageError, Layer};
use crate::rundir::RunDir;
use futures::future::try_join_all;
use sluice_api::runner::{self, LayerSpec, Request, UnpackSpec};
use sluice_api::tekton::Step;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex as SyncMutex;
use tokio::sync::{Mutex, oneshot};

/// The image of each step; equal names are asked for once.
pub(super) async fn resolve(context: &Context, steps: &[Step]) -> Result<Vec<Image>, PrepareError> {
    let mut names: Vec<&str> = steps.iter().map(|s| s.image.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let found = try_join_all(names.iter().map(|name| context.images.image(name))).await;
    let images: HashMap<&str, Image> = names.iter().copied().zip(found.map_err(pull_error)?).collect();
    Ok(steps.iter().filter_map(|s| images.get(s.image.as_str()).cloned()).collect())
}

fn pull_error(error: ImageError) -> PrepareError {
    if error.transient {
        PrepareError::Transient(error.message)
    } else {
        PrepareError::new(IMAGE_PULL_FAILED, format!("the step's image could not be pulled: {}", error.message))
    }
}

/// Layers being unpacked, so that two runs that need the same layer make it once.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    unpacking: Mutex<()>,
    waiting: SyncMutex<HashMap<String, oneshot::Sender<(i32, String)>>>,
}

impl Layers {
    /// Tells the waiting run that its unpacking ended.
    pub fn exited(&self, id: &str, code: i32, message: String) {
        let waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(id);
        if let Some(waiting) = waiting {
            // The run may have been dropped meanwhile; then nobody needs to know.
            let _ = waiting.send((code, message));
        }
    }

    /// Returns once all layers of these images are unpacked.
    pub async fn ensure(
        &self,
        context: &Context,
        dir: &RunDir,
        id: &str,
        images: &[Image],
    ) -> Result<(), PrepareError> {
        if missing(&context.data, images).is_empty() {
            return Ok(());
        }
        // One unpacking at a time: layers are shared, and the disk is the limit. Looked at again under the lock.
        let _one = self.unpacking.lock().await;
        let missing = missing(&context.data, images);
        if missing.is_empty() {
            return Ok(());
        }
        let blobs = missing.values().map(|(image, layer)| context.images.layer(image, layer));
        let blobs = try_join_all(blobs).await.map_err(pull_error)?;
        let layers = missing.values().zip(blobs).map(|((_, layer), blob)| LayerSpec {
            blob: blob.to_string_lossy().into_owned(),
            digest: layer.digest.clone(),
            diff_id: layer.diff_id.clone(),
        });
        let spec = UnpackSpec { v: runner::VERSION, layers: layers.collect() };
        dir.write_unpack(&spec).map_err(|e| PrepareError::io("write unpack.json", &e))?;
        let (done, ended) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id.to_owned(), done);
        let request = Request::Unpack { v: runner::VERSION, id: id.to_owned() };
        context.launcher.send(request).map_err(PrepareError::Transient)?;
        let (code, message) = ended.await.map_err(|_| PrepareError::Transient("unpacking was given up".to_owned()))?;
        if code != 0 {
            let message = format!("the step's image could not be unpacked: {}", message.trim());
            return Err(PrepareError::new(IMAGE_PULL_FAILED, message));
        }
        Ok(())
    }
}

fn missing<'a>(data: &Path, images: &'a [Image]) -> BTreeMap<&'a str, (&'a Image, &'a Layer)> {
    let all = images.iter().flat_map(|image| image.layers.iter().map(move |layer| (image, layer)));
    all.filter(|(_, layer)| !layer_folder(data, &layer.diff_id).exists())
        .map(|(image, layer)| (layer.diff_id.as_str(), (image, layer)))
        .collect()
}

/// `layers/sha256/HEX`; its presence says that the layer is complete (what is in it may be the sandboxes' alone to see).
fn layer_folder(data: &Path, diff_id: &str) -> PathBuf {
    let hex = diff_id.strip_prefix("sha256:").unwrap_or("invalid");
    data.join("layers/sha256").join(hex)
}

/// The ids that a step runs as: its securityContext's, else the image's user.
pub(super) fn user(context: &Context, image: &Image, rules: &Rules) -> Result<(Option<u32>, Option<u32>), String> {
    if let Some(user) = rules.run_as_user {
        return Ok((Some(user), rules.run_as_group));
    }
    let (user, group) = image.user.split_once(':').unwrap_or((&image.user, ""));
    let user_ids = match user {
        "" => (None, None),
        "root" => (Some(0), Some(0)),
        name => match name.parse::<u32>() {
            Ok(id) => (Some(id), None),
            Err(_) => lookup(context, image, "etc/passwd", name).map(|(u, g)| (Some(u), Some(g))).ok_or_else(|| {
                format!("user `{name}` of image `{}` is unknown; set securityContext.runAsUser", image.reference)
            })?,
        },
    };
    let group = match group {
        "" => user_ids.1,
        "root" => Some(0),
        name => match name.parse::<u32>() {
            Ok(id) => Some(id),
            Err(_) => Some(lookup(context, image, "etc/group", name).map(|(g, _)| g).ok_or_else(|| {
                format!("group `{name}` of image `{}` is unknown; set securityContext.runAsGroup", image.reference)
            })?),
        },
    };
    Ok((user_ids.0, rules.run_as_group.or(group)))
}

/// Third and fourth field of that name's line in the topmost layer's file; the third twice where there is no fourth.
fn lookup(context: &Context, image: &Image, file: &str, name: &str) -> Option<(u32, u32)> {
    for layer in image.layers.iter().rev() {
        let path = layer_folder(&context.data, &layer.diff_id).join("fs").join(file);
        // A layer is hostile: no links are followed, and little is read.
        let plain = std::fs::symlink_metadata(&path).is_ok_and(|m| m.is_file());
        let parent_plain = path.parent().is_some_and(|p| std::fs::symlink_metadata(p).is_ok_and(|m| m.is_dir()));
        if !plain || !parent_plain {
            continue;
        }
        let mut text = String::new();
        std::fs::File::open(&path).ok()?.take(1 << 20).read_to_string(&mut text).ok()?;
        let line = text.lines().find(|l| l.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(|f| f.parse().ok());
        let id = ids.next()??;
        return Some((id, ids.next().flatten().unwrap_or(id)));
    }
    None
}
