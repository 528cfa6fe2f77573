//! The Tekton engine of embedded mode: TaskRuns and PipelineRuns from their objects to their final, signed statuses.
//! It works through a `kube::Client`, a [`Launcher`] that starts runners, and a [`RunRegistry`] that lends each TaskRun
//! a registry credential; it must not know who serves the API, how a sandbox is made, or what a policy says.
//!
//! ```text
//! watch -> work queue -> reconcile (reads) -> plan (pure) -> actions (API writes, run folders, launcher requests)
//! ```

mod clock;
mod context;
mod definition;
pub mod images;
mod objects;
pub mod plan;
mod prepare;
pub mod rbac;
mod reconcile;
mod recorder;
mod rundir;

pub use clock::{Clock, SystemClock};
pub use context::{Context, Launcher, Limits, RunIdentity, RunRegistry};
pub use reconcile::run;
