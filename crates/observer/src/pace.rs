//! The steps of signing one run, named so that a test can stop between any two of them and look at what a crash there
//! would leave. In the program nothing is ever stopped.

use std::fmt::Debug;

/// A step that was just taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The run and its children were read and their signatures checked.
    Read,
    /// The statements were made and signed; nothing is stored.
    Made,
    /// The blobs of an image's attestations are in the registry, the manifest is not.
    AttestationBlobs,
    /// The manifest with an image's attestations is in the registry.
    Attested,
    /// The blobs of an image's signature are in the registry, the manifest is not.
    SignatureBlobs,
    /// The manifest with an image's signature is in the registry.
    Signed,
    /// Everything was read back and verified; the run does not say so yet.
    Verified,
    /// The run says so.
    Annotated,
}

impl Step {
    /// All steps, in the order in which they come for a run with one image.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Made,
        Self::AttestationBlobs,
        Self::Attested,
        Self::SignatureBlobs,
        Self::Signed,
        Self::Verified,
        Self::Annotated,
    ];
}

/// Decides whether the observer goes on after a step.
pub trait Pace: Debug + Send + Sync + 'static {
    /// Whether to go on.
    fn goes_on_after(&self, step: Step) -> bool;
}

/// Never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unpaced;

impl Pace for Unpaced {
    fn goes_on_after(&self, _step: Step) -> bool {
        true
    }
}
