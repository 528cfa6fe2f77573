//! Reads one layer's archive into a folder. The archive is hostile: every path is resolved beneath the folder, sizes and
//! numbers are bounded, devices are left out, and both digests are checked before anybody uses the layer. It runs as root of
//! the sandboxes' user namespace and must not need any other right.

use crate::error::{Context, Error, Result};
use crate::fs;
use flate2::read::MultiGzDecoder;
use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fsetxattr, linkat, mkdirat,
    mknodat, openat, symlinkat, syncfs, unlinkat, utimensat,
};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};
use sha2::{Digest, Sha256};
use sluice_api::runner::LayerSpec;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use tar::{Archive, Entry, EntryType};

/// Most bytes of one layer, unpacked.
const LARGEST_LAYER: u64 = 32 << 30;
/// Most entries of one layer.
const MOST_ENTRIES: u64 = 2_000_000;
/// Memory of the unpacking process; a header that wants more ends it.
const MEMORY: u64 = 512 << 20;
/// Marks a folder that hides what lower layers have in it.
const OPAQUE: &str = "user.overlay.opaque";

/// Bounds the memory of this process.
pub(crate) fn bound_memory() -> Result<()> {
    let limit = Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
    setrlimit(Resource::As, limit).doing("bounding the memory of the unpacking process")
}

/// Unpacks `blob` to `fs` in `folder` and syncs it.
pub(crate) fn layer(blob: &File, spec: &LayerSpec, folder: BorrowedFd<'_>) -> Result<()> {
    let mut blob = blob;
    let digest = digest_of(&mut blob)?;
    if digest != spec.digest {
        return Err(Error::invalid(format!("the blob `{}` has digest {digest}, not {}", spec.blob, spec.digest)));
    }
    blob.rewind().doing("reading the blob again")?;
    let mut magic = [0u8; 4];
    let mut start = Vec::new();
    Read::by_ref(&mut blob).take(4).read_to_end(&mut start).doing("reading the blob")?;
    magic[..start.len()].copy_from_slice(&start);
    blob.rewind().doing("reading the blob again")?;
    let root = fs::make_folders(folder, "fs", 0o755)?;
    let plain: Box<dyn Read + '_> = match magic {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, blob))),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            return Err(Error::invalid(
                "compressed with zstd, which is not supported; push the image with gzip layers",
            ));
        }
        _ => Box::new(BufReader::with_capacity(1 << 16, blob)),
    };
    let mut hashed = Hashed { inner: plain.take(LARGEST_LAYER + 1), hash: Sha256::new(), count: 0 };
    Unpacker::new(root.as_fd()).all(&mut hashed)?;
    // What follows the archive's end counts for the digest too.
    std::io::copy(&mut hashed, &mut std::io::sink()).doing("reading the archive")?;
    if hashed.count > LARGEST_LAYER {
        return Err(Error::invalid(format!("larger than {LARGEST_LAYER} bytes unpacked")));
    }
    let diff_id = format!("sha256:{}", hex::encode(hashed.hash.finalize()));
    if diff_id != spec.diff_id {
        return Err(Error::invalid(format!("the archive has digest {diff_id}, which is not the image's diff id")));
    }
    let readable =
        fs::open_beneath(&root, ".", OFlags::RDONLY | OFlags::DIRECTORY, 0).doing("opening the unpacked layer")?;
    syncfs(readable).doing("syncing the layer")
}

fn digest_of(reader: &mut impl Read) -> Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 1 << 17];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(format!("sha256:{}", hex::encode(hash.finalize()))),
            Ok(length) => hash.update(buffer.get(..length).unwrap_or_default()),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e).doing("reading the blob"),
        }
    }
}

/// Counts and digests what passes.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
    count: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..length).unwrap_or_default());
        self.count += length as u64;
        if self.count > LARGEST_LAYER {
            return Err(std::io::Error::other(format!("larger than {LARGEST_LAYER} bytes unpacked")));
        }
        Ok(length)
    }
}

struct Unpacker<'a> {
    root: BorrowedFd<'a>,
    /// The last parent folder, which most often is the next one too.
    parent: Option<(Vec<u8>, OwnedFd)>,
    /// Times of folders, set last because filling a folder changes them.
    folder_times: Vec<(Vec<u8>, u64)>,
    buffer: Vec<u8>,
}

impl<'a> Unpacker<'a> {
    fn new(root: BorrowedFd<'a>) -> Self {
        Self { root, parent: None, folder_times: Vec::new(), buffer: vec![0; 1 << 17] }
    }

