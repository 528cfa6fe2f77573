//! replace and patch, of an object or of its status. It must not know how patches are computed.

use super::create::{conform, create_conformed};
use super::{Context, Decoded, delete, kind_rules};
use crate::auth::{Attributes, rbac};
use crate::edge;
use crate::error::ApiError;
use crate::fields;
use crate::meta;
use crate::patch::Patch;
use crate::store::{Expect, Guard, StoreError, Stored};
use serde_json::Value;
use std::sync::Arc;

/// What a write may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything but the status, where that is a subresource.
    Main,
    Status,
}

/// How often a patch that names no resourceVersion is computed anew because the object changed meanwhile.
const PATCH_ATTEMPTS: usize = 16;

/// Replaces the object.
pub(crate) async fn replace(context: &Context, decoded: Decoded, part: Part) -> Result<Arc<Value>, ApiError> {
    let mut object = decoded.object;
    conform(context, &mut object)?;
    if meta::field(&object, "name") != context.path.name {
        let name = meta::field(&object, "name");
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            context.path.name
        )));
    }
    let version = meta::field(&object, "resourceVersion").to_owned();
    if version.is_empty() && context.kind.generation {
        let message = "Invalid value: 0: must be specified for an update";
        return Err(ApiError::invalid(
            &context.kind,
            &context.path.name,
            "metadata.resourceVersion",
            "FieldValueInvalid",
            message,
        ));
    }
    let mut attempts = 0;
    loop {
        let old = context.fetch()?;
        match write(context, &old, object.clone(), part, None).await {
            Err(error) if version.is_empty() && error.reason == "Conflict" && attempts < PATCH_ATTEMPTS => {
                attempts += 1
            }
            other => return other,
        }
    }
}

/// Patches the object; says whether it was created by a server-side apply.
pub(crate) async fn patch(context: &Context, patch: &Patch, part: Part) -> Result<(Arc<Value>, bool), ApiError> {
    let mut attempts = 0;
    loop {
        let old = context.state.store.get(&context.key(&context.path.name));
        let result = match (&old, patch) {
            (None, Patch::Apply(configuration)) if part == Part::Main => {
                may_create(context)?;
                let (object, managed) = apply_new(context, configuration)?;
                create_conformed(context, object, Some(managed)).await.map(|o| (o, true))
            }
            (None, _) => Err(ApiError::not_found(&context.kind, &context.path.name)),
            (Some(old), patch) => patch_existing(context, old, patch, part).await.map(|o| (o, false)),
        };
        match result {
            // The patch was computed on a state that is gone; unless it names that state itself, it is meant for any.
            Err(error)
                if error.code == 409
                    && matches!(error.reason, "Conflict" | "AlreadyExists")
                    && !patch.names_revision()
                    && !fields::is_field_conflict(&error)
                    && attempts < PATCH_ATTEMPTS =>
            {
                attempts += 1;
            }
            other => return other,
        }
    }
}

/// An apply that creates needs that verb too.
fn may_create(context: &Context) -> Result<(), ApiError> {
    let wanted = Attributes::resource("create", &context.path.group, &context.path.plural, &context.path.namespace, "");
    if rbac::authorize(&context.state.store, &context.user, &wanted) {
        return Ok(());
    }
    Err(ApiError::forbidden(&context.kind, &context.path.name, &wanted.denial(&context.user)))
}

fn apply_new(context: &Context, configuration: &Value) -> Result<(Value, Value), ApiError> {
    let mut object = configuration.clone();
    conform(context, &mut object)?;
    if meta::field(&object, "name").is_empty() {
        meta::set(&mut object, "name", context.path.name.as_str());
    }
    if !meta::field(&object, "uid").is_empty() {
        let why = "uid mismatch: the provided object specified a uid, and there is no such object";
        return Err(ApiError::conflict(&context.kind, &context.path.name, why));
    }
    let applied = fields::apply(None, &object, &context.manager, &context.api_version(), "", false, &edge::now())
        .map_err(|e| e.into_error(&context.kind, &context.path.name))?;
    Ok((applied.object, applied.managed))
}

async fn patch_existing(context: &Context, old: &Stored, patch: &Patch, part: Part) -> Result<Arc<Value>, ApiError> {
    let kind = &context.kind;
    let name = context.path.name.as_str();
    let subresource = if part == Part::Status { "status" } else { "" };
    // The client patches what it saw, so under the names that it asked for.
    let seen = context.present(&old.object);
    let (mut object, managed) = match patch {
        Patch::Apply(configuration) => {
            let mut configuration = configuration.clone();
            conform(context, &mut configuration)?;
            let force = context.query.flag("force");
            let now = edge::now();
            let version = context.api_version();
            let old = old.object.as_ref();
            fields::apply(Some(old), &configuration, &context.manager, &version, subresource, force, &now)
                .map(|applied| (applied.object, Some(applied.managed)))
                .map_err(|e| e.into_error(kind, name))?
        }
        other => (other.compute(kind, &seen).map_err(|e| e.into_error(kind, name))?, None),
    };
    conform(context, &mut object)?;
    if meta::field(&object, "name") != name {
        let why = "Invalid value: field is immutable";
        return Err(ApiError::invalid(kind, name, "metadata.name", "FieldValueInvalid", why));
    }
    write(context, old, object, part, managed).await
}

