//! `sluice-runner unpack`: makes the layers that a run needs, `layers/sha256/HEX/fs`, each checked, unpacked within the
//! sandboxes' user namespace, synced and then put in place by one rename. Any number may be at it for the same layer.
//!
//! Two processes: this one opens blobs and folders, renames, and holds no capability while it waits; its child, root of the
//! user namespace only, reads the archives (`extract`). It must not know where blobs come from.

use crate::error::{Context, Error, Result};
use crate::extract;
use crate::fs;
use crate::launch::drop_privileges;
use crate::spec;
use crate::userns::{self, IdMap};
use crate::wire;
use rustix::fs::{
    AtFlags, Dir, FlockOperation, Gid, Mode, OFlags, RenameFlags, Uid, fchmod, fchown, flock, fsync, renameat_with,
    unlinkat,
};
use rustix::process::{WaitOptions, waitpid};
use serde::{Deserialize, Serialize};
use sluice_api::runner::LayerSpec;
use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

/// Start of the names of folders that are not finished.
const UNFINISHED: &str = ".new-";

/// A layer to be made.
#[derive(Debug)]
struct Layer {
    spec: LayerSpec,
    hex: String,
    blob: File,
    /// Locked while its maker lives.
    folder: OwnedFd,
    name: String,
}

/// What the child says of a layer, by its place.
#[derive(Debug, Serialize, Deserialize)]
enum FromChild {
    /// Complete and on disk.
    Done(usize),
    /// Not made, and why; its folder is empty.
    Failed(usize, String),
    /// An unfinished folder that somebody left behind is empty now.
    Emptied(usize),
}

/// What the child does next.
#[derive(Debug, Serialize, Deserialize)]
enum ToChild {
    Next,
    /// Another was faster: empty the folder.
    Discard,
}

/// Makes the layers that `unpack.json` of the run in `folder` (`runs/ID`) names and that are not there.
///
/// # Errors
/// When a layer could not be made; the message names it. Layers made before it stay.
pub fn unpack(folder: &str) -> Result<()> {
    let id = spec::run_id(folder)?;
    userns::die_with_parent()?;
    rustix::process::umask(Mode::empty());
    let data = fs::data_folder()?;
    let wanted = spec::read_unpack(fs::open_folder(&data, folder)?, id)?;
    let map = IdMap::of_host();
    let layers = fs::make_folders(&data, "layers/sha256", 0o711)?;
    let layers = fs::open_beneath(&layers, ".", OFlags::RDONLY | OFlags::DIRECTORY, 0).doing("opening the layers")?;
    // Only while folders are made and looked for: a fresh one must not seem abandoned before its maker has locked it.
    flock(&layers, FlockOperation::LockExclusive).doing("locking the layers")?;
    let mut missing = Vec::new();
    let mut seen = BTreeSet::new();
    for layer in wanted.layers {
        let hex = spec::digest("diffId", &layer.diff_id)?.to_owned();
        if seen.insert(hex.clone()) && fs::open_folder(&layers, &hex).is_err() {
            missing.push(open(&data, &layers, layer, hex, map)?);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let abandoned = abandoned(&layers)?;
    flock(&layers, FlockOperation::Unlock).doing("unlocking the layers")?;
    let (ours, theirs) = wire::pair()?;
    let child = userns::spawn(map, || child(&missing, &abandoned, &theirs))?;
    drop(theirs);
    drop_privileges()?;
    let outcome = place(&layers, &missing, &abandoned, &ours);
    drop(ours);
    waitpid(Some(child), WaitOptions::empty()).doing("waiting for the unpacking process")?;
    outcome
}

fn open(data: &OwnedFd, layers: &OwnedFd, spec: LayerSpec, hex: String, map: IdMap) -> Result<Layer> {
    let blob = fs::open_beneath(data, &spec.blob, OFlags::RDONLY | OFlags::NONBLOCK, 0)
        .context(|| format!("opening the blob `{}` of layer `{}`", spec.blob, spec.diff_id))?;
    let name = format!("{UNFINISHED}{hex}-{}", std::process::id());
    fs::make_folders(layers, &name, 0o700)?;
    let folder = fs::open_beneath(layers, &name, OFlags::RDONLY | OFlags::DIRECTORY, 0)
        .context(|| format!("opening the folder `{name}`"))?;
    flock(&folder, FlockOperation::NonBlockingLockExclusive).context(|| format!("locking the folder `{name}`"))?;
    let root = map.root();
    fchown(&folder, Some(Uid::from_raw(root)), Some(Gid::from_raw(root)))
        .context(|| format!("giving `{name}` to the sandbox's root"))?;
    // The engine may ask whether a layer is there; nobody but sandboxes may list it.
    fchmod(&folder, Mode::from_raw_mode(0o711)).context(|| format!("setting the mode of `{name}`"))?;
    Ok(Layer { spec, hex, blob: File::from(blob), folder, name })
}

/// Unfinished folders whose maker is gone: nobody holds their lock.
fn abandoned(layers: &OwnedFd) -> Result<Vec<(String, OwnedFd)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(layers).doing("reading the layers")? {
        let entry = entry.doing("reading the layers")?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(UNFINISHED) {
            continue;
        }
        if let Ok(folder) = fs::open_beneath(layers, &name, OFlags::RDONLY | OFlags::DIRECTORY, 0)
            && flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            found.push((name, folder));
        }
    }
    Ok(found)
}

