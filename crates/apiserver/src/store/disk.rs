//! The store's disk: a redb file and the one thread that writes it. Writes that wait together are committed together,
//! and none is acknowledged or seen before its commit is on disk. It must not know what an object means.

use super::index::Index;
use super::{Expect, Guard, Key, MAX_OBJECT_BYTES, Resource, Shared, StoreError, Stored, Write};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const REVISION: &str = "revision";
/// Version of a stored record; a store written by a later one is refused, not guessed at.
const RECORD_VERSION: u32 = 1;
/// Writes in one commit at most, so that the first of them does not wait for long.
const MAX_BATCH: usize = 256;
/// The objects are all in memory, so pages of the file are hardly read again.
const CACHE_BYTES: usize = 8 << 20;

#[derive(Deserialize)]
struct Record {
    version: u32,
    revision: u64,
    object: Value,
}

#[derive(Serialize)]
struct RecordRef<'a> {
    version: u32,
    revision: u64,
    object: &'a Value,
}

pub(super) fn open_file(path: &Path) -> Result<Database, String> {
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|e| e.to_string())?;
    let database = Database::builder().set_cache_size(CACHE_BYTES).create_file(file).map_err(|e| e.to_string())?;
    // The file's entry in its folder must last as long as what is acknowledged in it.
    if let Some(parent) = path.parent() {
        let folder = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(|e| e.to_string())?;
    }
    Ok(database)
}

pub(super) fn load(database: &Database) -> Result<Index, String> {
    let text = |e: redb::Error| e.to_string();
    let write = database.begin_write().map_err(|e| text(e.into()))?;
    write.open_table(OBJECTS).map_err(|e| text(e.into()))?;
    write.open_table(META).map_err(|e| text(e.into()))?;
    write.commit().map_err(|e| text(e.into()))?;

    let read = database.begin_read().map_err(|e| text(e.into()))?;
    let meta = read.open_table(META).map_err(|e| text(e.into()))?;
    let revision = meta.get(REVISION).map_err(|e| text(e.into()))?.map_or(0, |v| v.value());
    let mut index = Index::new(revision);
    let objects = read.open_table(OBJECTS).map_err(|e| text(e.into()))?;
    for entry in objects.iter().map_err(|e| text(e.into()))? {
        let (key, bytes) = entry.map_err(|e| text(e.into()))?;
        let name = key.value();
        let key = parse_key(name).ok_or_else(|| format!("record `{name}` has a key of a form not known here"))?;
        let record: Record = serde_json::from_slice(bytes.value()).map_err(|e| format!("record `{name}`: {e}"))?;
        if record.version != RECORD_VERSION {
            return Err(format!(
                "record `{name}` has version {}, this program reads {RECORD_VERSION}; use the program that wrote it",
                record.version
            ));
        }
        index.load(&key, Stored { revision: record.revision, object: Arc::new(record.object) });
    }
    Ok(index)
}

fn disk_key(key: &Key) -> String {
    format!("{}/{}/{}/{}", key.resource.group, key.resource.plural, key.namespace, key.name)
}

fn parse_key(text: &str) -> Option<Key> {
    let mut parts = text.splitn(4, '/');
    let resource = Resource::new(parts.next()?, parts.next()?);
    Some(Key::new(&resource, parts.next()?, parts.next()?))
}

