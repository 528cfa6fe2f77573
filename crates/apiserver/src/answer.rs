//! Answers made of objects: one, a list, a stream of changes; plain or as a Table. It must not know what was asked
//! beyond the form.

use crate::body::{self, Body};
use crate::catalogue::api_version;
use crate::edge;
use crate::error::ApiError;
use crate::rest::{self, Context, Event, Listed};
use crate::table::{self, Include, Printer};
use bytes::Bytes;
use futures::StreamExt;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde::Serialize;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;

fn printer(context: &Context) -> Printer {
    Printer::new(&context.kind, &context.path.version, edge::now_seconds())
}

fn include(context: &Context) -> Include {
    Include::parse(context.query.get("includeObject"))
}

/// One object.
pub(crate) fn object(code: u16, context: &Context, object: &Arc<Value>, accept: &str) -> Response<Body> {
    if table::wanted(accept) {
        let metadata = json!({"resourceVersion": crate::meta::field(object, "resourceVersion")});
        return body::json(code, &printer(context).table(&[Arc::clone(object)], &metadata, include(context)));
    }
    body::json(code, object.as_ref())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    kind: String,
    api_version: String,
    metadata: &'a Value,
    items: Vec<&'a Value>,
}

/// A list of objects.
pub(crate) fn list(context: &Context, listed: &Listed, accept: &str) -> Response<Body> {
    if table::wanted(accept) {
        return body::json(200, &printer(context).table(&listed.items, &listed.metadata, include(context)));
    }
    let list = List {
        kind: format!("{}List", context.kind.kind),
        api_version: api_version(&context.path.group, &context.path.version),
        metadata: &listed.metadata,
        items: listed.items.iter().map(AsRef::as_ref).collect(),
    };
    body::json(200, &list)
}

#[derive(Serialize)]
struct WatchEvent<'a> {
    #[serde(rename = "type")]
    type_: &'a str,
    object: &'a Value,
}

fn line(type_: &str, object: &Value) -> Bytes {
    let mut bytes = serde_json::to_vec(&WatchEvent { type_, object }).unwrap_or_default();
    bytes.push(b'\n');
    Bytes::from(bytes)
}

/// A stream of changes, one JSON object a line.
pub(crate) fn watch(context: Context, accept: &str) -> Result<Response<Body>, ApiError> {
    let as_table = table::wanted(accept);
    let shape = context.clone();
    let lines = rest::watch(context)?.map(move |event| {
        let tabled = |object: Arc<Value>, include: Include| {
            let metadata = json!({"resourceVersion": crate::meta::field(&object, "resourceVersion")});
            printer(&shape).table(&[object], &metadata, include)
        };
        let bytes = match event {
            Event::Object(type_, object) if as_table => line(type_, &tabled(object, include(&shape))),
            Event::Object(type_, object) => line(type_, &object),
            Event::Bookmark(revision, ends_initial) => {
                let object = rest::bookmark(&shape, revision, ends_initial);
                if as_table {
                    // A client reads revision and annotation of a bookmark from the row's object.
                    line("BOOKMARK", &tabled(Arc::new(object), Include::Object))
                } else {
                    line("BOOKMARK", &object)
                }
            }
            Event::Error(status) => line("ERROR", &status),
        };
        Ok::<_, Infallible>(Frame::data(bytes))
    });
    let mut response = body::whole(200, "application/json", Bytes::new());
    *response.body_mut() = BodyExt::boxed_unsync(StreamBody::new(lines));
    Ok(response)
}
