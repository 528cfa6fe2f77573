//! `/v2/NAME/manifests/REFERENCE`. A manifest is stored as it came, byte for byte, and only when everything it refers to
//! is in the same repository.

use super::route::ManifestReference;
use super::{Call, empty};
use crate::authority::{Action, TransferKind};
use crate::error::{ApiError, ApiResult, Code};
use crate::store::{Needs, StoredManifest};
use crate::uploads::blocking;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use sluice_oci::{Descriptor, Digest, ImageIndex, ImageManifest, MAX_MANIFEST_BYTES, is_valid_tag, media_type};

const KNOWN: [&str; 4] =
    [media_type::MANIFEST, media_type::INDEX, media_type::DOCKER_MANIFEST, media_type::DOCKER_LIST];

pub(super) async fn handle(
    call: Call,
    body: &mut Body,
    name: String,
    reference: ManifestReference,
) -> ApiResult<Response> {
    match call.method {
        Method::GET | Method::HEAD => get(call, name, reference).await,
        Method::PUT => put(call, body, name, reference).await,
        Method::DELETE => delete(call, name, reference).await,
        _ => Err(call.unsupported()),
    }
}

fn unknown(name: &str) -> ApiError {
    ApiError::new(Code::ManifestUnknown, format!("the manifest is not in repository `{name}`"))
}

