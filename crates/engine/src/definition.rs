//! Definitions of Tasks and Pipelines: a name in the namespace, a Tekton bundle, or an object of another namespace that
//! is open to it. What comes back is defaulted and says where it came from.

use crate::context::Context;
use crate::objects::{Key, Kind, Objects, TASK};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sluice_api::tekton::{Ref, RefSource, defaults};
use sluice_api::{gojson, tekton::validation};
use std::collections::BTreeMap;

/// A definition, ready to be used.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub spec: Value,
    /// None for a plain name, as upstream has none.
    pub source: Option<RefSource>,
}

/// Why there is no definition.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// Trying again is of no use.
    #[error("{0}")]
    Missing(String),
    /// The definition was found and breaks a rule.
    #[error("{0}")]
    Invalid(String),
    /// Something did not answer.
    #[error("{0}")]
    Transient(String),
}

/// Fetches what a taskRef or pipelineRef of a run in that namespace means.
pub async fn fetch(
    context: &Context,
    objects: &Objects,
    namespace: &str,
    kind: Kind,
    reference: &Ref,
) -> Result<Definition, DefinitionError> {
    let (object, source) = match reference.resolver.as_str() {
        "" => {
            let key = Key::new(namespace, &reference.name);
            (by_name(objects, kind, &key).await?, None)
        }
        "bundles" => bundle(context, kind, reference).await?,
        "cluster" => cluster(context, objects, namespace, kind, reference).await?,
        other => {
            return Err(DefinitionError::Missing(format!(
                "resolver `{other}` is not supported: use `bundles`, `cluster` or a name in the namespace"
            )));
        }
    };
    read(kind, &object, source)
}

/// Reads and defaults a definition object.
fn read(kind: Kind, object: &Value, source: Option<RefSource>) -> Result<Definition, DefinitionError> {
    let text = |p: &str| object.pointer(p).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = text("/apiVersion");
    if version != "tekton.dev/v1" || text("/kind") != kind.kind {
        return Err(DefinitionError::Missing(format!(
            "the definition is a `{version}` `{}` where a `tekton.dev/v1` `{}` is needed",
            text("/kind"),
            kind.kind
        )));
    }
    let map = |p: &str| -> BTreeMap<String, String> {
        let fields = object.pointer(p).and_then(Value::as_object);
        fields.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
    };
    let mut spec = object.get("spec").cloned().unwrap_or_else(|| json!({}));
    let checked = if kind == TASK {
        defaults::task_spec(&mut spec);
        validation::task(&json!({"metadata": object.get("metadata"), "spec": spec}))
    } else {
        defaults::pipeline_spec(&mut spec);
        validation::pipeline(&json!({"metadata": object.get("metadata"), "spec": spec}))
    };
    let name = text("/metadata/name");
    checked.map_err(|e| DefinitionError::Invalid(format!("{} `{name}` is invalid: {e}", kind.kind)))?;
    Ok(Definition { name, labels: map("/metadata/labels"), annotations: map("/metadata/annotations"), spec, source })
}

async fn by_name(objects: &Objects, kind: Kind, key: &Key) -> Result<Value, DefinitionError> {
    let found = objects.get(kind, key).await.map_err(|e| match e.refusal() {
        Some(message) => DefinitionError::Missing(message),
        None => DefinitionError::Transient(e.to_string()),
    })?;
    found.ok_or_else(|| {
        DefinitionError::Missing(format!(
            "{}.{} \"{}\" not found in namespace \"{}\"",
            kind.plural, kind.group, key.name, key.namespace
        ))
    })
}

fn param<'a>(reference: &'a Ref, name: &str) -> Result<&'a str, DefinitionError> {
    reference
        .param(name)
        .filter(|v| !v.is_empty())
        .ok_or_else(|| DefinitionError::Missing(format!("resolver `{}` needs the param `{name}`", reference.resolver)))
}

async fn bundle(context: &Context, kind: Kind, reference: &Ref) -> Result<(Value, Option<RefSource>), DefinitionError> {
    let (image, name) = (param(reference, "bundle")?, param(reference, "name")?);
    let wanted = reference.param("kind").unwrap_or("task").to_ascii_lowercase();
    if !wanted.eq_ignore_ascii_case(kind.kind) {
        return Err(DefinitionError::Missing(format!("a `{wanted}` cannot be used as a {}", kind.kind)));
    }
    let found = context.images.bundle_object(image, &wanted, name).await.map_err(|e| {
        if e.transient { DefinitionError::Transient(e.message) } else { DefinitionError::Missing(e.message) }
    })?;
    let (algorithm, hex) = found.digest.split_once(':').unwrap_or(("sha256", &found.digest));
    let source = RefSource {
        uri: found.repository.clone(),
        digest: [(algorithm.to_owned(), hex.to_owned())].into(),
        entry_point: name.to_owned(),
    };
    Ok((found.object, Some(source)))
}

async fn cluster(
    context: &Context,
    objects: &Objects,
    namespace: &str,
    kind: Kind,
    reference: &Ref,
) -> Result<(Value, Option<RefSource>), DefinitionError> {
    let name = param(reference, "name")?;
    let from = reference.param("namespace").unwrap_or(namespace);
    let wanted = reference.param("kind").unwrap_or("task");
    if !wanted.eq_ignore_ascii_case(kind.kind) {
        return Err(DefinitionError::Missing(format!("a `{wanted}` cannot be used as a {}", kind.kind)));
    }
    if from != namespace && !context.cluster_resolver_namespaces.iter().any(|n| n == from) {
        return Err(DefinitionError::Missing(format!(
            "access to namespace `{from}` is not allowed: the cluster resolver serves only the run's own namespace `{namespace}`"
        )));
    }
    let object = by_name(objects, kind, &Key::new(from, name)).await?;
    let uid = object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
    let digest = hex::encode(Sha256::digest(gojson::to_vec(object.get("spec").unwrap_or(&Value::Null))));
    let source = RefSource {
        uri: format!("/apis/{}/namespaces/{from}/{}/{name}@{uid}", kind.api_version(), wanted.to_ascii_lowercase()),
        digest: [("sha256".to_owned(), digest)].into(),
        entry_point: String::new(),
    };
    Ok((object, Some(source)))
}
