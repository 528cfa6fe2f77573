//! What the tests of a Snapshot amount to: the items of its test status annotation and its conditions. Pure.

use crate::conditions::{self, FALSE, TRUE, UNKNOWN};
use crate::names;
use crate::verdict::Answer;
use serde::{Deserialize, Serialize};
use sluice_api::konflux::Snapshot;
use sluice_api::konflux_labels as labels;
use sluice_api::meta::Condition;
use sluice_api::tekton::PipelineRun;

const INTEGRATION: &str = "AppStudioIntegrationStatus";
const TESTED: &str = "AppStudioTestSucceeded";

/// One item of the test status annotation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TestStatus {
    pub scenario: String,
    pub status: String,
    pub last_update_time: String,
    pub details: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub test_pipeline_run_name: String,
}

/// How one test stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    status: &'static str,
    details: String,
    run: String,
    started: Option<String>,
    completed: Option<String>,
}

impl Outcome {
    pub(super) fn pending() -> Self {
        Self { status: "Pending", details: "Pending".to_owned(), ..Self::default() }
    }

    pub(super) fn invalid(details: String) -> Self {
        Self { status: "TestInvalid", details, ..Self::default() }
    }

    pub(super) fn deleted() -> Self {
        Self { status: "Deleted", details: "IntegrationTestScenario was deleted".to_owned(), ..Self::default() }
    }

    pub(super) fn running(run: &PipelineRun) -> Self {
        let name = run.metadata.name.clone();
        let details = format!("Integration test is running as pipeline run '{name}'");
        let started = run.status.as_ref().and_then(|s| s.start_time.clone());
        Self { status: "InProgress", details, run: name, started, completed: None }
    }

    /// A run that is over: passed only if it succeeded and every test in it said so.
    pub(super) fn ended(run: &PipelineRun, succeeded: bool, answers: &[(Answer, String)]) -> Self {
        let any = |wanted: Answer| answers.iter().any(|(answer, _)| *answer == wanted);
        let (status, details) = if any(Answer::Invalid) {
            ("TestInvalid", "Invalid result: a TEST_OUTPUT result does not follow its schema")
        } else if !succeeded || any(Answer::Failure) {
            ("TestFail", "Integration test failed")
        } else if any(Answer::Warning) {
            ("TestWarning", "Integration test passed with warnings")
        } else {
            ("TestPassed", "Integration test passed")
        };
        let mut details = details.to_owned();
        let bad = |answer: Answer| matches!(answer, Answer::Failure | Answer::Invalid);
        for (_, why) in answers.iter().filter(|(answer, why)| bad(*answer) && !why.is_empty()) {
            details = format!("{details}\n{why}");
        }
        let status_of = run.status.as_ref();
        Self {
            status,
            details,
            run: run.metadata.name.clone(),
            started: status_of.and_then(|s| s.start_time.clone()),
            completed: status_of.and_then(|s| s.completion_time.clone()),
        }
    }
}

impl TestStatus {
    /// The item for an outcome; its time moves only when it changes.
    pub(super) fn new(scenario: &str, outcome: Outcome, before: Option<&Self>, now: &str) -> Self {
        let mut next = Self {
            scenario: scenario.to_owned(),
            status: outcome.status.to_owned(),
            last_update_time: String::new(),
            details: outcome.details,
            start_time: outcome.started,
            completion_time: outcome.completed,
            test_pipeline_run_name: outcome.run,
        };
        if let Some(before) = before {
            next.last_update_time.clone_from(&before.last_update_time);
            if next == *before {
                return next;
            }
        }
        now.clone_into(&mut next.last_update_time);
        next
    }

    pub(super) fn is_final(&self) -> bool {
        !matches!(self.status.as_str(), "Pending" | "InProgress")
    }

    fn passed(&self) -> bool {
        matches!(self.status.as_str(), "TestPassed" | "TestWarning")
    }
}

