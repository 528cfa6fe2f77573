//! What passes between the engine (which plans), the supervisor (which starts) and `sluice-runner` (which runs ONE
//! TaskRun). All of it is files in the run's own folder and small messages, so that each side can be killed and go on:
//!
//! ```text
//! engine --writes--> runs/ID/spec.json        engine --start ID--> supervisor --forks--> sluice-runner run runs/ID
//! engine <--reads--- runs/ID/events.jsonl  <--appends, one Event a line--- sluice-runner
//! engine --writes--> runs/ID/cancel           (the runner watches for it)
//! ```
//! Paths in these records are relative to the data folder, which is the working folder of all programs. Every record
//! carries `v`, the version of its shape.

use crate::witness::{Network, WitnessedStep};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the records below.
pub const VERSION: u32 = 1;

/// `runs/ID/spec.json`: everything that the runner needs; it has no API credential and asks nobody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSpec {
    pub v: u32,
    /// TaskRun uid, with `-retryN` from the second attempt on; the name of the run's folder.
    pub id: String,
    pub namespace: String,
    pub task_run: String,
    /// Name of the Pod that pictures this run; logs go to `logs/NAMESPACE/POD/CONTAINER.log`.
    pub pod: String,
    pub steps: Vec<StepSpec>,
    #[serde(default)]
    pub sidecars: Vec<StepSpec>,
    pub volumes: Vec<Volume>,
    /// Declared results: file name under /tekton/results, to be read after the last step.
    pub results: Vec<String>,
    /// Seconds after which the whole run is stopped; 0 is no limit.
    pub timeout_seconds: u64,
    /// The registry as images are named in every step: listened on inside `registry` and `egress` sandboxes.
    pub registry: Option<RegistryAccess>,
    /// `host:port` patterns (`*` for any public host, `*.example.org`, `127.0.0.1:8080`) that `egress` may reach.
    /// Loopback, link-local and private addresses are reached only where a pattern names them.
    pub egress_allow: Vec<String>,
    /// Largest result file read, in bytes.
    pub max_result_bytes: u64,
    /// Largest log kept for each container, in bytes.
    pub max_log_bytes: u64,
}

/// One step (or sidecar): an image's root and a process in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StepSpec {
    /// Without the `step-` prefix.
    pub name: String,
    pub image: RootImage,
    /// argv; never empty (the engine has already taken the image's entrypoint where the step names none).
    pub command: Vec<String>,
    /// Script to write to an executable file that replaces `command`; `command` are then its arguments.
    pub script: Option<String>,
    pub env: Vec<(String, String)>,
    pub working_dir: String,
    /// Ids inside the sandbox.
    pub run_as_user: Option<u32>,
    pub run_as_group: Option<u32>,
    /// `privileged-nested` lets a builder make namespaces and mounts of its own inside its user namespace.
    pub nested: bool,
    pub network: Network,
    pub mounts: Vec<Mount>,
    pub on_error_continue: bool,
    /// 0 is no limit.
    pub timeout_seconds: u64,
    /// Bytes and thousandths of a CPU; applied where the machine allows cgroups.
    pub memory_limit: Option<u64>,
    pub cpu_millis: Option<u64>,
    /// Names of step results, read from /tekton/steps/STEP/results.
    pub results: Vec<String>,
}

/// A root file system: layers already verified and unpacked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RootImage {
    /// `name@sha256:...`, reported back as imageID.
    pub reference: String,
    /// Lowest first: diff ids (`sha256:...` of the uncompressed tar); folder `layers/sha256/HEX/fs`.
    pub layers: Vec<String>,
}

/// `runs/ID/unpack.json`, for `sluice-runner unpack runs/ID`: layers to be made, before the run is started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnpackSpec {
    pub v: u32,
    pub layers: Vec<LayerSpec>,
}

/// One layer blob to unpack to `layers/sha256/HEX/fs`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerSpec {
    /// Path of the blob, plain tar or gzip.
    pub blob: String,
    /// `sha256:...` of the blob's bytes.
    pub digest: String,
    /// `sha256:...` of the uncompressed tar, checked before the layer is put in place.
    pub diff_id: String,
}

