//! What the registry asks and tells its owner: who someone is, what they may do, what they did.

use futures::future::BoxFuture;
use sluice_oci::Digest;

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Name of the user, as RBAC knows it.
    pub user: String,
    /// Groups of the user.
    pub groups: Vec<String>,
    /// The TaskRun whose own credential this is.
    pub task_run: Option<String>,
}

/// What was presented. It is never logged.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// Nothing.
    Anonymous,
    /// HTTP Basic.
    Basic { username: &'a str, password: &'a str },
    /// HTTP Bearer.
    Bearer { token: &'a str },
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Credential::Anonymous => "Anonymous",
            Credential::Basic { .. } => "Basic",
            Credential::Bearer { .. } => "Bearer",
        })
    }
}

/// What someone wants with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read.
    Pull,
    /// Write, and delete.
    Push,
}

/// Decides. It must be deny by default.
pub trait Authority: Send + Sync {
    /// Who presents this credential; none when it is not valid. For `Anonymous`, none refuses those without one.
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Option<Identity>>;

    /// Whether `identity` may do `action` in `repository` (`NAMESPACE/NAME...`).
    fn allowed<'a>(&'a self, identity: &'a Identity, repository: &'a str, action: Action) -> BoxFuture<'a, bool>;
}

/// What was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferKind {
    /// A manifest or an index.
    Manifest,
    /// A blob.
    Blob,
}

/// One successful push or pull. A push is told after it is durable and before it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// Direction.
    pub action: Action,
    /// `NAMESPACE/NAME...`, without host.
    pub repository: String,
    /// What it was.
    pub kind: TransferKind,
    /// Of the bytes.
    pub digest: Digest,
    /// The tag that a manifest was pushed under or read by.
    pub tag: Option<String>,
}

/// Is told of every transfer. It is called on the request's way and must be quick.
pub trait Recorder: Send + Sync {
    /// `identity` did `transfer`.
    fn record(&self, identity: &Identity, transfer: Transfer);
}
