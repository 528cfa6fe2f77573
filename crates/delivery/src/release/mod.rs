//! The Release state machine: validated, verified and published by a managed PipelineRun, released or not. Decisions are
//! in `validate`, `managed` and `judge`, the status they lead to in `phases`; here it is read and written. Each look does
//! at most one thing that others see, and can be the last before a crash. It must not judge images itself: the managed
//! run does.

mod judge;
mod managed;
mod phases;
mod validate;

use crate::Config;
use crate::cluster::{Annotate, Cluster, PIPELINE_RUNS, RELEASE_PLANS, RELEASES, SNAPSHOTS, TASK_RUNS};
use crate::error::Error;
use crate::plans::admissions_for;
use crate::policy_ref;
use judge::{Child, Outcome};
use sluice_api::konflux::{Release, Snapshot};
use sluice_api::konflux_labels as labels;
use sluice_api::tekton::PipelineRun;
use std::collections::BTreeMap;
use std::time::Duration;
use validate::{Facts, Refusal, Valid};

/// How often a Release is looked at that waits for something which may not bring it back by itself.
const WAIT: Duration = Duration::from_secs(15);

/// Looks at one Release and does the next step. Gives the time after which to look again, if not at the next event.
///
/// # Errors
/// A call that failed; the next look starts over.
pub async fn reconcile(
    cluster: &Cluster,
    config: &Config,
    namespace: &str,
    name: &str,
) -> Result<Option<Duration>, Error> {
    let Some(release) = cluster.get(RELEASES, namespace, name).await? else { return Ok(None) };
    let status = release.status.clone().unwrap_or_default();
    if release.metadata.deletion_timestamp.is_some() || phases::is_finished(&status) {
        return Ok(None);
    }
    // Once a run was made for it, a Release is decided by that run, whatever happens to what it was made from.
    if let Some((run_namespace, run_name)) = phases::managed_run(&status) {
        return track(cluster, config, &release, &run_namespace, &run_name).await.map(|()| None);
    }

    let plan = cluster.get(RELEASE_PLANS, namespace, &release.spec.release_plan).await?;
    let admissions = match &plan {
        Some(plan) => admissions_for(cluster, plan).await?,
        None => Vec::new(),
    };
    let snapshot = cluster.get(SNAPSHOTS, namespace, &release.spec.snapshot).await?;
    let now = (config.now)();
    let facts =
        Facts { release: &release, plan: plan.as_ref(), admissions: &admissions, snapshot: snapshot.as_ref(), now };
    let target = plan.as_ref().map(|p| p.spec.target.clone()).unwrap_or_default();
    match validate::validate(&facts) {
        Err(Refusal::Wait(message)) => {
            write(cluster, &release, phases::waiting(&status, now, &message)).await?;
            Ok(Some(WAIT))
        }
        Err(Refusal::Final(message)) => refuse(cluster, &release, now, &target, &message).await.map(|()| None),
        Ok(valid) => begin(cluster, config, &release, &valid).await.map(|()| None),
    }
}

/// Makes the managed run, and then writes that it is there.
async fn begin(cluster: &Cluster, config: &Config, release: &Release, valid: &Valid<'_>) -> Result<(), Error> {
    let now = (config.now)();
    let (namespace, target) = (&valid.admission.metadata.namespace, &valid.plan.spec.target);
    let system = &config.system_namespace;
    let policy = match policy_ref::resolve(cluster, system, namespace, &valid.admission.spec.policy).await {
        Ok(policy) => policy,
        Err(policy_ref::PolicyError::Api(error)) if !error.is_permanent() => return Err(error),
        Err(error) => return refuse(cluster, release, now, target, &error.to_string()).await,
    };
    if let Some(changes) = missing_metadata(release, valid.snapshot) {
        // The change brings the Release here again, with its new version.
        return cluster.annotate(RELEASES, &release.metadata, changes).await;
    }
    let name = managed::name(release);
    let existing = match cluster.get(PIPELINE_RUNS, namespace, &name).await? {
        Some(run) => run,
        None => match cluster.create(PIPELINE_RUNS, namespace, &managed::object(release, valid, &policy)).await {
            Ok(run) => {
                tracing::info!(release = %release.key(), run = %name, "managed PipelineRun created");
                run
            }
            Err(error) if error.is_already_exists() => match cluster.get(PIPELINE_RUNS, namespace, &name).await? {
                Some(run) => run,
                None => return Err(error),
            },
            Err(error) if error.is_permanent() => {
                let status = release.status.clone().unwrap_or_default();
                let next =
                    phases::creation_failed(&status, now, &phases::Begun::of(release, valid), &error.to_string());
                return write(cluster, release, next).await;
            }
            Err(error) => return Err(error),
        },
    };
    let status = release.status.clone().unwrap_or_default();
    let begun = phases::Begun::of(release, valid);
    let next = if managed::is_of(&existing, release) {
        phases::begun(&status, now, &begun, &existing.key())
    } else {
        let message =
            format!("PipelineRun {} exists already and was not made for this Release; delete it", existing.key());
        phases::creation_failed(&status, now, &begun, &message)
    };
    write(cluster, release, next).await
}

