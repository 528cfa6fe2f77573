//! Policies by value: a step has no API credential, so the EnterpriseContractPolicy that a run is to use is read here and
//! its public key put in. A policy is somebody's object: which Secret it may name, and who may use whose policy, is
//! decided here. Nothing but a PEM public key ever leaves a Secret.

use crate::cluster::{Cluster, POLICIES, SECRETS};
use crate::error::Error;
use k8s_openapi::ByteString;
use serde_json::{Value, json};
use sluice_api::konflux::EnterpriseContractPolicy;

/// The key of a Secret that holds a public key, as cosign writes it.
const DATA_KEY: &str = "cosign.pub";

/// Why there is no policy to use.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("enterprisecontractpolicies.appstudio.redhat.com \"{name}\" not found in namespace {namespace}")]
    NotFound { namespace: String, name: String },
    #[error(
        "EnterpriseContractPolicy {policy} names the public key `{key}`; a key is a PEM public key, or \
         k8s://NAMESPACE/NAME of a Secret in {own} or {system} with the key cosign.pub"
    )]
    Key { policy: String, key: String, own: String, system: String },
    #[error("Secret {secret}, the public key of EnterpriseContractPolicy {policy}, cannot be read: {detail}")]
    Secret { policy: String, secret: String, detail: String },
    #[error(transparent)]
    Api(#[from] Error),
}

impl PolicyError {
    /// Trying again can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Api(error) if !error.is_permanent())
    }
}

/// The spec of the policy `namespace/name` as JSON, its public key by value.
///
/// # Errors
/// The policy or its key is not there, or is not what it has to be.
pub async fn resolve(cluster: &Cluster, system: &str, namespace: &str, name: &str) -> Result<Value, PolicyError> {
    let policy = cluster
        .get(POLICIES, namespace, name)
        .await?
        .ok_or_else(|| PolicyError::NotFound { namespace: namespace.to_owned(), name: name.to_owned() })?;
    let mut spec = json!(policy.spec);
    match key_source(&policy, namespace, system)? {
        KeySource::None => {}
        KeySource::Pem(pem) => spec["publicKey"] = json!(pem),
        KeySource::Secret(secret_namespace, secret) => {
            let key = format!("{secret_namespace}/{secret}");
            let failed = |detail: String| PolicyError::Secret { policy: policy.key(), secret: key.clone(), detail };
            let found = match cluster.get(SECRETS, &secret_namespace, &secret).await {
                Ok(found) => found,
                Err(error) if error.is_permanent() => return Err(failed(error.to_string())),
                Err(error) => return Err(error.into()),
            };
            let found = found.ok_or_else(|| failed("not found".to_owned()))?;
            spec["publicKey"] = json!(pem_of(&found).map_err(failed)?);
        }
    }
    Ok(spec)
}

#[derive(Debug, PartialEq)]
enum KeySource {
    None,
    Pem(String),
    Secret(String, String),
}

fn key_source(policy: &EnterpriseContractPolicy, own: &str, system: &str) -> Result<KeySource, PolicyError> {
    let key = policy.spec.public_key.trim();
    let refused = || PolicyError::Key {
        policy: policy.key(),
        key: key.chars().take(100).collect(),
        own: own.to_owned(),
        system: system.to_owned(),
    };
    if key.is_empty() {
        return Ok(KeySource::None);
    }
    if is_public_pem(key) {
        return Ok(KeySource::Pem(format!("{key}\n")));
    }
    let (namespace, name) = key.strip_prefix("k8s://").and_then(|k| k.split_once('/')).ok_or_else(refused)?;
    let plain = |s: &str| !s.is_empty() && s.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.'));
    // Whoever writes a policy chooses the Secret that is read with the rights of this controller.
    if !plain(name) || (namespace != own && namespace != system) {
        return Err(refused());
    }
    Ok(KeySource::Secret(namespace.to_owned(), name.to_owned()))
}

fn pem_of(secret: &Value) -> Result<String, String> {
    let data = secret.get("data").and_then(|d| d.get(DATA_KEY)).cloned();
    let data = data.ok_or_else(|| format!("it has no key {DATA_KEY}"))?;
    let ByteString(bytes) = serde_json::from_value(data).map_err(|_| format!("{DATA_KEY} is not base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{DATA_KEY} is not text"))?;
    let text = text.trim();
    if is_public_pem(text) { Ok(format!("{text}\n")) } else { Err(format!("{DATA_KEY} is not a PEM public key")) }
}

/// One PEM block, and a public key.
fn is_public_pem(text: &str) -> bool {
    text.starts_with("-----BEGIN PUBLIC KEY-----")
        && text.ends_with("-----END PUBLIC KEY-----")
        && text.matches("-----BEGIN").count() == 1
        && text.len() < 16 * 1024
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----";

    #[test]
    fn a_policy_names_keys_of_its_own_namespace_and_the_systems_only() {
        let source = |key: &str| {
            let policy = serde_json::from_value(
                json!({"metadata": {"name": "p", "namespace": "managed"}, "spec": {"publicKey": key}}),
            )
            .unwrap();
            key_source(&policy, "managed", "sluice-system").ok()
        };
        let secret = |namespace: &str, name: &str| Some(KeySource::Secret(namespace.to_owned(), name.to_owned()));
        assert_eq!(source(""), Some(KeySource::None));
        assert_eq!(source("k8s://sluice-system/public-key"), secret("sluice-system", "public-key"));
        assert_eq!(source("k8s://managed/public-key"), secret("managed", "public-key"));
        assert_eq!(source("k8s://other/public-key"), None);
        assert_eq!(source("k8s://managed/../other/x"), None);
        assert_eq!(source("k8s://managed"), None);
        assert_eq!(source("file:///etc/passwd"), None);
        assert_eq!(source(PEM), Some(KeySource::Pem(format!("{PEM}\n"))));
    }

    #[test]
    fn only_a_public_key_leaves_a_secret() {
        let secret = |text: &str| json!({"data": {DATA_KEY: ByteString(text.as_bytes().to_vec())}});
        assert_eq!(pem_of(&secret(&format!("{PEM}\n"))).unwrap(), format!("{PEM}\n"));
        let private = "-----BEGIN EC PRIVATE KEY-----\nMFkw\n-----END EC PRIVATE KEY-----";
        for text in ["password", private, &format!("{PEM}\n{private}"), &format!("{PEM}\n{PEM}")] {
            assert_eq!(pem_of(&secret(text)), Err("cosign.pub is not a PEM public key".to_owned()));
        }
        assert_eq!(pem_of(&json!({})), Err("it has no key cosign.pub".to_owned()));
    }
}
