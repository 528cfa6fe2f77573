//! From commit to release: Snapshots of signed builds, integration tests, automatic releases, the matching of plans with
//! admissions, and the Release state machine. The controllers know a `kube::Client` and nothing else of the API server, so
//! they are the same on a cluster; every step is decided by a pure function and is safe to repeat. A verdict is a managed
//! TaskRun's: nothing in this crate verifies or judges an image, holds a key, or runs a step.
//!
//! [`publish`] is apart: it is what the managed push task does, and talks to registries alone.

mod autorelease;
mod build;
mod cluster;
mod conditions;
mod controller;
mod error;
mod integration;
mod names;
mod params;
mod plans;
mod policy_ref;
pub mod publish;
mod queue;
mod release;
mod verdict;
mod watch;

pub use error::Error;
pub use policy_ref::PolicyError;

use std::time::Duration;

/// What the controllers have to be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Namespace of the program itself; policies may name public keys there.
    pub system_namespace: String,
    /// Everything is looked at again after this time, should an event have been missed.
    pub resync: Duration,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            system_namespace: "sluice-system".to_owned(),
            resync: Duration::from_secs(300),
            now: jiff::Timestamp::now,
        }
    }
}

/// Runs all controllers until the future is dropped, which is safe at any point.
///
/// # Errors
/// Never by itself; calls that fail are made again.
pub async fn run(client: kube::Client, config: Config) -> Result<(), Error> {
    controller::run(cluster::Cluster::new(client), config).await;
    Ok(())
}

/// Looks at everything in those namespaces once more, until nothing is left to do at this moment. For tests and for
/// tools that have no use for a watch.
///
/// # Errors
/// The first call that failed.
pub async fn settle(client: kube::Client, config: &Config, namespaces: &[&str]) -> Result<(), Error> {
    controller::settle(&cluster::Cluster::new(client), config, namespaces).await
}
