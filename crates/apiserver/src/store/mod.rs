//! The object store: every object of every kind, one revision that only rises, and what changed lately for watches.
//! An acknowledged write is on disk. It must not know what a kind means, who asks, or anything of HTTP.

mod disk;
mod index;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod tests;

pub use index::{Change, ChangeKind, Page};

use index::Index;
use redb::Database;
use serde_json::Value;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::{oneshot, watch};

/// As etcd under Kubernetes: a larger object is refused, larger things go by blob reference.
pub const MAX_OBJECT_BYTES: usize = 1_572_864;

/// Maps and lists within each other at most. What is stored must be readable at the next start, and readers of JSON stop
/// at 128.
pub const MAX_DEPTH: usize = 100;

/// Whether nothing in the value is nested deeper than that.
pub(crate) fn within_depth(value: &Value, left: usize) -> bool {
    match value {
        Value::Object(map) => left > 0 && map.values().all(|v| within_depth(v, left - 1)),
        Value::Array(list) => left > 0 && list.iter().all(|v| within_depth(v, left - 1)),
        _ => true,
    }
}

/// A collection: all objects of one kind, by canonical group and plural.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    pub group: String,
    pub plural: String,
}

impl Resource {
    /// The collection of that group and plural.
    pub fn new(group: &str, plural: &str) -> Self {
        Self { group: group.to_owned(), plural: plural.to_owned() }
    }
}

/// Where one object is kept; the namespace of a cluster-scoped object is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub resource: Resource,
    pub namespace: String,
    pub name: String,
}

impl Key {
    /// The key of that object.
    pub fn new(resource: &Resource, namespace: &str, name: &str) -> Self {
        Self { resource: resource.clone(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// An object as it was at one revision, which is also in its `metadata.resourceVersion`.
#[derive(Clone, Debug)]
pub struct Stored {
    pub revision: u64,
    pub object: Arc<Value>,
}

/// What must hold for a write to happen; checked by the writer against everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Absent,
    Revision(u64),
}

/// A further condition on the namespace, in the same instant as the write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    None,
    /// The namespace exists and is not being deleted.
    NamespaceActive(String),
    /// Nothing is left in the namespace.
    NamespaceEmpty(String),
}

/// Why a write did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("the object was changed in the meantime")]
    Conflict,
    #[error("the object exists already")]
    Exists,
    #[error("the object does not exist")]
    NotFound,
    #[error("the object has {0} bytes, more than the {MAX_OBJECT_BYTES} that are stored")]
    TooLarge(usize),
    #[error("the object is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("namespaces \"{0}\" not found")]
    NoNamespace(String),
    #[error("namespace {0} is being terminated")]
    NamespaceTerminating(String),
    #[error("namespace {0} is not empty")]
    NamespaceNotEmpty(String),
    #[error("the store cannot write: {0}; restart after freeing space or repairing the disk")]
    Disk(String),
}

/// Why the store did not open.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the store `{path}`: {reason}")]
pub struct OpenError {
    pub path: String,
    pub reason: String,
}

/// The watch wants changes that are no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    pub oldest: u64,
}

/// A handle on the store; clones share it. The last one to go ends the writer after what is queued.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
    writer: Arc<disk::Writer>,
}

#[derive(Debug)]
struct Shared {
    index: RwLock<Index>,
    revision: watch::Sender<u64>,
    lifecycle: watch::Sender<u64>,
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Write {
    key: Key,
    expect: Expect,
    guard: Guard,
    /// The object to put, or nothing to delete.
    object: Option<Value>,
    reply: oneshot::Sender<Result<Stored, StoreError>>,
}

impl Store {
    /// Opens or makes the store file; one process at a time.
    ///
    /// # Errors
    /// The file cannot be read or locked, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let error = |reason: String| OpenError { path: path.display().to_string(), reason };
        let database = disk::open_file(path).map_err(error)?;
        Self::start(database).map_err(error)
    }

    fn start(database: Database) -> Result<Self, String> {
        let index = disk::load(&database)?;
        let (revision, _) = watch::channel(index.revision());
        let (lifecycle, _) = watch::channel(index.lifecycle());
        let shared = Arc::new(Shared { index: RwLock::new(index), revision, lifecycle });
        let (sender, receiver) = mpsc::channel();
        let writer = disk::Writer::start(database, Arc::clone(&shared), sender, receiver)?;
        Ok(Self { shared, writer: Arc::new(writer) })
    }

    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.shared.read().revision()
    }

    /// The object, if it exists.
    pub fn get(&self, key: &Key) -> Option<Stored> {
        self.shared.read().get(key).cloned()
    }

    /// Objects of a collection in the order of namespace and name, of one namespace or of all, after a given one.
    pub fn list(&self, resource: &Resource, namespace: Option<&str>, after: Option<(&str, &str)>) -> Page {
        self.shared.read().list(resource, namespace, after)
    }

    /// Every object in that namespace, of whatever kind.
    pub fn in_namespace(&self, namespace: &str) -> Vec<(Key, Stored)> {
        self.shared.read().in_namespace(namespace)
    }

    /// Every collection that holds an object.
    pub fn resources(&self) -> Vec<Resource> {
        self.shared.read().resources()
    }

    /// What changed in a collection after that revision, oldest first, and the revision this is complete up to.
    ///
    /// # Errors
    /// The history no longer reaches back that far.
    pub fn changes(&self, resource: &Resource, after: u64) -> Result<(Vec<Change>, u64), Expired> {
        self.shared.read().changes(resource, after)
    }

    /// Is told of every new revision.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.revision.subscribe()
    }

    /// Is told of creations, deletions and changes of owners, which may concern other objects; not of the many changes
    /// of a status.
    pub fn subscribe_lifecycle(&self) -> watch::Receiver<u64> {
        self.shared.lifecycle.subscribe()
    }

    /// Creates or replaces an object and returns when that is on disk.
    ///
    /// # Errors
    /// The expectation or the guard does not hold, the object is too large, or the disk fails.
    pub async fn put(&self, key: Key, expect: Expect, guard: Guard, object: Value) -> Result<Stored, StoreError> {
        self.write(key, expect, guard, Some(object)).await
    }

    /// Deletes an object and returns its last state, with the revision of the deletion.
    ///
    /// # Errors
    /// As for [`Store::put`].
    pub async fn delete(&self, key: Key, revision: u64, guard: Guard) -> Result<Stored, StoreError> {
        self.write(key, Expect::Revision(revision), guard, None).await
    }

    async fn write(&self, key: Key, expect: Expect, guard: Guard, object: Option<Value>) -> Result<Stored, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.writer.send(Write { key, expect, guard, object, reply })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Disk("the writer has ended".to_owned())))
    }
}
