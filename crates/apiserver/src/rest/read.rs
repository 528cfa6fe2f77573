//! get and list. It must not know how an answer is encoded beyond the pieces it returns.

use super::Context;
use crate::error::ApiError;
use crate::meta;
use crate::selector::Selector;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::Arc;

/// Objects on their way to the client, with the list's own metadata.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) metadata: Value,
    pub(crate) items: Vec<Arc<Value>>,
}

/// The object that the path names.
pub(crate) fn get(context: &Context) -> Result<Arc<Value>, ApiError> {
    Ok(context.present(&context.fetch()?.object))
}

/// Where the next page begins: the first page's revision and the last object that was sent. A later page shows the
/// objects as they are by then; a watch from the list's revision replays all that happened between.
fn continue_token(revision: u64, namespace: &str, name: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!([revision, namespace, name]).to_string())
}

fn read_token(token: &str) -> Result<(u64, String, String), ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|b| serde_json::from_slice(&b).ok())
        .ok_or_else(|| ApiError::bad_request("continue key is not valid: list again without it"))
}

/// The collection that the path names, or one page of it.
pub(crate) fn list(context: &Context) -> Result<Listed, ApiError> {
    let query = &context.query;
    let selector = Selector::parse(query.get("labelSelector"), query.get("fieldSelector"))?;
    let limit = query.number("limit")?.filter(|l| *l > 0);
    let from = query.get("continue").map(read_token).transpose()?;
    let after = from.as_ref().map(|(_, namespace, name)| (namespace.as_str(), name.as_str()));
    let namespace = (!context.path.namespace.is_empty()).then_some(context.path.namespace.as_str());
    let page = context.state.store.list(&context.kind.resource(), namespace, after);
    let revision = from.as_ref().map_or(page.revision, |(revision, _, _)| *revision);
    let mut items: Vec<Arc<Value>> = Vec::new();
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    for stored in page.items.into_iter().filter(|s| selector.matches(&s.object)) {
        if limit.is_some_and(|limit| items.len() as u64 >= limit) {
            if let Some(last) = items.last() {
                let (namespace, name) = (meta::field(last, "namespace"), meta::field(last, "name"));
                metadata["continue"] = json!(continue_token(revision, namespace, name));
            }
            break;
        }
        items.push(context.present(&stored.object));
    }
    Ok(Listed { metadata, items })
}
