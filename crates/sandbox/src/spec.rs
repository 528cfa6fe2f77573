//! Reads and checks `spec.json` and `unpack.json`: every name and path that later becomes part of a path on the host is
//! held to a strict grammar here, so that the rest of the crate may join them. It must not open anything else.

use crate::error::{Error, Result};
use crate::fs;
use rustix::fs::OFlags;
use serde::de::DeserializeOwned;
use sluice_api::runner::{LayerSpec, Mount, RunSpec, StepSpec, UnpackSpec, VERSION, VolumeSource};
use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsFd;

/// A specification carries Secret and ConfigMap volumes, each at most 1 MiB in the API.
const LARGEST_SPEC: u64 = 64 * 1024 * 1024;

/// The run's id, from `runs/ID`.
pub(crate) fn run_id(folder: &str) -> Result<&str> {
    let id = folder.trim_end_matches('/').strip_prefix("runs/").unwrap_or_default();
    name("the run's folder", id).map_err(|_| Error::invalid(format!("`{folder}` is not of the form `runs/ID`")))?;
    Ok(id)
}

/// Reads and checks `spec.json` of the run `id` in its folder.
pub(crate) fn read_run(folder: impl AsFd, id: &str) -> Result<RunSpec> {
    let spec: RunSpec = read(folder, "spec.json")?;
    check_run(&spec, id).map_err(|e| Error::invalid(format!("spec.json of run `{id}`: {e}")))?;
    Ok(spec)
}

/// Reads and checks `unpack.json` of the run `id` in its folder.
pub(crate) fn read_unpack(folder: impl AsFd, id: &str) -> Result<UnpackSpec> {
    let spec: UnpackSpec = read(folder, "unpack.json")?;
    let check = || -> Result<()> {
        version(spec.v)?;
        spec.layers.iter().try_for_each(|LayerSpec { blob, digest: of, diff_id }| {
            relative("blob", blob)?;
            digest("digest", of)?;
            digest("diffId", diff_id).map(|_| ())
        })
    };
    check().map_err(|e| Error::invalid(format!("unpack.json of run `{id}`: {e}")))?;
    Ok(spec)
}

fn read<T: DeserializeOwned>(folder: impl AsFd, file: &str) -> Result<T> {
    let opened = fs::open_beneath(folder, file, OFlags::RDONLY | OFlags::NONBLOCK, 0)
        .map_err(|e| Error::Io { what: format!("opening {file}"), source: e.into() })?;
    let bytes = fs::read_bounded(File::from(opened), LARGEST_SPEC, file)?;
    serde_json::from_slice(&bytes).map_err(|e| Error::invalid(format!("{file} cannot be read: {e}")))
}

fn version(v: u32) -> Result<()> {
    if v == VERSION {
        return Ok(());
    }
    Err(Error::invalid(format!("version {v} is not known to this runner (it knows {VERSION}); update both together")))
}

/// One path component: letters, digits, `.`, `_`, `-`, not starting with a dot.
pub(crate) fn name(field: &str, value: &str) -> Result<()> {
    let good = (1..=253).contains(&value.len())
        && !value.starts_with('.')
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if good { Ok(()) } else { Err(Error::invalid(format!("{field} `{value}` is not a valid name"))) }
}

/// The hexadecimal part of `sha256:...`.
pub(crate) fn digest<'a>(field: &str, value: &'a str) -> Result<&'a str> {
    value
        .strip_prefix("sha256:")
        .filter(|hex| hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        .ok_or_else(|| Error::invalid(format!("{field} `{value}` is not a sha256 digest")))
}

/// A relative path of plain components.
fn relative(field: &str, value: &str) -> Result<()> {
    let good = !value.is_empty()
        && value.len() <= 4096
        && !value.contains('\0')
        && value.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if good { Ok(()) } else { Err(Error::invalid(format!("{field} `{value}` must be a relative path without `..`"))) }
}

fn text(field: &str, value: &str) -> Result<()> {
    if value.contains('\0') {
        return Err(Error::invalid(format!("{field} must not contain a NUL byte")));
    }
    Ok(())
}

