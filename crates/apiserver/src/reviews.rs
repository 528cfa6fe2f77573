//! Questions about users and tokens: who am I, may I, may he, what may I, whose token is this, a token for that
//! ServiceAccount. It must not know how a question came in.

use crate::auth::rbac::{self, Rule};
use crate::auth::token::{AUDIENCE, Grant, Named};
use crate::auth::{Attributes, UserInfo};
use crate::edge;
use crate::error::ApiError;
use crate::meta;
use crate::request::ResourcePath;
use crate::rest::Context;
use crate::state::State;
use crate::store::{Key, Resource};
use serde_json::{Value, json};

/// Seconds that a token lives if none are asked for, at least, and at most.
const DEFAULT_SECONDS: i64 = 3600;
const MIN_SECONDS: i64 = 600;
const MAX_SECONDS: i64 = 366 * 86_400;

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Answers a review of that kind.
pub(crate) fn answer(
    state: &State,
    user: &UserInfo,
    path: &ResourcePath,
    kind: &str,
    request: Value,
) -> Result<Value, ApiError> {
    if !request.is_object() {
        return Err(ApiError::bad_request(format!("the body must be a {kind}")));
    }
    let given = text(&request, "/kind");
    if !given.is_empty() && given != kind {
        return Err(ApiError::bad_request(format!("the body is a {given}, the path takes a {kind}")));
    }
    let status = match kind {
        "SelfSubjectReview" => json!({"userInfo": user_value(user)}),
        "SelfSubjectAccessReview" => access(state, user, &request)?,
        "SelfSubjectRulesReview" => rules(state, user, &text(&request, "/spec/namespace")),
        "SubjectAccessReview" => access(state, &subject(&request)?, &request)?,
        "LocalSubjectAccessReview" => {
            if text(&request, "/spec/resourceAttributes/namespace") != path.namespace {
                return Err(ApiError::bad_request(format!(
                    "spec.resourceAttributes.namespace must be the namespace of the path, {}",
                    path.namespace
                )));
            }
            access(state, &subject(&request)?, &request)?
        }
        "TokenReview" => token(state, &request),
        _ => return Err(ApiError::no_such_path()),
    };
    let mut metadata = request.get("metadata").filter(|m| m.is_object()).cloned().unwrap_or_else(|| json!({}));
    metadata["creationTimestamp"] = Value::Null;
    let api_version = crate::catalogue::api_version(&path.group, &path.version);
    let mut answer = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "status": status});
    // A TokenReview's spec is the token; it is not said again.
    if kind != "TokenReview"
        && let Some(spec) = request.get("spec")
    {
        answer["spec"] = spec.clone();
    }
    Ok(answer)
}

fn user_value(user: &UserInfo) -> Value {
    let mut value = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        value["uid"] = json!(user.uid);
    }
    value
}

fn subject(request: &Value) -> Result<UserInfo, ApiError> {
    let name = text(request, "/spec/user");
    let groups = texts(request, "/spec/groups");
    if name.is_empty() && groups.is_empty() {
        return Err(ApiError::bad_request(
            "spec.user: Invalid value: \"\": at least one of user or group must be specified",
        ));
    }
    Ok(UserInfo { name, uid: text(request, "/spec/uid"), groups })
}

fn access(state: &State, user: &UserInfo, request: &Value) -> Result<Value, ApiError> {
    let wanted = match (request.pointer("/spec/resourceAttributes"), request.pointer("/spec/nonResourceAttributes")) {
        (Some(a), None) => Attributes {
            verb: text(a, "/verb"),
            group: text(a, "/group"),
            resource: text(a, "/resource"),
            subresource: text(a, "/subresource"),
            namespace: text(a, "/namespace"),
            name: text(a, "/name"),
            path: None,
        },
        (None, Some(a)) => Attributes::path(&text(a, "/verb"), &text(a, "/path")),
        _ => {
            return Err(ApiError::bad_request(
                "spec: exactly one of resourceAttributes and nonResourceAttributes must be specified",
            ));
        }
    };
    Ok(json!({"allowed": rbac::authorize(&state.store, user, &wanted)}))
}

fn rules(state: &State, user: &UserInfo, namespace: &str) -> Value {
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for rule in rbac::rules_for(&state.store, user, namespace) {
        let Rule { verbs, api_groups, resources: kinds, resource_names, non_resource_urls } = rule;
        if !kinds.is_empty() {
            let mut value = json!({"verbs": verbs, "apiGroups": api_groups, "resources": kinds});
            if !resource_names.is_empty() {
                value["resourceNames"] = json!(resource_names);
            }
            resources.push(value);
        }
        if !non_resource_urls.is_empty() {
            paths.push(json!({"verbs": verbs, "nonResourceURLs": non_resource_urls}));
        }
    }
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}

