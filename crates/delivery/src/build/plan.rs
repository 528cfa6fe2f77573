//! What Snapshot a build PipelineRun gives, if any. Pure: the run and its application's objects in, a decision out.

use crate::conditions;
use crate::names;
use sluice_api::konflux::{Application, Component, ComponentSource, GitSource, SnapshotComponent, SnapshotSpec};
use sluice_api::konflux_labels as labels;
use sluice_api::meta::{ObjectMeta, OwnerReference};
use sluice_api::tekton::{ParamValue, PipelineRun};
use std::collections::BTreeMap;

/// What to do about a run that is due.
#[derive(Debug, PartialEq)]
pub(super) enum Decision {
    /// No Snapshot, for this reason.
    Refuse(String),
    Create(Box<Planned>),
}

/// A Snapshot to be.
#[derive(Debug, PartialEq)]
pub(super) struct Planned {
    pub name: String,
    pub other_name: String,
    pub component: String,
    pub image: String,
    pub commit: String,
    /// Start of the build, RFC 3339.
    pub started: String,
    /// A push build: the image becomes the component's newest.
    pub promote: bool,
    pub spec: SnapshotSpec,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub owner: OwnerReference,
    /// Which siblings are missing and why, or empty.
    pub left_out: String,
}

/// Whether the run is a build that ended well, was looked at by the observer, and has no Snapshot yet.
pub(super) fn is_due(run: &PipelineRun) -> bool {
    let meta = &run.metadata;
    let conditions = run.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    meta.labels.get(labels::PIPELINE_TYPE).is_some_and(|t| t == "build")
        && meta.deletion_timestamp.is_none()
        && !meta.annotations.contains_key(labels::SNAPSHOT)
        && meta.annotations.contains_key(labels::SIGNED)
        && conditions::succeeded(conditions) == Some(true)
}

pub(super) fn decide(run: &PipelineRun, application: Option<&Application>, components: &[Component]) -> Decision {
    match planned(run, application, components) {
        Ok(planned) => Decision::Create(Box::new(planned)),
        Err(message) => Decision::Refuse(message),
    }
}

fn planned(run: &PipelineRun, application: Option<&Application>, components: &[Component]) -> Result<Planned, String> {
    let meta = &run.metadata;
    // Upstream goes on after "failed" and leaves it to the gate; a Snapshot that cannot pass is of no use to anybody.
    let signed = meta.annotations.get(labels::SIGNED).map(String::as_str).unwrap_or_default();
    if signed != "true" {
        return Err(format!(
            "PipelineRun {} was not signed ({} is `{signed}`), so no Snapshot is made from it; see why in the observer's \
             log, then run the build again",
            meta.name,
            labels::SIGNED
        ));
    }
    let named = |label: &str| {
        let value = meta.labels.get(label).map(String::as_str).unwrap_or_default();
        if value.is_empty() { Err(format!("PipelineRun {} has no label {label}", meta.name)) } else { Ok(value) }
    };
    let (application_name, component_name) = (named(labels::APPLICATION)?, named(labels::COMPONENT)?);
    let application = application
        .ok_or_else(|| format!("Application {application_name} does not exist in namespace {}", meta.namespace))?;
    let mut siblings: Vec<&Component> = components.iter().filter(|c| c.spec.application == application_name).collect();
    siblings.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let component = siblings.iter().find(|c| c.metadata.name == component_name).ok_or_else(|| {
        format!(
            "Component {component_name} of application {application_name} does not exist in namespace {}",
            meta.namespace
        )
    })?;

    let (url, digest) = (result(run, "IMAGE_URL")?, result(run, "IMAGE_DIGEST")?);
    let image = names::image(url, digest).ok_or_else(|| {
        format!("the results IMAGE_URL `{url}` and IMAGE_DIGEST `{digest}` of PipelineRun {} name no image", meta.name)
    })?;
    let (git_url, commit) = (result(run, "CHAINS-GIT_URL")?, result(run, "CHAINS-GIT_COMMIT")?);
    let started = start(run)
        .ok_or_else(|| format!("PipelineRun {} has neither status.startTime nor creationTimestamp", meta.name))?;

    let mut left_out = Vec::new();
    let mut members = Vec::new();
    for sibling in &siblings {
        let member = if sibling.metadata.name == component_name {
            Some(member(component, &image, git_url, commit))
        } else {
            promoted(sibling)
        };
        match member {
            Some(member) => members.push(member),
            None => left_out.push(sibling.metadata.name.as_str()),
        }
    }
    let push = is_push(meta);
    let (name, other_name) = super::snapshot_names(application_name, started, &meta.uid);
    Ok(Planned {
        name,
        other_name,
        component: component_name.to_owned(),
        image,
        commit: commit.to_owned(),
        started: conditions::time(started),
        promote: push,
        spec: SnapshotSpec { application: application_name.to_owned(), components: members, ..Default::default() },
        labels: snapshot_labels(run, application_name, component_name),
        annotations: snapshot_annotations(run, started, git_url, push),
        owner: OwnerReference {
            api_version: crate::cluster::APPLICATIONS.api_version.to_owned(),
            kind: crate::cluster::APPLICATIONS.kind.to_owned(),
            name: application.metadata.name.clone(),
            uid: application.metadata.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        },
        left_out: if left_out.is_empty() {
            String::new()
        } else {
            format!(
                "Component(s) '{}' is(are) not included in snapshot due to missing valid containerImage or git source",
                left_out.join(", ")
            )
        },
    })
}