/// A file system that steps share or are given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    pub name: String,
    pub source: VolumeSource,
}

/// Where a volume's content comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VolumeSource {
    /// Fresh and empty, gone with the run.
    EmptyDir {},
    /// Files of a ConfigMap, Secret or projected volume: path to content, base64. Read-only in the sandbox.
    Files { files: BTreeMap<String, String>, mode: u32 },
    /// A folder that outlives the run: `volumes/NAMESPACE/CLAIM`.
    Claim { path: String },
}

/// One mount of a volume in a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mount {
    pub volume: String,
    pub path: String,
    pub sub_path: String,
    pub read_only: bool,
}

/// The embedded registry as a run reaches it. The credential is this TaskRun's alone; it is written to
/// `/tekton/creds/.docker/config.json` (mode 0600) of each step that has a registry network, and DOCKER_CONFIG and
/// REGISTRY_AUTH_FILE point there.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryAccess {
    /// HOST:PORT as images are named, e.g. `localhost:5000`; a loopback name.
    pub host: String,
    /// Address to connect to on the host, e.g. `127.0.0.1:5000`.
    pub connect: String,
    pub username: String,
    pub password: String,
    /// Content of containers' registries.conf for the step, at `/tekton/creds/registries.conf`
    /// (CONTAINERS_REGISTRIES_CONF points there).
    pub registries_conf: String,
}

impl std::fmt::Debug for RegistryAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryAccess")
            .field("host", &self.host)
            .field("password", &"(secret)")
            .finish_non_exhaustive()
    }
}

/// One line of `runs/ID/events.jsonl`. Times are RFC 3339 UTC with milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "event")]
pub enum Event {
    /// The sandbox stands; steps follow.
    Started {
        v: u32,
        time: String,
    },
    StepStarted {
        name: String,
        time: String,
    },
    StepFinished {
        name: String,
        started: String,
        finished: String,
        exit_code: i32,
        reason: StepReason,
        /// Results of the step: name to content.
        #[serde(default)]
        results: BTreeMap<String, String>,
    },
    /// Exactly one, the last line; a run without it whose runner is gone was lost.
    Finished {
        time: String,
        outcome: Outcome,
        /// Contents of the result files that exist, by name.
        results: BTreeMap<String, String>,
        witness: Vec<WitnessedStep>,
    },
}

/// terminationReason of a step (tektoncd/pipeline pkg/pod/pod.go).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepReason {
    Completed,
    Error,
    TimeoutExceeded,
    Skipped,
    Continued,
    Cancelled,
    OOMKilled,
}

/// How the whole run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Outcome {
    Succeeded,
    /// A step failed; which, is in its StepFinished.
    StepFailed,
    Cancelled,
    TimedOut,
    /// A result file was larger than `max_result_bytes`.
    ResultTooLarge {
        name: String,
    },
    /// The sandbox could not be made or broke: a message for the user.
    SandboxFailed {
        message: String,
    },
}

/// Control plane to supervisor, one JSON datagram each over a SOCK_SEQPACKET pair inherited as descriptor 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "op")]
pub enum Request {
    /// Start `sluice-runner unpack runs/ID`, answered by `Exited`.
    Unpack { v: u32, id: String },
    /// Start `sluice-runner run runs/ID`.
    Start { v: u32, id: String },
    /// SIGKILL to the runner of that id (its sandboxes die with it).
    Kill { v: u32, id: String },
    /// Remove `runs/ID` (its files belong to the sandbox's ids).
    Remove { v: u32, id: String },
    /// Which runners are alive? Answered by `Running`.
    List { v: u32 },
}

/// Supervisor to control plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "op")]
pub enum Notice {
    /// The process of `Unpack` or `Start` ended; `message` is what it said on stderr, cut at 4 KiB.
    Exited {
        v: u32,
        id: String,
        unpack: bool,
        code: i32,
        message: String,
    },
    Running {
        v: u32,
        ids: Vec<String>,
    },
}
