//! Files reached safely: beneath a folder that is already open, never through a link that somebody else could have put
//! there, and trees removed however deep. It must not know what the files mean.

use crate::error::{Context, Error, Result};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, mkdirat, openat2, renameat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Beneath the folder, and through no link at all.
const STRICT: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
/// Links are followed as if the folder were the root.
const IN_ROOT: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

/// Opens the working folder, which is the data folder.
pub(crate) fn data_folder() -> Result<OwnedFd> {
    rustix::fs::open(".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .doing("opening the data folder")
}

/// Opens `path` beneath `folder` through no link.
pub(crate) fn open_beneath(folder: impl AsFd, path: &str, flags: OFlags, mode: u32) -> rustix::io::Result<OwnedFd> {
    openat2(folder, path, flags | OFlags::CLOEXEC, Mode::from_raw_mode(mode), STRICT)
}

/// Opens a folder beneath `folder` through no link.
pub(crate) fn open_folder(folder: impl AsFd, path: &str) -> Result<OwnedFd> {
    open_beneath(folder, path, OFlags::PATH | OFlags::DIRECTORY, 0).context(|| format!("opening the folder `{path}`"))
}

/// Makes each missing folder of `path` beneath `folder` with `mode`, and opens the last.
pub(crate) fn make_folders(folder: impl AsFd, path: &str, mode: u32) -> Result<OwnedFd> {
    let mut at = rustix::io::dup(folder).doing("duplicating a descriptor")?;
    for part in path.split('/').filter(|p| !p.is_empty()) {
        match mkdirat(&at, part, Mode::from_raw_mode(mode)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(e).context(|| format!("making the folder `{path}`")),
        }
        at = open_folder(&at, part).context_path(path)?;
    }
    Ok(at)
}

trait PathContext<T> {
    fn context_path(self, path: &str) -> Result<T>;
}

impl<T> PathContext<T> for Result<T> {
    fn context_path(self, path: &str) -> Result<T> {
        self.map_err(|error| Error::invalid(format!("`{path}`: {error}")))
    }
}

/// Resolves `path` as a process whose root is `root` would.
pub(crate) fn open_in_root(root: impl AsFd, path: &str, flags: OFlags, mode: u32) -> rustix::io::Result<OwnedFd> {
    openat2(root, path, flags | OFlags::CLOEXEC, Mode::from_raw_mode(mode), IN_ROOT)
}

/// Makes each missing folder of `path` as a process whose root is `root` would, and opens the last.
pub(crate) fn make_folders_in_root(root: BorrowedFd<'_>, path: &str, mode: u32) -> Result<OwnedFd> {
    let mut so_far = String::from(".");
    let mut at = rustix::io::dup(root).doing("duplicating a descriptor")?;
    for part in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
        if part == ".." {
            return Err(Error::invalid(format!("the path `{path}` must not contain `..`")));
        }
        so_far.push('/');
        so_far.push_str(part);
        let open = || open_in_root(root, &so_far, OFlags::PATH | OFlags::DIRECTORY, 0);
        at = match open() {
            Err(Errno::NOENT) => {
                mkdirat(&at, part, Mode::from_raw_mode(mode)).context(|| format!("making `{path}` in the image"))?;
                open()
            }
            other => other,
        }
        .context(|| format!("opening `{path}` in the image"))?;
    }
    Ok(at)
}

/// Reads a whole file of at most `limit` bytes.
pub(crate) fn read_bounded(file: File, limit: u64, what: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).context(|| format!("reading {what}"))?;
    if bytes.len() as u64 > limit {
        return Err(Error::invalid(format!("{what} is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// Removes `name` in `folder` and all in it. Folders found deeper are first moved up, so that neither depth nor the length
/// of a path is a limit.
pub(crate) fn remove_tree(folder: impl AsFd, name: &str) -> Result<()> {
    let folder = folder.as_fd();
    let top = match open_beneath(folder, name, OFlags::RDONLY | OFlags::DIRECTORY, 0) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return unlinkat(folder, name, AtFlags::empty()).context(|| format!("removing `{name}`"));
        }
        Err(e) => return Err(e).context(|| format!("opening `{name}` to remove it")),
    };
    let mut moved = 0u64;
    loop {
        let entries = names(&top)?;
        if entries.is_empty() {
            break;
        }
        for (entry, is_folder) in entries {
            if is_folder {
                empty_folder(&top, &entry, &mut moved)?;
                unlinkat(&top, entry.as_c_str(), AtFlags::REMOVEDIR).context(|| format!("removing {entry:?}"))?;
            } else {
                unlinkat(&top, entry.as_c_str(), AtFlags::empty()).context(|| format!("removing {entry:?}"))?;
            }
        }
    }
    unlinkat(folder, name, AtFlags::REMOVEDIR).context(|| format!("removing `{name}`"))
}

fn empty_folder(top: &OwnedFd, name: &std::ffi::CStr, moved: &mut u64) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(top, name, flags, Mode::empty()).context(|| format!("opening {name:?}"))?;
    for (entry, is_folder) in names(&folder)? {
        if is_folder {
            loop {
                *moved += 1;
                // `renameat` onto an existing empty folder replaces it, which is as good as removing it.
                match renameat(&folder, entry.as_c_str(), top, format!(".removed-{moved}")) {
                    Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                    other => break other.context(|| format!("moving {entry:?} to remove it"))?,
                }
            }
        } else {
            unlinkat(&folder, entry.as_c_str(), AtFlags::empty()).context(|| format!("removing {entry:?}"))?;
        }
    }
    Ok(())
}

fn names(folder: &OwnedFd) -> Result<Vec<(std::ffi::CString, bool)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(folder).doing("reading a folder")? {
        let entry = entry.doing("reading a folder")?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let is_folder = match entry.file_type() {
            FileType::Unknown => {
                let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).doing("reading a folder")?;
                FileType::from_raw_mode(stat.st_mode) == FileType::Directory
            }
            other => other == FileType::Directory,
        };
        found.push((name.to_owned(), is_folder));
    }
    Ok(found)
}

/// Writes a new file in `folder`; one that is there is replaced, never followed.
pub(crate) fn write_new(folder: impl AsFd, name: &str, content: &[u8], mode: u32) -> Result<()> {
    let folder = folder.as_fd();
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(e) => return Err(e).context(|| format!("replacing the file `{name}`")),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    let file = open_beneath(folder, name, flags, mode).context(|| format!("making the file `{name}`"))?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).context(|| format!("setting the mode of `{name}`"))?;
    std::io::Write::write_all(&mut File::from(file), content).context(|| format!("writing the file `{name}`"))
}

/// Anchor for paths relative to the working folder.
pub(crate) fn here() -> BorrowedFd<'static> {
    CWD
}
