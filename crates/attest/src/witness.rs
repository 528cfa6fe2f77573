//! The witness statement: a second statement over the subjects of a run's provenance that says which of them were seen
//! to be pushed by the TaskRun that claims them, and what each TaskRun really ran in. Takes the engine's records as
//! given; whether its signature over them holds is the caller's to find out first.

use crate::hints;
use crate::provenance::{self, ProvenanceError};
use crate::run::{self, Run};
use crate::statement::{STATEMENT_V01, Statement, Subject};
use serde::{Deserialize, Serialize};
use sluice_api::tekton::TaskRun;
use sluice_api::witness::{PREDICATE_TYPE, WitnessRecord, WitnessedStep, WitnessedTransfer};
use std::collections::HashSet;

/// Whether the engine's signature over the statuses was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatusSignature {
    #[serde(rename = "verified")]
    Verified,
    /// The observer was given no engine key (upstream Tekton signs no status): records are not believed.
    #[serde(rename = "not signed")]
    NotSigned,
}

/// The predicate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Predicate {
    pub run: RunName,
    pub status_signature: StatusSignature,
    #[serde(default)]
    pub subjects: Vec<WitnessedSubject>,
    #[serde(default)]
    pub tasks: Vec<WitnessedTask>,
}

/// The run that the statement is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunName {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

/// A subject with how it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessedSubject {
    #[serde(flatten)]
    pub subject: Subject,
    pub evidence: Evidence,
    /// The TaskRun that pushed it, where it was witnessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<TaskName>,
}

/// How a subject is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// The registry saw the TaskRun push this manifest to this repository with its own credential.
    Witnessed,
    /// Only a result says so.
    Claimed,
}

/// A TaskRun of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskName {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pipeline_task: String,
    pub task_run: String,
}

/// What was witnessed of one TaskRun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WitnessedTask {
    #[serde(flatten)]
    pub task: TaskName,
    #[serde(default)]
    pub steps: Vec<WitnessedStep>,
    #[serde(default)]
    pub pushed: Vec<WitnessedTransfer>,
    #[serde(default)]
    pub pulled: Vec<WitnessedTransfer>,
}

/// The witness statement of a run, over the same subjects as its provenance made with the same options.
///
/// # Errors
/// When there are too many subjects.
pub fn statement(run: &Run, deep: bool, signature: StatusSignature) -> Result<Statement, ProvenanceError> {
    let subject = provenance::subjects(run, deep)?;
    let task_runs: Vec<&TaskRun> = match run {
        Run::TaskRun(run) => vec![run],
        Run::PipelineRun { children, .. } => children.iter().collect(),
    };
    let believed = signature == StatusSignature::Verified;
    let tasks: Vec<Claims<'_>> =
        task_runs.into_iter().map(|run| Claims::of(run, believed)).collect::<Result<_, _>>()?;
    let subjects = subject.iter().map(|subject| witnessed(subject, &tasks)).collect();
    let metadata = run.metadata();
    let predicate = Predicate {
        run: RunName {
            kind: run.kind().to_owned(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
        },
        status_signature: signature,
        subjects,
        tasks: tasks.iter().filter_map(Claims::task).collect(),
    };
    let shape = |e: serde_json::Error| ProvenanceError::Shape { kind: run.kind(), reason: e.to_string() };
    Ok(Statement {
        type_: STATEMENT_V01.to_owned(),
        predicate_type: PREDICATE_TYPE.to_owned(),
        subject,
        predicate: serde_json::to_value(predicate).map_err(shape)?,
    })
}

/// A TaskRun with what it claims and, where that is believed, what was witnessed of it.
struct Claims<'a> {
    run: &'a TaskRun,
    /// Names and `sha256:...` of what its results claim.
    claimed: HashSet<(String, String)>,
    /// Repositories and digests of the manifests that it pushed.
    pushed: HashSet<(&'a str, &'a str)>,
    record: Option<&'a WitnessRecord>,
}

impl<'a> Claims<'a> {
    fn of(run: &'a TaskRun, believed: bool) -> Result<Self, ProvenanceError> {
        let record = run.status.as_ref().and_then(|status| status.witness.as_ref()).filter(|_| believed);
        let claimed = hints::subjects(run::task_results(run))?.into_subjects();
        let claimed = claimed.into_iter().filter_map(|claim| digest(&claim).map(|digest| (claim.name, digest)));
        let transfers = record.into_iter().flat_map(|record| &record.pushed);
        let manifests = transfers.filter(|transfer| transfer.kind == "manifest");
        let pushed = manifests.map(|transfer| (transfer.repository.as_str(), transfer.digest.as_str())).collect();
        Ok(Self { run, claimed: claimed.collect(), pushed, record })
    }

    fn name(&self) -> TaskName {
        TaskName { pipeline_task: run::pipeline_task(self.run).to_owned(), task_run: self.run.metadata.name.clone() }
    }

    fn task(&self) -> Option<WitnessedTask> {
        let record = self.record?.clone();
        Some(WitnessedTask { task: self.name(), steps: record.steps, pushed: record.pushed, pulled: record.pulled })
    }
}

