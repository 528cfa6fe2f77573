//! OpenAPI documents: just what clients need to go on. Schemas are not published, so clients check nothing themselves
//! and unknown fields are kept. It must not know of objects.

use crate::body::{self, Body};
use crate::catalogue::Served;
use crate::error::ApiError;
use http::Response;
use serde_json::{Value, json};

/// The media type of a v2 document in protobuf, in the spelling that kubectl reads (it cannot parse its own).
const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Answers `/openapi/...`.
pub(crate) fn answer(path: &[&str], kinds: &[Served], accept: &str) -> Result<Response<Body>, ApiError> {
    match path {
        // No bytes are a valid, empty document.
        ["v2"] if accept.contains("protobuf") => Ok(body::whole(200, V2_PROTOBUF, "")),
        ["v2"] => Ok(body::json(200, &json!({"swagger": "2.0", "info": info(), "paths": {}, "definitions": {}}))),
        ["v3"] => Ok(body::json(200, &index(kinds))),
        ["v3", "api", version] => document(kinds, "", version),
        ["v3", "apis", group, version] => document(kinds, group, version),
        _ => Err(ApiError::no_such_path()),
    }
}

fn info() -> Value {
    json!({"title": "Kubernetes", "version": crate::discovery::KUBERNETES_VERSION})
}

fn served(kinds: &[Served]) -> impl Iterator<Item = (&Served, &str, &str)> {
    kinds.iter().flat_map(|kind| {
        kind.groups().flat_map(move |group| kind.versions.iter().map(move |v| (kind, group, v.name.as_str())))
    })
}

fn index(kinds: &[Served]) -> Value {
    let mut paths = serde_json::Map::new();
    for (_, group, version) in served(kinds) {
        let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
        let url = json!({"serverRelativeURL": format!("/openapi/v3/{path}")});
        paths.insert(path, url);
    }
    json!({"paths": paths})
}

/// Paths with the operations by which kubectl learns that the server validates fields itself.
fn document(kinds: &[Served], group: &str, version: &str) -> Result<Response<Body>, ApiError> {
    let mut paths = serde_json::Map::new();
    for (kind, _, _) in served(kinds).filter(|(_, g, v)| *g == group && *v == version) {
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let scope = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let operation = |action: &str| {
            let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
            json!({
                "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind.kind},
                "parameters": [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")],
                "responses": {"200": {"description": "OK"}},
            })
        };
        let collection = format!("{root}{scope}/{}", kind.plural);
        paths.insert(format!("{collection}/{{name}}"), json!({"patch": operation("patch"), "put": operation("put")}));
        paths.insert(collection, json!({"post": operation("post")}));
    }
    if paths.is_empty() {
        return Err(ApiError::no_such_path());
    }
    Ok(body::json(200, &json!({"openapi": "3.0.0", "info": info(), "paths": paths})))
}
