//! `sluice task push`: publishes a library folder. Everything is pushed by digest first, which changes nothing for
//! anybody; the write of `data:latest`, which holds the trusted-task data and the lock, is the transaction (ADR 4).

use super::connect::{Connection, library as reference};
use super::lock::{ALIAS, DATA_LAYER, LOCK_LAYER, Lock};
use super::{library, pin};
use crate::args::TaskPush;
use crate::error::{CliError, Context, Exit, Result};
use serde_json::{Value, json};
use sluice_oci::{Artifact, BundleObject, Client, Layer, Layout, bundle_artifact};
use std::path::Path;

/// Most bytes of the trusted-task data or the lock.
const MAX_LAYER: u64 = 16 << 20;
/// How long a version that was replaced stays trusted, in days, as `ec track bundle` has it.
const GRACE_DAYS: i64 = 30;
const POLICY_LAYER: &str = "application/vnd.sluice.policy.v1.tar+gzip";

/// Runs the command.
///
/// # Errors
/// When a source is malformed, an image is missing, or the registry refuses a write.
pub async fn run(args: TaskPush) -> Result {
    let connection = Connection::open(&args.kubeconfig).await?;
    let lock = push(&connection, &args.library, &args.images).await?;
    for (kind, entries) in [("images", &lock.images), ("tasks", &lock.tasks), ("pipelines", &lock.pipelines)] {
        for (key, digest) in entries {
            println!("{ALIAS}/{kind}/{key}@{digest}");
        }
    }
    println!("{ALIAS}/policy@{}", lock.policy);
    Ok(())
}

/// Publishes the folder and returns the new lock.
///
/// # Errors
/// As `run`.
pub async fn push(connection: &Connection, folder: &Path, images: &Path) -> Result<Lock> {
    let client = &connection.registry;
    let mut lock = Lock { v: 1, ..Lock::default() };
    for (what, folder) in [("the library", folder), ("`--images`", images)] {
        if !folder.is_dir() {
            return Err(CliError::usage(format!("{what}: `{}` is not a folder", folder.display()))
                .hint("`make images` leaves the step images in target/images; the library's sources are in library"));
        }
    }
    for name in library::names(images)? {
        let layout = images.join(&name);
        let version = std::fs::read_to_string(folder.join("images").join(&name).join("version"))
            .map_or_else(|_| "0.1".to_owned(), |text| text.trim().to_owned());
        let key = format!("{name}:{version}");
        let layout = Layout::open(&layout).context(Exit::Usage, format!("image `{name}`"))?;
        let manifest = layout.manifest(None).context(Exit::Usage, format!("image `{name}`"))?;
        let digest = client.push_layout(&layout, manifest, &reference(&format!("images/{key}"))?).await;
        lock.images.insert(key.clone(), digest.map_err(|e| refused(&format!("image `{key}`"), &e))?.to_string());
    }
    for (folder_name, kind) in [("tasks", "Task"), ("pipelines", "Pipeline")] {
        for mut definition in library::definitions(folder, folder_name, kind)? {
            let key = definition.key();
            pin::pin(&mut definition.object, &lock).map_err(|mut e| {
                e.message = format!("`{}`: {}", definition.path.display(), e.message);
                e
            })?;
            let digest = push_bundle(client, &definition, kind, &format!("{folder_name}/{key}")).await?;
            if kind == "Task" && !definition.serves_releases() {
                lock.trusted.insert(key.clone());
            }
            let entries = if kind == "Task" { &mut lock.tasks } else { &mut lock.pipelines };
            entries.insert(key, digest);
        }
    }
    lock.policy = push_policy(client, folder).await?;
    publish(client, folder, &lock).await?;
    Ok(lock)
}

async fn push_bundle(client: &Client, definition: &library::Definition, kind: &str, path: &str) -> Result<String> {
    let object = BundleObject {
        api_version: "v1".into(),
        kind: kind.to_lowercase(),
        name: definition.name.clone(),
        content: sluice_api::gojson::to_vec(&definition.object).into(),
    };
    let mut artifact = bundle_artifact(&[object]).context(Exit::Usage, format!("bundling `{}`", definition.key()))?;
    artifact.annotations.insert("org.opencontainers.image.version".into(), definition.version.clone());
    let digest = client.push_artifact(&reference(path)?, &artifact).await;
    Ok(digest.map_err(|e| refused(&format!("{kind} `{}`", definition.key()), &e))?.to_string())
}

async fn push_policy(client: &Client, folder: &Path) -> Result<String> {
    let files = library::files(&folder.join("policy"), "rego")?;
    let files: Vec<_> = files.into_iter().filter(|(path, _)| !path.ends_with("_test.rego")).collect();
    if files.is_empty() {
        return Err(CliError::usage(format!("`{}` has no policy", folder.join("policy").display())));
    }
    let artifact = Artifact {
        artifact_type: Some("application/vnd.sluice.policy.v1".into()),
        layers: vec![Layer::bytes(POLICY_LAYER, library::archive(&files)?)],
        ..Artifact::default()
    };
    let digest = client.push_artifact(&reference("policy:latest")?, &artifact).await;
    Ok(digest.map_err(|e| refused("the policy", &e))?.to_string())
}

