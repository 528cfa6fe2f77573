//! Unpacks archives of anyone into a folder, and nothing outside of it. `examine` reads an archive to its end by the
//! same rules without touching the disk; `extract` is only for archives that passed it, and checks again.

use crate::archive::Limits;
use crate::error::{Error, Result};
use crate::skip::MARKER;
use flate2::read::MultiGzDecoder;
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};
use tar::EntryType;

const MAX_PATH: usize = 4096;

/// What an entry is, once it is allowed.
enum Kind {
    Folder,
    File,
    Symlink(PathBuf),
    /// To a file unpacked before.
    Hardlink(PathBuf),
}

/// Reads the whole archive and refuses what must not be unpacked. Nothing is written.
pub fn examine(archive: impl Read, limits: &Limits) -> Result<()> {
    let mut seen = Seen::default();
    each(archive, limits, &mut seen, |_, _, content| {
        io::copy(content, &mut io::sink()).map(|_| ()).map_err(Error::Archive)
    })
}

/// Unpacks an archive into `folder`, which must exist. Set-id bits are dropped; times are restored, owners are not.
pub fn extract(archive: impl Read, folder: &Path, limits: &Limits) -> Result<()> {
    let mut seen = Seen::default();
    let mut folders: Vec<(PathBuf, u32)> = Vec::new();
    each(archive, limits, &mut seen, |entry, kind, content| {
        let path = folder.join(&entry.path);
        let disk = || Error::file(&path);
        parents(folder, &entry.path)?;
        match kind {
            Kind::Folder => {
                match fs::symlink_metadata(&path) {
                    Ok(metadata) if metadata.is_dir() => {}
                    _ => fs::create_dir(&path).map_err(disk())?,
                }
                // Writable until everything is in it.
                fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(disk())?;
                folders.push((path, entry.mode));
            }
            Kind::File => {
                replace(&path)?;
                let mut options = OpenOptions::new();
                let mut file = options.write(true).create_new(true).mode(0o600).open(&path).map_err(disk())?;
                let copied = io::copy(content, &mut file).map_err(disk())?;
                if copied != entry.size {
                    return Err(Error::Archive(io::Error::from(io::ErrorKind::UnexpectedEof)));
                }
                finish(&mut file, entry).map_err(disk())?;
            }
            Kind::Symlink(target) => {
                replace(&path)?;
                std::os::unix::fs::symlink(target, &path).map_err(disk())?;
            }
            Kind::Hardlink(target) => {
                parents(folder, &target)?;
                let target = folder.join(target);
                let original = fs::symlink_metadata(&target).map_err(Error::file(&target))?;
                if !original.is_file() {
                    return Err(Error::hostile(&entry.path, "a hard link to something that is not a file"));
                }
                replace(&path)?;
                fs::hard_link(&target, &path).map_err(disk())?;
            }
        }
        Ok(())
    })?;
    // Deepest first, since a folder may be closed to its owner.
    for (path, mode) in folders.into_iter().rev() {
        fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(Error::file(&path))?;
    }
    Ok(())
}

struct Entry {
    path: PathBuf,
    mode: u32,
    size: u64,
    mtime: u64,
}

/// What earlier entries made, for rules about later ones.
#[derive(Default)]
struct Seen {
    symlinks: HashSet<PathBuf>,
    files: HashSet<PathBuf>,
}

