//! ReleasePlans and ReleasePlanAdmissions find each other: the `Matched` condition on both sides. Who matches is decided
//! in `matching`, which the release controller asks too.

pub(crate) mod matching;

use crate::cluster::{Cluster, RELEASE_PLAN_ADMISSIONS, RELEASE_PLANS};
use crate::conditions::{self, FALSE, TRUE};
use crate::error::Error;
use serde_json::json;
use sluice_api::konflux::{ReleasePlan, ReleasePlanAdmission};
use sluice_api::konflux_labels as labels;

const MATCHED: &str = "Matched";

/// Writes whether a plan has an admission, and which.
///
/// # Errors
/// A call that failed; the next look starts over.
pub async fn reconcile_plan(cluster: &Cluster, namespace: &str, name: &str, now: &str) -> Result<(), Error> {
    let Some(plan) = cluster.get(RELEASE_PLANS, namespace, name).await? else { return Ok(()) };
    let admissions = admissions_for(cluster, &plan).await?;
    let mut status = plan.status.clone().unwrap_or_default();
    match matching::admission_of(&plan, &admissions) {
        Ok(admission) => {
            conditions::set(&mut status.conditions, now, MATCHED, TRUE, MATCHED, "");
            let active = matching::is_active(admission);
            status.release_plan_admission = Some(json!({"name": admission.key(), "active": active}));
        }
        Err(reason) => {
            conditions::set(&mut status.conditions, now, MATCHED, FALSE, MATCHED, &reason.to_string());
            // A merge patch has to say that the field goes.
            status.release_plan_admission = status.release_plan_admission.map(|_| json!(null));
        }
    }
    if plan.status.as_ref() == Some(&status) {
        return Ok(());
    }
    cluster.update_status(RELEASE_PLANS, &plan.metadata, &status).await
}

/// Writes which plans an admission serves.
///
/// # Errors
/// A call that failed; the next look starts over.
pub async fn reconcile_admission(cluster: &Cluster, namespace: &str, name: &str, now: &str) -> Result<(), Error> {
    let Some(admission) = cluster.get(RELEASE_PLAN_ADMISSIONS, namespace, name).await? else { return Ok(()) };
    let plans = cluster.list(RELEASE_PLANS, &admission.spec.origin, &[]).await?;
    let admissions = cluster.list(RELEASE_PLAN_ADMISSIONS, namespace, &[]).await?;
    let served = matching::plans_of(&admission, &plans, &admissions);
    let mut status = admission.status.clone().unwrap_or_default();
    status.release_plans = served
        .iter()
        .map(|plan| {
            let active = plan.metadata.labels.get(labels::AUTO_RELEASE).is_some_and(|v| v == "true");
            json!({"name": plan.key(), "active": active})
        })
        .collect();
    let matched = if served.is_empty() { FALSE } else { TRUE };
    let message = if served.is_empty() {
        format!(
            "no ReleasePlan in namespace {} targets namespace {namespace} with one of the applications of this \
             ReleasePlanAdmission",
            admission.spec.origin
        )
    } else {
        String::new()
    };
    conditions::set(&mut status.conditions, now, MATCHED, matched, MATCHED, &message);
    if admission.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let mut patch = json!(status);
    patch["releasePlans"] = json!(status.release_plans);
    cluster.update_status(RELEASE_PLAN_ADMISSIONS, &admission.metadata, &patch).await
}

/// The admissions in the plan's target.
pub(crate) async fn admissions_for(cluster: &Cluster, plan: &ReleasePlan) -> Result<Vec<ReleasePlanAdmission>, Error> {
    if plan.spec.target.is_empty() {
        return Ok(Vec::new());
    }
    cluster.list(RELEASE_PLAN_ADMISSIONS, &plan.spec.target, &[]).await
}
