//! Claims made from a workspace's volumeClaimTemplate.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Name of the claim for that workspace of that run: the same each time it is asked for.
pub fn claim_name(template: &Value, workspace: &str, owner_uid: &str) -> String {
    let hash = hex::encode(Sha256::digest(format!("{workspace}{owner_uid}")));
    let prefix = template.pointer("/metadata/name").and_then(Value::as_str).filter(|n| !n.is_empty()).unwrap_or("pvc");
    format!("{prefix}-{}", &hash[..10])
}

/// The PersistentVolumeClaim object of a template.
pub fn claim(template: &Value, workspace: &str, namespace: &str, owner_uid: &str, owner: &Value) -> Value {
    let mut metadata = template.get("metadata").cloned().filter(Value::is_object).unwrap_or_else(|| json!({}));
    metadata["name"] = claim_name(template, workspace, owner_uid).into();
    metadata["namespace"] = namespace.into();
    metadata["ownerReferences"] = json!([owner]);
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": template.get("spec").cloned().unwrap_or_else(|| json!({})),
    })
}

/// A DNS subdomain, which is safe as one component of a path.
pub fn is_name(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= 253
        && ends(text.chars().next())
        && ends(text.chars().last())
        && !text.contains("..")
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_have_one_name_each() {
        let hash = hex::encode(Sha256::digest("wsuid-1"));
        let owner = json!({"kind": "PipelineRun", "name": "r"});
        let made = claim(&json!({"spec": {"accessModes": ["ReadWriteOnce"]}}), "ws", "ns", "uid-1", &owner);
        assert_eq!(made["metadata"]["name"], format!("pvc-{}", &hash[..10]));
        assert_eq!(made["metadata"]["ownerReferences"][0], owner);
        assert!(claim_name(&json!({"metadata": {"name": "mine"}}), "ws", "u").starts_with("mine-"));
        assert!(
            is_name("pvc-1.a")
                && !is_name("../x")
                && !is_name("")
                && !is_name("a/b")
                && !is_name("A")
                && !is_name("a..b")
        );
    }
}
