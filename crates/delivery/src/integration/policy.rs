//! Params of an integration run. A policy named as `namespace/name` is put in by value, and only a policy that concerns
//! the tenant: its own, the system's, the shared one, or that of a managed namespace that admits its releases.

use crate::Config;
use crate::cluster::{Cluster, RELEASE_PLANS};
use crate::plans::{admissions_for, matching};
use crate::policy_ref::{self, PolicyError};
use serde_json::{Value, json};
use sluice_api::konflux::IntegrationTestScenario;

const POLICY: &str = "POLICY_CONFIGURATION";
/// Where Konflux keeps policies for everybody.
const SHARED: &str = "enterprise-contract-service";

/// The scenario's params as a PipelineRun's.
pub(super) async fn params(
    cluster: &Cluster,
    config: &Config,
    scenario: &IntegrationTestScenario,
) -> Result<Vec<Value>, PolicyError> {
    let mut out = Vec::new();
    for param in &scenario.spec.params {
        let name = param.get("name").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() || name == "SNAPSHOT" {
            continue;
        }
        // A list wins over a value, as upstream has it.
        let list = param.get("values").filter(|v| v.as_array().is_some_and(|v| !v.is_empty()));
        let mut value = list.or_else(|| param.get("value")).cloned().unwrap_or_else(|| json!(""));
        if name == POLICY
            && let Some((namespace, policy)) = value.as_str().and_then(policy_key)
        {
            if !concerns(cluster, config, scenario, namespace).await? {
                return Err(PolicyError::NotFound { namespace: namespace.to_owned(), name: policy.to_owned() });
            }
            let spec = policy_ref::resolve(cluster, &config.system_namespace, namespace, policy).await?;
            value = json!(crate::params::json_text(&spec));
        }
        out.push(json!({"name": name, "value": value}));
    }
    Ok(out)
}

/// `namespace/name`; anything else (JSON, a URL) is not a reference to an object.
fn policy_key(text: &str) -> Option<(&str, &str)> {
    let plain = |s: &str| !s.is_empty() && s.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
    text.split_once('/').filter(|(namespace, name)| plain(namespace) && plain(name))
}

async fn concerns(
    cluster: &Cluster,
    config: &Config,
    scenario: &IntegrationTestScenario,
    namespace: &str,
) -> Result<bool, PolicyError> {
    let own = &scenario.metadata.namespace;
    if namespace == own || namespace == config.system_namespace || namespace == SHARED {
        return Ok(true);
    }
    for plan in cluster.list(RELEASE_PLANS, own, &[]).await? {
        if plan.spec.target == namespace && plan.spec.application == scenario.spec.application {
            let admissions = admissions_for(cluster, &plan).await?;
            if matching::admission_of(&plan, &admissions).is_ok() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_namespace_and_name_is_a_reference() {
        assert_eq!(policy_key("acme-managed/hello"), Some(("acme-managed", "hello")));
        for text in ["", "default", "github.com/conforma/config//slsa3", "{\"sources\": []}", "a/", "/b", "a/b/c"] {
            assert_eq!(policy_key(text), None, "{text}");
        }
    }
}
