//! `oci:REPOSITORY@sha256:DIGEST`, the name of a trusted artifact.

use crate::error::{Error, Result};
use sluice_oci::{Algorithm, Digest, Reference};
use std::fmt;
use std::str::FromStr;

/// A trusted artifact by repository and digest of its blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactUri {
    repository: Reference,
    digest: Digest,
}

impl ArtifactUri {
    /// The artifact of that digest in that repository; a tag of `repository` does not count.
    pub fn new(repository: &Reference, digest: Digest) -> Self {
        ArtifactUri { repository: repository.without_identifier(), digest }
    }

    /// Where it is.
    pub fn repository(&self) -> &Reference {
        &self.repository
    }

    /// Of the blob.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl fmt::Display for ArtifactUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci:{}@{}", self.repository, self.digest)
    }
}

impl FromStr for ArtifactUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let shown: String = text.chars().take(300).collect();
        let remedy = "Write `oci:REPOSITORY@sha256:DIGEST`, as `create` wrote it to the result.";
        let Some(rest) = text.strip_prefix("oci:") else {
            return Err(Error::usage(format!("`{shown}`: the type of archive is not supported"), remedy));
        };
        let reference: Reference = rest.parse().map_err(|e| Error::usage(format!("`{shown}`: {e}"), remedy))?;
        match reference.digest() {
            Some(digest) if digest.algorithm() == Algorithm::Sha256 && reference.tag().is_none() => {
                let digest = digest.clone();
                Ok(ArtifactUri::new(&reference, digest))
            }
            _ => Err(Error::usage(format!("`{shown}` names no sha256 digest, or has a tag besides"), remedy)),
        }
    }
}
