//! Result files, read from outside after the step is gone: regular files directly in the folder, through no link, bounded.
//! It must not trust anything a step has left there.

use crate::error::{Context, Error, Result};
use crate::fs;
use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::BorrowedFd;

/// What the folder holds.
#[derive(Debug)]
pub(crate) enum Found {
    /// Contents of the files that exist, by name.
    All(BTreeMap<String, String>),
    /// This file was larger than the limit.
    TooLarge(String),
}

/// Reads the files called `names` in `folder`.
pub(crate) fn read(folder: BorrowedFd<'_>, names: &[String], limit: u64) -> Result<Found> {
    let mut all = BTreeMap::new();
    for name in names {
        // Non-blocking, so that a FIFO put in a result's place cannot hold the run up.
        let opened = fs::open_beneath(folder, name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW, 0);
        let file = match opened {
            Ok(file) => file,
            Err(Errno::NOENT) => continue,
            Err(Errno::LOOP | Errno::NXIO) => return Err(not_regular(name)),
            Err(e) => return Err(e).context(|| format!("opening the result `{name}`")),
        };
        let stat = fstat(&file).context(|| format!("reading the result `{name}`"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_regular(name));
        }
        let mut bytes = Vec::new();
        File::from(file)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .context(|| format!("reading the result `{name}`"))?;
        if bytes.len() as u64 > limit {
            return Ok(Found::TooLarge(name.clone()));
        }
        all.insert(name.clone(), String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(Found::All(all))
}

fn not_regular(name: &str) -> Error {
    Error::invalid(format!("the result `{name}` is not a regular file; write it as one, not as a link, folder or pipe"))
}
