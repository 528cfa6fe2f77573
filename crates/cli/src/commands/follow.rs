//! What follows a build without anybody's command: the observer's signature, the snapshot, its tests, the release. Reads
//! stored objects only.

use super::connect::{Connection, Kind};
use super::watch::{self, annotation, conditions};
use crate::error::{CliError, Exit, Result};
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;
use sluice_api::konflux_labels as labels;
use sluice_api::meta::{Condition, condition};
use sluice_api::tekton::{PipelineRun, TaskRun};
use std::fmt::Write;

/// What became of one build.
#[derive(Debug, Default)]
pub struct Outcome {
    pub image: String,
    pub snapshot: Option<String>,
    pub tests: Vec<Test>,
    pub release: Option<ReleaseOutcome>,
}

/// One IntegrationTestScenario's word on the snapshot.
#[derive(Debug)]
pub struct Test {
    pub scenario: String,
    pub status: String,
    /// What the policy said, where the scenario ran one.
    pub report: Option<Value>,
    pub seconds: Option<i64>,
}

/// How a Release ended.
#[derive(Debug)]
pub struct ReleaseOutcome {
    pub name: String,
    pub released: Condition,
    pub report: Option<Value>,
    /// Where each image was published.
    pub artifacts: Option<Value>,
    pub seconds: Option<i64>,
}

impl Outcome {
    /// The policy's answer as a command's end.
    ///
    /// # Errors
    /// When a test or the release failed.
    pub fn verdict(&self) -> Result {
        if let Some(release) = &self.release
            && release.released.status != "True"
        {
            return Err(CliError::no(format!("Release `{}`: {}", release.name, release.released.message)));
        }
        match self.tests.iter().find(|test| !passed(&test.status)) {
            Some(test) => Err(CliError::no(format!("the scenario `{}` ended with {}", test.scenario, test.status))),
            None => Ok(()),
        }
    }

    /// One line for each thing that came of it.
    pub fn render(&self) -> String {
        let mut out = format!("image        {}\n", self.image);
        if let Some(snapshot) = &self.snapshot {
            let _ = writeln!(out, "snapshot     {snapshot}");
        }
        for test in &self.tests {
            let counts = super::report::counts(test.report.as_ref());
            let _ = writeln!(out, "verdict      {} {}{counts}", test.scenario, test.status);
            out.push_str(&super::report::explain(test.report.as_ref()));
        }
        if let Some(release) = &self.release {
            let word = if release.released.status == "True" { "released" } else { "blocked" };
            let _ = writeln!(out, "release      {} {word}", release.name);
            if release.released.status == "True" {
                for image in super::report::published(release.artifacts.as_ref()) {
                    let _ = writeln!(out, "published    {image}");
                }
            } else {
                out.push_str(&super::report::explain(release.report.as_ref()));
            }
        }
        out
    }
}

fn passed(status: &str) -> bool {
    matches!(status, "TestPassed" | "TestWarning")
}

/// Follows a finished build to its end; `tell` is given a line at each station.
///
/// # Errors
/// When it could not be signed, or a station is not reached in time.
pub async fn follow(connection: &Connection, run: &PipelineRun, mut tell: impl FnMut(&str)) -> Result<Outcome> {
    let namespace = &run.metadata.namespace;
    let runs = || connection.api(Kind::PipelineRun, namespace);
    let name = &run.metadata.name;
    let signed = watch::until(runs(), name, "signature", |o| annotation(o, labels::SIGNED).is_some()).await?;
    if annotation(&signed, labels::SIGNED) != Some("true") {
        let why = annotation(&signed, "sluice.dev/signing-failure").unwrap_or("no reason was given");
        return Err(CliError::new(Exit::Unverified, format!("PipelineRun `{}` was not signed: {why}", run.key())));
    }
    tell("signed by the observer");
    let results = run.status.as_ref().map(|s| s.results.as_slice()).unwrap_or_default();
    let result = |name| watch::result(results, name).unwrap_or_default().trim();
    let mut outcome =
        Outcome { image: format!("{}@{}", result("IMAGE_URL"), result("IMAGE_DIGEST")), ..Default::default() };
    if !run.metadata.labels.contains_key(labels::COMPONENT) {
        return Ok(outcome);
    }
    let done = |o: &DynamicObject| annotation(o, labels::SNAPSHOT).is_some() || snapshot_failure(o).is_some();
    let object = watch::until(runs(), name, "snapshot", done).await?;
    let Some(snapshot) = annotation(&object, labels::SNAPSHOT) else {
        return Err(CliError::no(snapshot_failure(&object).unwrap_or_default()));
    };
    tell(&format!("snapshot {snapshot}"));
    outcome.snapshot = Some(snapshot.to_owned());
    let snapshots = connection.api(Kind::Snapshot, namespace);
    let tested =
        |o: &DynamicObject| condition(&conditions(o), "AppStudioTestSucceeded").is_some_and(|c| c.status != "Unknown");
    let object = watch::until(snapshots.clone(), snapshot, "test verdict", tested).await?;
    outcome.tests = tests(connection, &object).await;
    let passed = condition(&conditions(&object), "AppStudioTestSucceeded").is_some_and(|c| c.status == "True");
    tell(if passed { "tests passed" } else { "tests failed" });
    if !passed {
        return Ok(outcome);
    }
    let told = |o: &DynamicObject| condition(&conditions(o), "AutoReleased").is_some();
    let object = watch::until(snapshots, snapshot, "decision on a release", told).await?;
    if condition(&conditions(&object), "AutoReleased").is_some_and(|c| c.status == "True") {
        outcome.release = release_of(connection, namespace, snapshot, &mut tell).await?;
    }
    Ok(outcome)
}

