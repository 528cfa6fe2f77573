//! Bodies: reading requests' (JSON, YAML, what kubectl posts as protobuf) and making answers'. It must not know what
//! the objects mean.

use crate::error::ApiError;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use serde_json::Value;
use std::convert::Infallible;

/// The body of every answer.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A request's body at most; above the largest object, for patches and what is about the object.
const MAX_BODY_BYTES: usize = 3 << 20;

/// A whole answer of those bytes.
pub(crate) fn whole(code: u16, media_type: &str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(bytes.into()).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = header::HeaderValue::from_str(media_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache, private"));
    response
}

/// A whole answer as JSON.
pub(crate) fn json(code: u16, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            whole(code, "application/json", bytes)
        }
        Err(e) => whole(500, "text/plain", e.to_string()),
    }
}

/// A refusal as an answer.
pub(crate) fn refusal(error: &ApiError) -> Response<Body> {
    let mut response = json(error.code, &error.status());
    if error.code == 401 {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    }
    response
}

/// Reads a whole body.
pub(crate) async fn read<B>(body: B) -> Result<Bytes, ApiError>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Display,
{
    let mut bytes = BytesMut::new();
    let mut body = std::pin::pin!(body);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| ApiError::bad_request(format!("the body could not be read: {e}")))?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > MAX_BODY_BYTES {
                return Err(ApiError::too_large(format!("Request entity too large: limit is {MAX_BODY_BYTES}")));
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes.freeze())
}

/// The media type without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads an object by its media type; an empty body is none.
pub(crate) fn object(media_type: &str, body: &[u8]) -> Result<Option<Value>, ApiError> {
    if body.is_empty() {
        return Ok(None);
    }
    match media_type {
        "" | "application/json" | "text/plain" | "*/*" => serde_json::from_slice(body)
            .map(Some)
            .map_err(|e| ApiError::bad_request(format!("the object provided is unrecognized: {e}"))),
        "application/yaml" | "text/yaml" | "application/x-yaml" => yaml(body).map(Some),
        "application/vnd.kubernetes.protobuf" => crate::protobuf::decode(body).map(Some),
        other => Err(ApiError::unsupported_media(format!(
            "the body of the request was in an unknown format `{other}` - accepted media types include: \
             application/json, application/yaml"
        ))),
    }
}

/// Reads one YAML document (or JSON, which is YAML too).
pub(crate) fn yaml(body: &[u8]) -> Result<Value, ApiError> {
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let text = std::str::from_utf8(body).map_err(|_| ApiError::bad_request("the body is not UTF-8"))?;
    serde_saphyr::from_str(text).map_err(|e| ApiError::bad_request(format!("error decoding YAML: {e}")))
}
