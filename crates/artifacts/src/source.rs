//! `use`: fetch, check, examine; only when every artifact passed, empty the folders and unpack.

use crate::Notes;
use crate::archive::Limits;
use crate::error::{Error, Result};
use crate::extract::{examine, extract};
use crate::skip;
use crate::store::Environment;
use crate::uri::ArtifactUri;
use std::fs::{self, File};
use std::io::{BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// What to unpack where. An empty name is passed over with a warning, as optional artifacts are.
#[derive(Clone, Debug)]
pub struct UseRequest {
    /// Artifact (as text: it comes from a param) and folder.
    pub pairs: Vec<(String, PathBuf)>,
    /// Bounds.
    pub limits: Limits,
}

/// Unpacks artifacts. Until all of them are here, have the right digest and a harmless table of contents, no folder is
/// touched.
pub fn use_artifacts(environment: &Environment, request: &UseRequest, notes: Notes<'_>) -> Result<()> {
    let mut wanted = Vec::new();
    for (text, folder) in &request.pairs {
        if text.is_empty() {
            notes(&format!("WARN: artifact URI not provided, nothing to unpack in {}", folder.display()));
            continue;
        }
        let uri: ArtifactUri = text.parse()?;
        let folder = destination(folder)?;
        if wanted.iter().any(|(_, earlier): &(ArtifactUri, PathBuf)| earlier.starts_with(&folder)) {
            let problem = format!("`{}` would be emptied after an artifact was unpacked in it", folder.display());
            return Err(Error::usage(problem, "Name the outer folder first, or use separate folders."));
        }
        wanted.push((uri, folder));
    }
    let mut ready: Vec<(ArtifactUri, PathBuf, File)> = Vec::new();
    for (uri, folder) in wanted {
        if skip::is_marked(&folder)? {
            notes(&format!("WARN: found skip file in {}", folder.display()));
            continue;
        }
        let mut file = tempfile::tempfile().map_err(Error::file(&std::env::temp_dir()))?;
        let repository = environment.repository(uri.repository())?;
        let seen = repository.fetch(uri.digest(), &file, &std::env::temp_dir(), request.limits.blob_bytes)?;
        if seen != *uri.digest() {
            return Err(Error::Corrupt { uri: uri.to_string(), problem: format!("its bytes have digest {seen}") });
        }
        rewind(&mut file)?;
        examine(BufReader::with_capacity(128 * 1024, &file), &request.limits)?;
        ready.push((uri, folder, file));
    }
    for (uri, folder, mut file) in ready {
        rewind(&mut file)?;
        empty(&folder)?;
        extract(BufReader::with_capacity(128 * 1024, &file), &folder, &request.limits)?;
        notes(&format!("Restored artifact {uri} to {}", folder.display()));
    }
    Ok(())
}

fn rewind(file: &mut File) -> Result<()> {
    file.seek(SeekFrom::Start(0)).map(|_| ()).map_err(Error::file(&std::env::temp_dir()))
}

/// The real path of a destination, which need not exist. Its content will be removed, so some places are refused.
fn destination(folder: &Path) -> Result<PathBuf> {
    let remedy = "Name a folder of its own for the artifact.";
    let refuse = |why: &str| Error::usage(format!("`{}` cannot be a destination: {why}", folder.display()), remedy);
    if !folder.is_absolute() {
        return Err(refuse("it is not an absolute path"));
    }
    let mut existing = folder;
    let mut rest = Vec::new();
    let real = loop {
        match fs::canonicalize(existing) {
            Ok(real) => break real,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                // A name that cannot be resolved but is there is a dangling link.
                if fs::symlink_metadata(existing).is_ok() {
                    return Err(refuse("it is a symbolic link to nowhere"));
                }
                rest.push(existing.file_name().ok_or_else(|| refuse("it has a `..` below a missing folder"))?);
                existing = existing.parent().ok_or_else(|| refuse("it does not exist"))?;
            }
            Err(e) => return Err(Error::file(existing)(e)),
        }
    };
    let real = rest.into_iter().rev().fold(real, |path, name| path.join(name));
    if real.parent().is_none() {
        return Err(refuse("it is the root folder"));
    }
    let system = ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/tekton", "/usr"];
    if system.iter().any(|s| real.starts_with(s)) {
        return Err(refuse("it belongs to the system"));
    }
    if real.exists() && !real.is_dir() {
        return Err(refuse("it is not a folder"));
    }
    Ok(real)
}

/// Removes what is in a folder; the folder itself may be a mount and stays.
fn empty(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        let metadata = fs::symlink_metadata(&path).map_err(Error::file(&path))?;
        if metadata.is_dir() {
            fs::remove_dir_all(&path).map_err(Error::file(&path))?;
        } else {
            fs::remove_file(&path).map_err(Error::file(&path))?;
        }
    }
    Ok(())
}
