//! What can go wrong between this machine and a registry, said so that a person can act on it.

use crate::{DigestError, ReferenceError, RegistriesError};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the client. The first line says what happened to which image; a hint follows after a blank line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry does not have it (or does not tell this user that it has).
    #[error("`{object}` is not in the registry\n\nCheck its name and tag, or push it first.")]
    NotFound {
        /// Image, tag or blob.
        object: String,
    },
    /// The registry wants other credentials, or these are not enough.
    #[error("the registry denied access to `{object}`: {detail}\n\n{remedy}")]
    Denied {
        /// Image or blob.
        object: String,
        /// The registry's own words.
        detail: String,
        /// What to do.
        remedy: String,
    },
    /// No answer.
    #[error(
        "cannot reach registry `{registry}` for `{object}`: {detail}\n\nCheck that it runs and that its address is right; a registry without TLS needs `insecure = true` in registries.conf."
    )]
    Unreachable {
        /// Host and port asked.
        registry: String,
        /// Image or blob.
        object: String,
        /// The system's words.
        detail: String,
    },
    /// The registry answered with something else.
    #[error(
        "the registry answered {status} for `{object}`: {detail}\n\nThe request was understood but not granted; the registry's log says more."
    )]
    Refused {
        /// Image or blob.
        object: String,
        /// HTTP status.
        status: u16,
        /// The registry's own words, cut.
        detail: String,
    },
    /// The bytes are not those that were asked for.
    #[error(
        "`{object}` is corrupt: {detail}\n\nThe registry or the way to it changed the content; nothing of it was used. Push it again."
    )]
    Corrupt {
        /// Image or blob.
        object: String,
        /// Expected and seen.
        detail: String,
    },
    /// Larger than allowed here.
    #[error(
        "`{object}` is larger than the {limit} bytes allowed for it\n\nIt is not what it should be, or it must be made smaller."
    )]
    TooLarge {
        /// Image or blob.
        object: String,
        /// The limit.
        limit: u64,
    },
    /// Content of the right digest that does not parse or has not what is needed.
    #[error("`{object}`: {problem}\n\n{remedy}")]
    Unusable {
        /// Image or blob.
        object: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A local file.
    #[error("file `{path}`: {source}")]
    File {
        /// Path as given.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// Configuration of the client.
    #[error("registry client: {0}")]
    Configuration(String),
    /// A reference that does not parse.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A digest that does not parse.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A registries.conf that does not parse.
    #[error(transparent)]
    Registries(#[from] RegistriesError),
}

impl Error {
    /// The thing does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::NotFound { .. })
    }

    /// Asking again later may help: no answer, or the registry is busy or broken.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { .. } => true,
            Error::Refused { status, .. } => *status >= 500 || *status == 429,
            _ => false,
        }
    }

    pub(crate) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Error::File { path: path.display().to_string(), source }
    }

    #[cfg(feature = "client")]
    pub(crate) fn unusable(object: impl ToString, problem: impl ToString, remedy: impl ToString) -> Self {
        Error::Unusable { object: object.to_string(), problem: problem.to_string(), remedy: remedy.to_string() }
    }
}