/// A string result of the run that is not empty.
fn result<'a>(run: &'a PipelineRun, name: &str) -> Result<&'a str, String> {
    let results = run.status.as_ref().map(|s| s.results.as_slice()).unwrap_or_default();
    results
        .iter()
        .find(|r| r.name == name)
        .and_then(|r| r.value.as_str())
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| {
            format!(
                "PipelineRun {} has no result {name}; a build pipeline has to give IMAGE_URL, IMAGE_DIGEST, \
                 CHAINS-GIT_URL and CHAINS-GIT_COMMIT",
                run.metadata.name
            )
        })
}

fn start(run: &PipelineRun) -> Option<jiff::Timestamp> {
    let started = run.status.as_ref().and_then(|s| s.start_time.as_deref());
    started.or(run.metadata.creation_timestamp.as_deref())?.parse().ok()
}

fn member(component: &Component, image: &str, url: &str, revision: &str) -> SnapshotComponent {
    let git = component.spec.source.as_ref().and_then(|s| s.git.clone()).unwrap_or_default();
    SnapshotComponent {
        name: component.metadata.name.clone(),
        container_image: image.to_owned(),
        source: Some(ComponentSource {
            git: Some(GitSource { url: url.to_owned(), revision: revision.to_owned(), ..git }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A sibling as its last push build left it.
fn promoted(component: &Component) -> Option<SnapshotComponent> {
    let status = component.status.as_ref()?;
    let image = status.get("lastPromotedImage")?.as_str().filter(|i| names::has_digest(i))?;
    let commit = status.get("lastBuiltCommit").and_then(|c| c.as_str()).unwrap_or_default();
    let url = &component.spec.source.as_ref()?.git.as_ref()?.url;
    if url.is_empty() {
        return None;
    }
    Some(member(component, image, url, commit))
}

/// A push, as opposed to a pull request: so said, or not said otherwise.
fn is_push(meta: &ObjectMeta) -> bool {
    let label = |name: &str| meta.labels.get(&format!("{}{name}", labels::PAC_PREFIX));
    let pull_request = label("pull-request").is_some()
        || meta.annotations.contains_key(&format!("{}pull-request", labels::PAC_PREFIX));
    match label("event-type").map(String::as_str) {
        None | Some("push" | "Push") => true,
        Some(_) => !pull_request,
    }
}

fn snapshot_labels(run: &PipelineRun, application: &str, component: &str) -> BTreeMap<String, String> {
    let mut out = copied(&run.metadata.labels);
    let completed = run.status.as_ref().and_then(|s| s.completion_time.as_deref());
    if let Some(Ok(finished)) = completed.map(str::parse::<jiff::Timestamp>) {
        out.insert(labels::RUN_FINISH_TIME.to_owned(), finished.as_second().to_string());
    }
    let own = [
        (labels::SNAPSHOT_TYPE, "component"),
        (labels::APPLICATION, application),
        (labels::COMPONENT, component),
        // A label's value is shorter than an object's name may be; the run's uid is in an annotation.
        (labels::BUILD_PIPELINE_RUN, run.metadata.name.get(..63).unwrap_or(&run.metadata.name)),
    ];
    out.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    out
}

fn snapshot_annotations(
    run: &PipelineRun,
    started: jiff::Timestamp,
    git_url: &str,
    push: bool,
) -> BTreeMap<String, String> {
    let mut out = copied(&run.metadata.annotations);
    for result in run.status.as_ref().map(|s| s.results.as_slice()).unwrap_or_default() {
        let name = result.name.to_lowercase().replace('_', "-");
        if let ParamValue::String(value) = &result.value {
            out.insert(format!("{}{name}", labels::RESULT_PREFIX), value.trim().to_owned());
        }
    }
    let own = [
        (labels::RUN_START_TIME, started.as_millisecond().to_string()),
        (labels::SOURCE_REPO_URL, git_url.to_owned()),
        (labels::INTEGRATION_WORKFLOW, if push { "push" } else { "pull-request" }.to_owned()),
    ];
    out.extend(own.map(|(name, value)| (name.to_owned(), value)));
    out
}

/// What a Snapshot takes over from its run: forge facts under a prefix of their own, and three families as they are.
fn copied(from: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let families = ["build.appstudio", "custom.appstudio.openshift.io", "release.appstudio.openshift.io"];
    from.iter()
        .filter_map(|(name, value)| match name.strip_prefix(labels::PAC_PREFIX) {
            Some(rest) => Some((format!("{}{rest}", labels::PAC_TEST_PREFIX), value.clone())),
            None => families.iter().any(|f| name.starts_with(f)).then(|| (name.clone(), value.clone())),
        })
        .collect()
}

#[cfg(test)]
mod tests;