async fn release_of(
    connection: &Connection,
    namespace: &str,
    snapshot: &str,
    tell: &mut impl FnMut(&str),
) -> Result<Option<ReleaseOutcome>> {
    let all = connection.api(Kind::Release, namespace).list(&Default::default()).await?;
    let Some(release) = all.items.iter().find(|o| o.data["spec"]["snapshot"] == snapshot) else { return Ok(None) };
    tell(&format!("release {}", release.name_any()));
    release_end(connection, namespace, &release.name_any()).await.map(Some)
}

/// Waits for a Release's end.
///
/// # Errors
/// When it does not end in time or is deleted.
pub async fn release_end(connection: &Connection, namespace: &str, name: &str) -> Result<ReleaseOutcome> {
    let ended = |o: &DynamicObject| released(o).is_some_and(|c| c.reason != "Progressing");
    let object = watch::until(connection.api(Kind::Release, namespace), name, "end of the release", ended).await?;
    let status = &object.data["status"];
    let run = status["managedProcessing"]["pipelineRun"].as_str().and_then(|key| key.split_once('/'));
    let report = match run {
        Some((namespace, run)) => report_of(connection, namespace, run).await,
        None => None,
    };
    Ok(ReleaseOutcome {
        name: name.to_owned(),
        released: released(&object).unwrap_or_default(),
        report,
        artifacts: status.get("artifacts").cloned(),
        seconds: watch::seconds(status["startTime"].as_str(), status["completionTime"].as_str()),
    })
}

fn released(object: &DynamicObject) -> Option<Condition> {
    condition(&conditions(object), "Released").cloned()
}

fn snapshot_failure(object: &DynamicObject) -> Option<String> {
    let status = watch::json_annotation(object, labels::CREATE_SNAPSHOT_STATUS)?;
    (status["status"] == "failed").then(|| status["message"].as_str().unwrap_or("no snapshot").to_owned())
}

async fn tests(connection: &Connection, snapshot: &DynamicObject) -> Vec<Test> {
    let list = watch::json_annotation(snapshot, labels::TEST_STATUS);
    let namespace = snapshot.namespace().unwrap_or_default();
    let mut tests = Vec::new();
    for item in list.iter().flat_map(|v| v.as_array()).flatten() {
        let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
        let report = report_of(connection, &namespace, &text("testPipelineRunName")).await;
        let seconds = watch::seconds(item["startTime"].as_str(), item["completionTime"].as_str());
        tests.push(Test { scenario: text("scenario"), status: text("status"), report, seconds });
    }
    tests
}

/// The REPORT result of the TaskRun of that run that validated images.
async fn report_of(connection: &Connection, namespace: &str, run: &str) -> Option<Value> {
    let params = kube::api::ListParams::default().labels(&format!("tekton.dev/pipelineRun={run}"));
    let tasks = connection.api(Kind::TaskRun, namespace).list(&params).await.ok()?;
    tasks.items.iter().filter_map(|o| watch::view::<TaskRun>(o).ok()).find_map(|task| {
        let status = task.status?;
        serde_json::from_str(watch::result(&status.results, "REPORT")?).ok()
    })
}
