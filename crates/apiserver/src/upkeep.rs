//! What keeps the objects in order, level-triggered: dependents of what is gone go too, a namespace that is deleted is
//! emptied, every namespace has its `default` ServiceAccount. It must not know of requests.

use crate::OpenError;
use crate::auth::UserInfo;
use crate::catalogue::{self, split_api_version};
use crate::meta;
use crate::request::{Query, ResourcePath};
use crate::rest::{self, CLEANUP, Context, Decoded, FOREGROUND, ORPHAN};
use crate::state::State;
use crate::store::{Expect, Guard, Key, Resource, StoreError, Stored};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Changes that come together are looked at together.
const SETTLE: Duration = Duration::from_millis(20);
/// What failed (a conflict, a full disk) is tried again by then.
const RETRY: Duration = Duration::from_secs(5);

/// Creates the object if it is missing.
pub(crate) async fn ensure(state: &Arc<State>, object: Value) -> Result<(), OpenError> {
    let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let (group, version) = split_api_version(api_version);
    let kind_name = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let label = format!("{kind_name} `{}`", meta::field(&object, "name"));
    let error = |reason: String| OpenError::Bootstrap { object: label.clone(), reason };
    let kind = catalogue::all(&state.store)
        .into_iter()
        .find(|k| k.groups().any(|g| g == group) && k.kind == kind_name)
        .ok_or_else(|| error(format!("no kind {kind_name} in {api_version}")))?;
    let path = ResourcePath {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: kind.plural.clone(),
        namespace: meta::field(&object, "namespace").to_owned(),
        ..ResourcePath::default()
    };
    let context = Context {
        state: Arc::clone(state),
        user: UserInfo::admin(),
        kind,
        path,
        query: Query::default(),
        manager: "sluice".to_owned(),
    };
    if state.store.get(&context.key(meta::field(&object, "name"))).is_some() {
        return Ok(());
    }
    match rest::create(&context, Decoded { object }).await {
        Err(e) if e.reason != "AlreadyExists" => Err(error(e.to_string())),
        _ => Ok(()),
    }
}

/// Works until the server stops.
pub(crate) async fn run(state: Arc<State>) {
    let stopping = state.stopping.clone();
    let mut revisions = state.store.subscribe_lifecycle();
    loop {
        revisions.borrow_and_update();
        let done = sweep(&state).await;
        tokio::select! {
            () = stopping.cancelled() => return,
            changed = revisions.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(SETTLE).await;
            }
            () = tokio::time::sleep(RETRY), if !done => {}
        }
    }
}

/// Looks at every object once. Says whether nothing is left that should be tried again.
async fn sweep(state: &Arc<State>) -> bool {
    let objects = everything(state);
    let mut done = true;
    done &= default_accounts(state, &objects).await;
    done &= collect(state, &objects).await;
    done &= empty_namespaces(state, &objects).await;
    done &= empty_definitions(state, &objects).await;
    done
}

fn everything(state: &State) -> Vec<(Key, Stored)> {
    let mut all = Vec::new();
    for resource in state.store.resources() {
        for stored in state.store.list(&resource, None, None).items {
            let (namespace, name) = (meta::field(&stored.object, "namespace"), meta::field(&stored.object, "name"));
            all.push((Key::new(&resource, namespace, name), stored));
        }
    }
    all
}

async fn default_accounts(state: &Arc<State>, objects: &[(Key, Stored)]) -> bool {
    let accounts = Resource::new("", "serviceaccounts");
    let mut done = true;
    for (key, stored) in objects {
        if key.resource != Resource::new("", "namespaces") || meta::is_deleting(&stored.object) {
            continue;
        }
        if state.store.get(&Key::new(&accounts, &key.name, "default")).is_none() {
            let account = json!({
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": key.name},
            });
            done &= ensure(state, account).await.is_ok();
        }
    }
    done
}

