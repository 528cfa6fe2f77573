//! `/v2/NAME/blobs/DIGEST`: served from disk, whole or a range.

use super::{Call, empty};
use crate::authority::{Action, TransferKind};
use crate::error::{ApiError, ApiResult, Code};
use crate::uploads::blocking;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use sluice_oci::Digest;
use std::io::{Seek, SeekFrom};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

pub(super) async fn handle(call: Call, name: String, digest: Digest) -> ApiResult<Response> {
    match call.method {
        Method::GET | Method::HEAD => get(call, name, digest).await,
        Method::DELETE => delete(call, name, digest).await,
        _ => Err(call.unsupported()),
    }
}

fn unknown(name: &str) -> ApiError {
    ApiError::new(Code::BlobUnknown, format!("the blob is not in repository `{name}`"))
}

async fn get(call: Call, name: String, digest: Digest) -> ApiResult<Response> {
    let (inner, wanted, repository) = (call.inner.clone(), digest.clone(), name.clone());
    let opened = blocking(move || {
        if !inner.store.has_blob(&repository, &wanted) {
            return Ok(None);
        }
        let file = std::fs::File::open(inner.store.content_path(&wanted))?;
        let size = file.metadata()?.len();
        Ok(Some((file, size)))
    });
    let (mut file, size) = opened.await?.ok_or_else(|| unknown(&name))?;
    let range = match call.header(header::RANGE) {
        Some(text) => parse_range(text, size),
        None => Range::Whole,
    };
    let (status, start, length) = match range {
        Range::Whole => (StatusCode::OK, 0, size),
        Range::Part(start, end) => (StatusCode::PARTIAL_CONTENT, start, end - start + 1),
        Range::Unsatisfiable => {
            let error = ApiError::new(Code::RangeInvalid, "the range is outside of the blob");
            return Err(error.with(header::CONTENT_RANGE, &format!("bytes */{size}")));
        }
    };
    let body = if call.method == Method::HEAD {
        Body::empty()
    } else {
        call.record(Action::Pull, &name, TransferKind::Blob, &digest, None);
        if start > 0 {
            file.seek(SeekFrom::Start(start))?;
        }
        Body::from_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file).take(length), 128 * 1024))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(value) = HeaderValue::from_str(&digest.to_string()) {
        headers.insert("docker-content-digest", value);
    }
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::from_str(&format!("bytes {start}-{}/{size}", start + length - 1))
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

async fn delete(call: Call, name: String, digest: Digest) -> ApiResult<Response> {
    let (inner, repository) = (call.inner.clone(), name.clone());
    match blocking(move || inner.store.delete_blob(&repository, &digest)).await? {
        true => Ok(empty(StatusCode::ACCEPTED, &[])),
        false => Err(unknown(&name)),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    Part(u64, u64),
    Unsatisfiable,
}

/// One byte range; a header that is not one is ignored, as RFC 9110 allows.
fn parse_range(text: &str, size: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else { return Range::Whole };
    let number = |t: &str| if t.bytes().all(|b| b.is_ascii_digit()) { t.parse::<u64>().ok() } else { None };
    match (first, last) {
        ("", "") => Range::Whole,
        ("", suffix) => match number(suffix) {
            None => Range::Whole,
            Some(n) if n == 0 || size == 0 => Range::Unsatisfiable,
            Some(n) => Range::Part(size.saturating_sub(n), size - 1),
        },
        (first, last) => {
            let Some(start) = number(first) else { return Range::Whole };
            let end = match last {
                "" => u64::MAX,
                _ => match number(last) {
                    Some(end) if end >= start => end,
                    _ => return Range::Whole,
                },
            };
            if start >= size { Range::Unsatisfiable } else { Range::Part(start, end.min(size - 1)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, want) in [
            ("bytes=0-3", Range::Part(0, 3)),
            ("bytes=2-", Range::Part(2, 9)),
            ("bytes=-4", Range::Part(6, 9)),
            ("bytes=-40", Range::Part(0, 9)),
            ("bytes=5-500", Range::Part(5, 9)),
            ("bytes=10-", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=5-2", Range::Whole),
            ("bytes=0-1,3-4", Range::Whole),
            ("bytes=+1-2", Range::Whole),
            ("items=0-1", Range::Whole),
            ("bytes=99999999999999999999-", Range::Whole),
        ] {
            assert_eq!(parse_range(text, 10), want, "{text}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Range::Unsatisfiable);
    }
}
