//! Whether a Release may be tried at all. Pure: the Release and what it names in, what to do out. The order of the
//! checks, their words and which of them can heal are upstream's.

use crate::plans::matching::{self, component_group};

use sluice_api::konflux::{Release, ReleasePipeline, ReleasePlan, ReleasePlanAdmission, Snapshot};
use sluice_api::konflux_labels as labels;
use sluice_api::tekton::Ref;

/// How long a Release made by a controller may wait for the mark that says so.
const AUTOMATED_GRACE: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// Everything a Release names, as it is now.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub release: &'a Release,
    pub plan: Option<&'a ReleasePlan>,
    pub admissions: &'a [ReleasePlanAdmission],
    pub snapshot: Option<&'a Snapshot>,
    pub now: jiff::Timestamp,
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// For good.
    Final(String),
    /// Not yet: something that is written elsewhere is missing still.
    Wait(String),
}

/// Who releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribution {
    pub author: String,
    pub standing: bool,
}

/// A Release that may be tried.
#[derive(Debug)]
pub(super) struct Valid<'a> {
    pub plan: &'a ReleasePlan,
    pub admission: &'a ReleasePlanAdmission,
    pub pipeline: &'a ReleasePipeline,
    pub pipeline_ref: Ref,
    pub snapshot: &'a Snapshot,
    pub attribution: Attribution,
}

pub(super) fn validate<'a>(facts: &Facts<'a>) -> Result<Valid<'a>, Refusal> {
    let refuse = |message: String| Err(Refusal::Final(message));
    let spec = &facts.release.spec;
    let Some(plan) = facts.plan else {
        return refuse(format!("releaseplans.appstudio.redhat.com \"{}\" not found", spec.release_plan));
    };

    // A pipeline is defined.
    if plan.spec.target.is_empty() {
        return refuse(
            "releasePlan has no pipeline or target. Each Release should define a tenant pipeline, managed pipeline, or both"
                .to_owned(),
        );
    }
    for unsupported in ["tenantPipeline", "finalPipeline", "collectors"] {
        if plan.spec.extra.get(unsupported).is_some_and(|v| !v.is_null()) {
            return refuse(format!(
                "releasePlan {} defines {unsupported}, which is not supported; remove it",
                plan.metadata.name
            ));
        }
    }
    let admission = match matching::active_admission_of(plan, facts.admissions) {
        Ok(admission) => admission,
        Err(reason) => return refuse(reason.to_string()),
    };
    if admission.spec.extra.get("collectors").is_some_and(|v| !v.is_null()) {
        return refuse(format!(
            "releasePlanAdmission {} defines collectors, which are not supported; remove them",
            admission.metadata.name
        ));
    }
    let Some(pipeline) = &admission.spec.pipeline else {
        return refuse(
            "releasePlan and releasePlanAdmission both have no pipeline. Each Release should define a tenant pipeline, \
             managed pipeline, or both"
                .to_owned(),
        );
    };

    if pipeline.extra.get("maxRetries").and_then(serde_json::Value::as_i64).is_some_and(|n| n > 0) {
        return refuse(format!(
            "releasePlanAdmission {} sets pipeline.maxRetries, which is not supported; remove it or set it to 0",
            admission.metadata.name
        ));
    }

    // What is processed is there.
    let Some(snapshot) = facts.snapshot else {
        return refuse(format!("snapshots.appstudio.redhat.com \"{}\" not found", spec.snapshot));
    };
    if snapshot.spec.components.is_empty() {
        return refuse(format!("Snapshot {} has no components, so there is nothing to release", spec.snapshot));
    }

    // Both are of the same application, or of the same component group: two absent names are not the same one.
    let groups = (component_group(&plan.spec.extra), component_group(&snapshot.spec.extra));
    if plan.spec.application != snapshot.spec.application
        || groups.0 != groups.1
        || (plan.spec.application.is_empty() && groups.0.is_empty())
    {
        return refuse("different Application referenced in ReleasePlan and Snapshot".to_owned());
    }

    let attribution = attribution(facts, plan)?;
    let pipeline_ref = pipeline_ref(&pipeline.pipeline_ref, &admission.metadata.namespace).map_err(Refusal::Final)?;
    Ok(Valid { plan, admission, pipeline, pipeline_ref, snapshot, attribution })
}

fn attribution(facts: &Facts<'_>, plan: &ReleasePlan) -> Result<Attribution, Refusal> {
    let label =
        |labels: &std::collections::BTreeMap<String, String>, name: &str| labels.get(name).cloned().unwrap_or_default();
    let meta = &facts.release.metadata;
    if label(&meta.labels, labels::AUTOMATED) != "true" {
        let author = label(&meta.labels, labels::AUTHOR);
        if author.is_empty() {
            return Err(Refusal::Final("no author found for manual release".to_owned()));
        }
        return Ok(Attribution { author, standing: false });
    }
    if !facts.release.status.as_ref().is_some_and(|s| s.automated) {
        let message = "automated not set in status for automated release".to_owned();
        let created: Option<jiff::Timestamp> = meta.creation_timestamp.as_deref().and_then(|t| t.parse().ok());
        let late = created.is_none_or(|created| facts.now.duration_since(created) > AUTOMATED_GRACE);
        return Err(if late { Refusal::Final(message) } else { Refusal::Wait(message) });
    }
    let author = label(&plan.metadata.labels, labels::AUTHOR);
    if author.is_empty() {
        return Err(Refusal::Final("no author in the ReleasePlan found for automated release".to_owned()));
    }
    Ok(Attribution { author, standing: true })
}

/// The pipeline to run. A Pipeline object is taken from the admission's own namespace and from nowhere else: whoever
/// may write there decides on releases anyway. Everything else has to be a reference that a resolver can pin.
fn pipeline_ref(reference: &Ref, own: &str) -> Result<Ref, String> {
    if reference.resolver.is_empty() {
        return Err(
            "pipelineRef has no resolver; use the resolver bundles, or cluster for a Pipeline in the namespace of \
                    the ReleasePlanAdmission"
                .to_owned(),
        );
    }
    if reference.resolver != "cluster" {
        return Ok(Ref { resolver: reference.resolver.clone(), params: reference.params.clone(), ..Ref::default() });
    }
    let named = |name: &str| reference.param(name).unwrap_or_default();
    if named("namespace") != own || !matches!(named("kind"), "" | "pipeline") || named("name").is_empty() {
        return Err(
            "tried using debug only options while debug mode is disabled in the ReleaseServiceConfig: the cluster \
                    resolver is allowed for a Pipeline in the namespace of the ReleasePlanAdmission only"
                .to_owned(),
        );
    }
    Ok(Ref { name: named("name").to_owned(), ..Ref::default() })
}

/// When the Release may be deleted: its own grace or else its plan's, seven days if neither says.
pub(super) fn expiration(release: &Release, plan: &ReleasePlan) -> Option<jiff::Timestamp> {
    let days =
        [release.spec.grace_period_days, plan.spec.release_grace_period_days].into_iter().flatten().find(|d| *d > 0);
    let created: jiff::Timestamp = release.metadata.creation_timestamp.as_deref()?.parse().ok()?;
    created.checked_add(jiff::SignedDuration::from_hours(days.unwrap_or(7).checked_mul(24)?)).ok()
}

#[cfg(test)]
mod tests;
