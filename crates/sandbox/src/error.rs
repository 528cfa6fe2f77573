//! The one error of the sandbox: what was being done, to what, and why it failed. It must not know how it is shown.

use std::io;

/// Result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a run or an unpacking could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The specification, an archive or a name is not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// The kernel or the file system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, and to what.
        what: String,
        /// The refusal.
        source: io::Error,
    },
}

impl Error {
    /// An error about input, in the words of `message`.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// The current `errno` with what was being done.
    pub(crate) fn last(what: impl Into<String>) -> Self {
        Self::Io { what: what.into(), source: io::Error::last_os_error() }
    }
}

/// Adds what was being done to an error of the system.
pub(crate) trait Context<T> {
    /// Says what was being done.
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
    /// The same for a fixed text.
    fn doing(self, what: &str) -> Result<T>
    where
        Self: Sized,
    {
        self.context(|| what.to_owned())
    }
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Io { what: what(), source: source.into() })
    }
}
