//! The data folder: who owns what in it, one supervisor at a time, and whole files or none. After `enter` it is the
//! working folder, and every program names its files relative to it: parents of it need not be open to their ids.

use super::{CONTROL_PLANE_ID, OBSERVER_ID};
use crate::error::{CliError, Context, Exit, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

const LOCK: &str = "supervisor.lock";

/// Each folder with its mode and owner.
const FOLDERS: [(&str, u32, u32); 6] = [
    ("control", 0o700, CONTROL_PLANE_ID),
    ("observer", 0o700, OBSERVER_ID),
    ("runs", 0o711, CONTROL_PLANE_ID),
    ("layers", 0o711, 0),
    ("logs", 0o755, CONTROL_PLANE_ID),
    ("volumes", 0o711, CONTROL_PLANE_ID),
];

/// Makes the folder and makes it the working folder of this process.
///
/// # Errors
/// When it cannot be made or entered.
pub fn enter(folder: &Path) -> Result<()> {
    let what = || format!("`--data-dir {}`", folder.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(|e| unusable(&what(), &e))?;
    std::env::set_current_dir(folder).map_err(|e| unusable(&what(), &e))?;
    // A folder made by `mktemp -d` is closed to the two ids that work in it.
    let mode = std::fs::metadata(".").map_err(|e| unusable(&what(), &e))?.permissions().mode();
    std::fs::set_permissions(".", std::fs::Permissions::from_mode(mode | 0o711)).map_err(|e| unusable(&what(), &e))
}

fn unusable(what: &str, error: &std::io::Error) -> CliError {
    CliError::usage(format!("{what}: {error}")).hint("name a folder that this user may read and write")
}

/// Takes the folder for this process: the returned file is the lock, held until it is closed or the process ends.
///
/// # Errors
/// When another supervisor has it; the message names its process.
pub fn lock() -> Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .open(LOCK)
        .context(Exit::Usage, format!("opening `{LOCK}` in the data folder"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = holder(&mut file).map_or("an unknown process".into(), |pid| format!("process {pid}"));
            return Err(CliError::usage(format!("this data folder is in use: `sluice up` runs on it as {pid}"))
                .hint("`sluice status --data-dir DIR` says what runs there; `sluice down --data-dir DIR` ends it"));
        }
        Err(TryLockError::Error(e)) => return Err(CliError::usage(format!("locking `{LOCK}`: {e}"))),
    }
    file.set_len(0).context(Exit::Usage, format!("writing `{LOCK}`"))?;
    write!(file, "{}", std::process::id()).context(Exit::Usage, format!("writing `{LOCK}`"))?;
    Ok(file)
}

/// The process that holds the folder, if one does.
///
/// # Errors
/// When the folder cannot be read.
pub fn running(folder: &Path) -> Result<Option<u32>> {
    let path = folder.join(LOCK);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && folder.is_dir() => return Ok(None),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(CliError::usage(format!("`--data-dir {}` does not exist", folder.display())).hint(format!(
                "`sluice up --data-dir {}` makes it, or name the one that was given to `up`",
                folder.display()
            )));
        }
        Err(e) => return Err(unusable(&format!("`--data-dir {}`", folder.display()), &e)),
    };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Ok(holder(&mut file)),
        _ => Ok(None),
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Makes the folders, each with its owner. Idempotent.
///
/// # Errors
/// When one cannot be made.
pub fn prepare() -> Result<()> {
    for (name, mode, owner) in FOLDERS {
        let what = || format!("making `{name}` in the data folder");
        match std::fs::DirBuilder::new().mode(mode).create(name) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            other => other.context(Exit::Usage, what())?,
        }
        let found = std::fs::symlink_metadata(name).context(Exit::Usage, what())?;
        if !found.is_dir() {
            return Err(CliError::usage(format!("`{name}` in the data folder is not a folder"))
                .hint("name a folder that `sluice up` made, or one that is empty"));
        }
        chown(name, Some(owner), Some(owner)).context(Exit::Usage, what())?;
        std::fs::set_permissions(name, std::fs::Permissions::from_mode(mode)).context(Exit::Usage, what())?;
    }
    Ok(())
}

/// Writes a file whole or not at all, with its mode and owner from the first byte on.
///
/// # Errors
/// When it cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32, owner: Option<u32>) -> Result<()> {
    let what = || format!("writing `{}`", path.display());
    let temporary = path.with_extension("tmp");
    match std::fs::remove_file(&temporary) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(CliError::usage(format!("{}: {e}", what()))),
        _ => {}
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary).context(Exit::Usage, what())?;
    if let Some(id) = owner {
        std::os::unix::fs::fchown(&file, Some(id), Some(id)).context(Exit::Usage, what())?;
    }
    file.write_all(bytes).and_then(|()| file.sync_all()).context(Exit::Usage, what())?;
    std::fs::rename(&temporary, path).context(Exit::Usage, what())
}