/// Follows the managed run to its end.
async fn track(
    cluster: &Cluster,
    config: &Config,
    release: &Release,
    namespace: &str,
    name: &str,
) -> Result<(), Error> {
    let status = release.status.clone().unwrap_or_default();
    let now = (config.now)();
    let run = cluster.get(PIPELINE_RUNS, namespace, name).await?.filter(|run| managed::is_of(run, release));
    let Some(run) = run else {
        let message = "PipelineRun was deleted while still running";
        return write(cluster, release, phases::failed(&status, now, message, "Error", "")).await;
    };
    let children = children(cluster, &run).await?;
    let next = match judge::judge(&run, &children) {
        Outcome::Running => return Ok(()),
        Outcome::Released { artifacts } => phases::released(&status, now, artifacts),
        Outcome::Failed { message, reason, task } => phases::failed(&status, now, &message, reason, &task),
    };
    let said = if phases::is_released(&next) { "released" } else { "not released" };
    tracing::info!(release = %release.key(), run = %run.key(), said, "Release finished");
    write(cluster, release, next).await
}

/// The TaskRuns that the run itself names as its children.
async fn children(cluster: &Cluster, run: &PipelineRun) -> Result<Vec<Child>, Error> {
    let references = run.status.as_ref().map(|s| s.child_references.clone()).unwrap_or_default();
    let mut children = Vec::new();
    for reference in references.into_iter().filter(|r| r.kind == "TaskRun") {
        if let Some(task_run) = cluster.get(TASK_RUNS, &run.metadata.namespace, &reference.name).await? {
            children.push(Child { pipeline_task: reference.pipeline_task_name, task_run });
        }
    }
    Ok(children)
}

async fn refuse(
    cluster: &Cluster,
    release: &Release,
    now: jiff::Timestamp,
    target: &str,
    message: &str,
) -> Result<(), Error> {
    let status = release.status.clone().unwrap_or_default();
    let target = if target.is_empty() { &release.metadata.namespace } else { target };
    tracing::info!(release = %release.key(), %message, "Release refused");
    write(cluster, release, phases::invalid(&status, now, target, message)).await
}

async fn write(cluster: &Cluster, release: &Release, next: sluice_api::konflux::ReleaseStatus) -> Result<(), Error> {
    if release.status.as_ref() == Some(&next) {
        return Ok(());
    }
    cluster.update_status(RELEASES, &release.metadata, &next).await
}

/// What a Release takes over from its Snapshot and does not have yet.
fn missing_metadata(release: &Release, snapshot: &Snapshot) -> Option<Annotate> {
    let wanted = |from: &BTreeMap<String, String>, have: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let copied = |key: &str| key.starts_with(labels::PAC_TEST_PREFIX) || key.starts_with("appstudio.openshift.io");
        from.iter()
            .filter(|(key, _)| copied(key) && !have.contains_key(*key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let (from, have) = (&snapshot.metadata, &release.metadata);
    let changes = Annotate {
        labels: wanted(&from.labels, &have.labels),
        annotations: wanted(&from.annotations, &have.annotations),
        ..Annotate::default()
    };
    (changes != Annotate::default()).then_some(changes)
}
