//! Durable steps on a file system: when one returns, a power cut does not undo it. It knows nothing of registries.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Makes folders, each of them durable.
pub(crate) fn create_dirs(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        create_dirs(parent)?;
        match fs::create_dir(path) {
            Ok(()) => sync_dir(parent),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(e) => Err(e),
        }
    } else {
        fs::create_dir_all(path)
    }
}

/// Makes what happened to a folder's names durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Puts a complete, already synced file in its place.
pub(crate) fn place(from: &Path, to: &Path) -> io::Result<()> {
    let parent = to.parent().ok_or_else(|| io::Error::other("a file without a folder"))?;
    create_dirs(parent)?;
    fs::rename(from, to)?;
    sync_dir(parent)
}

/// Writes a small file so that readers see all of it or what was there before.
pub(crate) fn write(scratch: &Path, to: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(scratch)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    let parent = to.parent().ok_or_else(|| io::Error::other("a file without a folder"))?;
    create_dirs(parent)?;
    file.persist(to).map_err(|e| e.error)?;
    sync_dir(parent)
}

/// Removes a file; false if there was none.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => {
            if let Some(parent) = path.parent() {
                sync_dir(parent)?;
            }
            Ok(true)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// Reads a small file; none if there is none.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The names in a folder; none if it does not exist.
pub(crate) fn names(path: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}
