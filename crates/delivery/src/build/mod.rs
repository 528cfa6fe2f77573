//! From a signed build to a Snapshot: exactly one per build PipelineRun, however often the work is interrupted. What goes
//! into the Snapshot is decided in `plan`; here it is read and written. It must not judge the build: the gate does.

mod plan;

use crate::cluster::{APPLICATIONS, Annotate, COMPONENTS, Cluster, PIPELINE_RUNS, SNAPSHOTS};
use crate::error::Error;
use crate::names;
use plan::{Decision, Planned};
use serde_json::{Value, json};
use sluice_api::konflux::Snapshot;
use sluice_api::konflux_labels as labels;
use sluice_api::tekton::PipelineRun;

/// Says which run a Snapshot was made from, beyond its name.
const RUN_UID: &str = "sluice.dev/build-pipelinerun-uid";

/// Looks at one PipelineRun and does what is missing.
///
/// # Errors
/// A call that failed; the next look starts over.
pub async fn reconcile(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), Error> {
    let Some(run) = cluster.get(PIPELINE_RUNS, namespace, name).await? else { return Ok(()) };
    if !plan::is_due(&run) {
        return Ok(());
    }
    let application = run.metadata.labels.get(labels::APPLICATION).map(String::as_str).unwrap_or_default();
    let owner = cluster.get(APPLICATIONS, namespace, application).await?;
    let components = cluster.list(COMPONENTS, namespace, &[]).await?;
    match plan::decide(&run, owner.as_ref(), &components) {
        Decision::Refuse(message) => say(cluster, &run, "failed", &message, None).await,
        Decision::Create(planned) => {
            let Some(snapshot) = ensure(cluster, &run, &planned).await? else {
                let message = format!(
                    "Snapshots named {} and {} exist already and were not made from this PipelineRun; delete or rename \
                     them and remove the annotation {} from the PipelineRun",
                    planned.name,
                    planned.other_name,
                    labels::CREATE_SNAPSHOT_STATUS
                );
                return say(cluster, &run, "failed", &message, None).await;
            };
            promote(cluster, namespace, &planned).await?;
            let message = match planned.left_out.as_str() {
                "" => format!("Snapshot {} was created", snapshot.metadata.name),
                left_out => left_out.to_owned(),
            };
            say(cluster, &run, "success", &message, Some(&snapshot.metadata.name)).await
        }
    }
}

/// The run's Snapshot, made if it is not there yet; nothing if both of its names are taken by others.
async fn ensure(cluster: &Cluster, run: &PipelineRun, planned: &Planned) -> Result<Option<Snapshot>, Error> {
    let namespace = &run.metadata.namespace;
    let made_from = planned.labels.get(labels::BUILD_PIPELINE_RUN).map(String::as_str).unwrap_or_default();
    let known = cluster.list(SNAPSHOTS, namespace, &[(labels::BUILD_PIPELINE_RUN, made_from)]).await?;
    if let Some(snapshot) = known.into_iter().find(|s| is_of(s, run, planned)) {
        return Ok(Some(snapshot));
    }
    for name in [&planned.name, &planned.other_name] {
        match cluster.create(SNAPSHOTS, namespace, &object(run, planned, name)).await {
            Ok(snapshot) => {
                tracing::info!(%namespace, snapshot = %name, run = %run.metadata.name, "Snapshot created");
                return Ok(Some(snapshot));
            }
            Err(error) if error.is_already_exists() => {
                let existing = cluster.get(SNAPSHOTS, namespace, name).await?;
                if let Some(snapshot) = existing.filter(|s| is_of(s, run, planned)) {
                    return Ok(Some(snapshot));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether that is this run's Snapshot: made from this very run and holding the image that the run reports.
fn is_of(snapshot: &Snapshot, run: &PipelineRun, planned: &Planned) -> bool {
    snapshot.metadata.annotations.get(RUN_UID) == Some(&run.metadata.uid)
        && snapshot.spec.components.iter().any(|c| c.name == planned.component && c.container_image == planned.image)
}

fn object(run: &PipelineRun, planned: &Planned, name: &str) -> Value {
    let mut annotations = planned.annotations.clone();
    annotations.insert(RUN_UID.to_owned(), run.metadata.uid.clone());
    json!({
        "apiVersion": SNAPSHOTS.api_version,
        "kind": SNAPSHOTS.kind,
        "metadata": {
            "name": name,
            "namespace": run.metadata.namespace,
            "labels": planned.labels,
            "annotations": annotations,
            "ownerReferences": [planned.owner],
        },
        "spec": planned.spec,
    })
}

/// The component's newest image for Snapshots of its siblings. An older build never replaces a newer one.
async fn promote(cluster: &Cluster, namespace: &str, planned: &Planned) -> Result<(), Error> {
    if !planned.promote {
        return Ok(());
    }
    let Some(component) = cluster.get(COMPONENTS, namespace, &planned.component).await? else { return Ok(()) };
    let null = Value::Null;
    let status = component.status.as_ref().unwrap_or(&null);
    let stored = |field: &str| status.get(field).and_then(Value::as_str).unwrap_or_default();
    let newer = stored("lastPromotedBuildTime") > planned.started.as_str();
    let same = stored("lastPromotedImage") == planned.image && stored("lastBuiltCommit") == planned.commit;
    if newer || same {
        return Ok(());
    }
    let status = json!({
        "lastPromotedImage": planned.image,
        "lastBuiltCommit": planned.commit,
        "lastPromotedBuildTime": planned.started,
    });
    cluster.update_status(COMPONENTS, &component.metadata, &status).await
}

/// Writes the outcome on the run; the annotation with the Snapshot's name is what ends the work on it.
async fn say(
    cluster: &Cluster,
    run: &PipelineRun,
    status: &str,
    message: &str,
    snapshot: Option<&str>,
) -> Result<(), Error> {
    let said = json!({"status": status, "message": message}).to_string();
    if snapshot.is_none() && run.metadata.annotations.get(labels::CREATE_SNAPSHOT_STATUS) == Some(&said) {
        return Ok(());
    }
    let mut changes = Annotate::default().annotation(labels::CREATE_SNAPSHOT_STATUS, said);
    if let Some(snapshot) = snapshot {
        changes = changes.annotation(labels::SNAPSHOT, snapshot);
    }
    cluster.annotate(PIPELINE_RUNS, &run.metadata, changes).await
}

/// Names for a run: the second one is taken when another run's Snapshot has the first.
fn snapshot_names(application: &str, started: jiff::Timestamp, uid: &str) -> (String, String) {
    let suffix = names::digest(&[uid], 2);
    (names::snapshot(application, started, None), names::snapshot(application, started, Some(&suffix)))
}
