//! The store's memory: all objects and each collection's recent changes. It must not know of the disk.

use super::{Expired, Key, Resource, Stored};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;

/// Changes kept per collection; a watch that is further behind is told to list again.
const MAX_CHANGES: usize = 4096;
/// Serialised bytes of changes kept per collection.
const MAX_CHANGE_BYTES: usize = 16 << 20;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One write, as a watch sees it.
#[derive(Clone, Debug)]
pub struct Change {
    pub kind: ChangeKind,
    pub namespace: String,
    pub name: String,
    /// The object after the write, or its last state if deleted; its revision is the write's.
    pub after: Stored,
    /// The object before the write; a watch with a selector needs it to see what left the selection.
    pub before: Option<Stored>,
}

/// Objects and the revision at which they were read.
#[derive(Clone, Debug)]
pub struct Page {
    pub revision: u64,
    pub items: Vec<Stored>,
}

#[derive(Debug, Default)]
struct Collection {
    objects: BTreeMap<(String, String), Stored>,
    changes: VecDeque<(Change, usize)>,
    change_bytes: usize,
    /// Changes up to this revision are forgotten.
    compacted: u64,
}

#[derive(Debug)]
pub(super) struct Index {
    revision: u64,
    opened_at: u64,
    /// The last write that may concern other objects than its own.
    lifecycle: u64,
    collections: HashMap<Resource, Collection>,
}

impl Index {
    pub(super) fn new(revision: u64) -> Self {
        Self { revision, opened_at: revision, lifecycle: revision, collections: HashMap::new() }
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn lifecycle(&self) -> u64 {
        self.lifecycle
    }

    fn collection(&mut self, resource: &Resource) -> &mut Collection {
        let compacted = self.opened_at;
        self.collections.entry(resource.clone()).or_insert_with(|| Collection { compacted, ..Collection::default() })
    }

    /// Takes an object as it was read from disk.
    pub(super) fn load(&mut self, key: &Key, stored: Stored) {
        self.collection(&key.resource).objects.insert((key.namespace.clone(), key.name.clone()), stored);
    }

    /// Takes a write that is on disk.
    pub(super) fn apply(&mut self, key: &Key, after: Stored, deleted: bool, bytes: usize) {
        self.revision = self.revision.max(after.revision);
        let collection = self.collection(&key.resource);
        let place = (key.namespace.clone(), key.name.clone());
        let before =
            if deleted { collection.objects.remove(&place) } else { collection.objects.insert(place, after.clone()) };
        let part = |object: &Value, name: &str| object.pointer("/metadata").and_then(|m| m.get(name)).cloned();
        let same_owners = before
            .as_ref()
            .is_some_and(|b| part(&b.object, "ownerReferences") == part(&after.object, "ownerReferences"));
        let touches_others = deleted || !same_owners || part(&after.object, "deletionTimestamp").is_some();
        let revision = after.revision;
        let kind = match (deleted, &before) {
            (true, _) => ChangeKind::Deleted,
            (false, Some(_)) => ChangeKind::Modified,
            (false, None) => ChangeKind::Added,
        };
        let change = Change { kind, namespace: key.namespace.clone(), name: key.name.clone(), after, before };
        collection.changes.push_back((change, bytes));
        collection.change_bytes += bytes;
        while collection.changes.len() > MAX_CHANGES || collection.change_bytes > MAX_CHANGE_BYTES {
            let Some((oldest, bytes)) = collection.changes.pop_front() else { break };
            collection.change_bytes -= bytes;
            collection.compacted = oldest.after.revision;
        }
        if touches_others {
            self.lifecycle = revision;
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Stored> {
        // The map's key is owned, so a look-up needs owned strings as well; both are short.
        self.collections.get(&key.resource)?.objects.get(&(key.namespace.clone(), key.name.clone()))
    }

    pub(super) fn list(&self, resource: &Resource, namespace: Option<&str>, after: Option<(&str, &str)>) -> Page {
        let mut items = Vec::new();
        if let Some(collection) = self.collections.get(resource) {
            let first = namespace.unwrap_or_default();
            let start = match after {
                Some((ns, name)) if ns >= first => Bound::Excluded((ns.to_owned(), name.to_owned())),
                _ => Bound::Included((first.to_owned(), String::new())),
            };
            let range = collection.objects.range((start, Bound::Unbounded));
            items.extend(
                range.take_while(|((ns, _), _)| namespace.is_none_or(|wanted| ns == wanted)).map(|(_, s)| s.clone()),
            );
        }
        Page { revision: self.revision, items }
    }

    pub(super) fn in_namespace(&self, namespace: &str) -> Vec<(Key, Stored)> {
        let mut found = Vec::new();
        for (resource, collection) in &self.collections {
            let range = collection.objects.range((namespace.to_owned(), String::new())..);
            for ((_, name), stored) in range.take_while(|((ns, _), _)| ns == namespace) {
                found.push((Key::new(resource, namespace, name), stored.clone()));
            }
        }
        found
    }

    pub(super) fn resources(&self) -> Vec<Resource> {
        self.collections.iter().filter(|(_, c)| !c.objects.is_empty()).map(|(r, _)| r.clone()).collect()
    }

    pub(super) fn changes(&self, resource: &Resource, after: u64) -> Result<(Vec<Change>, u64), Expired> {
        let Some(collection) = self.collections.get(resource) else {
            return if after < self.opened_at {
                Err(Expired { oldest: self.opened_at })
            } else {
                Ok((Vec::new(), self.revision))
            };
        };
        if after < collection.compacted {
            return Err(Expired { oldest: collection.compacted });
        }
        let start = collection.changes.partition_point(|(change, _)| change.after.revision <= after);
        Ok((collection.changes.range(start..).map(|(change, _)| change.clone()).collect(), self.revision))
    }
}
