//! What can keep the observer from signing a run, and which of it may pass.

use sluice_attest::cosign::CosignError;
use sluice_attest::provenance::ProvenanceError;
use sluice_attest::status::StatusError;

/// Why a run was not signed (yet).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server: {0}")]
    Api(#[source] Box<kube::Error>),
    #[error("{object}: {source}")]
    Status { object: String, source: StatusError },
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    #[error("child `{child}` of the PipelineRun: {problem}")]
    Child { child: String, problem: String },
    #[error("storing for `{image}`: {source}")]
    Registry { image: String, source: sluice_oci::Error },
    #[error(
        "the run claims an image in `{image}`, to which its ServiceAccount (`{accounts}`) may not push, so nothing is written there for it; grant `push` on repositories.registry.sluice.dev in namespace `{namespace}`, or report no image there"
    )]
    Access { image: String, accounts: String, namespace: String },
    #[error("`{image}` is no name that a registry can have: {reason}")]
    Name { image: String, reason: String },
    #[error("what was stored for `{image}` does not verify when it is read back: {source}")]
    ReadBack { image: String, source: CosignError },
    #[error("what was stored for `{image}` is not there when it is read back; something else writes the tag `{tag}`")]
    Lost { image: String, tag: String },
    #[error("`{0}`")]
    Size(String),
    #[error("statement: {0}")]
    Encode(String),
    #[error("the file `{path}`: {source}")]
    File { path: String, source: std::io::Error },
    /// Stopped by the test that paces the observer.
    #[error("stopped")]
    Stopped,
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Nothing that can be waited for changes it: the run is marked as failed.
    None,
    /// It may pass; a few attempts are counted on the run.
    Retry,
    /// It says nothing about the run: try for as long as it takes, and write nothing.
    Patience,
}

impl Error {
    pub(crate) fn remedy(&self) -> Remedy {
        match self {
            Self::Api(_) | Self::File { .. } | Self::Stopped => Remedy::Patience,
            Self::Registry { .. } | Self::ReadBack { .. } | Self::Lost { .. } => Remedy::Retry,
            Self::Status { .. }
            | Self::Access { .. }
            | Self::Provenance(_)
            | Self::Child { .. }
            | Self::Name { .. }
            | Self::Size(_)
            | Self::Encode(_) => Remedy::None,
        }
    }

    /// The API does not know this observer (any more).
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Api(e) if is_status(e, 401))
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Api(Box::new(error))
    }
}

/// Whether the API server answered with that HTTP status.
pub(crate) fn is_status(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}
