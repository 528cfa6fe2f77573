//! What a run's status should be and what is to be done next, from what is known. Pure: no clock, no API, no files; the
//! same input gives the same plan, so that any number of crashes leads to the same end.

pub mod pipeline_run;
pub mod pod;
pub mod results;
pub mod task_run;

use serde_json::{Value, json};
use sluice_api::meta::Condition;

/// Condition that says how a run stands.
pub const SUCCEEDED: &str = "Succeeded";

/// Upstream's feature flags at their defaults, as `status.provenance.featureFlags` has them.
pub fn feature_flags() -> Value {
    json!({
        "awaitSidecarReadiness": true,
        "coschedule": "workspaces",
        "enableAPIFields": "beta",
        "enableProvenanceInStatus": true,
        "enforceNonfalsifiability": "none",
        "maxResultSize": 4096,
        "resultExtractionMethod": "termination-message",
        "runningInEnvWithInjectedSidecars": true,
        "verificationNoMatchPolicy": "ignore",
    })
}

/// `True`, `False` or `Unknown`; none before the first write.
pub fn standing(conditions: &[Condition]) -> Option<&str> {
    conditions.iter().find(|c| c.type_ == SUCCEEDED).map(|c| c.status.as_str())
}

/// Whether the run is over.
pub fn is_done(conditions: &[Condition]) -> bool {
    matches!(standing(conditions), Some("True" | "False"))
}

pub use sluice_api::tekton::is_done as is_done_object;

/// Sets the condition; its time moves only if it says something new.
pub fn set_condition(conditions: &mut Vec<Condition>, status: &str, reason: &str, message: &str, now: &str) {
    let new = Condition {
        type_: SUCCEEDED.to_owned(),
        status: status.to_owned(),
        last_transition_time: Some(now.to_owned()),
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    match conditions.iter_mut().find(|c| c.type_ == SUCCEEDED) {
        Some(old) if old.status == status && old.reason == reason && old.message == message => {}
        Some(old) => *old = new,
        None => conditions.push(new),
    }
}
