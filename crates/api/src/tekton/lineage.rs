//! Whose child a TaskRun is: only the engine makes children of PipelineRuns and says which pipeline task they run.
//! Otherwise whoever may create TaskRuns could put one of his own in the place of a trusted task's, and provenance would
//! say that the trusted task ran.

use crate::admission::{Denied, Operation, Request};
use serde_json::Value;

/// The engine's user.
const ENGINE: &str = "system:serviceaccount:sluice-system:engine";
/// Labels by which a TaskRun is found to be a pipeline task's.
const LABELS: [&str; 2] = ["tekton.dev/pipelineTask", "tekton.dev/pipelineRun"];

/// Refuses a TaskRun that claims, or is made to claim, another place in a PipelineRun than the engine gave it.
///
/// # Errors
/// When somebody else than the engine does so.
pub fn validate(request: Request<'_>, object: &Value) -> Result<(), Denied> {
    if request.resource != "taskruns" || request.user == ENGINE {
        return Ok(());
    }
    let denied =
        |field: &str, message: &str| Denied { message: message.to_owned(), field: field.to_owned(), forbidden: true };
    let owners = "metadata.ownerReferences";
    match (request.operation, request.old) {
        (Operation::Update, Some(old)) => {
            if controller(old) != controller(object) {
                return Err(denied(
                    owners,
                    "which PipelineRun a TaskRun belongs to is set when it is created, by the engine",
                ));
            }
            let moved = LABELS.into_iter().find(|label| text(old, label) != text(object, label));
            match moved {
                Some(label) if controller(object).is_some() => {
                    let message = format!(
                        "the label `{label}` of a PipelineRun's TaskRun is the engine's; create a TaskRun of your own instead"
                    );
                    Err(denied(&format!("metadata.labels[{label}]"), &message))
                }
                _ => Ok(()),
            }
        }
        _ if controller(object).is_some() => {
            let message = "a TaskRun that a PipelineRun controls is created by the engine alone; leave out metadata.ownerReferences";
            Err(denied(owners, message))
        }
        _ => Ok(()),
    }
}

/// The uid of the PipelineRun that controls the object.
fn controller(object: &Value) -> Option<&Value> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let controls = |owner: &&Value| owner["kind"] == "PipelineRun" && owner["controller"] == true;
    owners.iter().find(controls).map(|owner| &owner["uid"])
}

fn text<'a>(object: &'a Value, label: &str) -> Option<&'a str> {
    object.pointer("/metadata/labels")?.get(label)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn task_run(controller: bool, task: &str) -> Value {
        json!({"metadata": {"labels": {"tekton.dev/pipelineTask": task},
            "ownerReferences": [{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": "r", "uid": "u", "controller": controller}]}})
    }

    fn judge(user: &str, old: Option<&Value>, new: &Value) -> Result<(), String> {
        let operation = if old.is_some() { Operation::Update } else { Operation::Create };
        validate(Request { group: "tekton.dev", resource: "taskruns", operation, old, user }, new)
            .map_err(|denied| denied.field)
    }

    #[test]
    fn only_the_engine_makes_children() {
        assert_eq!(judge(ENGINE, None, &task_run(true, "build")), Ok(()));
        assert_eq!(judge("dev", None, &task_run(false, "build")), Ok(()));
        assert_eq!(judge("dev", None, &task_run(true, "build")), Err("metadata.ownerReferences".to_owned()));
    }

    #[test]
    fn only_the_engine_moves_children() {
        let (child, stranger) = (task_run(true, "build"), task_run(false, "build"));
        assert_eq!(judge("dev", Some(&child), &child), Ok(()));
        assert_eq!(judge("dev", Some(&stranger), &child), Err("metadata.ownerReferences".to_owned()));
        assert_eq!(judge("dev", Some(&child), &stranger), Err("metadata.ownerReferences".to_owned()));
        let moved = judge("dev", Some(&child), &task_run(true, "test"));
        assert_eq!(moved, Err("metadata.labels[tekton.dev/pipelineTask]".to_owned()));
        assert_eq!(judge("dev", Some(&stranger), &task_run(false, "test")), Ok(()));
        assert_eq!(judge(ENGINE, Some(&child), &task_run(true, "test")), Ok(()));
    }
}
