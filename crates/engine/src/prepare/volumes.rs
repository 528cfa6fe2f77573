//! Workspaces and volumes of a TaskRun, as the runner is given them.

use super::env::optional;
use super::{CONFIG_ERROR, PrepareError, VALIDATION_FAILED};
use crate::objects::{CLAIM, CONFIG_MAP, Key, Objects, SECRET, TASK_RUN};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sluice_api::runner::{Mount, Volume, VolumeSource};
use sluice_api::tekton::{Step, TaskRun, TaskSpec, WorkspaceBinding, task_scope, workspaces};
use std::collections::BTreeMap;

/// Volumes that every step shares: its working folder, as upstream gives it.
const WORKSPACE: &str = "tekton-internal-workspace";

/// What is bound, and where all steps see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Bound {
    pub volumes: Vec<Volume>,
    mounts: Vec<Mount>,
}

/// Every workspace that the Task needs is bound, and every bound one is declared.
pub(super) fn check_workspaces(run: &TaskRun, spec: &TaskSpec) -> Result<(), PrepareError> {
    let bound = |name: &str| run.spec.workspaces.iter().any(|b| b.name == name);
    let refuse = |detail: String| {
        let message = format!("[User error] bound workspaces did not match declared workspaces: {detail}");
        Err(PrepareError::new("TaskRunValidationFailed", message))
    };
    if let Some(missing) = spec.workspaces.iter().find(|w| !w.optional && !bound(&w.name)) {
        return refuse(format!("declared workspace \"{}\" is required but has not been bound", missing.name));
    }
    let declared = |name: &str| spec.workspaces.iter().any(|w| w.name == name);
    match run.spec.workspaces.iter().find(|b| !declared(&b.name)) {
        Some(extra) if run.spec.task_spec.is_none() => {
            refuse(format!("workspace binding \"{}\" does not match any declared workspace", extra.name))
        }
        _ => Ok(()),
    }
}

/// Binds all workspaces and volumes; creates the claims of volumeClaimTemplates.
pub(super) async fn bind(objects: &Objects, run: &TaskRun, spec: &TaskSpec) -> Result<Bound, PrepareError> {
    let mut bound = Bound::default();
    bound.volumes.push(Volume { name: WORKSPACE.to_owned(), source: VolumeSource::EmptyDir {} });
    bound.mounts.push(Mount { volume: WORKSPACE.to_owned(), path: "/workspace".to_owned(), ..Mount::default() });
    for declared in &spec.workspaces {
        let Some(binding) = run.spec.workspaces.iter().find(|b| b.name == declared.name) else { continue };
        let name = task_scope::volume_name(&declared.name);
        let source = workspace(objects, run, binding).await?;
        let read_only = declared.read_only || matches!(source, VolumeSource::Files { .. });
        bound.volumes.push(Volume { name: name.clone(), source });
        let path = match declared.mount_path.as_str() {
            "" => format!("/workspace/{}", declared.name),
            path => path.to_owned(),
        };
        let sub_path = relative(&binding.sub_path, "subPath of a workspace")?;
        bound.mounts.push(Mount { volume: name, path, sub_path, read_only });
    }
    for (i, volume) in spec.volumes.iter().enumerate() {
        let name = volume.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if name.is_empty() || bound.volumes.iter().any(|v| v.name == name) {
            let message = format!("volumes[{i}].name: `{name}` is empty or used twice");
            return Err(PrepareError::new(VALIDATION_FAILED, message));
        }
        let source = source(objects, run, volume).await?;
        bound.volumes.push(Volume { name, source });
    }
    Ok(bound)
}

