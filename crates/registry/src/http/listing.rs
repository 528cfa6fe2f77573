//! Lists: tags of a repository, referrers of a manifest.

use super::{Call, json};
use crate::error::{ApiError, ApiResult, Code};
use crate::uploads::blocking;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use sluice_oci::{Digest, ImageIndex, media_type};

/// Largest page; what does not fit is on the next.
const PAGE: usize = 1000;

pub(super) async fn tags(call: Call, name: String) -> ApiResult<Response> {
    if call.method != Method::GET {
        return Err(call.unsupported());
    }
    let wrong = || ApiError::new(Code::Unsupported, "`n` must be a number");
    let n = call.query("n").map(|n| n.parse::<usize>().map_err(|_| wrong())).transpose()?;
    let (inner, repository) = (call.inner.clone(), name.clone());
    let found = blocking(move || match inner.store.exists(&repository) {
        true => inner.store.tags(&repository).map(Some),
        false => Ok(None),
    });
    let unknown = || ApiError::new(Code::NameUnknown, format!("repository `{name}` is not here"));
    let mut tags = found.await?.ok_or_else(unknown)?;
    if let Some(last) = call.query("last") {
        tags.retain(|tag| tag.as_str() > last);
    }
    let limit = n.unwrap_or(PAGE).min(PAGE);
    let more = tags.len() > limit;
    tags.truncate(limit);
    let next =
        tags.last().filter(|_| more).map(|last| format!("</v2/{name}/tags/list?n={limit}&last={last}>; rel=\"next\""));
    let mut response = json(StatusCode::OK, &serde_json::json!({ "name": name, "tags": tags }));
    if let Some(link) = next.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

pub(super) async fn referrers(call: Call, name: String, subject: Digest) -> ApiResult<Response> {
    if call.method != Method::GET && call.method != Method::HEAD {
        return Err(call.unsupported());
    }
    let (inner, repository) = (call.inner.clone(), name);
    let mut manifests = blocking(move || inner.store.referrers(&repository, &subject)).await?;
    let filter = call.query("artifactType").filter(|t| !t.is_empty());
    if let Some(filter) = filter {
        manifests.retain(|d| d.artifact_type.as_deref() == Some(filter));
    }
    let index = ImageIndex {
        schema_version: 2,
        media_type: Some(media_type::INDEX.to_owned()),
        artifact_type: None,
        manifests,
        subject: None,
        annotations: Default::default(),
    };
    let value = serde_json::to_value(index).map_err(std::io::Error::from)?;
    let mut response = json(StatusCode::OK, &value);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type::INDEX));
    if filter.is_some() {
        response.headers_mut().insert("oci-filters-applied", HeaderValue::from_static("artifactType"));
    }
    Ok(response)
}