    fn all(&mut self, archive: impl Read) -> Result<()> {
        let mut archive = Archive::new(archive);
        for (count, entry) in (1..).zip(archive.entries().doing("reading the archive")?) {
            if count > MOST_ENTRIES {
                return Err(Error::invalid(format!("more than {MOST_ENTRIES} entries")));
            }
            let mut entry = entry.doing("reading the archive")?;
            let path = entry.path_bytes().into_owned();
            self.one(&path, &mut entry).map_err(|error| {
                Error::invalid(format!("entry `{}`: {error}", String::from_utf8_lossy(&path).escape_debug()))
            })?;
        }
        for (path, time) in std::mem::take(&mut self.folder_times).into_iter().rev() {
            let _ = utimensat(self.root, OsStr::from_bytes(&path), &times(time), AtFlags::SYMLINK_NOFOLLOW);
        }
        Ok(())
    }

    fn one<R: Read>(&mut self, path: &[u8], entry: &mut Entry<'_, R>) -> Result<()> {
        let header = entry.header().clone();
        let kind = header.entry_type();
        let meta = Meta::of(&header)?;
        let clean = clean(path)?;
        let Some((parent_path, name)) = split(&clean) else {
            // The root itself.
            return meta.set(self.root, b".", kind == EntryType::Directory);
        };
        let parent = self.parent(parent_path)?;
        if let Some(hidden) = name.strip_prefix(b".wh.") {
            return whiteout(&parent, hidden);
        }
        match kind {
            EntryType::Directory => {
                self.folder_times.push((clean.clone(), meta.time));
                folder(&parent, name)?;
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let file = create(&parent, name)?;
                self.copy(entry, file)?;
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().ok_or_else(|| Error::invalid("a hard link without a target"))?;
                let target = self::clean(&target)?;
                let (folder, file) = split(&target).ok_or_else(|| Error::invalid("a hard link to the root"))?;
                let from = self.parent_existing(folder)?;
                remove(&parent, name)?;
                return linkat(&from, OsStr::from_bytes(file), &parent, OsStr::from_bytes(name), AtFlags::empty())
                    .doing("making a hard link (its target must be in the same layer)");
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().ok_or_else(|| Error::invalid("a link without a target"))?;
                remove(&parent, name)?;
                symlinkat(OsStr::from_bytes(&target), &parent, OsStr::from_bytes(name)).doing("making a link")?;
            }
            EntryType::Fifo => {
                remove(&parent, name)?;
                let mode = Mode::from_raw_mode(0o600);
                mknodat(&parent, OsStr::from_bytes(name), rustix::fs::FileType::Fifo, mode, 0)
                    .doing("making a pipe")?;
            }
            // Devices would not work in a sandbox; what else there is has no place in an image.
            _ => return Ok(()),
        }
        meta.set(parent.as_fd(), name, kind != EntryType::Symlink)
    }

    fn copy(&mut self, from: &mut impl Read, mut to: File) -> Result<()> {
        loop {
            match from.read(&mut self.buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => to.write_all(self.buffer.get(..length).unwrap_or_default()).doing("writing the file")?,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e).doing("reading the archive"),
            }
        }
    }

    /// The folder `path`, made if absent, with links of the layer followed within it.
    fn parent(&mut self, path: &[u8]) -> Result<OwnedFd> {
        if let Some((known, folder)) = &self.parent
            && known == path
        {
            return rustix::io::dup(folder).doing("duplicating a descriptor");
        }
        let folder = self.parent_existing(path).or_else(|_| {
            let path = std::str::from_utf8(path).map_err(|_| Error::invalid("its folder is not there"))?;
            fs::make_folders_in_root(self.root, path, 0o755)
        })?;
        let copy = rustix::io::dup(&folder).doing("duplicating a descriptor")?;
        self.parent = Some((path.to_vec(), folder));
        Ok(copy)
    }

    fn parent_existing(&self, path: &[u8]) -> Result<OwnedFd> {
        let mut relative = b"./".to_vec();
        relative.extend_from_slice(path);
        let resolve = rustix::fs::ResolveFlags::IN_ROOT | rustix::fs::ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat2(self.root, OsStr::from_bytes(&relative), flags, Mode::empty(), resolve)
            .doing("opening its folder")
    }
}

/// Owner, mode and time of an entry.
struct Meta {
    uid: u32,
    gid: u32,
    mode: u32,
    time: u64,
}

