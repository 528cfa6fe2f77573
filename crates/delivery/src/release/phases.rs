//! The status of a Release, step by step: which conditions each step sets, with upstream's reasons and messages. Pure.

use super::validate::{Valid, expiration};
use crate::conditions::{self, FALSE, TRUE};
use serde_json::{Value, json};
use sluice_api::konflux::{Release, ReleaseStatus};
use sluice_api::meta::condition;

const VALIDATED: &str = "Validated";
const MANAGED: &str = "ManagedPipelineProcessed";
const FINAL: &str = "FinalPipelineProcessed";
const RELEASED: &str = "Released";
/// Phases that come before the managed pipeline and are not defined here.
const BEFORE: [&str; 3] =
    ["TenantCollectorsPipelineProcessed", "ManagedCollectorsPipelineProcessed", "TenantPipelineProcessed"];

const PROGRESSING: &str = "Progressing";
const SUCCEEDED: &str = "Succeeded";
const FAILED: &str = "Failed";
const SKIPPED: &str = "Skipped";

/// What is known when a Release begins.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    target: String,
    author: String,
    standing: bool,
    expires: Option<String>,
}

impl Begun {
    pub(super) fn of(release: &Release, valid: &Valid<'_>) -> Self {
        Self {
            target: valid.plan.spec.target.clone(),
            author: valid.attribution.author.clone(),
            standing: valid.attribution.standing,
            expires: expiration(release, valid.plan).map(conditions::time),
        }
    }
}

struct Step {
    status: ReleaseStatus,
    now: String,
}

impl Step {
    /// Every step starts with the Release running.
    fn new(status: &ReleaseStatus, now: jiff::Timestamp) -> Self {
        let mut step = Self { status: status.clone(), now: conditions::time(now) };
        if step.status.start_time.is_none() {
            step.status.start_time = Some(step.now.clone());
        }
        if condition(&step.status.conditions, RELEASED).is_none() {
            step.set(RELEASED, FALSE, PROGRESSING, "");
        }
        step
    }

    fn set(&mut self, type_: &str, status: &str, reason: &str, message: &str) {
        conditions::set(&mut self.status.conditions, &self.now, type_, status, reason, message);
    }

    fn skip(&mut self, type_: &str) {
        self.set(type_, TRUE, SKIPPED, "");
    }

    fn end(mut self, status: &str, reason: &str, message: &str) -> ReleaseStatus {
        self.set(RELEASED, status, reason, message);
        self.status.completion_time = Some(self.now);
        self.status
    }

    fn validated(&mut self, begun: &Begun) {
        self.status.target.clone_from(&begun.target);
        self.status.attribution = Some(if begun.standing {
            json!({"author": begun.author, "standingAuthorization": true})
        } else {
            json!({"author": begun.author})
        });
        self.status.expiration_time.clone_from(&begun.expires);
        self.set(VALIDATED, TRUE, SUCCEEDED, "");
        for phase in BEFORE {
            self.skip(phase);
        }
    }

    /// Changes the managed attempt, in its list and in the older field that mirrors it.
    fn attempt(&mut self, fields: &[(&str, Value)]) {
        let mut attempt = self
            .status
            .extra
            .get("managedPipelineAttempts")
            .and_then(|list| list.get(0))
            .cloned()
            .unwrap_or_else(|| json!({}));
        let mut mirror = self.status.managed_processing.take().unwrap_or_else(|| json!({}));
        for (name, value) in fields {
            attempt[*name] = value.clone();
            if matches!(*name, "pipelineRun" | "startTime" | "completionTime") {
                mirror[*name] = value.clone();
            }
        }
        self.status.extra.insert("managedPipelineAttempts".to_owned(), json!([attempt]));
        self.status.managed_processing = Some(mirror);
    }
}

/// Something that is written elsewhere is missing still.
pub(super) fn waiting(status: &ReleaseStatus, now: jiff::Timestamp, message: &str) -> ReleaseStatus {
    let mut step = Step::new(status, now);
    step.set(VALIDATED, FALSE, FAILED, message);
    step.status
}

/// Refused before anything ran.
pub(super) fn invalid(status: &ReleaseStatus, now: jiff::Timestamp, target: &str, message: &str) -> ReleaseStatus {
    let mut step = Step::new(status, now);
    target.clone_into(&mut step.status.target);
    step.set(VALIDATED, FALSE, FAILED, message);
    for phase in BEFORE {
        step.skip(phase);
    }
    step.skip(MANAGED);
    step.skip(FINAL);
    step.end(FALSE, FAILED, "Release validation failed")
}

/// The managed run is there.
pub(super) fn begun(status: &ReleaseStatus, now: jiff::Timestamp, begun: &Begun, run: &str) -> ReleaseStatus {
    let mut step = Step::new(status, now);
    step.validated(begun);
    step.set(MANAGED, FALSE, PROGRESSING, "");
    let started = json!(step.now);
    step.attempt(&[("pipelineRun", json!(run)), ("startTime", started), ("status", json!(PROGRESSING))]);
    step.status
}

/// The managed run was refused.
pub(super) fn creation_failed(
    status: &ReleaseStatus,
    now: jiff::Timestamp,
    begun: &Begun,
    message: &str,
) -> ReleaseStatus {
    let mut step = Step::new(status, now);
    step.validated(begun);
    step.set(MANAGED, FALSE, FAILED, message);
    step.skip(FINAL);
    step.end(FALSE, FAILED, "Release processing failed on managed pipelineRun creation")
}

