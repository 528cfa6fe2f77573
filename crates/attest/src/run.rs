//! A finished run as statements are made of it: a TaskRun, or a PipelineRun with its child TaskRuns. Reads the objects
//! as any API server serves them; knows nothing of how they were fetched.

use crate::provenance::ProvenanceError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sluice_api::tekton::{PipelineRun, PipelineTask, RunResult, TaskRun};

/// Labels a child TaskRun with the name of its pipeline task.
pub const PIPELINE_TASK_LABEL: &str = "tekton.dev/pipelineTask";

/// A run to make statements of.
#[derive(Clone, Debug)]
pub enum Run {
    TaskRun(Box<TaskRun>),
    PipelineRun {
        run: Box<PipelineRun>,
        /// In the order of `status.childReferences`.
        children: Vec<TaskRun>,
    },
}

impl Run {
    /// Reads a TaskRun.
    ///
    /// # Errors
    /// When a field has a shape that no TaskRun has.
    pub fn task_run(object: &Value) -> Result<Self, ProvenanceError> {
        Ok(Self::TaskRun(Box::new(read("TaskRun", object)?)))
    }

    /// Reads a PipelineRun with its children.
    ///
    /// # Errors
    /// When a field has a shape that no such object has.
    pub fn pipeline_run<'a>(
        object: &Value,
        children: impl IntoIterator<Item = &'a Value>,
    ) -> Result<Self, ProvenanceError> {
        let run = Box::new(read("PipelineRun", object)?);
        let children = children.into_iter().map(|child| read("TaskRun", child)).collect::<Result<_, _>>()?;
        Ok(Self::PipelineRun { run, children })
    }

    /// `TaskRun` or `PipelineRun`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TaskRun(_) => "TaskRun",
            Self::PipelineRun { .. } => "PipelineRun",
        }
    }

    /// The run's metadata.
    pub fn metadata(&self) -> &sluice_api::meta::ObjectMeta {
        match self {
            Self::TaskRun(run) => &run.metadata,
            Self::PipelineRun { run, .. } => &run.metadata,
        }
    }

    /// The run's own results.
    pub fn results(&self) -> &[RunResult] {
        match self {
            Self::TaskRun(run) => task_results(run),
            Self::PipelineRun { run, .. } => run.status.as_ref().map_or(&[], |status| &status.results),
        }
    }

    /// Chains' short key of the run, `taskrun-UID` or `pipelinerun-UID`.
    pub fn short_key(&self) -> String {
        format!("{}-{}", self.kind().to_lowercase(), self.metadata().uid)
    }

    /// Chains' full key of the run.
    pub fn full_key(&self) -> String {
        format!("tekton.dev-v1-{}-{}", self.kind(), self.metadata().uid)
    }
}

/// A TaskRun's results.
pub(crate) fn task_results(run: &TaskRun) -> &[RunResult] {
    run.status.as_ref().map_or(&[], |status| &status.results)
}

/// The name of the pipeline task that a TaskRun runs, or the empty string.
pub(crate) fn pipeline_task(run: &TaskRun) -> &str {
    run.metadata.labels.get(PIPELINE_TASK_LABEL).map_or("", String::as_str)
}

/// Pipeline tasks with the children that completed, in the order of the pipeline (tasks, then finally). The number is
/// the task's place among all of them.
pub(crate) fn completed<'a>(
    run: &'a PipelineRun,
    children: &'a [TaskRun],
) -> impl Iterator<Item = (usize, &'a PipelineTask, Vec<&'a TaskRun>)> {
    let spec = run.status.as_ref().and_then(|status| status.pipeline_spec.as_ref());
    let tasks = spec.into_iter().flat_map(|spec| spec.tasks.iter().chain(&spec.finally));
    tasks.enumerate().map(move |(place, task)| {
        let of_task = |child: &&TaskRun| child.metadata.labels.get(PIPELINE_TASK_LABEL) == Some(&task.name);
        let done = |child: &&TaskRun| child.status.as_ref().is_some_and(|status| status.completion_time.is_some());
        (place, task, children.iter().filter(of_task).filter(done).collect())
    })
}

/// Reads an object. As in Go, a field that is null is a field that is not there.
fn read<T: DeserializeOwned>(kind: &'static str, object: &Value) -> Result<T, ProvenanceError> {
    serde_json::from_value(without_nulls(object)).map_err(|e| ProvenanceError::Shape { kind, reason: e.to_string() })
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn null_is_absent_and_keys_are_as_chains_names_them() {
        let run = Run::task_run(&json!({
            "metadata": {"uid": "u", "labels": null, "creationTimestamp": null}, "spec": {"params": null}, "status": null,
        }));
        let run = run.unwrap();
        assert_eq!((run.short_key().as_str(), run.full_key().as_str()), ("taskrun-u", "tekton.dev-v1-TaskRun-u"));
        assert!(run.results().is_empty());
    }

    #[test]
    fn a_wrong_shape_is_an_error_that_names_the_kind() {
        let error = Run::pipeline_run(&json!({"status": {"results": 5}}), []).unwrap_err();
        assert!(error.to_string().contains("PipelineRun"), "{error}");
    }
}
