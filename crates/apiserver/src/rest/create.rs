//! create: from a body to a stored object. It must not know how bodies are encoded.

use super::{Context, kind_rules};
use crate::catalogue::{self, split_api_version};
use crate::edge;
use crate::error::ApiError;
use crate::fields;
use crate::meta;
use crate::store::{Expect, StoreError};
use serde_json::{Value, json};
use sluice_api::kinds::canonical_group;
use std::sync::Arc;

/// A body as an object, with what the client is to be warned of.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    pub(crate) object: Value,
}

/// Other names that are tried when a generated one is taken.
const NAME_ATTEMPTS: usize = 8;

/// Checks that the body is of the kind that the path names, and stores it under the canonical group.
pub(super) fn conform(context: &Context, object: &mut Value) -> Result<(), ApiError> {
    let kind = &context.kind;
    if !object.is_object() {
        return Err(ApiError::bad_request("the body must be one object"));
    }
    let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (group, version) = split_api_version(&api_version);
    if api_version.is_empty() || object.get("kind").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(ApiError::bad_request(format!(
            "Object 'Kind' or 'apiVersion' is missing: the path takes {} {}",
            context.api_version(),
            kind.kind
        )));
    }
    if canonical_group(group) != kind.group || version != context.path.version {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({})",
            context.api_version()
        )));
    }
    if object.get("kind").and_then(Value::as_str) != Some(&kind.kind) {
        return Err(ApiError::bad_request(format!(
            "the kind in the data ({}) does not match the expected kind ({})",
            object["kind"], kind.kind
        )));
    }
    object["apiVersion"] = json!(catalogue::api_version(&kind.group, version));
    let given = meta::field(object, "namespace").to_owned();
    if kind.namespaced {
        if !given.is_empty() && given != context.path.namespace {
            return Err(ApiError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        meta::set(object, "namespace", context.path.namespace.as_str());
    } else if !given.is_empty() {
        return Err(ApiError::bad_request("namespace may not be set on an object of a cluster-scoped kind"));
    }
    if meta::metadata_mut(object).is_none() {
        return Err(ApiError::bad_request("metadata must be a map"));
    }
    Ok(())
}

/// Creates the object and returns it as it was stored.
pub(crate) async fn create(context: &Context, decoded: Decoded) -> Result<Arc<Value>, ApiError> {
    let mut object = decoded.object;
    conform(context, &mut object)?;
    create_conformed(context, object, None).await
}

/// Creates an object that [`conform`] has seen. `managed` holds its field owners, if they were worked out already.
pub(super) async fn create_conformed(
    context: &Context,
    mut object: Value,
    managed: Option<Value>,
) -> Result<Arc<Value>, ApiError> {
    let kind = &context.kind;
    if kind.namespaced && context.path.namespace.is_empty() {
        return Err(ApiError::bad_request("an empty namespace may not be set during creation"));
    }
    if !kind.built_in && catalogue::is_ending(&context.state.store, &kind.resource()) {
        let message = "create not allowed while custom resource definition is terminating";
        return Err(ApiError::new(405, "MethodNotAllowed", message));
    }
    if !meta::field(&object, "resourceVersion").is_empty() {
        return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
    }
    let generated = meta::field(&object, "name").is_empty();
    let prefix = meta::field(&object, "generateName").to_owned();
    if generated && prefix.is_empty() {
        let message = "Required value: name or generateName is required";
        return Err(ApiError::invalid(kind, "", "metadata.name", "FieldValueRequired", message));
    }
    let now = edge::now();
    let uid = edge::uid().map_err(|e| ApiError::internal(e.to_string()))?;
    if let Some(metadata) = meta::metadata_mut(&mut object) {
        for name in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "managedFields"]
        {
            metadata.remove(name);
        }
        metadata.insert("uid".to_owned(), json!(uid));
        metadata.insert("creationTimestamp".to_owned(), json!(now));
        metadata.remove("generation");
        if kind.generation {
            metadata.insert("generation".to_owned(), json!(1));
        }
    }
    if context.has_status()
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
    let applied = managed.is_some();
    let mut attempts = 0;
    loop {
        let mut candidate = object.clone();
        if generated {
            let suffix = edge::name_suffix().map_err(|e| ApiError::internal(e.to_string()))?;
            // As Kubernetes: a prefix is cut so that the whole fits a label.
            let cut: String = prefix.chars().take(58).collect();
            meta::set(&mut candidate, "name", format!("{cut}{suffix}"));
        }
        kind_rules::default(kind, &mut candidate, &now);
        context.admit(&mut candidate, None)?;
        match &managed {
            Some(managed) => meta::set(&mut candidate, "managedFields", managed.clone()),
            None => fields::record_update(None, &mut candidate, &context.manager, &context.api_version(), "", &now),
        }
        let name = meta::field(&candidate, "name").to_owned();
        if context.query.dry_run()? {
            return dry_run(context, &name, candidate);
        }
        match context.state.store.put(context.key(&name), Expect::Absent, context.guard(), candidate).await {
            Ok(stored) => return Ok(context.present(&stored.object)),
            Err(StoreError::Exists) if generated && !applied && attempts < NAME_ATTEMPTS => attempts += 1,
            Err(error) => return Err(ApiError::of_store(kind, &name, error)),
        }
    }
}

/// What a create would have answered, without it.
fn dry_run(context: &Context, name: &str, object: Value) -> Result<Arc<Value>, ApiError> {
    if context.state.store.get(&context.key(name)).is_some() {
        return Err(ApiError::exists(&context.kind, name));
    }
    if context.kind.namespaced {
        context
            .state
            .namespace_active(&context.path.namespace)
            .map_err(|e| ApiError::of_store(&context.kind, name, e))?;
    }
    Ok(context.present(&Arc::new(object)))
}
