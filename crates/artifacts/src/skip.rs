//! The marker `.skip-trusted-artifacts`: a step leaves it in a folder to say that there is nothing to hand on, and
//! `create` and `use` then leave that folder alone.
//!
//! In Konflux the marker counts wherever it is, so that a source repository with a file of that name stops its own
//! artifact from being made. Here it counts only where it can be nobody's content: **as the only entry of the folder**.
//! Beside or below other content it is an error that names the file, and an archive that has an entry of that name
//! anywhere is refused: a marker never comes out of an artifact.

use crate::error::{Error, Result};
use std::path::Path;

/// Name of the marker.
pub const MARKER: &str = ".skip-trusted-artifacts";

/// Whether the folder is marked to be skipped.
pub(crate) fn is_marked(folder: &Path) -> Result<bool> {
    let marker = folder.join(MARKER);
    match std::fs::symlink_metadata(&marker) {
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        Err(e) => return Err(Error::file(&marker)(e)),
        Ok(metadata) if !metadata.is_file() => return Err(reserved(&marker)),
        Ok(_) => {}
    }
    let entries = std::fs::read_dir(folder).map_err(Error::file(folder))?;
    if entries.count() > 1 {
        return Err(reserved(&marker));
    }
    Ok(true)
}

/// The name was used by content.
pub(crate) fn reserved(path: &Path) -> Error {
    Error::Source {
        path: path.to_owned(),
        problem: "its name is reserved for a marker, which counts only in an otherwise empty folder".to_owned(),
        remedy: "Remove the file from the source, or empty the folder if it is meant to be skipped.".to_owned(),
    }
}