/// What a client may not change, from the state before.
fn keep_system_fields(object: &mut Value, old: &Value) {
    let kept = [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "generateName",
        "selfLink",
    ];
    let Some(metadata) = meta::metadata_mut(object) else { return };
    for name in kept {
        match old.pointer("/metadata").and_then(|m| m.get(name)) {
            Some(value) => metadata.insert(name.to_owned(), value.clone()),
            None => metadata.remove(name),
        };
    }
}

/// The object with the status of the other, or none.
fn with_status(mut object: Value, from: &Value) -> Value {
    if let Some(map) = object.as_object_mut() {
        match from.get("status") {
            Some(status) => map.insert("status".to_owned(), status.clone()),
            None => map.remove("status"),
        };
    }
    object
}

/// Whether anything but metadata and status differs.
fn spec_differs(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return true };
    let other = |name: &&String| !matches!(name.as_str(), "metadata" | "status" | "apiVersion");
    a.keys().chain(b.keys()).filter(other).any(|name| a.get(name) != b.get(name))
}

fn check_preconditions(context: &Context, old: &Stored, object: &Value) -> Result<(), ApiError> {
    let name = &context.path.name;
    let version = meta::field(object, "resourceVersion");
    if !version.is_empty() && version != old.revision.to_string() {
        return Err(ApiError::modified(&context.kind, name));
    }
    let (uid, is) = (meta::field(object, "uid"), meta::field(&old.object, "uid"));
    if !uid.is_empty() && uid != is {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {is}");
        return Err(ApiError::conflict(&context.kind, name, &why));
    }
    Ok(())
}

/// Stores the new state of an existing object.
async fn write(
    context: &Context,
    old: &Stored,
    mut object: Value,
    part: Part,
    managed: Option<Value>,
) -> Result<Arc<Value>, ApiError> {
    let kind = &context.kind;
    let name = context.path.name.as_str();
    check_preconditions(context, old, &object)?;
    let now = edge::now();
    keep_system_fields(&mut object, &old.object);
    let mut object = match part {
        Part::Status => with_status(old.object.as_ref().clone(), &object),
        Part::Main if context.has_status() => with_status(object, &old.object),
        Part::Main => object,
    };
    if part == Part::Main {
        kind_rules::default(kind, &mut object, &now);
        context.admit(&mut object, Some(&old.object))?;
        if meta::is_deleting(&old.object) {
            let before = meta::finalizers(&old.object);
            if let Some(new) = meta::finalizers(&object).into_iter().find(|f| !before.contains(f)) {
                let why = format!(
                    "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers `{new}`"
                );
                return Err(ApiError::invalid(kind, name, "metadata.finalizers", "FieldValueForbidden", &why));
            }
        }
        if kind.generation && spec_differs(&object, &old.object) {
            let generation = old.object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(1);
            meta::set(&mut object, "generation", generation + 1);
        }
    }
    match managed {
        Some(managed) => meta::set(&mut object, "managedFields", managed),
        None => {
            let subresource = if part == Part::Status { "status" } else { "" };
            let version = context.api_version();
            fields::record_update(Some(&old.object), &mut object, &context.manager, &version, subresource, &now);
        }
    }
    if fields::same_but_times(&object, &old.object) {
        return Ok(context.present(&old.object));
    }
    if context.query.dry_run()? {
        return Ok(context.present(&Arc::new(object)));
    }
    let store = &context.state.store;
    // Losing the last finalizer is what ends an object that is being deleted.
    if delete::may_go(kind, &object) {
        let gone = store.put(context.key(name), Expect::Revision(old.revision), Guard::None, object).await;
        let gone = gone.map_err(|e| ApiError::of_store(kind, name, e))?;
        return match store.delete(context.key(name), gone.revision, Guard::None).await {
            Ok(last) => Ok(context.present(&last.object)),
            Err(StoreError::NotFound) => Ok(context.present(&gone.object)),
            Err(error) => Err(ApiError::of_store(kind, name, error)),
        };
    }
    let stored = store.put(context.key(name), Expect::Revision(old.revision), Guard::None, object).await;
    Ok(context.present(&stored.map_err(|e| ApiError::of_store(kind, name, e))?.object))
}
