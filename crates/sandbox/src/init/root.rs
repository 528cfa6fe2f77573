//! The step's root: an overlay of the image's layers with a fresh upper folder, the shared folders of the run, volumes,
//! /tekton, and the few files that every container has. It must not follow a link of the image or of a step out of it.

use super::dev;
use super::identity::User;
use super::mounts::{self, PLAIN, READ_ONLY};
use super::own;
use crate::error::{Context, Error, Result};
use crate::fs;
use crate::monitor::Run;
use crate::spec;
use base64::Engine as _;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, chownat, mkdirat};
use rustix::mount::{MountAttrFlags, MountFlags, MountPropagationFlags, UnmountFlags};
use sluice_api::runner::{Mount, RegistryAccess, RunSpec, StepSpec, VolumeSource};
use sluice_api::witness::Network;
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Builds the root and returns it open.
pub(super) fn build(run: &Run, index: usize, step: &StepSpec) -> Result<OwnedFd> {
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .doing("parting the sandbox's mounts from the host's")?;
    // By path, not by the monitor's descriptors: only what is opened in this mount namespace can be mounted in it. The
    // working folder is the data folder.
    let sandbox = format!("runs/{}/sandbox", run.spec.id);
    let root = overlay(&sandbox, index, step)?;
    let shared = fs::open_folder(fs::here(), &sandbox)?;
    let bind = |source: &str, attributes, target: &str| -> Result<()> {
        let source = fs::open_folder(&shared, source)?;
        mounts::attach_folder(&mounts::clone_of(source, attributes)?, root.as_fd(), target)
    };
    if !step.mounts.iter().any(|mount| mount.path.trim_end_matches('/') == "/workspace") {
        bind("workspace", PLAIN, "workspace")?;
    }
    let mut volumes: Vec<&Mount> = step.mounts.iter().collect();
    // A folder before what is mounted in it.
    volumes.sort_by_key(|mount| mount.path.split('/').filter(|part| !part.is_empty()).count());
    for mount in volumes {
        volume(&run.spec, &shared, root.as_fd(), mount)
            .map_err(|e| Error::invalid(format!("mounting volume `{}` at `{}`: {e}", mount.volume, mount.path)))?;
    }
    // After the volumes, so that none can lie over these.
    bind("results", PLAIN, "tekton/results")?;
    bind("home", PLAIN, "tekton/home")?;
    bind("scripts", READ_ONLY, "tekton/scripts")?;
    bind("steps", READ_ONLY, "tekton/steps")?;
    bind(&format!("steps/step-{}", step.name), PLAIN, &format!("tekton/steps/step-{}", step.name))?;
    bind("run", READ_ONLY, "tekton/run")?;
    bind(&format!("run/{index}"), PLAIN, &format!("tekton/run/{index}"))?;
    dev::mount(root.as_fd())?;
    Ok(root)
}

/// Mounts the overlay and opens its root.
fn overlay(sandbox: &str, index: usize, step: &StepSpec) -> Result<OwnedFd> {
    let open = |path: &str| fs::open_folder(fs::here(), path);
    let own_folder = |part: &str| open(&format!("{sandbox}/boxes/{index}/{part}"));
    let mut lower = Vec::new();
    for layer in step.image.layers.iter().rev() {
        let hex = spec::digest("layer", layer)?;
        lower.push(open(&format!("layers/sha256/{hex}/fs")).map_err(|error| {
            Error::invalid(format!("layer `{layer}` of image `{}` is not unpacked: {error}", step.image.reference))
        })?);
    }
    if lower.is_empty() {
        lower.push(open(&format!("{sandbox}/empty"))?);
    }
    let (upper, work, point) = (own_folder("upper")?, own_folder("work")?, own_folder("root")?);
    // Descriptors keep the option string short: it must fit in a page.
    let lower: Vec<String> = lower.iter().map(own).zip(&lower).map(|(path, _)| path).collect();
    let options =
        format!("lowerdir={},upperdir={},workdir={},userxattr,volatile", lower.join(":"), own(&upper), own(&work));
    let options = CString::new(options).map_err(|_| Error::invalid("an option of the overlay has a NUL byte"))?;
    let flags = MountFlags::NODEV | MountFlags::NOATIME;
    rustix::mount::mount("sluice", own(&point), "overlay", flags, options.as_c_str()).doing(
        "mounting the image (the data folder must be on a file system that can be an overlay's upper layer, e.g. ext4, xfs or btrfs)",
    )?;
    // Opened by path: the descriptor still names what lies beneath the new mount.
    open(&format!("{sandbox}/boxes/{index}/root"))
}

fn volume(spec: &RunSpec, shared: &OwnedFd, root: BorrowedFd<'_>, mount: &Mount) -> Result<()> {
    let volume = spec
        .volumes
        .iter()
        .find(|volume| volume.name == mount.volume)
        .ok_or_else(|| Error::invalid("there is no such volume"))?;
    let (folder, attributes) = match &volume.source {
        VolumeSource::EmptyDir {} => (fs::open_folder(shared, &format!("volumes/{}", volume.name))?, PLAIN),
        VolumeSource::Files { .. } => (fs::open_folder(shared, &format!("volumes/{}", volume.name))?, READ_ONLY),
        VolumeSource::Claim { path } => (fs::open_folder(fs::here(), path)?, PLAIN),
    };
    let attributes = if mount.read_only { READ_ONLY } else { attributes };
    let source =
        if mount.sub_path.is_empty() { folder } else { sub_path(&folder, mount.sub_path.trim_end_matches('/'))? };
    let stat = rustix::fs::fstat(&source).doing("looking at the volume")?;
    let tree = mounts::clone_of(&source, attributes)?;
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFDIR => mounts::attach_folder(&tree, root, &mount.path),
        libc::S_IFREG => mounts::attach_file(&tree, root, &mount.path),
        _ => Err(Error::invalid("the subPath is neither a folder nor a regular file")),
    }
}

