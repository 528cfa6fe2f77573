//! `/v2/NAME/blobs/uploads/`: mount, one-shot and chunked uploads.

use super::{Call, empty};
use crate::authority::{Action, TransferKind};
use crate::error::{ApiError, ApiResult, Code};
use crate::uploads::{Upload, blocking};
use axum::body::Body;
use axum::response::Response;
use http::{Method, StatusCode, header};
use sluice_oci::{Digest, is_valid_repository};

/// `POST`: opens an upload, or does all of it at once.
pub(super) async fn begin(call: Call, body: &mut Body, name: String) -> ApiResult<Response> {
    if call.method != Method::POST {
        return Err(call.unsupported());
    }
    if let (Some(digest), Some(from)) = (call.query("mount"), call.query("from"))
        && let Some(response) = mount(&call, &name, digest, from).await?
    {
        return Ok(response);
    }
    let digest = call.query("digest").map(parse_digest).transpose()?;
    let (id, slot) = call.inner.uploads.begin(&name, &call.identity)?;
    let Some(digest) = digest else {
        let location = format!("/v2/{name}/blobs/uploads/{id}");
        return Ok(empty(
            StatusCode::ACCEPTED,
            &[("location", &location), ("range", "0-0"), ("docker-upload-uuid", &id)],
        ));
    };
    // Nobody else knows the id: whatever happens, the upload ends with this request.
    call.inner.uploads.forget(&id);
    let mut upload = slot.lock_owned().await;
    upload.append(std::mem::take(body).into_data_stream()).await?;
    complete(&call, &name, &mut upload, &digest).await
}

/// A blob of another repository, if this user may read it there. Otherwise nothing is said of it.
async fn mount(call: &Call, name: &str, digest: &str, from: &str) -> ApiResult<Option<Response>> {
    let digest = parse_digest(digest)?;
    if !is_valid_repository(from) || !call.inner.authority.allowed(&call.identity, from, Action::Pull).await {
        return Ok(None);
    }
    let (inner, source, target, wanted) = (call.inner.clone(), from.to_owned(), name.to_owned(), digest.clone());
    let mounted = blocking(move || {
        if !inner.store.has_blob(&source, &wanted) {
            return Ok(false);
        }
        inner.store.link_blob(&target, &wanted).map(|()| true)
    });
    if !mounted.await? {
        return Ok(None);
    }
    call.record(Action::Push, name, TransferKind::Blob, &digest, None);
    Ok(Some(created(name, &digest)))
}

/// Everything on an open upload.
pub(super) async fn go_on(call: Call, body: &mut Body, name: String, id: String) -> ApiResult<Response> {
    let mut upload = call.inner.uploads.get(&id, &name, &call.identity).await?;
    let location = format!("/v2/{name}/blobs/uploads/{id}");
    match call.method {
        Method::GET => Ok(progress(StatusCode::NO_CONTENT, &location, &id, &upload)),
        Method::DELETE => {
            call.inner.uploads.forget(&id);
            Ok(empty(StatusCode::NO_CONTENT, &[]))
        }
        Method::PATCH => {
            append(&call, body, &mut upload, &location).await?;
            Ok(progress(StatusCode::ACCEPTED, &location, &id, &upload))
        }
        Method::PUT => {
            let missing = || ApiError::new(Code::DigestInvalid, "the last request of an upload needs `?digest=`");
            let digest = parse_digest(call.query("digest").ok_or_else(missing)?)?;
            append(&call, body, &mut upload, &location).await?;
            call.inner.uploads.forget(&id);
            complete(&call, &name, &mut upload, &digest).await
        }
        _ => Err(call.unsupported()),
    }
}

async fn append(call: &Call, body: &mut Body, upload: &mut Upload, location: &str) -> ApiResult<()> {
    let before = upload.size();
    let expected = match call.header(header::CONTENT_RANGE) {
        None => None,
        Some(text) => {
            let range = text.trim_start_matches("bytes ").split_once('-');
            let range =
                range.and_then(|(a, b)| Some((a.parse::<u64>().ok()?, b.split('/').next()?.parse::<u64>().ok()?)));
            match range {
                // The last byte of all numbers has no length in 64 bits.
                Some((start, end)) if start == before && end >= start && end - start < u64::MAX => {
                    Some(end - start + 1)
                }
                _ => {
                    let message = format!("the next chunk begins at byte {before}");
                    let error = ApiError::new(Code::RangeInvalid, message);
                    let so_far = format!("0-{}", before.saturating_sub(1));
                    return Err(error.with(header::LOCATION, location).with(header::RANGE, &so_far));
                }
            }
        }
    };
    let declared = call.header(header::CONTENT_LENGTH).and_then(|t| t.parse::<u64>().ok());
    if let (Some(expected), Some(declared)) = (expected, declared)
        && expected != declared
    {
        let message = format!("Content-Range has {expected} bytes and Content-Length {declared}");
        return Err(ApiError::new(Code::BlobUploadInvalid, message));
    }
    upload.append(std::mem::take(body).into_data_stream()).await?;
    match expected {
        Some(expected) if upload.size() - before != expected => {
            let message = format!("the chunk has {} bytes, not {expected}", upload.size() - before);
            Err(ApiError::new(Code::BlobUploadInvalid, message))
        }
        _ => Ok(()),
    }
}

async fn complete(call: &Call, name: &str, upload: &mut Upload, digest: &Digest) -> ApiResult<Response> {
    let file = upload.finish(digest).await?;
    let (inner, repository, wanted) = (call.inner.clone(), name.to_owned(), digest.clone());
    blocking(move || inner.store.add_blob(&repository, &wanted, &file)).await?;
    call.record(Action::Push, name, TransferKind::Blob, digest, None);
    Ok(created(name, digest))
}

fn created(name: &str, digest: &Digest) -> Response {
    let digest = digest.to_string();
    let location = format!("/v2/{name}/blobs/{digest}");
    empty(StatusCode::CREATED, &[("location", &location), ("docker-content-digest", &digest)])
}

fn progress(status: StatusCode, location: &str, id: &str, upload: &Upload) -> Response {
    let range = format!("0-{}", upload.size().saturating_sub(1));
    empty(status, &[("location", location), ("range", &range), ("docker-upload-uuid", id)])
}

fn parse_digest(text: &str) -> ApiResult<Digest> {
    text.parse().map_err(|e: sluice_oci::DigestError| ApiError::new(Code::DigestInvalid, e.to_string()))
}