/// A subject is witnessed if a TaskRun that claims it pushed it; one that no TaskRun claims, if any pushed it.
fn witnessed(subject: &Subject, tasks: &[Claims<'_>]) -> WitnessedSubject {
    let by = digest(subject).and_then(|digest| {
        let claim = (subject.name.clone(), digest);
        let claimed_by_a_task = tasks.iter().any(|task| task.claimed.contains(&claim));
        let mut candidates = tasks.iter().filter(|task| !claimed_by_a_task || task.claimed.contains(&claim));
        candidates.find(|task| task.pushed.contains(&(claim.0.as_str(), claim.1.as_str()))).map(Claims::name)
    });
    let evidence = if by.is_some() { Evidence::Witnessed } else { Evidence::Claimed };
    WitnessedSubject { subject: subject.clone(), evidence, by }
}

/// `sha256:...` of a subject.
fn digest(subject: &Subject) -> Option<String> {
    subject.digest.get("sha256").map(|hex| format!("sha256:{hex}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn child(name: &str, claims: &[&str], pushes: &[&str]) -> Value {
        let hex = |image: &str| format!("sha256:{}", image.repeat(64));
        let images: Vec<String> =
            claims.iter().map(|image| format!("localhost:5000/acme/{image}x@{}", hex(image))).collect();
        let pushed: Vec<Value> = pushes
            .iter()
            .map(|image| json!({"repository": format!("localhost:5000/acme/{image}x"), "digest": hex(image), "kind": "manifest"}))
            .collect();
        json!({
            "metadata": {"name": format!("run-{name}"), "labels": {run::PIPELINE_TASK_LABEL: name}},
            "status": {
                "completionTime": "2026-01-01T00:00:00Z",
                "results": [{"name": "IMAGES", "value": images.join(",")}],
                "witness": {"version": 1, "steps": [{"name": "s", "image": "i@sha256:1", "network": "none"}], "pushed": pushed},
            },
        })
    }

    fn predicate(children: &[Value], own: &[&str], signature: StatusSignature) -> Predicate {
        let own = child("", own, &[]);
        let run = json!({
            "metadata": {"name": "n", "namespace": "ns", "uid": "u"},
            "status": {
                "results": own["status"]["results"],
                "pipelineSpec": {"tasks": [{"name": "build"}, {"name": "hint"}]},
            },
        });
        let run = Run::pipeline_run(&run, children).unwrap();
        let statement = statement(&run, true, signature).unwrap();
        assert_eq!(statement.predicate_type, PREDICATE_TYPE);
        assert_eq!(statement.subject, provenance::subjects(&run, true).unwrap());
        serde_json::from_value(statement.predicate).unwrap()
    }

    fn evidence(predicate: &Predicate) -> Vec<(String, Evidence, String)> {
        let by = |subject: &WitnessedSubject| subject.by.clone().unwrap_or_default().pipeline_task;
        let name = |subject: &WitnessedSubject| subject.subject.name.rsplit('/').next().unwrap().to_owned();
        predicate.subjects.iter().map(|s| (name(s), s.evidence, by(s))).collect()
    }

    #[test]
    fn only_the_push_of_a_task_that_claims_it_is_evidence() {
        let children = [child("build", &["a", "b"], &["a", "c"]), child("hint", &["b", "c"], &["b"])];
        let found = evidence(&predicate(&children, &["a"], StatusSignature::Verified));
        let want = [
            ("ax".to_owned(), Evidence::Witnessed, "build".to_owned()),
            ("bx".to_owned(), Evidence::Witnessed, "hint".to_owned()),
            // Pushed by `build`, but it is `hint` that says to have made it.
            ("cx".to_owned(), Evidence::Claimed, String::new()),
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn a_result_of_the_pipeline_alone_needs_a_push_by_any_task() {
        let children = [child("build", &[], &["a"])];
        let found = evidence(&predicate(&children, &["a", "b"], StatusSignature::Verified));
        assert_eq!(found[0].1, Evidence::Witnessed);
        assert_eq!(found[1].1, Evidence::Claimed);
    }

    #[test]
    fn another_repository_or_a_blob_is_no_evidence() {
        let mut other = child("build", &["a"], &["a"]);
        other["status"]["witness"]["pushed"][0]["repository"] = json!("localhost:5000/other/ax");
        let mut blob = child("build", &["a"], &["a"]);
        blob["status"]["witness"]["pushed"][0]["kind"] = json!("blob");
        for case in [other, blob] {
            assert_eq!(evidence(&predicate(&[case], &[], StatusSignature::Verified))[0].1, Evidence::Claimed);
        }
    }

    #[test]
    fn records_of_an_unsigned_status_are_not_believed() {
        let predicate = predicate(&[child("build", &["a"], &["a"])], &[], StatusSignature::NotSigned);
        assert_eq!(predicate.subjects[0].evidence, Evidence::Claimed);
        assert!(predicate.tasks.is_empty());
        let text = serde_json::to_string(&predicate).unwrap();
        assert!(text.contains(r#""statusSignature":"not signed""#), "{text}");
    }

    #[test]
    fn predicate_has_the_documented_shape() {
        let predicate = predicate(&[child("build", &["a"], &["a"])], &[], StatusSignature::Verified);
        let (hex, repository) = ("a".repeat(64), "localhost:5000/acme/ax");
        let want = json!({
            "run": {"kind": "PipelineRun", "namespace": "ns", "name": "n", "uid": "u"},
            "statusSignature": "verified",
            "subjects": [{"name": repository, "digest": {"sha256": hex}, "evidence": "witnessed",
                          "by": {"pipelineTask": "build", "taskRun": "run-build"}}],
            "tasks": [{"pipelineTask": "build", "taskRun": "run-build",
                       "steps": [{"name": "s", "image": "i@sha256:1", "network": "none", "connections": []}],
                       "pushed": [{"repository": repository, "digest": format!("sha256:{hex}"), "kind": "manifest"}],
                       "pulled": []}],
        });
        assert_eq!(serde_json::to_value(predicate).unwrap(), want);
    }
}