/// The sub-path beneath the volume; a folder made if absent. Links are refused: a step could have planted them.
fn sub_path(folder: &OwnedFd, path: &str) -> Result<OwnedFd> {
    match fs::open_beneath(folder, path, OFlags::PATH, 0) {
        Ok(found) => Ok(found),
        Err(rustix::io::Errno::NOENT) => {
            let made = fs::make_folders(folder, path, 0o755)?;
            let readable = fs::open_beneath(&made, ".", OFlags::RDONLY | OFlags::DIRECTORY, 0)
                .context(|| format!("opening the subPath `{path}`"))?;
            rustix::fs::fchmod(&readable, Mode::from_raw_mode(0o777))
                .context(|| format!("opening the subPath `{path}` to all users"))?;
            Ok(made)
        }
        Err(e) => Err(e).context(|| format!("opening the subPath `{path}`, which must not lead through a link")),
    }
}

/// What depends on the user: files that every container has, credentials, the working folder.
pub(super) fn finish(spec: &RunSpec, step: &StepSpec, root: BorrowedFd<'_>, user: &User) -> Result<()> {
    let mut names = String::from("localhost");
    if let Some(registry) = &spec.registry
        && let Some((host, _)) = registry.host.rsplit_once(':')
        && host.parse::<std::net::IpAddr>().is_err()
        && host != "localhost"
    {
        names = format!("{names} {host}");
    }
    let pod = super::short_host_name(&spec.pod);
    etc(root, "hosts", &format!("127.0.0.1\t{names}\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t{pod}\n"))?;
    etc(root, "resolv.conf", "")?;
    etc(root, "hostname", &format!("{pod}\n"))?;
    match mkdirat(root, "tmp", Mode::from_raw_mode(0o1777)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(e) => return Err(e).doing("making /tmp"),
    }
    if let Some(registry) = &spec.registry
        && step.network != Network::None
    {
        credentials(root, registry, user)?;
    }
    let folder = working_folder(step);
    if fs::open_in_root(root, &format!("./{folder}"), OFlags::PATH | OFlags::DIRECTORY, 0).is_err() {
        let made = fs::make_folders_in_root(root, &folder, 0o755)?;
        give(&made, user).context(|| format!("making the working folder `{folder}`"))?;
    }
    Ok(())
}

/// The working folder; relative ones are beneath /workspace, as in Tekton.
pub(super) fn working_folder(step: &StepSpec) -> String {
    if step.working_dir.starts_with('/') {
        step.working_dir.clone()
    } else {
        format!("/workspace/{}", step.working_dir)
    }
}

fn give(path: &OwnedFd, user: &User) -> rustix::io::Result<()> {
    chownat(path, "", Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)), AtFlags::EMPTY_PATH)
}

fn etc(root: BorrowedFd<'_>, name: &str, content: &str) -> Result<()> {
    let context = || format!("writing /etc/{name} in the image");
    fs::make_folders_in_root(root, "etc", 0o755)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NONBLOCK;
    let path = format!("etc/{name}");
    // A dangling link (resolv.conf is often one) gives way to a file.
    let file = match fs::open_in_root(root, &path, flags, 0o644) {
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP) => {
            rustix::fs::unlinkat(root, path.as_str(), AtFlags::empty()).context(context)?;
            fs::open_in_root(root, &path, flags, 0o644)
        }
        other => other,
    };
    File::from(file.context(context)?).write_all(content.as_bytes()).context(context)
}

/// The registry credential, in memory only, readable by the step's user only.
fn credentials(root: BorrowedFd<'_>, registry: &RegistryAccess, user: &User) -> Result<()> {
    let flags =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let memory = mounts::new("tmpfs", &[("mode", "0755"), ("size", "1m")], flags)?;
    mounts::attach_folder(&memory, root, "tekton/creds")?;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", registry.username, registry.password));
    let config = serde_json::json!({ "auths": { registry.host.as_str(): { "auth": auth } } });
    let folder = fs::make_folders(&memory, ".docker", 0o700)?;
    fs::write_new(&folder, "config.json", config.to_string().as_bytes(), 0o600)?;
    let file = fs::open_beneath(&folder, "config.json", OFlags::PATH, 0).doing("opening the registry credential")?;
    give(&file, user).and_then(|()| give(&folder, user)).doing("giving the registry credential to the step's user")?;
    fs::write_new(&memory, "registries.conf", registry.registries_conf.as_bytes(), 0o644)
}

/// Makes `root` the root and lets go of the host's.
pub(super) fn enter(root: OwnedFd) -> Result<()> {
    rustix::process::fchdir(&root).doing("entering the sandbox's root")?;
    rustix::process::pivot_root(".", ".").doing("changing the root")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).doing("letting go of the host's root")?;
    rustix::process::chdir("/").doing("entering the sandbox's root")
}
