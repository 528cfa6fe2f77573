//! `sluice up`: a small root supervisor, and under two ids of their own the control plane and the observer.
//!
//! ```text
//! up (root) ──starts──> sluice control-plane (id 64001)   API, store, registry, engine, delivery
//!    │  ▲                     │
//!    │  └──── start runner ───┘   typed messages over a socket pair
//!    ├──starts──> sluice-observer (id 64002)              the signing key
//!    └──starts──> sluice-runner, one for each TaskRun     its own user namespace
//! ```
//! The supervisor keeps root for nothing but to start, delegate to and reap these; it parses nothing from the network.

pub mod addresses;
pub mod bootstrap;
pub mod channel;
pub mod control_plane;
pub mod detach;
pub mod folder;
pub mod launcher;
pub mod message;
pub mod ready;
pub mod registry_glue;
pub mod runners;
pub mod status;
pub mod supervisor;

/// Numeric id of the control plane's process; no such user need exist.
pub const CONTROL_PLANE_ID: u32 = 64001;
/// Numeric id of the observer's process.
pub const OBSERVER_ID: u32 = 64002;