impl Bound {
    /// The mounts of a step: the shared ones, then its own; parents before children.
    pub fn mounts(&self, step: &Step) -> Result<Vec<Mount>, PrepareError> {
        let refuse = |m: String| Err(PrepareError::new(VALIDATION_FAILED, format!("step `{}`: {m}", step.name)));
        let mut mounts = self.mounts.clone();
        for mount in &step.volume_mounts {
            if !self.volumes.iter().any(|v| v.name == mount.name) {
                return refuse(format!("volumeMounts names the volume `{}`, which the Task does not have", mount.name));
            }
            mounts.push(Mount {
                volume: mount.name.clone(),
                path: mount.mount_path.clone(),
                sub_path: relative(&mount.sub_path, "subPath of a volumeMount")?,
                read_only: mount.read_only,
            });
        }
        for mount in &mounts {
            let reserved = mount.path == "/" || mount.path == "/tekton" || mount.path.starts_with("/tekton/");
            let internal = reserved && !mount.path.starts_with("/tekton/home");
            if !mount.path.starts_with('/') || internal || mount.path.split('/').any(|part| part == "..") {
                return refuse(format!("`{}` cannot be a mount path: use an absolute one outside /tekton", mount.path));
            }
        }
        mounts.sort_by_key(|m| m.path.trim_end_matches('/').split('/').count());
        Ok(mounts)
    }
}

async fn workspace(objects: &Objects, run: &TaskRun, binding: &WorkspaceBinding) -> Result<VolumeSource, PrepareError> {
    if let Some(template) = &binding.volume_claim_template {
        let owner = json!({"apiVersion": TASK_RUN.api_version(), "kind": TASK_RUN.kind, "name": run.metadata.name,
            "uid": run.metadata.uid, "controller": true, "blockOwnerDeletion": true});
        let claim = workspaces::claim(template, &binding.name, &run.metadata.namespace, &run.metadata.uid, &owner);
        let name = claim.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        objects.create(CLAIM, &claim).await.map_err(|e| match e.refusal() {
            Some(message) => PrepareError::new("CouldntCreateWorkspacePVC", message),
            None => e.into(),
        })?;
        return Ok(claim_folder(&run.metadata.namespace, &name));
    }
    let tree = serde_json::to_value(binding).unwrap_or_default();
    source(objects, run, &tree).await
}

/// The source of a workspace binding or of a core/v1 Volume, which name their kinds alike (but for the Secret's name).
async fn source(objects: &Objects, run: &TaskRun, volume: &Value) -> Result<VolumeSource, PrepareError> {
    let namespace = &run.metadata.namespace;
    let name = volume.get("name").and_then(Value::as_str).unwrap_or_default();
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(claim) = volume.get("persistentVolumeClaim") {
        let claim = text(claim, "claimName");
        if !workspaces::is_name(&claim) || objects.get(CLAIM, &Key::new(namespace, &claim)).await?.is_none() {
            let message = format!("PersistentVolumeClaim `{claim}` of `{name}` not found; create it in `{namespace}`");
            return Err(PrepareError::new(CONFIG_ERROR, message));
        }
        return Ok(claim_folder(namespace, &claim));
    }
    if let Some(config_map) = volume.get("configMap") {
        let object = objects.get(CONFIG_MAP, &Key::new(namespace, &text(config_map, "name"))).await?;
        return files(object, config_map, "ConfigMap", &text(config_map, "name"));
    }
    if let Some(secret) = volume.get("secret") {
        let object = objects.get(SECRET, &Key::new(namespace, &text(secret, "secretName"))).await?;
        return files(object, secret, "Secret", &text(secret, "secretName"));
    }
    if volume.get("emptyDir").is_some() {
        return Ok(VolumeSource::EmptyDir {});
    }
    Err(PrepareError::new(VALIDATION_FAILED, format!("`{name}` has no volume source that is supported")))
}

fn claim_folder(namespace: &str, claim: &str) -> VolumeSource {
    VolumeSource::Claim { path: format!("volumes/{namespace}/{claim}") }
}