/// The items that the Snapshot carries.
pub(super) fn read(snapshot: &Snapshot) -> Vec<TestStatus> {
    let text = snapshot.metadata.annotations.get(labels::TEST_STATUS);
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What goes into the conditions.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    Unchanged,
    Invalid(String),
    InProgress,
    NothingRequired,
    Passed,
    Failed,
}

/// The verdict over the required tests.
pub(super) fn judge(required: &[TestStatus]) -> Verdict {
    if required.is_empty() {
        Verdict::NothingRequired
    } else if !required.iter().all(TestStatus::is_final) {
        Verdict::InProgress
    } else if required.iter().all(TestStatus::passed) {
        Verdict::Passed
    } else {
        Verdict::Failed
    }
}

pub(super) fn apply(verdict: &Verdict, all: &mut Vec<Condition>, now: &str) {
    let completed = "Snapshot integration status condition is finished since all testing pipelines completed";
    let without = "Snapshot integration status condition is finished since there are no required testing pipelines \
                   defined for its application";
    let mut finish = |message: &str, status: &str, reason: &str, tested: &str| {
        conditions::set(all, now, INTEGRATION, TRUE, "Finished", message);
        conditions::set(all, now, TESTED, status, reason, tested);
    };
    match verdict {
        Verdict::Unchanged => {}
        Verdict::Invalid(reason) => conditions::set(all, now, INTEGRATION, FALSE, "Invalid", reason),
        Verdict::InProgress => {
            let message = "Snapshot starts being tested by the integrationPipelineRun";
            conditions::set(all, now, INTEGRATION, UNKNOWN, "InProgress", message);
        }
        Verdict::NothingRequired => {
            finish(without, TRUE, "Passed", "No required IntegrationTestScenarios found, skipped testing");
        }
        Verdict::Passed => finish(completed, TRUE, "Passed", "All Integration Pipeline tests passed"),
        Verdict::Failed => finish(completed, FALSE, "Failed", "Some Integration pipeline tests failed"),
    }
}

/// Why a Snapshot cannot be tested at all.
pub(super) fn invalid(snapshot: &Snapshot) -> Option<String> {
    if snapshot.spec.components.is_empty() {
        return Some(format!(
            "Snapshot {} has no components; nothing can be tested or released",
            snapshot.metadata.name
        ));
    }
    let mut seen = std::collections::BTreeSet::new();
    for component in &snapshot.spec.components {
        if !names::has_digest(&component.container_image) {
            return Some(format!(
                "component {} of Snapshot {} has the image `{}`, which has no valid digest; name it as \
                 REPOSITORY@sha256:...",
                component.name, snapshot.metadata.name, component.container_image
            ));
        }
        if !seen.insert(&component.name) {
            return Some(format!("component {} is in Snapshot {} twice", component.name, snapshot.metadata.name));
        }
    }
    None
}

pub(super) fn is_invalid(all: &[Condition]) -> bool {
    conditions::is(all, INTEGRATION, FALSE, Some("Invalid"))
}

pub(super) fn is_canceled(all: &[Condition]) -> bool {
    conditions::is(all, INTEGRATION, TRUE, Some("Canceled"))
}

