//! appstudio.redhat.com types: what the delivery controllers read and write (konflux-ci application-api,
//! integration-service, release-service, conforma/crds). Fields not named here are kept in `extra`.

use crate::meta::{Condition, Extra, Object};
use crate::tekton::{Param, Ref, Timeouts};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The canonical group; objects are served under `konflux-ci.dev` as well.
pub const GROUP: &str = "appstudio.redhat.com";

pub type Application = Object<Value, Value>;
pub type Component = Object<ComponentSpec, Value>;
pub type Snapshot = Object<SnapshotSpec, Conditions>;
pub type IntegrationTestScenario = Object<IntegrationTestScenarioSpec, Conditions>;
pub type ReleasePlan = Object<ReleasePlanSpec, ReleasePlanStatus>;
pub type ReleasePlanAdmission = Object<ReleasePlanAdmissionSpec, ReleasePlanAdmissionStatus>;
pub type Release = Object<ReleaseSpec, ReleaseStatus>;
pub type EnterpriseContractPolicy = Object<PolicySpec, Value>;

/// A status that is conditions and whatever else was stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComponentSpec {
    pub component_name: String,
    pub application: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ComponentSource>,
    /// Repository without tag.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub container_image: String,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComponentSource {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitSource>,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitSource {
    pub url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub context: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dockerfile_url: String,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SnapshotSpec {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub application: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<SnapshotComponent>,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SnapshotComponent {
    pub name: String,
    /// `repository@sha256:...`.
    pub container_image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ComponentSource>,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IntegrationTestScenarioSpec {
    pub application: String,
    pub resolver_ref: Ref,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contexts: Vec<Value>,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleasePlanSpec {
    pub application: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_grace_period_days: Option<i64>,
    /// The managed namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleasePlanStatus {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_plan_admission: Option<Value>,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleasePlanAdmissionSpec {
    pub applications: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The tenant namespace.
    pub origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<ReleasePipeline>,
    /// Name of an EnterpriseContractPolicy in this object's own namespace.
    pub policy: String,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleasePipeline {
    pub pipeline_ref: Ref,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account_name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub task_run_specs: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleasePlanAdmissionStatus {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub release_plans: Vec<Value>,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleaseSpec {
    pub snapshot: String,
    pub release_plan: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_period_days: Option<i64>,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleaseStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub automated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_processing: Option<Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    #[serde(flatten)]
    pub extra: Extra,
}

/// EnterpriseContractPolicy spec (conforma/crds enterprisecontractpolicy_types.go).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicySpec {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<PolicySource>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub public_key: String,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicySource {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    pub policy: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<PolicyConfig>,
    #[serde(flatten)]
    pub extra: Extra,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyConfig {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}
