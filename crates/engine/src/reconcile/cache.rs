//! The newest known state of the objects of one kind: what the watch told, and what our own writes returned.

use crate::objects::Key;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Objects by key.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    objects: Mutex<HashMap<Key, Arc<Value>>>,
}

impl Cache {
    fn objects(&self) -> MutexGuard<'_, HashMap<Key, Arc<Value>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects().get(key).cloned()
    }

    /// Takes an object unless a newer version of it is known (a watch lags behind our own writes).
    pub fn put(&self, object: Value) {
        let mut objects = self.objects();
        let slot = objects.entry(Key::of(&object));
        match slot {
            std::collections::hash_map::Entry::Occupied(mut known) => {
                if version(known.get()) <= version(&object) || uid(known.get()) != uid(&object) {
                    known.insert(Arc::new(object));
                }
            }
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(Arc::new(object));
            }
        }
    }

    pub fn remove(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects().remove(key)
    }

    /// Removes what is not in a complete list; gives the keys of what was removed.
    pub fn retain(&self, listed: &std::collections::HashSet<Key>) -> Vec<Key> {
        let mut objects = self.objects();
        let gone: Vec<Key> = objects.keys().filter(|key| !listed.contains(key)).cloned().collect();
        for key in &gone {
            objects.remove(key);
        }
        gone
    }

    /// Ids of the runs that are not over. (An attempt's id is the object's uid.)
    pub fn unfinished(&self) -> std::collections::HashSet<String> {
        let objects = self.objects();
        let open = objects.values().filter(|object| !crate::plan::is_done_object(object));
        open.filter_map(|object| uid(object).map(str::to_owned)).collect()
    }

    /// Objects whose controller has that uid, in the order of their names.
    pub fn owned_by(&self, namespace: &str, owner: &str) -> Vec<Arc<Value>> {
        let objects = self.objects();
        let mut owned: Vec<_> = objects
            .iter()
            .filter(|(key, object)| {
                key.namespace == namespace && controller(object).is_some_and(|(_, _, uid)| uid == owner)
            })
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect();
        owned.sort_by(|a, b| a.0.cmp(&b.0));
        owned.into_iter().map(|(_, object)| object).collect()
    }
}

/// Kind, name and uid of an object's controller.
pub(crate) fn controller(object: &Value) -> Option<(&str, &str, &str)> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|o| o.get("controller").and_then(Value::as_bool) == Some(true))?;
    let text = |key: &str| owner.get(key).and_then(Value::as_str);
    Some((text("kind")?, text("name")?, text("uid")?))
}

fn version(object: &Value) -> u64 {
    let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    version.and_then(|v| v.parse().ok()).unwrap_or_default()
}

fn uid(object: &Value) -> Option<&str> {
    object.pointer("/metadata/uid").and_then(Value::as_str)
}
