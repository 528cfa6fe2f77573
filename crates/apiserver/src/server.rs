//! The one way of every request: who asks, whether he may, what it does, a line in the audit. Sockets and in-process
//! clients come through here alike. It must not know of connections.

use crate::auth::{UserInfo, impersonation, rbac};
use crate::body::{self, Body};
use crate::catalogue;
use crate::error::ApiError;
use crate::request::{Asked, ResourcePath, Target};
use crate::rest::{self, Context, Part};
use crate::state::State;
use crate::{answer, discovery, fieldcheck, logs, openapi, reviews};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, header};
use std::sync::Arc;
use std::time::Duration;

/// A body that has not arrived by then will not.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// A socket: the bearer token says who.
    Token,
    /// This process: the user is given.
    Known(UserInfo),
}

/// Answers one request.
pub(crate) async fn handle<B>(state: Arc<State>, caller: Caller, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: std::fmt::Display,
{
    let (parts, body) = request.into_parts();
    let user = authenticate(&state, &caller, &parts.headers);
    let asked = Asked::parse(&parts.method, &parts.uri);
    let by = user.as_ref().map_or("", |u| u.name.as_str()).to_owned();
    let user = user.and_then(|user| impersonation::resolve(&state.store, user, &parts.headers));
    let name = user.as_ref().map_or("", |u| u.name.as_str()).to_owned();
    let result = match (user, &asked) {
        (Err(error), _) => Err(error),
        (Ok(_), Err(error)) => Err(error.clone()),
        (Ok(user), Ok(asked)) => route(state, user, asked, &parts, body).await,
    };
    let (response, reason) = match result {
        Ok(response) => (response, ""),
        Err(error) => (body::refusal(&error), error.reason),
    };
    audit(&name, &by, asked.ok().as_ref(), &parts, response.status().as_u16(), reason);
    response
}

/// One line per request; never a body, a header or a query, which may hold secrets.
fn audit(user: &str, by: &str, asked: Option<&Asked>, parts: &Parts, code: u16, reason: &str) {
    let verb = asked.map_or(parts.method.as_str(), |a| a.verb);
    let attributes = asked.map(Asked::attributes).unwrap_or_default();
    let mut line = serde_json::json!({
        "user": user,
        "verb": verb,
        "path": parts.uri.path(),
        "group": attributes.group,
        "resource": attributes.resource_and_sub(),
        "namespace": attributes.namespace,
        "name": attributes.name,
        "code": code,
        "reason": reason,
    });
    if by != user {
        line["impersonatedBy"] = serde_json::json!(by);
    }
    tracing::info!(target: "audit", "{line}");
}

fn authenticate(state: &State, caller: &Caller, headers: &HeaderMap) -> Result<UserInfo, ApiError> {
    match caller {
        Caller::Known(user) => Ok(user.clone()),
        Caller::Token => {
            let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(UserInfo::anonymous()) };
            let text = value.to_str().map_err(|_| ApiError::unauthorized())?;
            let (scheme, token) = text.split_once(' ').ok_or_else(ApiError::unauthorized)?;
            if !scheme.eq_ignore_ascii_case("bearer") {
                return Err(ApiError::unauthorized());
            }
            state.authenticator.authenticate(&state.store, token.trim()).ok_or_else(ApiError::unauthorized)
        }
    }
}

async fn route<B>(
    state: Arc<State>,
    user: UserInfo,
    asked: &Asked,
    parts: &Parts,
    body: B,
) -> Result<Response<Body>, ApiError>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: std::fmt::Display,
{
    let attributes = asked.attributes();
    if !rbac::authorize(&state.store, &user, &attributes) {
        return Err(denied(&state, &user, asked));
    }
    match &asked.target {
        Target::Other(path) => non_resource(&state, path, &parts.method, &parts.headers),
        Target::Resource(path) => {
            let bytes = if parts.method == Method::GET {
                Bytes::new()
            } else {
                let read = tokio::time::timeout(BODY_TIMEOUT, body::read(body)).await;
                read.map_err(|_| ApiError::new(408, "Timeout", "the body did not arrive in time"))??
            };
            resource(state, user, asked, path, parts, bytes).await
        }
    }
}

fn denied(state: &State, user: &UserInfo, asked: &Asked) -> ApiError {
    let attributes = asked.attributes();
    let why = attributes.denial(user);
    if let Target::Resource(path) = &asked.target
        && let Some(kind) = catalogue::find(&state.store, &path.group, &path.version, &path.plural)
    {
        return ApiError::forbidden(&kind, &path.name, &why);
    }
    let what = match &asked.target {
        Target::Resource(path) if path.group.is_empty() => path.plural.clone(),
        Target::Resource(path) => format!("{}.{}", path.plural, path.group),
        Target::Other(_) => return ApiError::new(403, "Forbidden", format!("forbidden: {why}")),
    };
    ApiError::new(403, "Forbidden", format!("{what} is forbidden: {why}"))
}