fn token(state: &State, request: &Value) -> Value {
    let wanted = texts(request, "/spec/audiences");
    let wanted = if wanted.is_empty() { vec![AUDIENCE.to_owned()] } else { wanted };
    let found = state.authenticator.review(&state.store, &text(request, "/spec/token"));
    if let Some((user, audiences)) = found {
        let shared: Vec<&String> = wanted.iter().filter(|a| audiences.contains(a)).collect();
        if !shared.is_empty() {
            return json!({"authenticated": true, "user": user_value(&user), "audiences": shared});
        }
    }
    json!({"authenticated": false, "user": {}, "error": "the token is not valid for this server"})
}

/// `serviceaccounts/NAME/token`.
pub(crate) fn token_request(context: &Context, request: Value) -> Result<Value, ApiError> {
    let path = &context.path;
    let seconds = request.pointer("/spec/expirationSeconds").and_then(Value::as_i64).unwrap_or(DEFAULT_SECONDS);
    if !(MIN_SECONDS..=MAX_SECONDS).contains(&seconds) {
        let message =
            format!("Invalid value: {seconds}: may not be less than {MIN_SECONDS} or more than {MAX_SECONDS}");
        return Err(ApiError::invalid(
            &context.kind,
            &path.name,
            "spec.expirationSeconds",
            "FieldValueInvalid",
            &message,
        ));
    }
    let mut audiences = texts(&request, "/spec/audiences");
    if audiences.is_empty() {
        audiences.push(AUDIENCE.to_owned());
    }
    let mut grant = Grant { audiences: audiences.clone(), ..Grant::default() };
    bind(context, &request, &mut grant)?;
    let (token, expires) = issue(&context.state, &path.namespace, &path.name, seconds, grant)?
        .ok_or_else(|| ApiError::not_found(&context.kind, &path.name))?;
    let mut spec = json!({"audiences": audiences, "expirationSeconds": seconds});
    if let Some(bound) = request.pointer("/spec/boundObjectRef") {
        spec["boundObjectRef"] = bound.clone();
    }
    Ok(json!({
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": path.name, "namespace": path.namespace, "creationTimestamp": edge::now()},
        "spec": spec,
        "status": {"token": token, "expirationTimestamp": expires},
    }))
}

/// Binds the token to the Pod or Secret that the request names.
fn bind(context: &Context, request: &Value, grant: &mut Grant) -> Result<(), ApiError> {
    let Some(reference) = request.pointer("/spec/boundObjectRef").filter(|r| !r.is_null()) else { return Ok(()) };
    let (kind, name) = (text(reference, "/kind"), text(reference, "/name"));
    let plural = match kind.as_str() {
        "Pod" => "pods",
        "Secret" => "secrets",
        _ => {
            return Err(ApiError::bad_request(format!(
                "cannot bind token to object of type {kind}: name a Pod or a Secret"
            )));
        }
    };
    let key = Key::new(&Resource::new("", plural), &context.path.namespace, &name);
    let stored = context.state.store.get(&key);
    let uid = stored.map(|s| meta::field(&s.object, "uid").to_owned());
    let uid = uid.ok_or_else(|| ApiError::new(404, "NotFound", format!("{plural} \"{name}\" not found")))?;
    let given = text(reference, "/uid");
    if !given.is_empty() && given != uid {
        let message =
            format!("the UID in the bound object reference ({given}) does not match the UID in record ({uid})");
        return Err(ApiError::new(409, "Conflict", message));
    }
    let named = Some(Named { name, uid });
    match plural {
        "pods" => grant.pod = named,
        _ => grant.secret = named,
    }
    Ok(())
}

/// A token for that ServiceAccount and when it ends; nothing if there is no such account.
pub(crate) fn issue(
    state: &State,
    namespace: &str,
    name: &str,
    seconds: i64,
    mut grant: Grant,
) -> Result<Option<(String, String)>, ApiError> {
    let key = Key::new(&Resource::new("", "serviceaccounts"), namespace, name);
    let Some(account) = state.store.get(&key).filter(|a| !meta::is_deleting(&a.object)) else { return Ok(None) };
    let expires = edge::now_seconds().saturating_add(seconds);
    namespace.clone_into(&mut grant.namespace);
    name.clone_into(&mut grant.account);
    meta::field(&account.object, "uid").clone_into(&mut grant.account_uid);
    grant.expires_at = expires;
    let token = state.authenticator.key.issue(grant).map_err(|e| ApiError::internal(e.to_string()))?;
    Ok(Some((token, edge::time(expires))))
}