/// The writer's thread and the way to it.
pub(super) struct Writer {
    queue: Mutex<Option<Sender<Write>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

impl Writer {
    pub(super) fn start(
        database: Database,
        shared: Arc<Shared>,
        sender: Sender<Write>,
        receiver: Receiver<Write>,
    ) -> Result<Self, String> {
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&database, &shared, &receiver))
            .map_err(|e| e.to_string())?;
        Ok(Self { queue: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn send(&self, write: Write) -> Result<(), StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = || StoreError::Disk("the writer has ended".to_owned());
        queue.as_ref().ok_or_else(ended)?.send(write).map_err(|_| ended())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Dropping the sender lets the thread finish what is queued; waiting frees the file's lock for the next opener.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

/// A write that was accepted and waits for its commit.
struct Accepted {
    key: Key,
    stored: Stored,
    /// The serialised record, or nothing for a deletion.
    bytes: Option<Vec<u8>>,
    size: usize,
    reply: tokio::sync::oneshot::Sender<Result<Stored, StoreError>>,
}

fn run(database: &Database, shared: &Shared, queue: &Receiver<Write>) {
    let mut failed: Option<String> = None;
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        while batch.len() < MAX_BATCH {
            match queue.try_recv() {
                Ok(write) => batch.push(write),
                Err(_) => break,
            }
        }
        if let Some(reason) = &failed {
            for write in batch {
                let _ = write.reply.send(Err(StoreError::Disk(reason.clone())));
            }
            continue;
        }
        let accepted = accept(shared, batch);
        if accepted.is_empty() {
            continue;
        }
        if let Err(reason) = commit(database, &accepted) {
            // What of this batch reached the disk is unknown, so nothing after it may be built on either guess.
            tracing::error!(target: "store", %reason, "a commit failed; the store takes no more writes");
            for write in accepted {
                let _ = write.reply.send(Err(StoreError::Disk(reason.clone())));
            }
            failed = Some(reason);
            continue;
        }
        publish(shared, accepted);
    }
}

/// Decides on each write in order, each seeing the ones before it.
fn accept(shared: &Shared, batch: Vec<Write>) -> Vec<Accepted> {
    let index = shared.read();
    let mut staged: HashMap<Key, Option<Stored>> = HashMap::new();
    let mut revision = index.revision();
    let mut accepted = Vec::with_capacity(batch.len());
    for write in batch {
        let current = |key: &Key| staged.get(key).cloned().unwrap_or_else(|| index.get(key).cloned());
        let decided = check(&index, &staged, &current, &write).and_then(|before| {
            let next = revision + 1;
            let (object, deleted) = match write.object {
                Some(object) => (object, false),
                None => (before.map(|s| s.object.as_ref().clone()).unwrap_or_default(), true),
            };
            seal(object, next, deleted)
        });
        match decided {
            Ok((stored, bytes, size)) => {
                revision += 1;
                staged.insert(write.key.clone(), bytes.is_some().then(|| stored.clone()));
                accepted.push(Accepted { key: write.key, stored, bytes, size, reply: write.reply });
            }
            Err(error) => {
                let _ = write.reply.send(Err(error));
            }
        }
    }
    accepted
}

type Sealed = (Stored, Option<Vec<u8>>, usize);

fn seal(mut object: Value, revision: u64, deleted: bool) -> Result<Sealed, StoreError> {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), Value::String(revision.to_string()));
    }
    if !deleted && !super::within_depth(&object, super::MAX_DEPTH) {
        return Err(StoreError::TooDeep);
    }
    let record = RecordRef { version: RECORD_VERSION, revision, object: &object };
    let bytes = serde_json::to_vec(&record).map_err(|e| StoreError::Disk(e.to_string()))?;
    let size = bytes.len();
    if !deleted && size > MAX_OBJECT_BYTES {
        return Err(StoreError::TooLarge(size));
    }
    Ok((Stored { revision, object: Arc::new(object) }, (!deleted).then_some(bytes), size))
}

fn check(
    index: &Index,
    staged: &HashMap<Key, Option<Stored>>,
    current: &dyn Fn(&Key) -> Option<Stored>,
    write: &Write,
) -> Result<Option<Stored>, StoreError> {
    let before = current(&write.key);
    match (write.expect, &before) {
        (Expect::Absent, Some(_)) => return Err(StoreError::Exists),
        (Expect::Revision(_), None) => return Err(StoreError::NotFound),
        (Expect::Revision(wanted), Some(stored)) if wanted != stored.revision => return Err(StoreError::Conflict),
        _ => {}
    }
    match &write.guard {
        Guard::None => {}
        Guard::NamespaceActive(name) => {
            let namespace = current(&Key::new(&Resource::new("", "namespaces"), "", name))
                .ok_or_else(|| StoreError::NoNamespace(name.clone()))?;
            if namespace.object.pointer("/metadata/deletionTimestamp").is_some() {
                return Err(StoreError::NamespaceTerminating(name.clone()));
            }
        }
        Guard::NamespaceEmpty(name) => {
            let kept = index.in_namespace(name).into_iter().any(|(key, _)| !matches!(staged.get(&key), Some(None)));
            let added = staged.iter().any(|(key, stored)| key.namespace == *name && stored.is_some());
            if kept || added {
                return Err(StoreError::NamespaceNotEmpty(name.clone()));
            }
        }
    }
    Ok(before)
}

fn commit(database: &Database, accepted: &[Accepted]) -> Result<(), String> {
    let text = |e: redb::Error| e.to_string();
    let mut transaction = database.begin_write().map_err(|e| text(e.into()))?;
    transaction.set_durability(Durability::Immediate).map_err(|e| e.to_string())?;
    {
        let mut objects = transaction.open_table(OBJECTS).map_err(|e| text(e.into()))?;
        for write in accepted {
            let key = disk_key(&write.key);
            match &write.bytes {
                Some(bytes) => objects.insert(key.as_str(), bytes.as_slice()).map(drop),
                None => objects.remove(key.as_str()).map(drop),
            }
            .map_err(|e| text(e.into()))?;
        }
        if let Some(last) = accepted.last() {
            let mut meta = transaction.open_table(META).map_err(|e| text(e.into()))?;
            meta.insert(REVISION, last.stored.revision).map_err(|e| text(e.into()))?;
        }
    }
    transaction.commit().map_err(|e| text(e.into()))
}

fn publish(shared: &Shared, accepted: Vec<Accepted>) {
    let mut replies = Vec::with_capacity(accepted.len());
    let (revision, lifecycle) = {
        let mut index = shared.index.write().unwrap_or_else(PoisonError::into_inner);
        for write in accepted {
            index.apply(&write.key, write.stored.clone(), write.bytes.is_none(), write.size);
            replies.push((write.reply, write.stored));
        }
        (index.revision(), index.lifecycle())
    };
    shared.revision.send_replace(revision);
    shared.lifecycle.send_if_modified(|last| std::mem::replace(last, lifecycle) != lifecycle);
    for (reply, stored) in replies {
        let _ = reply.send(Ok(stored));
    }
}