fn non_resource(state: &State, path: &str, method: &Method, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    if method != Method::GET && method != Method::HEAD {
        return Err(ApiError::method_not_allowed());
    }
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let kinds = || catalogue::all(&state.store);
    let aggregated = |core: bool, version: &str| {
        let value = discovery::aggregated(&kinds(), core, version);
        let media = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
        Ok(body::whole(200, &media, value.to_string()))
    };
    let found = match segments.as_slice() {
        ["version"] => Some(discovery::version()),
        ["healthz" | "livez" | "readyz", ..] => return Ok(body::whole(200, "text/plain; charset=utf-8", "ok")),
        ["api"] => match discovery::aggregated_version(accept) {
            Some(version) => return aggregated(true, version),
            None => Some(discovery::core_versions()),
        },
        ["apis"] => match discovery::aggregated_version(accept) {
            Some(version) => return aggregated(false, version),
            None => Some(discovery::group_list(&kinds())),
        },
        ["api", version] => discovery::resource_list(&kinds(), "", version),
        ["apis", group] => discovery::group(&kinds(), group),
        ["apis", group, version] => discovery::resource_list(&kinds(), group, version),
        ["openapi", rest @ ..] => return openapi::answer(rest, &kinds(), accept),
        _ => None,
    };
    found.map(|value| body::json(200, &value)).ok_or_else(ApiError::no_such_path)
}

/// Who writes, as `managedFields` names him.
fn manager(asked: &Asked, headers: &HeaderMap) -> Result<String, ApiError> {
    if let Some(manager) = asked.query.get("fieldManager") {
        if manager.len() > 128 || manager.chars().any(char::is_control) {
            return Err(ApiError::bad_request("fieldManager: Invalid value: may be at most 128 printable characters"));
        }
        return Ok(manager.to_owned());
    }
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let first: String = agent.split('/').next().unwrap_or_default().chars().take(128).collect();
    Ok(if first.is_empty() { "unknown".to_owned() } else { first })
}

async fn resource(
    state: Arc<State>,
    user: UserInfo,
    asked: &Asked,
    path: &ResourcePath,
    parts: &Parts,
    bytes: Bytes,
) -> Result<Response<Body>, ApiError> {
    let media = body::media_type(&parts.headers);
    if let Some(kind) = discovery::virtual_kind(&path.group, &path.version, &path.plural) {
        if asked.verb != "create" || !path.name.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        let request = body::object(&media, &bytes)?.unwrap_or_default();
        return reviews::answer(&state, &user, path, kind, request).map(|value| body::json(201, &value));
    }
    let kind =
        catalogue::find(&state.store, &path.group, &path.version, &path.plural).ok_or_else(ApiError::no_such_path)?;
    if !kind.namespaced && !path.namespace.is_empty() {
        return Err(ApiError::no_such_path());
    }
    if kind.namespaced && path.namespace.is_empty() && !path.name.is_empty() {
        return Err(ApiError::no_such_path());
    }
    let context = Context {
        manager: manager(asked, &parts.headers)?,
        state,
        user,
        kind,
        path: path.clone(),
        query: asked.query.clone(),
    };
    let accept = parts.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let named = !path.name.is_empty();
    let part = match (path.subresource.as_str(), asked.verb) {
        ("", _) => Part::Main,
        ("status", "get" | "update" | "patch") if context.has_status() => Part::Status,
        ("log", "get") if context.kind.plural == "pods" && context.kind.group.is_empty() => {
            return logs::answer(&context).await;
        }
        ("token", "create") if context.kind.plural == "serviceaccounts" && context.kind.group.is_empty() => {
            let request = body::object(&media, &bytes)?.unwrap_or_default();
            return reviews::token_request(&context, request).map(|value| body::json(201, &value));
        }
        _ => return Err(ApiError::no_such_path()),
    };
    let mut warnings = Vec::new();
    let mut decoded = || -> Result<rest::Decoded, ApiError> {
        let object = body::object(&media, &bytes)?;
        let object = object.ok_or_else(|| ApiError::bad_request("the body is empty; it must be the object"))?;
        warnings = fieldcheck::check(asked.query.get("fieldValidation"), &context.kind, &object)?;
        Ok(rest::Decoded { object })
    };
    let mut response = match (asked.verb, named) {
        ("get", true) => Ok(answer::object(200, &context, &rest::get(&context)?, accept)),
        ("list", false) => Ok(answer::list(&context, &rest::list(&context)?, accept)),
        ("watch", _) => answer::watch(context.clone(), accept),
        ("create", false) => Ok(answer::object(201, &context, &rest::create(&context, decoded()?).await?, accept)),
        ("update", true) => {
            Ok(answer::object(200, &context, &rest::replace(&context, decoded()?, part).await?, accept))
        }
        ("patch", true) => {
            let patch = crate::patch::Patch::parse(&media, &bytes)?;
            if let crate::patch::Patch::Apply(configuration) = &patch {
                if asked.query.get("fieldManager").is_none() {
                    return Err(ApiError::bad_request("fieldManager: Required value: is required for apply patch"));
                }
                warnings = fieldcheck::check(asked.query.get("fieldValidation"), &context.kind, configuration)?;
            }
            let (object, created) = rest::patch(&context, &patch, part).await?;
            Ok(answer::object(if created { 201 } else { 200 }, &context, &object, accept))
        }
        ("delete", true) => {
            let options = rest::DeleteOptions::read(&context, body::object(&media, &bytes)?.as_ref())?;
            Ok(body::json(200, rest::delete_one(&context, &options).await?.as_ref()))
        }
        ("deletecollection", false) => {
            let options = rest::DeleteOptions::read(&context, body::object(&media, &bytes)?.as_ref())?;
            Ok(answer::list(&context, &rest::delete_collection(&context, &options).await?, accept))
        }
        _ => Err(ApiError::method_not_allowed()),
    }?;
    for warning in warnings {
        if let Ok(value) = header::HeaderValue::from_str(&format!("299 - {}", serde_json::Value::from(warning))) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    Ok(response)
}
