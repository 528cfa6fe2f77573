//! What the engine is given from outside: the API, the data folder, and the parties that start runners and hold the
//! registry.

use crate::clock::Clock;
use crate::images::ImageSource;
use sluice_api::runner::{Notice, RegistryAccess, Request};
use sluice_api::witness::WitnessedTransfer;
use sluice_keys::SigningKey;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// Everything the engine needs. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// A client of the engine's own ServiceAccount.
    pub client: kube::Client,
    /// The data folder; `.` where it is the working folder, so that paths in messages to runners stay relative.
    pub data: PathBuf,
    pub launcher: Arc<dyn Launcher>,
    pub registry: Arc<dyn RunRegistry>,
    pub images: Arc<dyn ImageSource>,
    /// Signs the final statuses.
    pub signer: Arc<SigningKey>,
    pub clock: Arc<dyn Clock>,
    pub limits: Limits,
    /// What `egress` steps may reach (see `RunSpec::egress_allow`).
    pub egress_allow: Vec<String>,
    /// Namespaces whose Tasks and Pipelines the `cluster` resolver serves to runs of other namespaces.
    pub cluster_resolver_namespaces: Vec<String>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("data", &self.data).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Bounds of what runs may use of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub max_result_bytes: u64,
    pub max_log_bytes: u64,
    /// TaskRuns that have a sandbox at the same time; the others wait.
    pub concurrent_runs: usize,
    /// Objects that are reconciled at the same time.
    pub concurrent_reconciles: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_result_bytes: 32 << 10, max_log_bytes: 16 << 20, concurrent_runs: 16, concurrent_reconciles: 32 }
    }
}

/// The supervisor, as the engine sees it: takes requests and tells what became of runners. Requests are ordered and
/// idempotent by id: starting an id that runs, and killing or removing one that does not exist, changes nothing.
pub trait Launcher: Send + Sync + 'static {
    /// Hands over a request.
    ///
    /// # Errors
    /// The supervisor cannot be reached; the message says so.
    fn send(&self, request: Request) -> Result<(), String>;

    /// Notices from now on. A later call ends an earlier receiver.
    fn notices(&self) -> UnboundedReceiver<Notice>;
}

/// Whose registry credential it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunIdentity {
    /// The run's id (TaskRun uid, with `-retryN` from the second attempt on).
    pub id: String,
    pub namespace: String,
    pub task_run: String,
    pub service_account: String,
}

/// The embedded registry, as the engine sees it: lends each run a credential and remembers what was moved with it.
pub trait RunRegistry: Send + Sync + 'static {
    /// A credential of that run alone; asked again for the same id, the same or another valid one.
    ///
    /// # Errors
    /// A message for the user.
    fn issue(&self, identity: &RunIdentity) -> Result<RegistryAccess, String>;

    /// Makes a credential that was issued before a restart valid again, for a run that is still running.
    fn resume(&self, identity: &RunIdentity, access: &RegistryAccess);

    /// What was (pushed, pulled) with the run's credential; known until `revoke`, restarts included.
    fn transfers(&self, id: &str) -> (Vec<WitnessedTransfer>, Vec<WitnessedTransfer>);

    /// Ends the credential and forgets what was moved with it. Called once the final status is stored.
    fn revoke(&self, id: &str);
}
