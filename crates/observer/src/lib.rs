//! The observer: watches finished TaskRuns and PipelineRuns, makes and signs statements about them, stores these beside
//! the images they are about, and says on the run whether that was done. It follows Tekton Chains with OCI storage, as
//! Konflux configures it; what differs on purpose:
//!
//! - A TaskRun of a PipelineRun gets signatures of its images but no statement of its own (Konflux turns TaskRun storage
//!   off); the PipelineRun's statement has it. A TaskRun by itself gets both.
//! - Images of a PipelineRun are signed too, where Chains signs those of TaskRuns only.
//! - Beside the provenance lies the witness statement. Where an engine key is given, a status that the engine did not
//!   sign is not signed here either.
//! - A run without an image has nothing to store and is marked as signed, as in Chains with OCI storage.
//! - Storing is idempotent: signing again after a crash adds nothing. Why a run was not signed stands on the run.
//! - A statement is written to the embedded registry only where the run's own ServiceAccount may push.
//! - Finalizers are not set: a run that is deleted before it was signed stays unsigned.
//!
//! This crate knows the API as any client does and the registry as any client does; it runs no step, listens on no
//! socket and must not know the engine, the sandbox or the policy.

mod access;
mod annotate;
pub mod args;
mod attachment;
pub mod connect;
mod error;
mod pace;
mod queue;
mod runs;
mod sign;
mod store;
mod subjects;
mod watch;

pub use annotate::{FAILURE, RETRIES, SIGNED};
pub use error::Error;
pub use pace::{Pace, Step, Unpaced};
pub use runs::{Key, Kind};
pub use sign::{Observer, Outcome, Settings};
pub use store::{Store, TokenSource};
