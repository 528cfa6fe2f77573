//! The order of a Pipeline's tasks: `runAfter`, and every reference to another task's results.

use super::substitution::{Reference, each_string, references};
use super::{PipelineSpec, PipelineTask};
use std::collections::{BTreeMap, BTreeSet};

/// Why the tasks have no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    #[error("duplicate pipeline task")]
    Duplicate(String),
    #[error(
        "couldn't add link between {task} and {missing}: task {task} depends on {missing} but {missing} wasn't present in Pipeline"
    )]
    Missing { task: String, missing: String },
    #[error("cycle detected; task {task:?} depends on {}", quoted(.on))]
    Cycle { task: String, on: Vec<String> },
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", ")
}

/// `$(tasks.TASK.results.RESULT...)`, or the same of `finally`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRef {
    pub task: String,
    pub result: String,
    pub reference: Reference,
}

/// References to results in a text. `root` is `tasks` or `finally`.
pub fn result_refs(text: &str, root: &str) -> Vec<ResultRef> {
    let found =
        references(text).into_iter().filter(|r| r.path.len() >= 4 && r.path[0] == root && r.path[2] == "results");
    found.map(|r| ResultRef { task: r.path[1].clone(), result: r.path[3].clone(), reference: r }).collect()
}

/// All references of a pipeline task to other tasks' results: in params, when, the taskRef's params, and in an embedded
/// spec.
pub fn task_result_refs(task: &PipelineTask) -> Vec<ResultRef> {
    let mut refs = Vec::new();
    if let Ok(tree) = serde_json::to_value(task) {
        each_string(&tree, &["description", "name", "runAfter"], &mut |text| refs.extend(result_refs(text, "tasks")));
    }
    refs
}

/// What each task waits for, by name, in the order of `spec.tasks`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Task names, parents before children.
    pub order: Vec<String>,
    pub parents: BTreeMap<String, BTreeSet<String>>,
}

/// The graph of `tasks` (`finally` tasks have no order).
///
/// # Errors
/// A name used twice, a dependency that does not exist, or a cycle.
pub fn graph(spec: &PipelineSpec) -> Result<Graph, GraphError> {
    let mut parents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for task in &spec.tasks {
        let mut on: BTreeSet<String> = task.run_after.iter().cloned().collect();
        on.extend(task_result_refs(task).into_iter().map(|r| r.task));
        if parents.insert(task.name.clone(), on).is_some() {
            return Err(GraphError::Duplicate(task.name.clone()));
        }
    }
    // As upstream: cycles are told first, then what does not exist.
    let mut left: BTreeMap<&str, BTreeSet<&str>> =
        parents.iter().map(|(task, on)| (task.as_str(), on.iter().map(String::as_str).collect())).collect();
    let mut order = Vec::new();
    loop {
        let known: BTreeSet<&str> = left.keys().copied().collect();
        let free = spec.tasks.iter().map(|t| t.name.as_str());
        let free: Vec<&str> =
            free.filter(|t| left.get(t).is_some_and(|on| on.iter().all(|p| !known.contains(p)))).collect();
        if free.is_empty() {
            break;
        }
        for task in free {
            left.remove(task);
            order.push(task.to_owned());
        }
    }
    if let Some((task, on)) = left.iter().next() {
        let on = on.iter().filter(|p| left.contains_key(*p)).map(|p| (*p).to_owned()).collect();
        return Err(GraphError::Cycle { task: (*task).to_owned(), on });
    }
    for task in &spec.tasks {
        if let Some(missing) = parents[&task.name].iter().find(|p| !parents.contains_key(*p)) {
            return Err(GraphError::Missing { task: task.name.clone(), missing: missing.clone() });
        }
    }
    Ok(Graph { order, parents })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn spec(tasks: serde_json::Value) -> PipelineSpec {
        serde_json::from_value(json!({"tasks": tasks})).unwrap()
    }

    #[test]
    fn orders_by_run_after_and_results() {
        let graph = graph(&spec(json!([
            {"name": "c", "runAfter": ["b"]},
            {"name": "b", "params": [{"name": "x", "value": "$(tasks.a.results.r)"}]},
            {"name": "d", "when": [{"input": "$(tasks.a.results[\"r.s\"])", "operator": "in", "values": ["x"]}]},
            {"name": "a"}])))
        .unwrap();
        assert_eq!(graph.order, ["a", "b", "d", "c"]);
        assert_eq!(graph.parents["c"], ["b".to_owned()].into());
    }

    #[test]
    fn tells_what_has_no_order() {
        let table = [
            (
                json!([{"name": "a", "runAfter": ["b"]}, {"name": "b", "runAfter": ["a"]}]),
                "cycle detected; task \"a\" depends on \"b\"",
            ),
            (json!([{"name": "a", "runAfter": ["a"]}]), "cycle detected; task \"a\" depends on \"a\""),
            (
                json!([{"name": "a", "runAfter": ["x"]}]),
                "couldn't add link between a and x: task a depends on x but x wasn't present in Pipeline",
            ),
            (json!([{"name": "a"}, {"name": "a"}]), "duplicate pipeline task"),
        ];
        for (tasks, want) in table {
            assert_eq!(graph(&spec(tasks)).unwrap_err().to_string(), want);
        }
    }
}