async fn get(call: Call, name: String, reference: ManifestReference) -> ApiResult<Response> {
    let (inner, repository) = (call.inner.clone(), name.clone());
    let (found, tag) = blocking(move || {
        let (digest, tag) = match reference {
            ManifestReference::Invalid => (None, None),
            ManifestReference::Digest(digest) => (Some(digest), None),
            ManifestReference::Tag(tag) => (inner.store.tag(&repository, &tag)?, Some(tag)),
        };
        let found = digest.map(|d| inner.store.manifest(&repository, &d)).transpose()?.flatten();
        Ok((found, tag))
    })
    .await?;
    let manifest = found.ok_or_else(|| unknown(&name))?;
    let length = manifest.bytes.len();
    let body = if call.method == Method::HEAD {
        Body::empty()
    } else {
        call.record(Action::Pull, &name, TransferKind::Manifest, &manifest.digest, tag.as_deref());
        Body::from(manifest.bytes)
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let (Ok(kind), Ok(digest)) =
        (HeaderValue::from_str(&manifest.media_type), HeaderValue::from_str(&manifest.digest.to_string()))
    {
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert("docker-content-digest", digest);
    }
    Ok(response)
}

async fn put(call: Call, body: &mut Body, name: String, reference: ManifestReference) -> ApiResult<Response> {
    let content_type = call.header(header::CONTENT_TYPE).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_owned();
    let mut tags: Vec<String> = call.queries("tag").map(str::to_owned).collect();
    if tags.len() > 16 || !tags.iter().all(|t| is_valid_tag(t)) {
        return Err(ApiError::new(Code::ManifestInvalid, "a tag is not valid, or there are more than 16"));
    }
    let limit = usize::try_from(MAX_MANIFEST_BYTES).unwrap_or(usize::MAX);
    let bytes = Limited::new(std::mem::take(body), limit).collect().await.map_err(|e| {
        if e.is::<http_body_util::LengthLimitError>() {
            return ApiError::new(Code::SizeInvalid, format!("a manifest may have {MAX_MANIFEST_BYTES} bytes"));
        }
        ApiError::new(Code::ManifestInvalid, "the body broke off")
    })?;
    let bytes = bytes.to_bytes().to_vec();
    let digest = match reference {
        ManifestReference::Invalid => return Err(ApiError::new(Code::ManifestInvalid, "the tag is not valid")),
        ManifestReference::Digest(digest) if !digest.matches(&bytes) => {
            return Err(ApiError::new(Code::DigestInvalid, "the manifest does not have the digest of its path"));
        }
        ManifestReference::Digest(digest) => digest,
        ManifestReference::Tag(tag) => {
            tags.push(tag);
            Digest::sha256(&bytes)
        }
    };
    let (media_type, needs) = examine(&bytes, &content_type, &digest)?;
    let subject = needs.subject.as_ref().map(|(subject, _)| subject.to_string());
    let manifest = StoredManifest { digest: digest.clone(), media_type, bytes };
    let (inner, repository, wanted) = (call.inner.clone(), name.clone(), tags.clone());
    blocking(move || Ok(inner.store.put_manifest(&repository, &manifest, &needs, &wanted))).await??;
    if tags.is_empty() {
        call.record(Action::Push, &name, TransferKind::Manifest, &digest, None);
    }
    for tag in &tags {
        call.record(Action::Push, &name, TransferKind::Manifest, &digest, Some(tag));
    }
    let digest = digest.to_string();
    let location = format!("/v2/{name}/manifests/{digest}");
    let mut headers = vec![("location", location.as_str()), ("docker-content-digest", digest.as_str())];
    if let Some(subject) = &subject {
        headers.push(("oci-subject", subject));
    }
    let mut response = empty(StatusCode::CREATED, &headers);
    for tag in call.queries("tag").filter_map(|t| HeaderValue::from_str(t).ok()) {
        response.headers_mut().append("oci-tag", tag);
    }
    Ok(response)
}

/// Checks what kind of manifest it is and lists what it refers to.
fn examine(bytes: &[u8], content_type: &str, digest: &Digest) -> ApiResult<(String, Needs)> {
    let invalid = |message: String| ApiError::new(Code::ManifestInvalid, message);
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|e| invalid(format!("the manifest is not valid JSON: {e}")))?;
    let own = value.get("mediaType").map(|m| m.as_str().unwrap_or_default());
    let kind = match own {
        Some(own) if !content_type.is_empty() && own != content_type => {
            return Err(invalid(format!("mediaType `{own}` and Content-Type `{content_type}` differ")));
        }
        Some(own) => own.to_owned(),
        None => content_type.to_owned(),
    };
    if !KNOWN.contains(&kind.as_str()) {
        return Err(invalid(format!("media type `{kind}` is not that of a manifest")));
    }
    if value.get("schemaVersion").and_then(serde_json::Value::as_u64) != Some(2) {
        return Err(invalid("schemaVersion must be 2".to_owned()));
    }
    let is_index = kind == media_type::INDEX || kind == media_type::DOCKER_LIST;
    if value.get(if is_index { "layers" } else { "manifests" }).is_some() {
        return Err(invalid("a manifest is either an image or an index".to_owned()));
    }
    let wrong = |e: serde_json::Error| invalid(format!("the manifest is not as the OCI image spec says: {e}"));
    let mut needs = Needs::default();
    let (artifact_type, annotations, subject) = if is_index {
        let index: ImageIndex = serde_json::from_value(value).map_err(wrong)?;
        needs.manifests = index.manifests.into_iter().map(|d| d.digest).collect();
        (index.artifact_type, index.annotations, index.subject)
    } else {
        let image: ImageManifest = serde_json::from_value(value).map_err(wrong)?;
        // Layers that carry their own addresses need not be here.
        let blobs = image.layers.into_iter().filter(|l| l.urls.is_empty());
        needs.blobs = blobs.chain(std::iter::once(image.config.clone())).map(|d| d.digest).collect();
        let artifact_type = image.artifact_type.filter(|t| !t.is_empty());
        (artifact_type.or(Some(image.config.media_type)), image.annotations, image.subject)
    };
    if let Some(subject) = subject {
        let mut descriptor = Descriptor::new(&kind, digest.clone(), bytes.len() as u64);
        descriptor.artifact_type = artifact_type;
        descriptor.annotations = annotations;
        needs.subject = Some((subject.digest, descriptor));
    }
    Ok((kind, needs))
}

async fn delete(call: Call, name: String, reference: ManifestReference) -> ApiResult<Response> {
    let (inner, repository) = (call.inner.clone(), name.clone());
    let deleted = blocking(move || match reference {
        ManifestReference::Invalid => Ok(false),
        ManifestReference::Tag(tag) => inner.store.delete_tag(&repository, &tag),
        ManifestReference::Digest(digest) => inner.store.delete_manifest(&repository, &digest),
    });
    match deleted.await? {
        true => Ok(empty(StatusCode::ACCEPTED, &[])),
        false => Err(unknown(&name)),
    }
}
