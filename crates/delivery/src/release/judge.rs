//! How a managed PipelineRun ended, and whether that releases anything. Pure. The gate opens only on a positive answer:
//! the run succeeded and a verify TaskRun of it succeeded and said SUCCESS or WARNING. Absence is a denial.

use crate::conditions;
use crate::verdict::{self, Answer};
use serde_json::{Map, Value, json};
use sluice_api::meta::condition;
use sluice_api::tekton::{PipelineRun, TaskRun};

/// Pipeline tasks that check the policy, by the names that Konflux's release pipelines give them.
const VERIFY: [&str; 2] = ["verify-conforma", "verify-enterprise-contract"];

/// A TaskRun of the run, and the pipeline task that it is.
#[derive(Debug)]
pub(super) struct Child {
    pub pipeline_task: String,
    pub task_run: TaskRun,
}

/// How the run stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Running,
    Released { artifacts: Option<Value> },
    Failed { message: String, reason: &'static str, task: String },
}

pub(super) fn judge(run: &PipelineRun, children: &[Child]) -> Outcome {
    let status = run.status.clone().unwrap_or_default();
    match conditions::succeeded(&status.conditions) {
        None => Outcome::Running,
        Some(false) => failed_run(run, children),
        Some(true) => match refused(run, children) {
            Some((message, task)) => Outcome::Failed { message: verdict::bounded(&message), reason: "Error", task },
            None => Outcome::Released { artifacts: artifacts(run) },
        },
    }
}

/// Why a run that succeeded releases nothing, or nothing if it does.
fn refused(run: &PipelineRun, children: &[Child]) -> Option<(String, String)> {
    let mut verified = false;
    for child in children.iter().filter(|c| VERIFY.contains(&c.pipeline_task.as_str())) {
        let task = child.pipeline_task.clone();
        if !is_of(&child.task_run, run) {
            return Some((format!("TaskRun {} is not of PipelineRun {}", child.task_run.key(), run.key()), task));
        }
        let status = child.task_run.status.clone().unwrap_or_default();
        let succeeded = conditions::succeeded(&status.conditions) == Some(true);
        match verdict::answer(&child.task_run) {
            Some(Answer::Success | Answer::Warning) if succeeded => verified = true,
            Some(Answer::Success | Answer::Warning) => {
                return Some((format!("task {task} said yes, but its TaskRun did not succeed"), task));
            }
            Some(_) => {
                let why = verdict::explanation(&child.task_run);
                return Some((format!("task {task} did not pass: {why}").trim_end_matches(": ").to_owned(), task));
            }
            None => return Some((format!("task {task} gave no TEST_OUTPUT result, which counts as a no"), task)),
        }
    }
    if verified {
        return None;
    }
    let message = format!(
        "PipelineRun {} succeeded, but no TaskRun of a task named {} in it gave a TEST_OUTPUT result of SUCCESS or WARNING; \
         without one nothing counts as released",
        run.key(),
        VERIFY[0]
    );
    Some((message, String::new()))
}

fn failed_run(run: &PipelineRun, children: &[Child]) -> Outcome {
    let status = run.status.clone().unwrap_or_default();
    let (reason, run_message) =
        condition(&status.conditions, "Succeeded").map(|c| (c.reason.clone(), c.message.clone())).unwrap_or_default();
    let failed = children.iter().find(|child| {
        let status = child.task_run.status.clone().unwrap_or_default();
        is_of(&child.task_run, run) && conditions::succeeded(&status.conditions) == Some(false)
    });
    let (message, task, timed_out) = match failed {
        Some(child) => {
            let status = child.task_run.status.clone().unwrap_or_default();
            let own = condition(&status.conditions, "Succeeded").cloned().unwrap_or_default();
            let why = match verdict::explanation(&child.task_run) {
                text if text.is_empty() => own.message.clone(),
                text => text,
            };
            (
                format!("task {} failed: {why}", child.pipeline_task),
                child.pipeline_task.clone(),
                own.reason == "TaskRunTimeout",
            )
        }
        None => (run_message, String::new(), false),
    };
    let reason = match reason.as_str() {
        _ if timed_out => "TaskRunTimeout",
        "PipelineRunTimeout" => "PipelineRunTimeout",
        _ => "Error",
    };
    Outcome::Failed { message: verdict::bounded(&message), reason, task }
}

/// Owned by this very run, not one of the same name.
fn is_of(task_run: &TaskRun, run: &PipelineRun) -> bool {
    !run.metadata.uid.is_empty() && task_run.metadata.owner_references.iter().any(|o| o.uid == run.metadata.uid)
}

