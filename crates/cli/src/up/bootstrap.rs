//! What every data folder holds from its first start: `bootstrap.yaml`, where the registry is, the observer's public key.
//! Applied anew at each start, so an update of sluice brings its own rights with it.

use crate::commands::run::documents;
use crate::error::{CliError, Context, Exit, Result};
use kube::api::{Api, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::discovery::Scope;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

/// Applies all of it as the given client, an administrator's.
///
/// # Errors
/// When one of the objects is refused.
pub async fn apply(client: &Client, registry: &str, public_key: &str) -> Result {
    let mut objects = documents(include_str!("bootstrap.yaml")).context(Exit::Defect, "bootstrap.yaml")?;
    objects.push(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "sluice-info", "namespace": "sluice-system"},
        "data": {"registry": registry, "version": env!("CARGO_PKG_VERSION")},
    }));
    objects.push(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "public-key", "namespace": "sluice-system"},
        "stringData": {"cosign.pub": public_key},
    }));
    for object in objects {
        apply_one(client, object).await?;
    }
    Ok(())
}

async fn apply_one(client: &Client, object: Value) -> Result {
    let object: DynamicObject = serde_json::from_value(object).context(Exit::Defect, "bootstrap.yaml")?;
    let types = object.types.clone().ok_or_else(|| CliError::defect("bootstrap.yaml: an object without a kind"))?;
    let gvk = GroupVersionKind::try_from(&types).context(Exit::Defect, "bootstrap.yaml")?;
    let (resource, capabilities) = kube::discovery::pinned_kind(client, &gvk).await?;
    let api: Api<DynamicObject> = match (capabilities.scope, object.namespace()) {
        (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(client.clone(), &namespace, &resource),
        _ => Api::all_with(client.clone(), &resource),
    };
    let name = object.name_any();
    api.patch(&name, &PatchParams::apply("sluice").force(), &Patch::Apply(&object))
        .await
        .context(Exit::Defect, format!("applying {} `{name}`", types.kind))?;
    Ok(())
}
