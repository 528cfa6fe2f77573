//! What the supervisor and the control plane say to each other. Secrets pass here, over a private socket pair, and
//! nowhere else: neither in arguments nor in the environment.

use serde::{Deserialize, Serialize};
use sluice_api::runner::{Notice, Request};

/// Supervisor to control plane.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum ToControl {
    /// The first message; the listening sockets of the API and the registry come with it, in this order.
    Hello { v: u32, api: String, registry: String, public_key: String },
    /// About runners.
    Runner { notice: Notice },
}

/// Control plane to supervisor.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum FromControl {
    /// It serves; the first time after each start.
    Ready(Ready),
    /// About runners.
    Runner { request: Request },
}

/// What the supervisor hands on, each to the one that it is for.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// For `admin.kubeconfig`.
    pub admin_token: String,
    /// For the observer alone.
    pub observer_token: String,
    /// PEM.
    pub ca: String,
    /// Public half of the key that signs statuses, PEM.
    pub engine_public_key: String,
}

impl std::fmt::Debug for FromControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready(_) => f.write_str("Ready(secrets)"),
            Self::Runner { request } => f.debug_tuple("Runner").field(request).finish(),
        }
    }
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ready(secrets)")
    }
}