pub(super) fn is_finished(all: &[Condition]) -> bool {
    conditions::is(all, INTEGRATION, TRUE, Some("Finished"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn run() -> PipelineRun {
        serde_json::from_value(json!({"metadata": {"name": "policy-1"}})).unwrap()
    }

    fn test(status: &'static str) -> TestStatus {
        TestStatus { status: status.to_owned(), ..TestStatus::default() }
    }

    #[test]
    fn a_test_passes_when_everything_in_it_did() {
        let why = String::new;
        let table: [(bool, &[Answer], &str); 7] = [
            (true, &[], "TestPassed"),
            (true, &[Answer::Success, Answer::Skipped], "TestPassed"),
            (true, &[Answer::Success, Answer::Warning], "TestWarning"),
            (true, &[Answer::Success, Answer::Failure], "TestFail"),
            (true, &[Answer::Invalid], "TestInvalid"),
            (false, &[Answer::Success], "TestFail"),
            (false, &[], "TestFail"),
        ];
        for (succeeded, answers, want) in table {
            let answers: Vec<_> = answers.iter().map(|a| (*a, why())).collect();
            assert_eq!(Outcome::ended(&run(), succeeded, &answers).status, want);
        }
        let outcome = Outcome::ended(&run(), false, &[(Answer::Failure, "[a.b] no".to_owned())]);
        assert_eq!(outcome.details, "Integration test failed\n[a.b] no");
    }

    #[test]
    fn the_verdict_needs_every_required_test() {
        let table: [(&[&'static str], Verdict); 6] = [
            (&[], Verdict::NothingRequired),
            (&["TestPassed", "InProgress"], Verdict::InProgress),
            (&["TestFail", "Pending"], Verdict::InProgress),
            (&["TestPassed", "TestWarning"], Verdict::Passed),
            (&["TestPassed", "TestInvalid"], Verdict::Failed),
            (&["Deleted"], Verdict::Failed),
        ];
        for (tests, want) in table {
            let tests: Vec<_> = tests.iter().map(|s| test(s)).collect();
            assert_eq!(judge(&tests), want);
        }
    }

    #[test]
    fn conditions_have_upstreams_words() {
        let words = |verdict: Verdict| {
            let mut all = Vec::new();
            apply(&verdict, &mut all, "t");
            all.into_iter().map(|c| format!("{}={}/{}: {}", c.type_, c.status, c.reason, c.message)).collect::<Vec<_>>()
        };
        assert_eq!(
            words(Verdict::Passed),
            [
                "AppStudioIntegrationStatus=True/Finished: Snapshot integration status condition is finished since all \
                 testing pipelines completed",
                "AppStudioTestSucceeded=True/Passed: All Integration Pipeline tests passed"
            ]
        );
        assert_eq!(
            words(Verdict::Failed)[1],
            "AppStudioTestSucceeded=False/Failed: Some Integration pipeline tests failed"
        );
        assert_eq!(
            words(Verdict::NothingRequired)[1],
            "AppStudioTestSucceeded=True/Passed: No required IntegrationTestScenarios found, skipped testing"
        );
        assert_eq!(
            words(Verdict::InProgress),
            [
                "AppStudioIntegrationStatus=Unknown/InProgress: Snapshot starts being tested by the integrationPipelineRun"
            ]
        );
        assert!(words(Verdict::Unchanged).is_empty());
    }

    #[test]
    fn an_unchanged_test_keeps_its_time() {
        let first = TestStatus::new("policy", Outcome::running(&run()), None, "1");
        assert_eq!(TestStatus::new("policy", Outcome::running(&run()), Some(&first), "2"), first);
        let second = TestStatus::new("policy", Outcome::ended(&run(), true, &[]), Some(&first), "2");
        assert_eq!((second.last_update_time.as_str(), second.status.as_str()), ("2", "TestPassed"));
    }

    #[test]
    fn images_without_digest_are_invalid() {
        let snapshot = |components: serde_json::Value| -> Snapshot {
            serde_json::from_value(json!({"metadata": {"name": "s"}, "spec": {"components": components}})).unwrap()
        };
        let digest = format!("sha256:{}", "a".repeat(64));
        assert!(invalid(&snapshot(json!([]))).unwrap().contains("has no components"));
        assert!(
            invalid(&snapshot(json!([{"name": "a", "containerImage": "r:latest"}])))
                .unwrap()
                .contains("no valid digest")
        );
        let good = json!({"name": "a", "containerImage": format!("localhost:5000/acme/a@{digest}")});
        assert_eq!(invalid(&snapshot(json!([good]))), None);
        assert!(invalid(&snapshot(json!([good, good]))).unwrap().ends_with("twice"));
    }
}
