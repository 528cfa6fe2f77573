//! One screen: commit, tasks by digest, artifacts, image, attestation, verdict, release, with seconds for each.

use crate::commands::connect::{Connection, Kind};
use crate::commands::follow::Outcome;
use crate::commands::{report, watch};
use crate::error::Result;
use kube::api::DynamicObject;
use sluice_api::tekton::{PipelineRun, RefSource, TaskRun};
use std::fmt::Write;

/// Renders the summary of a released build; `total` is what the whole command took, in seconds.
///
/// # Errors
/// When a TaskRun of the run cannot be read.
pub async fn summary(connection: &Connection, run: &PipelineRun, outcome: &Outcome, total: f64) -> Result<String> {
    let mut out = String::new();
    let results = run.status.as_ref().map(|s| s.results.as_slice()).unwrap_or_default();
    let commit = watch::result(results, "CHAINS-GIT_COMMIT").unwrap_or("-");
    let url = watch::result(results, "CHAINS-GIT_URL").unwrap_or("-");
    let _ = writeln!(out, "commit       {} of {}", commit.trim(), url.trim());
    let children = run.status.iter().flat_map(|s| &s.child_references);
    let mut artifacts = Vec::new();
    for (index, child) in children.enumerate() {
        let object = connection.api(Kind::TaskRun, &run.metadata.namespace).get(&child.name).await?;
        let task: TaskRun = watch::view(&object)?;
        let Some(status) = task.status else { continue };
        let seconds = watch::seconds(status.start_time.as_deref(), status.completion_time.as_deref());
        let source = status.provenance.as_ref().and_then(|p| p.ref_source.as_ref());
        let label = if index == 0 { "tasks" } else { "" };
        let seconds = seconds.map_or("-".into(), |s| format!("{s} s"));
        let _ = writeln!(out, "{label:<12} {:<24} {:<44} {seconds:>6}", child.pipeline_task_name, definition(source));
        for result in status.results.iter().filter(|r| r.name.ends_with("_ARTIFACT")) {
            if let Some(value) = result.value.as_str().filter(|v| !v.trim().is_empty()) {
                artifacts.push(format!("{:<24} {}", result.name, short(value.trim())));
            }
        }
    }
    for (index, artifact) in artifacts.iter().enumerate() {
        let _ = writeln!(out, "{:<12} {artifact}", if index == 0 { "artifacts" } else { "" });
    }
    let _ = writeln!(out, "image        {}", outcome.image);
    let object = connection.api(Kind::PipelineRun, &run.metadata.namespace).get(&run.metadata.name).await?;
    let attested = "SLSA provenance and witness record beside it, signed by the observer";
    line(&mut out, "attestation", attested, signing_seconds(&object));
    for test in &outcome.tests {
        let text = format!("{} {}{}", test.scenario, test.status, report::counts(test.report.as_ref()));
        line(&mut out, "verdict", &text, test.seconds);
    }
    if let Some(release) = &outcome.release {
        let text = format!("{}{}", release.name, report::counts(release.report.as_ref()));
        line(&mut out, "release", &text, release.seconds);
        for image in report::published(release.artifacts.as_ref()) {
            let _ = writeln!(out, "published    {image}");
        }
    }
    let _ = writeln!(out, "from the command to the release: {total:.1} s");
    Ok(out)
}

fn line(out: &mut String, label: &str, text: &str, seconds: Option<i64>) {
    let seconds = seconds.map_or(String::new(), |s| format!("{s} s"));
    let _ = writeln!(out, "{label:<12} {text:<69} {seconds:>6}");
}

/// From the end of the run to the observer's annotation, as its managedFields tell.
fn signing_seconds(object: &DynamicObject) -> Option<i64> {
    let fields = object.metadata.managed_fields.as_ref()?;
    let signed = fields.iter().find(|f| f.manager.as_deref() == Some("tekton-chains-controller"))?;
    let signed = serde_json::to_value(signed.time.as_ref()?).ok()?;
    watch::seconds(object.data["status"]["completionTime"].as_str(), signed.as_str())
}

fn definition(source: Option<&RefSource>) -> String {
    let Some(source) = source else { return "inline".into() };
    let digest = source.digest.iter().next().map_or(String::new(), |(algorithm, hex)| format!("{algorithm}:{hex}"));
    format!("{}@{}", source.entry_point, short(&digest))
}

/// A digest's first twelve digits, wherever it stands in the text.
fn short(text: &str) -> String {
    match text.split_once("sha256:") {
        Some((before, hex)) => format!("{before}sha256:{}", hex.chars().take(12).collect::<String>()),
        None => text.to_owned(),
    }
}
