//! The witness record: what really happened in a TaskRun, recorded outside its steps' reach. The runner reports what it
//! did and saw (`WitnessedStep`), the registry what it was asked with the TaskRun's own credential (`WitnessedTransfer`);
//! the engine joins both into `status.witness` of the TaskRun, which its signature over the status covers.

use serde::{Deserialize, Serialize};

/// Predicate type of the second in-toto statement.
pub const PREDICATE_TYPE: &str = "https://sluice.dev/witness/v1";

/// What was witnessed of one TaskRun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WitnessRecord {
    /// Version of this record's shape, now 1.
    pub version: u32,
    pub steps: Vec<WitnessedStep>,
    /// Manifests and blobs that the TaskRun's credential pushed to the embedded registry.
    pub pushed: Vec<WitnessedTransfer>,
    /// Manifests and blobs that it read there.
    pub pulled: Vec<WitnessedTransfer>,
}

/// One step as the sandbox ran it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WitnessedStep {
    pub name: String,
    /// `name@sha256:...` of the image whose layers were mounted as the step's root.
    pub image: String,
    pub network: Network,
    /// `host:port` of each connection that the recording forward path let through, in order, each once.
    pub connections: Vec<String>,
}

/// The network a step really had (the namespace it ran in, not what was asked).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Loopback only, nothing listening.
    None,
    /// Loopback, and on it the registry.
    Registry,
    /// That, and the recording forward path.
    #[default]
    Egress,
}

/// One manifest or blob moved by the TaskRun's registry credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WitnessedTransfer {
    /// `host:port/path` of the repository, without tag.
    pub repository: String,
    /// `sha256:...` of the bytes.
    pub digest: String,
    /// `manifest` or `blob`.
    pub kind: String,
    /// The tag that a manifest was pushed under or read by, if any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag: String,
}
