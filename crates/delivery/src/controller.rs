//! The loop: events become keys, keys are looked at a few at a time, failures come again. All state is in the API server,
//! so the loop can end at any point.

use crate::Config;
use crate::cluster::{Cluster, PIPELINE_RUNS, RELEASE_PLAN_ADMISSIONS, RELEASE_PLANS, RELEASES, SCENARIOS, SNAPSHOTS};
use crate::error::Error;
use crate::queue::Queue;
use crate::watch::{self, Key};
use crate::{autorelease, build, conditions, integration, plans, release};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use sluice_api::konflux_labels as labels;
use std::collections::BTreeSet;
use std::time::Duration;

/// Looks at the same time.
const CONCURRENCY: usize = 8;
/// Most rounds of [`settle`]; far more than a release has steps.
const MAX_ROUNDS: usize = 64;

/// A key, and when to look at it again if not at the next event.
type Looked = (Key, Result<Option<Duration>, Error>);

pub(crate) async fn run(cluster: Cluster, config: Config) {
    let mut events = watch::events(&cluster);
    let mut queue = Queue::new();
    let mut known = BTreeSet::new();
    let mut running: FuturesUnordered<BoxFuture<'_, Looked>> = FuturesUnordered::new();
    let mut delayed: FuturesUnordered<BoxFuture<'_, Key>> = FuturesUnordered::new();
    let mut resync = tokio::time::interval(config.resync);
    resync.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(keys) = events.next() => {
                for key in keys {
                    known.insert(key.clone());
                    queue.add(key);
                }
            }
            Some((key, result)) = running.next() => {
                let wait = match &result {
                    Ok(wait) => {
                        queue.done(&key, false);
                        *wait
                    }
                    Err(error) => {
                        if error.is_conflict() {
                            tracing::debug!(?key, %error, "somebody else was faster");
                        } else {
                            tracing::warn!(?key, %error, "to be tried again");
                        }
                        queue.done(&key, true)
                    }
                };
                if let Some(wait) = wait {
                    delayed.push(Box::pin(async move {
                        tokio::time::sleep(wait).await;
                        key
                    }));
                }
            }
            Some(key) = delayed.next() => queue.add(key),
            _ = resync.tick() => known.iter().cloned().for_each(|key| queue.add(key)),
        }
        while running.len() < CONCURRENCY
            && let Some(key) = queue.next()
        {
            let (cluster, config) = (&cluster, &config);
            running.push(Box::pin(async move {
                let result = look(cluster, config, &key).await;
                (key, result)
            }));
        }
    }
}

/// One look at one key.
async fn look(cluster: &Cluster, config: &Config, key: &Key) -> Result<Option<Duration>, Error> {
    match key {
        Key::Build(namespace, name) => build::reconcile(cluster, namespace, name).await?,
        Key::Scenario(namespace, name) => integration::reconcile_scenario(cluster, config, namespace, name).await?,
        Key::Snapshot(namespace, name) => {
            if let Some(snapshot) = cluster.get(SNAPSHOTS, namespace, name).await? {
                integration::reconcile(cluster, config, &snapshot).await?;
                autorelease::reconcile(cluster, config, &snapshot).await?;
            }
        }
        Key::Release(namespace, name) => return release::reconcile(cluster, config, namespace, name).await,
        Key::Plans(namespace) => {
            let now = conditions::time((config.now)());
            for plan in cluster.list(RELEASE_PLANS, namespace, &[]).await? {
                plans::reconcile_plan(cluster, namespace, &plan.metadata.name, &now).await?;
            }
        }
        Key::Admissions(namespace) => {
            let now = conditions::time((config.now)());
            for admission in cluster.list(RELEASE_PLAN_ADMISSIONS, namespace, &[]).await? {
                plans::reconcile_admission(cluster, namespace, &admission.metadata.name, &now).await?;
            }
        }
        Key::Application(namespace) => {
            for scenario in cluster.list(SCENARIOS, namespace, &[]).await? {
                integration::reconcile_scenario(cluster, config, namespace, &scenario.metadata.name).await?;
            }
            for run in cluster.list(PIPELINE_RUNS, namespace, &[(labels::PIPELINE_TYPE, "build")]).await? {
                build::reconcile(cluster, namespace, &run.metadata.name).await?;
            }
        }
    }
    Ok(None)
}

/// Looks at everything in the namespaces until a look changes nothing: what one writes, the next one sees.
pub(crate) async fn settle(cluster: &Cluster, config: &Config, namespaces: &[&str]) -> Result<(), Error> {
    let mut before = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let mut versions = Vec::new();
        for namespace in namespaces {
            let own = (*namespace).to_owned();
            let mut keys = vec![Key::Application(own.clone()), Key::Plans(own.clone()), Key::Admissions(own.clone())];
            for snapshot in cluster.list(SNAPSHOTS, namespace, &[]).await? {
                versions.push(snapshot.metadata.resource_version);
                keys.push(Key::Snapshot(own.clone(), snapshot.metadata.name));
            }
            for release in cluster.list(RELEASES, namespace, &[]).await? {
                versions.push(release.metadata.resource_version);
                keys.push(Key::Release(own.clone(), release.metadata.name));
            }
            for run in cluster.list(PIPELINE_RUNS, namespace, &[]).await? {
                versions.push(run.metadata.resource_version);
            }
            for key in keys {
                look(cluster, config, &key).await?;
            }
        }
        if !before.is_empty() && versions == before {
            return Ok(());
        }
        before = versions;
    }
    Ok(())
}