fn check_run(spec: &RunSpec, id: &str) -> Result<()> {
    version(spec.v)?;
    if spec.id != id {
        return Err(Error::invalid(format!("id `{}` is not the folder's name", spec.id)));
    }
    name("namespace", &spec.namespace)?;
    name("pod", &spec.pod)?;
    if spec.steps.is_empty() {
        return Err(Error::invalid("steps: there must be at least one"));
    }
    if spec.steps.len() > 256 {
        return Err(Error::invalid("steps: there must be at most 256"));
    }
    if !spec.sidecars.is_empty() {
        return Err(Error::invalid("sidecars: not supported by this runner; run the service in a step"));
    }
    let mut volumes = BTreeSet::new();
    for volume in &spec.volumes {
        name("volumes[].name", &volume.name)?;
        if !volumes.insert(volume.name.as_str()) {
            return Err(Error::invalid(format!("volumes: `{}` is there twice", volume.name)));
        }
        match &volume.source {
            VolumeSource::EmptyDir {} => {}
            VolumeSource::Files { files, .. } => {
                files.keys().try_for_each(|path| relative("files", path))?;
            }
            VolumeSource::Claim { path } => {
                let parts: Vec<&str> = path.split('/').collect();
                match parts.as_slice() {
                    ["volumes", namespace, claim] => {
                        name("claim's namespace", namespace)?;
                        name("claim", claim)?;
                    }
                    _ => return Err(Error::invalid(format!("claim `{path}` is not volumes/NAMESPACE/CLAIM"))),
                }
            }
        }
    }
    spec.results.iter().try_for_each(|result| name("results[]", result))?;
    if let Some(registry) = &spec.registry {
        crate::relay::registry_port(&registry.host)?;
        registry.connect.parse::<std::net::SocketAddr>().map_err(|_| {
            Error::invalid(format!("registry.connect `{}` is not an address and a port", registry.connect))
        })?;
    }
    let mut names = BTreeSet::new();
    for step in &spec.steps {
        check_step(step, &volumes).map_err(|e| Error::invalid(format!("step `{}`: {e}", step.name)))?;
        if !names.insert(step.name.as_str()) {
            return Err(Error::invalid(format!("steps: `{}` is there twice", step.name)));
        }
    }
    Ok(())
}

fn check_step(step: &StepSpec, volumes: &BTreeSet<&str>) -> Result<()> {
    name("name", &step.name)?;
    step.image.layers.iter().try_for_each(|layer| digest("image.layers[]", layer).map(|_| ()))?;
    if step.image.layers.len() > 127 {
        return Err(Error::invalid("image: more than 127 layers"));
    }
    if step.command.is_empty() && step.script.is_none() {
        return Err(Error::invalid("command: empty, and there is no script"));
    }
    step.command.iter().try_for_each(|argument| text("command", argument))?;
    for (key, value) in &step.env {
        text("env", key)?;
        text("env", value)?;
        if key.is_empty() || key.contains('=') {
            return Err(Error::invalid(format!("env: `{key}` is not a name of a variable")));
        }
    }
    text("workingDir", &step.working_dir)?;
    for id in [step.run_as_user, step.run_as_group].into_iter().flatten() {
        if id > 65_535 {
            return Err(Error::invalid(format!("runAsUser/runAsGroup {id}: ids of a sandbox are 0 to 65535")));
        }
    }
    step.results.iter().try_for_each(|result| name("results[]", result))?;
    step.mounts.iter().try_for_each(|mount| check_mount(mount, volumes))
}

/// Folders that the sandbox fills itself and no volume may take.
const OWN: [&str; 8] = [
    "/proc",
    "/sys",
    "/tekton/results",
    "/tekton/run",
    "/tekton/steps",
    "/tekton/scripts",
    "/tekton/creds",
    "/tekton/home",
];

fn check_mount(mount: &Mount, volumes: &BTreeSet<&str>) -> Result<()> {
    if !volumes.contains(mount.volume.as_str()) {
        return Err(Error::invalid(format!("mounts: there is no volume `{}`", mount.volume)));
    }
    if !mount.sub_path.is_empty() {
        relative("mounts[].subPath", mount.sub_path.trim_end_matches('/'))?;
    }
    let Some(path) = mount.path.strip_prefix('/') else {
        return Err(Error::invalid(format!("mounts: `{}` is not an absolute path", mount.path)));
    };
    relative("mounts[].path", path.trim_end_matches('/'))?;
    let inside = |folder: &str| mount.path == folder || mount.path.starts_with(&format!("{folder}/"));
    if OWN.iter().any(|folder| inside(folder)) || mount.path == "/dev" || mount.path == "/tekton" {
        return Err(Error::invalid(format!("mounts: `{}` is filled by the sandbox itself", mount.path)));
    }
    Ok(())
}
