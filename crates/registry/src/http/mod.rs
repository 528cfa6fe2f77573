//! The HTTP API: paths to operations, who asks, and whether they may. Nothing below is reached without the answer.

mod blobs;
mod listing;
mod manifests;
mod route;
mod sessions;

use crate::Inner;
use crate::authority::{Action, Credential, Identity, Transfer, TransferKind};
use crate::error::{ApiError, ApiResult, Code};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine as _;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};
use route::Route;
use sluice_oci::Digest;
use std::sync::Arc;

pub(crate) fn router(inner: Arc<Inner>) -> Router {
    Router::new()
        .route("/v2", any(handle))
        .route("/v2/", any(handle))
        .route("/v2/{*rest}", any(handle))
        .with_state(inner)
}

async fn handle(State(inner): State<Arc<Inner>>, request: Request<Body>) -> Response {
    let (parts, mut body) = request.into_parts();
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let mut response = match dispatch(inner, parts, &mut body).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    if !drained(body).await {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    tracing::debug!(%method, path, status = response.status().as_u16(), "registry");
    response
}

/// Reads what an early answer left of a request, if it is little: a connection closed under a client that believes it
/// alive breaks that client's next request. Otherwise the answer has to say that the connection ends.
async fn drained(body: Body) -> bool {
    const LITTLE: usize = 256 * 1024;
    if body.is_end_stream() {
        return true;
    }
    if body.size_hint().lower() > LITTLE as u64 {
        return false;
    }
    let read = Limited::new(body, LITTLE).collect();
    tokio::time::timeout(std::time::Duration::from_secs(2), read).await.is_ok_and(|r| r.is_ok())
}

/// A request without its body: who asks, and with what.
pub(crate) struct Call {
    inner: Arc<Inner>,
    identity: Identity,
    method: Method,
    query: Vec<(String, String)>,
    headers: HeaderMap,
}

impl Call {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn queries<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    async fn require(&self, repository: &str, action: Action) -> ApiResult<()> {
        if self.inner.authority.allowed(&self.identity, repository, action).await {
            return Ok(());
        }
        let verb = if action == Action::Pull { "pull from" } else { "push to" };
        // Someone without a credential may get further with one; to someone with one it is final.
        if credential(&self.headers)?.is_anonymous() {
            return Err(unauthorized(&format!("log in to {verb} `{repository}`")));
        }
        let message = format!("user `{}` may not {verb} `{repository}`", self.identity.user);
        Err(ApiError::new(Code::Denied, message))
    }

    fn record(&self, action: Action, repository: &str, kind: TransferKind, digest: &Digest, tag: Option<&str>) {
        let transfer = Transfer {
            action,
            repository: repository.to_owned(),
            kind,
            digest: digest.clone(),
            tag: tag.map(str::to_owned),
        };
        self.inner.recorder.record(&self.identity, transfer);
    }

    fn unsupported(&self) -> ApiError {
        ApiError::new(Code::Unsupported, format!("{} is not supported here", self.method))
    }
}

async fn dispatch(inner: Arc<Inner>, parts: http::request::Parts, body: &mut Body) -> ApiResult<Response> {
    let presented = credential(&parts.headers)?;
    let identity = inner.authority.authenticate(presented.as_credential()).await;
    let identity = identity.ok_or_else(|| match presented.is_anonymous() {
        true => unauthorized("log in first"),
        false => unauthorized("the credential is not valid or has expired"),
    })?;
    let route = Route::parse(parts.uri.path())?;
    let query = route::parse_query(parts.uri.query().unwrap_or_default());
    let anonymous = presented.is_anonymous();
    let call = Call { inner, identity, method: parts.method, query, headers: parts.headers };
    let reading = call.method == Method::GET || call.method == Method::HEAD;
    let action = if reading { Action::Pull } else { Action::Push };
    match route {
        // Clients present their credentials only to a registry that asks for them here.
        Route::Base if anonymous => Err(unauthorized("log in, or go on without")),
        Route::Base => Ok(json(StatusCode::OK, &serde_json::json!({}))),
        Route::Catalog => Err(ApiError::new(Code::Denied, "the list of repositories is not served")),
        Route::Tags { name } => {
            call.require(&name, action).await?;
            listing::tags(call, name).await
        }
        Route::Referrers { name, subject } => {
            call.require(&name, action).await?;
            listing::referrers(call, name, subject).await
        }
        Route::Manifest { name, reference } => {
            call.require(&name, action).await?;
            manifests::handle(call, body, name, reference).await
        }
        Route::Blob { name, digest } => {
            call.require(&name, action).await?;
            blobs::handle(call, name, digest).await
        }
        // Even the state of an upload is for those who may push.
        Route::Uploads { name } => {
            call.require(&name, Action::Push).await?;
            sessions::begin(call, body, name).await
        }
        Route::Upload { name, id } => {
            call.require(&name, Action::Push).await?;
            sessions::go_on(call, body, name, id).await
        }
    }
}

enum Presented {
    Anonymous,
    Basic(String, String),
    Bearer(String),
}

impl Presented {
    fn is_anonymous(&self) -> bool {
        matches!(self, Presented::Anonymous)
    }

    fn as_credential(&self) -> Credential<'_> {
        match self {
            Presented::Anonymous => Credential::Anonymous,
            Presented::Basic(username, password) => Credential::Basic { username, password },
            Presented::Bearer(token) => Credential::Bearer { token },
        }
    }
}

/// The credential of a request. Some clients without one send an empty pair: that is nobody.
fn credential(headers: &HeaderMap) -> ApiResult<Presented> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(Presented::Anonymous) };
    let bad = || unauthorized("the Authorization header is neither Basic nor Bearer");
    let (scheme, rest) = value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or_else(bad)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Presented::Bearer(rest.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(bad());
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(rest.trim()).map_err(|_| bad())?;
    let text = String::from_utf8(bytes).map_err(|_| bad())?;
    let (username, password) = text.split_once(':').ok_or_else(bad)?;
    if username.is_empty() && password.is_empty() {
        return Ok(Presented::Anonymous);
    }
    Ok(Presented::Basic(username.to_owned(), password.to_owned()))
}

fn unauthorized(message: &str) -> ApiError {
    ApiError::new(Code::Unauthorized, message)
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer without body.
fn empty(status: StatusCode, headers: &[(&'static str, &str)]) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}