/// The transaction: data and lock in one manifest, under one tag.
async fn publish(client: &Client, folder: &Path, lock: &Lock) -> Result {
    let before = match read_layer(client, LOCK_LAYER).await? {
        Some(_) => read_trusted(client).await?,
        None => json!({}),
    };
    let now = jiff::Timestamp::now();
    let trusted = trusted_tasks(&before, lock, &now.to_string(), &expiry(now)?);
    let mut files = library::files(&folder.join("data"), "json")?;
    files.retain(|(path, _)| path != "trusted_tasks.json");
    files.push(("trusted_tasks.json".into(), sluice_api::gojson::to_vec(&json!({"trusted_tasks": trusted}))));
    let lock = serde_json::to_vec_pretty(lock).context(Exit::Defect, "writing the lock")?;
    let artifact = Artifact {
        artifact_type: Some("application/vnd.sluice.library.v1".into()),
        layers: vec![Layer::bytes(DATA_LAYER, library::archive(&files)?), Layer::bytes(LOCK_LAYER, lock)],
        ..Artifact::default()
    };
    client
        .push_artifact(&reference("data:latest")?, &artifact)
        .await
        .map_err(|e| refused("the trusted-task data", &e))?;
    Ok(())
}

fn expiry(now: jiff::Timestamp) -> Result<String> {
    let later = now.checked_add(jiff::SignedDuration::from_hours(24 * GRACE_DAYS));
    Ok(later.context(Exit::Defect, "adding days")?.to_string())
}

/// Conforma's trusted_tasks: the newest first; what it replaces stays trusted until `expiry`, unless it already expires.
fn trusted_tasks(before: &Value, lock: &Lock, now: &str, expiry: &str) -> Value {
    let mut all = before.as_object().cloned().unwrap_or_default();
    for (key, digest) in lock.tasks.iter().filter(|(key, _)| lock.trusted.contains(*key)) {
        let entries = all.entry(format!("oci://{ALIAS}/tasks/{key}")).or_insert_with(|| json!([]));
        let mut kept: Vec<Value> = entries.as_array().cloned().unwrap_or_default();
        let unchanged = kept.first().is_some_and(|e| e["ref"] == digest.as_str() && e.get("expires_on").is_none());
        if !unchanged {
            kept.retain(|e| e["ref"] != digest.as_str());
            for old in kept.iter_mut().filter(|e| e.get("expires_on").is_none()) {
                old["expires_on"] = json!(expiry);
            }
            kept.insert(0, json!({"ref": digest, "effective_on": now}));
        }
        *entries = Value::Array(kept);
    }
    Value::Object(all)
}

async fn read_trusted(client: &Client) -> Result<Value> {
    let Some(bytes) = read_layer(client, DATA_LAYER).await? else { return Ok(json!({})) };
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    for entry in archive.entries().context(Exit::Defect, "reading the trusted-task data")? {
        let entry = entry.context(Exit::Defect, "reading the trusted-task data")?;
        if entry.path().is_ok_and(|path| path == Path::new("trusted_tasks.json")) {
            let value: Value = serde_json::from_reader(std::io::Read::take(entry, MAX_LAYER))
                .context(Exit::Defect, "reading the trusted-task data")?;
            return Ok(value["trusted_tasks"].clone());
        }
    }
    Ok(json!({}))
}

/// One layer of `data:latest` by media type, or `None` when the library is empty.
///
/// # Errors
/// When the registry cannot be asked or the manifest is not the library's.
pub async fn read_layer(client: &Client, media_type: &str) -> Result<Option<Vec<u8>>> {
    let data = reference("data:latest")?;
    let manifest = match client.manifest(&data).await {
        Ok(pulled) => pulled.image().context(Exit::Defect, "reading the library")?,
        Err(e) if e.is_not_found() => return Ok(None),
        Err(e) => return Err(refused("the library", &e)),
    };
    let layer = manifest.layers.iter().find(|layer| layer.media_type == media_type);
    let layer = layer.ok_or_else(|| CliError::defect(format!("`{data}` has no layer of type {media_type}")))?;
    let bytes = client.blob_bytes(&data, layer, MAX_LAYER).await.map_err(|e| refused("the library", &e))?;
    Ok(Some(bytes.to_vec()))
}

fn refused(what: &str, error: &sluice_oci::Error) -> CliError {
    let text = error.to_string();
    let exit = if text.contains("denied") || text.contains("unauthorized") { Exit::NotAllowed } else { Exit::Usage };
    CliError::new(exit, format!("{what}: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_task_stays_trusted_for_a_while() {
        let key = "oci://library.sluice.dev/tasks/a:0.1";
        let mut lock = Lock::default();
        lock.tasks.insert("a:0.1".into(), "sha256:1".into());
        lock.tasks.insert("push:0.1".into(), "sha256:9".into());
        lock.trusted.insert("a:0.1".into());
        let first = trusted_tasks(&json!({}), &lock, "T1", "E1");
        let want = json!({key: [{"ref": "sha256:1", "effective_on": "T1"}]});
        assert_eq!(first, want, "what serves releases is left out");
        assert_eq!(trusted_tasks(&first, &lock, "T2", "E2"), first, "the same again changes nothing");
        lock.tasks.insert("a:0.1".into(), "sha256:2".into());
        let second = trusted_tasks(&first, &lock, "T2", "E2");
        assert_eq!(
            second[key],
            json!([{"ref": "sha256:2", "effective_on": "T2"},
                   {"ref": "sha256:1", "effective_on": "T1", "expires_on": "E2"}])
        );
    }
}