/// The managed run is over, and nothing is released.
pub(super) fn failed(
    status: &ReleaseStatus,
    now: jiff::Timestamp,
    message: &str,
    reason: &str,
    task: &str,
) -> ReleaseStatus {
    let mut step = Step::new(status, now);
    let completed = json!(step.now);
    step.attempt(&[
        ("completionTime", completed),
        ("status", json!(FAILED)),
        ("failureReason", json!(reason)),
        ("lastTask", json!(task)),
    ]);
    step.set(MANAGED, FALSE, FAILED, message);
    step.skip(FINAL);
    step.end(FALSE, FAILED, "Release processing failed on managed pipelineRun")
}

/// The managed run is over, and its verify task said yes.
pub(super) fn released(status: &ReleaseStatus, now: jiff::Timestamp, artifacts: Option<Value>) -> ReleaseStatus {
    let mut step = Step::new(status, now);
    let completed = json!(step.now);
    step.attempt(&[("completionTime", completed), ("status", json!(SUCCEEDED))]);
    step.status.artifacts = artifacts;
    step.set(MANAGED, TRUE, SUCCEEDED, "");
    step.skip(FINAL);
    step.end(TRUE, SUCCEEDED, "")
}

pub(super) fn is_released(status: &ReleaseStatus) -> bool {
    conditions::is(&status.conditions, RELEASED, TRUE, None)
}

/// Released, or failed for good.
pub(super) fn is_finished(status: &ReleaseStatus) -> bool {
    condition(&status.conditions, RELEASED).is_some_and(|c| c.status == TRUE || c.reason != PROGRESSING)
}

/// Namespace and name of the managed run, once there is one.
pub(super) fn managed_run(status: &ReleaseStatus) -> Option<(String, String)> {
    let key = status.managed_processing.as_ref()?.get("pipelineRun")?.as_str()?;
    key.split_once('/').map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn now(second: u32) -> jiff::Timestamp {
        format!("2026-11-21T10:00:{second:02}Z").parse().unwrap()
    }

    fn begin() -> Begun {
        Begun { target: "acme-managed".to_owned(), author: "ana".to_owned(), standing: true, expires: None }
    }

    fn lines(status: &ReleaseStatus) -> Vec<String> {
        status.conditions.iter().map(|c| format!("{}={}/{} {}", c.type_, c.status, c.reason, c.message)).collect()
    }

    #[test]
    fn a_release_that_succeeds() {
        let first = begun(&ReleaseStatus::default(), now(0), &begin(), "acme-managed/managed-1");
        assert!(!is_finished(&first));
        assert_eq!(managed_run(&first), Some(("acme-managed".to_owned(), "managed-1".to_owned())));
        let last = released(&first, now(9), Some(json!({"images": []})));
        assert!(is_finished(&last) && is_released(&last));
        assert_eq!(
            lines(&last),
            [
                "Released=True/Succeeded ",
                "Validated=True/Succeeded ",
                "TenantCollectorsPipelineProcessed=True/Skipped ",
                "ManagedCollectorsPipelineProcessed=True/Skipped ",
                "TenantPipelineProcessed=True/Skipped ",
                "ManagedPipelineProcessed=True/Succeeded ",
                "FinalPipelineProcessed=True/Skipped ",
            ]
        );
        let mut status = json!(last);
        status.as_object_mut().unwrap().remove("conditions");
        assert_eq!(
            status,
            json!({
                "artifacts": {"images": []},
                "attribution": {"author": "ana", "standingAuthorization": true},
                "managedProcessing": {"pipelineRun": "acme-managed/managed-1", "startTime": "2026-11-21T10:00:00Z",
                    "completionTime": "2026-11-21T10:00:09Z"},
                "managedPipelineAttempts": [{"pipelineRun": "acme-managed/managed-1", "startTime": "2026-11-21T10:00:00Z",
                    "completionTime": "2026-11-21T10:00:09Z", "status": "Succeeded"}],
                "target": "acme-managed",
                "startTime": "2026-11-21T10:00:00Z",
                "completionTime": "2026-11-21T10:00:09Z",
            })
        );
    }

    #[test]
    fn releases_that_fail() {
        let first = begun(&ReleaseStatus::default(), now(0), &begin(), "acme-managed/managed-1");
        let last = failed(&first, now(9), "task verify-conforma failed: [a.b] no", "Error", "verify-conforma");
        assert!(is_finished(&last) && !is_released(&last));
        assert_eq!(lines(&last)[0], "Released=False/Failed Release processing failed on managed pipelineRun");
        assert_eq!(lines(&last)[5], "ManagedPipelineProcessed=False/Failed task verify-conforma failed: [a.b] no");
        assert_eq!(last.extra["managedPipelineAttempts"][0]["failureReason"], "Error");
        assert_eq!(last.artifacts, None);

        let refused = invalid(&ReleaseStatus::default(), now(0), "acme", "why");
        assert!(is_finished(&refused) && !is_released(&refused));
        assert_eq!(lines(&refused)[0], "Released=False/Failed Release validation failed");
        assert_eq!(lines(&refused)[1], "Validated=False/Failed why");

        let denied = creation_failed(&ReleaseStatus::default(), now(0), &begin(), "forbidden");
        assert_eq!(
            lines(&denied)[0],
            "Released=False/Failed Release processing failed on managed pipelineRun creation"
        );
        assert!(is_finished(&denied));
    }

    #[test]
    fn waiting_is_not_the_end() {
        let wait = waiting(&ReleaseStatus::default(), now(0), "automated not set in status for automated release");
        assert!(!is_finished(&wait));
        assert_eq!(
            lines(&wait),
            ["Released=False/Progressing ", "Validated=False/Failed automated not set in status for automated release"]
        );
        let next = begun(&wait, now(1), &begin(), "n/m");
        assert_eq!(lines(&next)[1], "Validated=True/Succeeded ");
        assert_eq!(next.start_time.as_deref(), Some("2026-11-21T10:00:00Z"));
    }
}