/// The result of a write that someone else may have been faster with.
fn settled(result: Result<Stored, StoreError>) -> bool {
    matches!(result, Ok(_) | Err(StoreError::NotFound))
}

fn owners(object: &Value) -> &[Value] {
    object.pointer("/metadata/ownerReferences").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn uid_of(reference: &Value) -> &str {
    reference.get("uid").and_then(Value::as_str).unwrap_or_default()
}

/// Garbage collection by owner references.
async fn collect(state: &Arc<State>, objects: &[(Key, Stored)]) -> bool {
    let by_uid: HashMap<&str, &(Key, Stored)> =
        objects.iter().map(|entry| (meta::field(&entry.1.object, "uid"), entry)).collect();
    // An owner counts only where the object could refer to it: in its own namespace or cluster-scoped.
    let owner = |key: &Key, reference: &Value| {
        let found = by_uid.get(uid_of(reference)).copied();
        found.filter(|(owner, _)| owner.namespace.is_empty() || owner.namespace == key.namespace)
    };
    let mut held: HashSet<&str> = HashSet::new();
    let mut referred: HashSet<&str> = HashSet::new();
    for (_, stored) in objects {
        for reference in owners(&stored.object) {
            referred.insert(uid_of(reference));
            if reference.get("blockOwnerDeletion") == Some(&Value::Bool(true)) {
                held.insert(uid_of(reference));
            }
        }
    }
    let mut done = true;
    for (key, stored) in objects {
        let object = &stored.object;
        let uid = meta::field(object, "uid");
        if meta::is_deleting(object) {
            done &= advance(state, key, stored, held.contains(uid), referred.contains(uid), objects).await;
            continue;
        }
        let references = owners(object);
        if references.is_empty() {
            continue;
        }
        let solid: Vec<&Value> = references
            .iter()
            .filter(|r| {
                owner(key, r).is_some_and(|(_, o)| {
                    !(meta::is_deleting(&o.object) && meta::finalizers(&o.object).contains(&FOREGROUND))
                })
            })
            .collect();
        if solid.is_empty() {
            // Its owner waits for it, or is gone; if the latter orphans it, the reference goes first.
            let orphaned = references
                .iter()
                .filter_map(|r| owner(key, r))
                .any(|(_, o)| meta::finalizers(&o.object).contains(&ORPHAN));
            if !orphaned {
                done &= begin_deletion(state, key, stored).await;
            }
        }
    }
    done
}

async fn begin_deletion(state: &Arc<State>, key: &Key, stored: &Stored) -> bool {
    if meta::finalizers(&stored.object).is_empty() && key.resource != Resource::new("", "namespaces") {
        return settled(state.store.delete(key.clone(), stored.revision, Guard::None).await);
    }
    let mut object = stored.object.as_ref().clone();
    meta::set(&mut object, "deletionTimestamp", crate::edge::now());
    meta::set(&mut object, "deletionGracePeriodSeconds", 0);
    settled(state.store.put(key.clone(), Expect::Revision(stored.revision), Guard::None, object).await)
}

/// Takes an object that is being deleted one step further, if it is the collector's turn.
async fn advance(
    state: &Arc<State>,
    key: &Key,
    stored: &Stored,
    held: bool,
    referred: bool,
    objects: &[(Key, Stored)],
) -> bool {
    let finalizers = meta::finalizers(&stored.object);
    if finalizers.is_empty() {
        // Its last finalizer went and the deletion did not follow, e.g. because the server was killed in between.
        let namespace = key.resource == Resource::new("", "namespaces");
        return namespace || settled(state.store.delete(key.clone(), stored.revision, Guard::None).await);
    }
    let mut finished = None;
    if finalizers.contains(&FOREGROUND) && !held {
        finished = Some(FOREGROUND);
    }
    if finalizers.contains(&ORPHAN) {
        if referred && !orphan(state, meta::field(&stored.object, "uid"), objects).await {
            return false;
        }
        finished = Some(ORPHAN);
    }
    let Some(finished) = finished else { return true };
    let mut object = stored.object.as_ref().clone();
    let left: Vec<&str> = finalizers.into_iter().filter(|f| *f != finished).collect();
    meta::set(&mut object, "finalizers", left.clone());
    let gone = left.is_empty() && key.resource != Resource::new("", "namespaces");
    if gone {
        return settled(state.store.delete(key.clone(), stored.revision, Guard::None).await);
    }
    settled(state.store.put(key.clone(), Expect::Revision(stored.revision), Guard::None, object).await)
}

/// Removes every reference to an owner. Says whether none is left.
async fn orphan(state: &Arc<State>, uid: &str, objects: &[(Key, Stored)]) -> bool {
    let mut done = true;
    for (key, stored) in objects {
        if !owners(&stored.object).iter().any(|r| uid_of(r) == uid) {
            continue;
        }
        let mut object = stored.object.as_ref().clone();
        let left: Vec<Value> = owners(&object).iter().filter(|r| uid_of(r) != uid).cloned().collect();
        if let Some(metadata) = meta::metadata_mut(&mut object) {
            if left.is_empty() {
                metadata.remove("ownerReferences");
            } else {
                metadata.insert("ownerReferences".to_owned(), Value::Array(left));
            }
        }
        done &= settled(state.store.put(key.clone(), Expect::Revision(stored.revision), Guard::None, object).await);
    }
    done
}

/// Deletes the objects of definitions that are being deleted, and lets those go that have none left.
async fn empty_definitions(state: &Arc<State>, objects: &[(Key, Stored)]) -> bool {
    let mut done = true;
    for (key, stored) in objects {
        let finalizers = meta::finalizers(&stored.object);
        if !meta::is_deleting(&stored.object) || !finalizers.contains(&CLEANUP) {
            continue;
        }
        let Some((plural, group)) = key.name.split_once('.') else { continue };
        let resource = Resource::new(group, plural);
        // A definition that a built-in kind is served in the place of has no objects.
        if !catalogue::is_built_in(&resource) {
            let content = state.store.list(&resource, None, None).items;
            for object in &content {
                if !meta::is_deleting(&object.object) {
                    let (namespace, name) =
                        (meta::field(&object.object, "namespace"), meta::field(&object.object, "name"));
                    done &= begin_deletion(state, &Key::new(&resource, namespace, name), object).await;
                }
            }
            if !state.store.list(&resource, None, None).items.is_empty() {
                continue;
            }
        }
        let left: Vec<&str> = finalizers.into_iter().filter(|f| *f != CLEANUP).collect();
        let result = if left.is_empty() {
            state.store.delete(key.clone(), stored.revision, Guard::None).await
        } else {
            let mut object = stored.object.as_ref().clone();
            meta::set(&mut object, "finalizers", left);
            state.store.put(key.clone(), Expect::Revision(stored.revision), Guard::None, object).await
        };
        done &= settled(result);
    }
    done
}

/// Empties namespaces that are being deleted, and removes those that are empty.
async fn empty_namespaces(state: &Arc<State>, objects: &[(Key, Stored)]) -> bool {
    let mut done = true;
    for (key, stored) in objects {
        if key.resource != Resource::new("", "namespaces") || !meta::is_deleting(&stored.object) {
            continue;
        }
        let content = state.store.in_namespace(&key.name);
        for (key, stored) in &content {
            if !meta::is_deleting(&stored.object) {
                done &= begin_deletion(state, key, stored).await;
            }
        }
        if !meta::finalizers(&stored.object).is_empty() {
            continue;
        }
        let guard = Guard::NamespaceEmpty(key.name.clone());
        match state.store.delete(key.clone(), stored.revision, guard).await {
            Ok(_) | Err(StoreError::NotFound) => {}
            // What is left has finalizers; their removal is a change that brings this back here.
            Err(StoreError::NamespaceNotEmpty(_)) => {}
            Err(_) => done = false,
        }
    }
    done
}