/// The run's results by name in lower case, those that are JSON as JSON.
fn artifacts(run: &PipelineRun) -> Option<Value> {
    let results = &run.status.as_ref()?.results;
    let all: Map<String, Value> = results
        .iter()
        .map(|result| {
            let value = match result.value.as_str() {
                Some(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text.trim())),
                None => json!(result.value),
            };
            (result.name.to_lowercase(), value)
        })
        .collect();
    (!all.is_empty()).then_some(Value::Object(all))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn run(succeeded: &str) -> PipelineRun {
        serde_json::from_value(json!({
            "metadata": {"name": "managed-1", "namespace": "acme-managed", "uid": "run"},
            "status": {
                "conditions": [{"type": "Succeeded", "status": succeeded, "reason": "Failed", "message": "Tasks Completed: 1"}],
                "results": [{"name": "IMAGES", "value": "[{\"name\":\"hello\"}]"}, {"name": "NOTE", "value": "x\n"}]},
        }))
        .unwrap()
    }

    fn child(task: &str, owner: &str, succeeded: &str, results: Value) -> Child {
        let task_run = serde_json::from_value(json!({
            "metadata": {"name": format!("managed-1-{task}"), "namespace": "acme-managed",
                "ownerReferences": [{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": "managed-1", "uid": owner}]},
            "status": {"conditions": [{"type": "Succeeded", "status": succeeded, "message": "exit 1"}], "results": results},
        }))
        .unwrap();
        Child { pipeline_task: task.to_owned(), task_run }
    }

    fn output(result: &str, successes: u32, failures: u32) -> Value {
        let text =
            json!({"result": result, "timestamp": "1", "successes": successes, "failures": failures, "warnings": 0});
        json!([{"name": "TEST_OUTPUT", "value": text.to_string()}])
    }

    fn message(outcome: Outcome) -> String {
        match outcome {
            Outcome::Failed { message, .. } => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn released_on_a_positive_answer_only() {
        let yes = || child("verify-conforma", "run", "True", output("SUCCESS", 7, 0));
        let push = || child("push-snapshot", "run", "True", json!([]));
        let released = Outcome::Released { artifacts: Some(json!({"images": [{"name": "hello"}], "note": "x"})) };
        assert_eq!(judge(&run("True"), &[yes(), push()]), released);
        assert_eq!(judge(&run("Unknown"), &[yes()]), Outcome::Running);

        let none = "PipelineRun acme-managed/managed-1 succeeded, but no TaskRun of a task named verify-conforma in it gave a \
                    TEST_OUTPUT result of SUCCESS or WARNING; without one nothing counts as released";
        assert_eq!(message(judge(&run("True"), &[])), none);
        assert_eq!(message(judge(&run("True"), &[push()])), none);
        let renamed = child("verify", "run", "True", output("SUCCESS", 7, 0));
        assert_eq!(message(judge(&run("True"), &[renamed])), none);
        let foreign = child("verify-conforma", "other", "True", output("SUCCESS", 7, 0));
        assert!(message(judge(&run("True"), &[foreign])).contains("is not of PipelineRun"));
        let silent = child("verify-conforma", "run", "True", json!([]));
        assert!(message(judge(&run("True"), &[silent])).contains("gave no TEST_OUTPUT result"));
        for (result, successes) in [("FAILURE", 7), ("ERROR", 7), ("SKIPPED", 0), ("SUCCESS", 0), ("nonsense", 7)] {
            let no = child("verify-conforma", "run", "True", output(result, successes, 0));
            assert!(
                message(judge(&run("True"), &[yes(), no])).starts_with("task verify-conforma did not pass"),
                "{result}"
            );
        }
        let broken = child("verify-conforma", "run", "False", output("SUCCESS", 7, 0));
        assert!(message(judge(&run("True"), &[broken])).contains("did not succeed"));
    }

    #[test]
    fn a_failure_names_the_task_and_the_verdict() {
        let report = json!({"components": [{"name": "hello", "explanation": [{"rule": "trusted_task.trusted", "reason": "no"}]}]});
        let results = json!([{"name": "REPORT", "value": report.to_string()}]);
        let outcome = judge(&run("False"), &[child("verify-conforma", "run", "False", results)]);
        assert_eq!(
            outcome,
            Outcome::Failed {
                message: "task verify-conforma failed: [trusted_task.trusted] no (component hello)".to_owned(),
                reason: "Error",
                task: "verify-conforma".to_owned()
            }
        );
        let plain = judge(&run("False"), &[child("push-snapshot", "run", "False", json!([]))]);
        assert_eq!(message(plain), "task push-snapshot failed: exit 1");
        assert_eq!(message(judge(&run("False"), &[])), "Tasks Completed: 1");
    }
}
