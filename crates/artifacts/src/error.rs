//! What can go wrong with a trusted artifact, with the remedy.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error; the hint follows after a blank line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command line or the environment.
    #[error("{problem}\n\n{remedy}")]
    Usage {
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A local file or folder.
    #[error("`{}`: {source}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// What is to be archived cannot be.
    #[error("`{}` cannot be part of an artifact: {problem}\n\n{remedy}", path.display())]
    Source {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The registry.
    #[error("{object}: {problem}\n\n{remedy}")]
    Registry {
        /// Repository or artifact.
        object: String,
        /// What it said or what failed.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The bytes are not those of the digest.
    #[error("artifact `{uri}` is corrupt: {problem}\n\nNothing of it was unpacked. Run the task that made it again.")]
    Corrupt {
        /// The artifact.
        uri: String,
        /// Expected and seen.
        problem: String,
    },
    /// The archive wants something that it may not.
    #[error(
        "refused to unpack entry `{entry}`: {problem}\n\nThe archive is hostile or was made by another tool; nothing was unpacked after this check."
    )]
    Hostile {
        /// Name in the archive.
        entry: String,
        /// What it wanted.
        problem: String,
    },
    /// No tar, no gzip, or cut off.
    #[error(
        "the archive cannot be read: {0}\n\nIt is not a gzipped tar, or it is cut off. Run the task that made it again."
    )]
    Archive(std::io::Error),
}

impl Error {
    /// 2 for the command line and the environment, else 1.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Error::Usage { .. }) { 2 } else { 1 }
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    }

    pub(crate) fn usage(problem: impl ToString, remedy: impl ToString) -> Self {
        Error::Usage { problem: problem.to_string(), remedy: remedy.to_string() }
    }

    pub(crate) fn registry(object: impl ToString, problem: impl ToString, remedy: impl ToString) -> Self {
        Error::Registry { object: object.to_string(), problem: problem.to_string(), remedy: remedy.to_string() }
    }

    pub(crate) fn hostile(entry: &Path, problem: impl ToString) -> Self {
        let entry: String = entry.to_string_lossy().chars().flat_map(char::escape_default).take(300).collect();
        Error::Hostile { entry, problem: problem.to_string() }
    }
}
