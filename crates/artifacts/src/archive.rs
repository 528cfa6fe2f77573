//! Writes archives: a gzipped tar whose bytes depend on names, contents, kinds and permissions alone. Entries are
//! sorted; times are 0, owners root. What could not be unpacked again is refused here already.

use crate::error::{Error, Result};
use crate::extract::check_symlink;
use crate::skip;
use flate2::{Compression, GzBuilder};
use sluice_oci::{Algorithm, Digest, Hasher};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Bounds of an artifact, the same for making and unpacking.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the compressed blob.
    pub blob_bytes: u64,
    /// Of all files together, unpacked.
    pub content_bytes: u64,
    /// Entries.
    pub entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { blob_bytes: 16 << 30, content_bytes: 64 << 30, entries: 2_000_000 }
    }
}

/// An archive that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Of the gzipped bytes.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
}

/// Writes the archive of a folder's content, or of one file, to `out`.
pub fn write_archive(path: &Path, out: impl Write, limits: &Limits) -> Result<Archived> {
    // Through a link of the caller's own: what is below is never followed.
    let metadata = fs::metadata(path).map_err(|source| missing(path, source))?;
    let hashed = Hashed { out, hasher: Hasher::new(Algorithm::Sha256), size: 0 };
    let gzip = GzBuilder::new().mtime(0).write(hashed, Compression::default());
    let mut writer = Writer { tar: tar::Builder::new(gzip), limits, entries: 0, bytes: 0 };
    writer.tar.sparse(false);
    if metadata.is_dir() {
        writer.folder(path, Path::new("."), 0o755)?;
    } else if metadata.is_file() {
        let name = path.file_name().ok_or_else(|| odd(path, "it has no name"))?;
        let name = PathBuf::from(name);
        writer.file(path, &name)?;
    } else {
        return Err(odd(path, "it is neither a file nor a folder"));
    }
    let hashed = writer.tar.into_inner().and_then(flate2::write::GzEncoder::finish).map_err(Error::file(path))?;
    if hashed.size > limits.blob_bytes {
        return Err(odd(path, format!("its archive is larger than {} bytes", limits.blob_bytes)));
    }
    let mut out = hashed.out;
    out.flush().map_err(Error::file(path))?;
    Ok(Archived { digest: hashed.hasher.finish(), size: hashed.size })
}

struct Writer<'a, W: Write> {
    tar: tar::Builder<W>,
    limits: &'a Limits,
    entries: u64,
    bytes: u64,
}

impl<W: Write> Writer<'_, W> {
    fn folder(&mut self, path: &Path, name: &Path, mode: u32) -> Result<()> {
        self.count(path, 0)?;
        // With the slash at its end, as GNU tar writes folders.
        let mut with_slash = name.as_os_str().to_owned();
        with_slash.push("/");
        let mut header = header(tar::EntryType::Directory, mode, 0);
        self.tar.append_data(&mut header, PathBuf::from(with_slash), io::empty()).map_err(Error::file(path))?;
        let mut names: Vec<OsString> = Vec::new();
        for entry in fs::read_dir(path).map_err(Error::file(path))? {
            names.push(entry.map_err(Error::file(path))?.file_name());
        }
        names.sort_unstable();
        for entry in names {
            let path = path.join(&entry);
            if entry == skip::MARKER {
                return Err(skip::reserved(&path));
            }
            let metadata = fs::symlink_metadata(&path).map_err(Error::file(&path))?;
            let name = name.join(&entry);
            let kind = metadata.file_type();
            if kind.is_dir() {
                self.folder(&path, &name, metadata.permissions().mode())?;
            } else if kind.is_symlink() {
                self.symlink(&path, &name)?;
            } else if kind.is_file() {
                self.file(&path, &name)?;
            } else {
                return Err(odd(&path, "it is a device, pipe or socket"));
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: &Path) -> Result<()> {
        let file = File::open(path).map_err(Error::file(path))?;
        let metadata = file.metadata().map_err(Error::file(path))?;
        self.count(path, metadata.len())?;
        let mut header = header(tar::EntryType::Regular, metadata.permissions().mode(), metadata.len());
        let mut content = Exact { file, left: metadata.len() };
        self.tar.append_data(&mut header, name, &mut content).map_err(Error::file(path))
    }

    fn symlink(&mut self, path: &Path, name: &Path) -> Result<()> {
        self.count(path, 0)?;
        let target = fs::read_link(path).map_err(Error::file(path))?;
        check_symlink(name, &target).map_err(|problem| odd(path, problem))?;
        let mut header = header(tar::EntryType::Symlink, 0o777, 0);
        self.tar.append_link(&mut header, name, &target).map_err(Error::file(path))
    }

    fn count(&mut self, path: &Path, bytes: u64) -> Result<()> {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.entries > self.limits.entries {
            return Err(odd(path, format!("the artifact has more than {} entries", self.limits.entries)));
        }
        if self.bytes > self.limits.content_bytes {
            return Err(odd(path, format!("the artifact has more than {} bytes", self.limits.content_bytes)));
        }
        Ok(())
    }
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    // Permissions alone: no set-id and no sticky bit goes from task to task.
    header.set_mode(mode & 0o777);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// A file that must have the size that its header says.
struct Exact {
    file: File,
    left: u64,
}

impl Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..room])?;
        if read == 0 {
            return Err(io::Error::other("the file became shorter while it was read"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

struct Hashed<W> {
    out: W,
    hasher: Hasher,
    size: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn missing(path: &Path, source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::NotFound {
        let problem = "it does not exist".to_owned();
        let remedy = "Check the path; an earlier step should have made it.".to_owned();
        return Error::Source { path: path.to_owned(), problem, remedy };
    }
    Error::file(path)(source)
}

fn odd(path: &Path, problem: impl ToString) -> Error {
    let remedy = "Remove or replace it before the artifact is created.".to_owned();
    Error::Source { path: path.to_owned(), problem: problem.to_string(), remedy }
}