fn files(object: Option<Value>, reference: &Value, kind: &str, name: &str) -> Result<VolumeSource, PrepareError> {
    let mode = reference.get("defaultMode").and_then(Value::as_u64).and_then(|m| u32::try_from(m).ok());
    let mode = mode.unwrap_or(0o644) & 0o777;
    let Some(object) = object else {
        if optional(reference) {
            return Ok(VolumeSource::Files { files: BTreeMap::new(), mode });
        }
        return Err(PrepareError::new(
            CONFIG_ERROR,
            format!("{kind} `{name}` not found; create it in the run's namespace"),
        ));
    };
    let mut all = BTreeMap::new();
    for (field, encoded) in [("data", kind == "Secret"), ("binaryData", true)] {
        for (key, value) in object.get(field).and_then(Value::as_object).into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            all.insert(key.clone(), if encoded { value.to_owned() } else { STANDARD.encode(value) });
        }
    }
    let Some(items) = reference.get("items").and_then(Value::as_array).filter(|items| !items.is_empty()) else {
        return Ok(VolumeSource::Files { files: all, mode });
    };
    let mut files = BTreeMap::new();
    for item in items {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let path = relative(text("path"), "path of an item")?;
        match all.get(text("key")) {
            Some(content) if !path.is_empty() => files.insert(path, content.clone()),
            _ if optional(reference) => None,
            _ => {
                let message = format!("{kind} `{name}` has no key `{}`, or the item has no path", text("key"));
                return Err(PrepareError::new(CONFIG_ERROR, message));
            }
        };
    }
    Ok(VolumeSource::Files { files, mode })
}

/// A path inside a volume: relative, and not upwards.
fn relative(path: &str, what: &str) -> Result<String, PrepareError> {
    let bad = path.starts_with('/') || path.contains('\0') || path.split('/').any(|part| part == "..");
    if bad {
        return Err(PrepareError::new(
            VALIDATION_FAILED,
            format!("`{path}` cannot be the {what}: use a relative path without `..`"),
        ));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_of_secrets_and_config_maps() {
        let secret = json!({"data": {"a": "eA==", "b": "eQ=="}});
        let all = files(Some(secret.clone()), &json!({"defaultMode": 256}), "Secret", "s").unwrap();
        let VolumeSource::Files { files: found, mode } = all else { panic!("not files") };
        assert_eq!((found.len(), mode), (2, 0o400));
        let items = json!({"items": [{"key": "b", "path": "sub/b"}]});
        let some = files(Some(secret.clone()), &items, "Secret", "s").unwrap();
        assert_eq!(some, VolumeSource::Files { files: [("sub/b".to_owned(), "eQ==".to_owned())].into(), mode: 0o644 });
        for bad in [json!({"items": [{"key": "b", "path": "../b"}]}), json!({"items": [{"key": "c", "path": "c"}]})] {
            assert!(files(Some(secret.clone()), &bad, "Secret", "s").is_err(), "{bad}");
        }
        assert!(files(None, &json!({"optional": true}), "Secret", "s").is_ok());
        assert!(files(None, &json!({}), "Secret", "s").unwrap_err().to_string().contains("not found"));
    }

    #[test]
    fn mounts_stay_outside_tekton() {
        let bound =
            Bound { volumes: vec![Volume { name: "v".into(), source: VolumeSource::EmptyDir {} }], ..Bound::default() };
        for (path, ok) in
            [("/data", true), ("/tekton/results", false), ("data", false), ("/a/../tekton", false), ("/", false)]
        {
            let step: Step =
                serde_json::from_value(json!({"name": "s", "volumeMounts": [{"name": "v", "mountPath": path}]}))
                    .unwrap();
            assert_eq!(bound.mounts(&step).is_ok(), ok, "{path}");
        }
        let step: Step =
            serde_json::from_value(json!({"name": "s", "volumeMounts": [{"name": "other", "mountPath": "/x"}]}))
                .unwrap();
        assert!(bound.mounts(&step).is_err());
    }
}