impl Meta {
    fn of(header: &tar::Header) -> Result<Self> {
        let id = |id: std::io::Result<u64>, what: &str| -> Result<u32> {
            let id = id.doing("reading the entry's owner")?;
            u32::try_from(id)
                .ok()
                .filter(|id| *id <= 65_535)
                .ok_or_else(|| Error::invalid(format!("its {what} is {id}; ids of a sandbox are 0 to 65535")))
        };
        Ok(Self {
            uid: id(header.uid(), "owner")?,
            gid: id(header.gid(), "group")?,
            mode: header.mode().doing("reading the entry's mode")? & 0o7777,
            time: header.mtime().unwrap_or(0),
        })
    }

    /// The owner first: changing it clears the set-id bits.
    fn set(&self, parent: BorrowedFd<'_>, name: &[u8], with_mode: bool) -> Result<()> {
        let name = OsStr::from_bytes(name);
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).doing("setting the owner")?;
        if with_mode {
            // Nobody else writes here, so the name still is what was just made.
            chmodat(parent, name, Mode::from_raw_mode(self.mode), AtFlags::empty()).doing("setting the mode")?;
        }
        utimensat(parent, name, &times(self.time), AtFlags::SYMLINK_NOFOLLOW).doing("setting the time")
    }
}

fn times(seconds: u64) -> Timestamps {
    let time = Timespec { tv_sec: i64::try_from(seconds).unwrap_or(0), tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

/// A relative path without `.` and empty parts; `..` is refused. Empty for the root.
fn clean(path: &[u8]) -> Result<Vec<u8>> {
    if path.len() > 4096 || path.contains(&0) {
        return Err(Error::invalid("its name is not a path"));
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for component in Path::new(OsStr::from_bytes(path)).components() {
        match component {
            Component::Normal(part) => parts.push(part.as_bytes()),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(Error::invalid("`..` in a path")),
        }
    }
    Ok(parts.join(&b'/'))
}

fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.is_empty() {
        return None;
    }
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => Some((path.get(..at)?, path.get(at + 1..)?)),
        None => Some((b"", path)),
    }
}

fn kind_of(parent: &OwnedFd, name: &[u8]) -> Option<u32> {
    let stat = rustix::fs::statat(parent, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(stat.st_mode & libc::S_IFMT)
}

/// Removes what has the name, unless it is a folder.
fn remove(parent: &OwnedFd, name: &[u8]) -> Result<()> {
    match unlinkat(parent, OsStr::from_bytes(name), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(e) => Err(e).doing("replacing what has the same name"),
    }
}

fn create(parent: &OwnedFd, name: &[u8]) -> Result<File> {
    remove(parent, name)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(parent, OsStr::from_bytes(name), flags, Mode::from_raw_mode(0o600)).doing("making the file")?;
    Ok(File::from(file))
}

fn folder(parent: &OwnedFd, name: &[u8]) -> Result<()> {
    let kind = kind_of(parent, name);
    if kind == Some(libc::S_IFDIR) {
        return Ok(());
    }
    remove(parent, name)?;
    mkdirat(parent, OsStr::from_bytes(name), Mode::from_raw_mode(0o755)).doing("making the folder")?;
    // It was whited out before: it hides the lower one and is new.
    if kind == Some(libc::S_IFCHR) { make_opaque(parent, name) } else { Ok(()) }
}

fn make_opaque(parent: &OwnedFd, name: &[u8]) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(parent, OsStr::from_bytes(name), flags, Mode::empty()).doing("opening the folder")?;
    fsetxattr(&folder, OPAQUE, b"y", XattrFlags::empty()).doing("marking the folder as opaque")
}

/// `.wh.NAME` hides NAME of the lower layers; `.wh..wh..opq` all that they have in the folder.
fn whiteout(parent: &OwnedFd, hidden: &[u8]) -> Result<()> {
    if hidden == b".wh..opq" {
        return make_opaque(parent, b".");
    }
    if hidden.starts_with(b".wh.") {
        return Ok(());
    }
    if hidden.is_empty() || hidden == b"." || hidden == b".." {
        return Err(Error::invalid("a whiteout of nothing"));
    }
    match kind_of(parent, hidden) {
        Some(libc::S_IFDIR) => make_opaque(parent, hidden),
        Some(_) => Ok(()),
        None => {
            let device = rustix::fs::FileType::CharacterDevice;
            mknodat(parent, OsStr::from_bytes(hidden), device, Mode::empty(), 0).doing("making a whiteout")
        }
    }
}