/// Puts finished layers in place as the child tells of them.
fn place(layers: &OwnedFd, missing: &[Layer], abandoned: &[(String, OwnedFd)], socket: &OwnedFd) -> Result<()> {
    let remove = |name: &str| {
        let _ = unlinkat(layers, name, AtFlags::REMOVEDIR);
    };
    let mut failure = None;
    for _ in 0..missing.len() + abandoned.len() {
        let Some((message, _)) = wire::receive::<FromChild>(socket)? else {
            return Err(Error::invalid("the unpacking process was killed; it may have reached a limit of memory"));
        };
        match message {
            FromChild::Emptied(at) => {
                abandoned.get(at).inspect(|(name, _)| remove(name));
            }
            FromChild::Failed(at, message) => {
                if let Some(layer) = missing.get(at) {
                    remove(&layer.name);
                    failure.get_or_insert(format!("layer `{}`: {message}", layer.spec.diff_id));
                }
            }
            FromChild::Done(at) => {
                let layer = missing.get(at).ok_or_else(|| Error::invalid("there is no such layer"))?;
                match renameat_with(layers, &*layer.name, layers, &*layer.hex, RenameFlags::NOREPLACE) {
                    Ok(()) => {
                        fsync(layers).doing("syncing the layers")?;
                        wire::send(socket, &ToChild::Next, &[])?;
                    }
                    Err(rustix::io::Errno::EXIST) => {
                        wire::send(socket, &ToChild::Discard, &[])?;
                        wire::receive::<FromChild>(socket)?;
                        remove(&layer.name);
                    }
                    Err(e) => return Err(e).context(|| format!("putting layer `{}` in place", layer.spec.diff_id)),
                }
            }
        }
    }
    failure.map_or(Ok(()), |message| Err(Error::invalid(message)))
}

/// The child: root of the user namespace, no more.
fn child(missing: &[Layer], abandoned: &[(String, OwnedFd)], socket: &OwnedFd) -> i32 {
    let work = || -> Result<()> {
        extract::bound_memory()?;
        for (at, (_, folder)) in abandoned.iter().enumerate() {
            fs::remove_tree(folder, "fs")?;
            wire::send(socket, &FromChild::Emptied(at), &[])?;
        }
        for (at, layer) in missing.iter().enumerate() {
            match extract::layer(&layer.blob, &layer.spec, layer.folder.as_fd()) {
                Ok(()) => {
                    wire::send(socket, &FromChild::Done(at), &[])?;
                    if let Some((ToChild::Discard, _)) = wire::receive::<ToChild>(socket)? {
                        fs::remove_tree(&layer.folder, "fs")?;
                        wire::send(socket, &FromChild::Emptied(usize::MAX), &[])?;
                    }
                }
                Err(error) => {
                    fs::remove_tree(&layer.folder, "fs")?;
                    let mut message = error.to_string();
                    message.truncate(message.floor_char_boundary(4096));
                    wire::send(socket, &FromChild::Failed(at, message), &[])?;
                }
            }
        }
        Ok(())
    };
    match work() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("sluice-runner: unpacking: {error}");
            1
        }
    }
}