fn each(
    archive: impl Read,
    limits: &Limits,
    seen: &mut Seen,
    mut visit: impl FnMut(&Entry, Kind, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    // Compressed zeros are cheap to send: the limit is on what comes out, headers included.
    let most = limits.content_bytes.saturating_add(limits.entries.saturating_mul(1024));
    let plain = Bounded { inner: MultiGzDecoder::new(archive), left: most };
    let mut archive = tar::Archive::new(plain);
    let (mut entries, mut bytes) = (0u64, 0u64);
    for entry in archive.entries().map_err(Error::Archive)? {
        let mut entry = entry.map_err(Error::Archive)?;
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            continue;
        }
        entries += 1;
        let raw = entry.path().map_err(Error::Archive)?.into_owned();
        let size = entry.size();
        bytes = bytes.saturating_add(size);
        if entries > limits.entries || bytes > limits.content_bytes {
            return Err(Error::hostile(&raw, "the archive is larger than an artifact may be"));
        }
        let Some(path) = relative(&raw).map_err(|problem| Error::hostile(&raw, problem))? else { continue };
        if path.components().any(|c| c.as_os_str() == MARKER) {
            return Err(Error::hostile(&path, "its name is reserved for a marker"));
        }
        if path.ancestors().skip(1).any(|a| seen.symlinks.contains(a)) {
            return Err(Error::hostile(&path, "its folder is a symbolic link of the same archive"));
        }
        let link = entry.link_name().map_err(Error::Archive)?.map(|l| l.into_owned());
        let kind = match kind {
            EntryType::Directory if seen.symlinks.contains(&path) || seen.files.contains(&path) => {
                return Err(Error::hostile(&path, "a folder in place of an earlier file or link"));
            }
            EntryType::Directory => Kind::Folder,
            EntryType::Regular => Kind::File,
            EntryType::Symlink => {
                let target = link.ok_or_else(|| Error::hostile(&path, "a symbolic link to nowhere"))?;
                check_symlink(&path, &target).map_err(|problem| Error::hostile(&path, problem))?;
                Kind::Symlink(target)
            }
            EntryType::Link => {
                let target = link.ok_or_else(|| Error::hostile(&path, "a hard link to nowhere"))?;
                let target = relative(&target).map_err(|problem| Error::hostile(&path, problem))?;
                match target {
                    Some(target) if seen.files.contains(&target) && target != path => Kind::Hardlink(target),
                    _ => {
                        return Err(Error::hostile(
                            &path,
                            "a hard link to something that is not an earlier file of the archive",
                        ));
                    }
                }
            }
            EntryType::Block | EntryType::Char => return Err(Error::hostile(&path, "a device node")),
            EntryType::Fifo => return Err(Error::hostile(&path, "a named pipe")),
            other => return Err(Error::hostile(&path, format!("an entry of kind {other:?}"))),
        };
        match &kind {
            Kind::Symlink(_) => {
                seen.files.remove(&path);
                seen.symlinks.insert(path.clone());
            }
            Kind::File | Kind::Hardlink(_) => {
                seen.symlinks.remove(&path);
                seen.files.insert(path.clone());
            }
            Kind::Folder => {}
        }
        let mode = entry.header().mode().map_err(Error::Archive)? & 0o777;
        let mtime = entry.header().mtime().map_err(Error::Archive)?;
        visit(&Entry { path, mode, size, mtime }, kind, &mut entry)?;
    }
    // What follows the archive's end is read too, so that a cut-off or oversized stream is noticed.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(|_| ()).map_err(Error::Archive)
}

/// A name in the archive as a path below its folder; none for the folder itself.
fn relative(path: &Path) -> std::result::Result<Option<PathBuf>, &'static str> {
    if path.as_os_str().len() > MAX_PATH {
        return Err("its name is too long");
    }
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => return Err("its name leads out of the folder (`..`)"),
            Component::RootDir | Component::Prefix(_) => return Err("its name is absolute"),
        }
    }
    Ok((!clean.as_os_str().is_empty()).then_some(clean))
}

/// A symbolic link may point only to what is below the archive's folder, by its text alone.
pub(crate) fn check_symlink(name: &Path, target: &Path) -> std::result::Result<(), &'static str> {
    if target.as_os_str().is_empty() || target.as_os_str().len() > MAX_PATH {
        return Err("a symbolic link whose target is empty or too long");
    }
    let parent = relative(name)?.as_deref().and_then(Path::parent).map_or(0, |p| p.components().count());
    let mut depth = parent;
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(_) => depth += 1,
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir => return Err("a symbolic link that leads out of the folder"),
            Component::RootDir | Component::Prefix(_) => return Err("a symbolic link to an absolute path"),
        }
    }
    Ok(())
}

/// Makes the folders above an entry, each of them a real folder.
fn parents(folder: &Path, path: &Path) -> Result<()> {
    let mut at = folder.to_owned();
    for component in path.parent().into_iter().flat_map(Path::components) {
        at.push(component);
        match fs::symlink_metadata(&at) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(Error::hostile(path, "its folder is not a folder")),
            Err(e) if e.kind() == io::ErrorKind::NotFound => fs::create_dir(&at).map_err(Error::file(&at))?,
            Err(e) => return Err(Error::file(&at)(e)),
        }
    }
    Ok(())
}

/// A later entry of the same name counts, as in tar; a folder is not replaced.
fn replace(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::file(path)(e)),
        _ => Ok(()),
    }
}

fn finish(file: &mut File, entry: &Entry) -> io::Result<()> {
    file.flush()?;
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(entry.mtime)).unwrap_or(SystemTime::UNIX_EPOCH);
    file.set_modified(time)?;
    file.set_permissions(Permissions::from_mode(entry.mode))
}

struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other("it is larger than an artifact may be"))?;
        Ok(read)
    }
}
