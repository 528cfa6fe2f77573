//! The image's SBOM, tied to its build: the blob that a task of the verified provenance names by digest in SBOM_BLOB_URL,
//! attached to the image under cosign's `.sbom` tag. The tag is not signed and decides nothing; the digest is.

use crate::store::{self, Store};
use crate::verify::Verified;
use serde_json::{Value, json};
use sluice_oci::{Digest, Reference};
use std::collections::BTreeSet;

/// Largest SBOM that is read.
const MAX_SBOM: u64 = 32 * 1024 * 1024;
/// Most SBOMs of one image that are read.
const MAX_SBOMS: usize = 8;

/// `input.image.sboms`: `{ref, digest, format, document}` of each SBOM that could be fetched and is SPDX or CycloneDX JSON.
pub async fn sboms(
    store: &dyn Store,
    image: &Reference,
    digest: &Digest,
    attestations: &[Verified],
) -> Result<Vec<Value>, store::StoreError> {
    let claimed: BTreeSet<&str> = attestations.iter().flat_map(|a| claims(&a.statement)).take(MAX_SBOMS).collect();
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let layers = store::attached(store, image, digest, "sbom").await?;
    let mut found = Vec::new();
    for claim in claimed {
        // The reference may name the image's repository by another address; the blob is read where the image is.
        let Some(wanted) = claim.rsplit_once('@').map(|(_, digest)| digest) else { continue };
        let Some(layer) = layers.iter().find(|layer| layer.digest.to_string() == wanted) else { continue };
        let bytes = store.blob(image, layer, MAX_SBOM).await?;
        let Ok(document) = serde_json::from_slice::<Value>(&bytes) else { continue };
        if let Some(format) = format_of(&document) {
            found.push(json!({"ref": claim, "digest": wanted, "format": format, "document": document}));
        }
    }
    Ok(found)
}

fn claims(statement: &Value) -> impl Iterator<Item = &str> {
    let tasks = statement.pointer("/predicate/buildConfig/tasks").and_then(Value::as_array);
    tasks
        .into_iter()
        .flatten()
        .filter_map(|task| task.get("results")?.as_array())
        .flatten()
        .filter(|result| result["name"] == "SBOM_BLOB_URL")
        .filter_map(|result| Some(result.get("value")?.as_str()?.trim()))
}

fn format_of(document: &Value) -> Option<&'static str> {
    if document.get("spdxVersion").is_some_and(Value::is_string) {
        Some("spdx")
    } else if document.get("bomFormat").and_then(Value::as_str) == Some("CycloneDX") {
        Some("cyclonedx")
    } else {
        None
    }
}
