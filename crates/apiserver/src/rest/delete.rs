//! delete and deletecollection: at once, or marked and left to finalizers. The garbage collector does the rest.

use super::Context;
use crate::catalogue::Served;
use crate::edge;
use crate::error::ApiError;
use crate::meta;
use crate::selector::Selector;
use crate::store::{Expect, Guard, StoreError, Stored};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Holds an object until its dependents are gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Holds an object until its dependents no longer refer to it.
pub(crate) const ORPHAN: &str = "orphan";

/// Holds a CustomResourceDefinition until none of its objects is left.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// metav1.DeleteOptions, as far as they mean something here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Options {
    propagation_policy: Option<String>,
    orphan_dependents: Option<bool>,
    preconditions: Option<Preconditions>,
    dry_run: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

impl Options {
    /// From the body, if there is one, and the query.
    pub(crate) fn read(context: &Context, body: Option<&Value>) -> Result<Self, ApiError> {
        let mut options = match body {
            None | Some(Value::Null) => Self::default(),
            Some(value) => Self::deserialize(value)
                .map_err(|e| ApiError::bad_request(format!("the body is no DeleteOptions: {e}")))?,
        };
        if options.propagation_policy.is_none() {
            options.propagation_policy = context.query.get("propagationPolicy").map(str::to_owned);
        }
        match options.propagation_policy.as_deref() {
            None | Some("Background" | "Foreground" | "Orphan") => Ok(options),
            Some(other) => Err(ApiError::bad_request(format!(
                "propagationPolicy: Unsupported value: \"{other}\": supported values: \"Background\", \"Foreground\", \"Orphan\""
            ))),
        }
    }

    fn finalizer(&self) -> Option<&'static str> {
        match self.propagation_policy.as_deref() {
            Some("Foreground") => Some(FOREGROUND),
            Some("Orphan") => Some(ORPHAN),
            None if self.orphan_dependents == Some(true) => Some(ORPHAN),
            _ => None,
        }
    }

    fn check(&self, kind: &Served, name: &str, stored: &Stored) -> Result<(), ApiError> {
        let Some(wanted) = &self.preconditions else { return Ok(()) };
        let uid = meta::field(&stored.object, "uid");
        if let Some(expected) = wanted.uid.as_deref().filter(|u| *u != uid) {
            let why = format!("Precondition failed: UID in precondition: {expected}, UID in object meta: {uid}");
            return Err(ApiError::conflict(kind, name, &why));
        }
        let revision = stored.revision.to_string();
        if let Some(expected) = wanted.resource_version.as_deref().filter(|r| *r != revision) {
            let why = format!(
                "Precondition failed: ResourceVersion in precondition: {expected}, ResourceVersion in object meta: {revision}"
            );
            return Err(ApiError::conflict(kind, name, &why));
        }
        Ok(())
    }
}

/// Whether nothing holds an object that is being deleted any longer. A namespace is held by what is in it.
pub(crate) fn may_go(kind: &Served, object: &Value) -> bool {
    let namespace = kind.group.is_empty() && kind.kind == "Namespace";
    meta::is_deleting(object) && meta::finalizers(object).is_empty() && !namespace
}

/// Deletes the object that the path names. The answer is the object if something holds it, a Status otherwise.
pub(crate) async fn one(context: &Context, options: &Options) -> Result<Arc<Value>, ApiError> {
    let name = context.path.name.clone();
    delete_named(context, &name, options).await
}

async fn delete_named(context: &Context, name: &str, options: &Options) -> Result<Arc<Value>, ApiError> {
    let kind = &context.kind;
    let store = &context.state.store;
    loop {
        let stored = store.get(&context.key(name)).ok_or_else(|| ApiError::not_found(kind, name))?;
        options.check(kind, name, &stored)?;
        let mut object = stored.object.as_ref().clone();
        mark(kind, &mut object, options.finalizer());
        let held = !may_go(kind, &object);
        if context.query.dry_run()? || options.dry_run.as_ref().is_some_and(|d| !d.is_empty()) {
            return Ok(answer(context, &stored.object, held));
        }
        if object == *stored.object && held {
            return Ok(context.present(&stored.object));
        }
        let done = if held {
            store.put(context.key(name), Expect::Revision(stored.revision), Guard::None, object).await
        } else {
            store.delete(context.key(name), stored.revision, Guard::None).await
        };
        match done {
            Ok(last) => return Ok(answer(context, &last.object, held)),
            // Someone else wrote it meanwhile; what he wrote is deleted as well.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(ApiError::of_store(kind, name, error)),
        }
    }
}

fn mark(kind: &Served, object: &mut Value, finalizer: Option<&str>) {
    if !meta::is_deleting(object) {
        meta::set(object, "deletionTimestamp", edge::now());
        meta::set(object, "deletionGracePeriodSeconds", 0);
        if kind.generation {
            let generation = object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(1);
            meta::set(object, "generation", generation + 1);
        }
    }
    if let Some(finalizer) = finalizer {
        let mut all: Vec<String> = meta::finalizers(object).into_iter().map(str::to_owned).collect();
        // Foreground and orphan exclude each other; the later wish holds.
        all.retain(|f| f != FOREGROUND && f != ORPHAN);
        all.push(finalizer.to_owned());
        meta::set(object, "finalizers", all);
    }
    if kind.kind == "CustomResourceDefinition" && !meta::finalizers(object).contains(&CLEANUP) {
        let mut all: Vec<String> = meta::finalizers(object).into_iter().map(str::to_owned).collect();
        all.push(CLEANUP.to_owned());
        meta::set(object, "finalizers", all);
    }
    if kind.group.is_empty() && kind.kind == "Namespace" {
        object["status"] = json!({"phase": "Terminating"});
    }
}

fn answer(context: &Context, object: &Arc<Value>, held: bool) -> Arc<Value> {
    if held {
        return context.present(object);
    }
    let kind = &context.kind;
    Arc::new(json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {
            "name": meta::field(object, "name"),
            "group": context.path.group,
            "kind": kind.plural,
            "uid": meta::field(object, "uid"),
        },
    }))
}

/// Deletes what the selectors choose in the collection that the path names.
pub(crate) async fn collection(context: &Context, options: &Options) -> Result<super::read::Listed, ApiError> {
    let query = &context.query;
    let selector = Selector::parse(query.get("labelSelector"), query.get("fieldSelector"))?;
    if context.kind.namespaced && context.path.namespace.is_empty() {
        return Err(ApiError::method_not_allowed());
    }
    let namespace = context.kind.namespaced.then_some(context.path.namespace.as_str());
    let page = context.state.store.list(&context.kind.resource(), namespace, None);
    let mut items = Vec::new();
    for stored in page.items.into_iter().filter(|s| selector.matches(&s.object)) {
        match delete_named(context, meta::field(&stored.object, "name"), options).await {
            Ok(_) => items.push(context.present(&stored.object)),
            Err(error) if error.code == 404 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(super::read::Listed { metadata: json!({"resourceVersion": page.revision.to_string()}), items })
}
