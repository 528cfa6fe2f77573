//! `graph.*`: a graph is an object from a node to the collection of its neighbours. (`walk` is the evaluator's.)

use super::{Builtin, BuiltinError, Context, Outcome, args, pure, some};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Nodes that all paths under one neighbour may have together.
const MAX_NODES: usize = 10_000_000;

pub const ALL: &[Builtin] =
    &[pure("graph.reachable", 2, |a, _| reachable(a)), pure("graph.reachable_paths", 2, reachable_paths)];

/// The nodes of a collection; none where it is no collection.
fn nodes(collection: &Value) -> Vec<&Value> {
    match collection {
        Value::Set(items) => items.iter().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

fn starts(a: &[Value]) -> Result<Vec<&Value>, BuiltinError> {
    args::items(a, 2, &["{array, set}"])
}

fn reachable(a: &[Value]) -> Outcome {
    let graph = args::object(a, 1)?;
    let mut todo = starts(a)?;
    let mut reached = BTreeSet::new();
    while let Some(node) = todo.pop() {
        if let Some(edges) = graph.get(node)
            && reached.insert(node)
        {
            todo.extend(nodes(edges));
        }
    }
    some(Value::set(reached.into_iter().cloned()))
}

/// All paths from the starts until a node without neighbours or outside the graph. As in OPA, what was passed once under
/// a start's neighbour is not passed again under it: a path ends before it.
fn reachable_paths(a: &[Value], context: &mut Context) -> Outcome {
    let graph = args::object(a, 1)?;
    let mut found = BTreeSet::new();
    for start in starts(a)? {
        let Some(edges) = graph.get(start) else { continue };
        if nodes(edges).is_empty() {
            found.insert(Value::array([start.clone()]));
        }
        for neighbour in nodes(edges) {
            walk(graph, start, neighbour, &mut found, context)?;
        }
    }
    some(Value::set(found))
}

/// Paths that begin with two nodes; on a stack of its own, so that long paths do no harm.
fn walk<'a>(
    graph: &'a BTreeMap<Value, Value>,
    start: &'a Value,
    second: &'a Value,
    found: &mut BTreeSet<Value>,
    context: &mut Context,
) -> Result<(), BuiltinError> {
    const TOO_MANY: &str = "graph.reachable_paths: timed out before finding all paths";
    let path_of = |path: &[&Value]| Value::array(path.iter().copied().cloned());
    let mut reached = BTreeSet::from([start]);
    let mut todo = vec![(vec![start], second)];
    let mut nodes_written = 0;
    while let Some((mut path, node)) = todo.pop() {
        nodes_written += path.len();
        context.spend(1)?;
        context.work(path.len())?;
        if nodes_written > MAX_NODES {
            return Err(BuiltinError::Halt(TOO_MANY.to_owned()));
        }
        if reached.contains(node) && path.len() > 1 {
            found.insert(path_of(&path));
            continue;
        }
        reached.extend(path.last().copied());
        let edges = graph.get(node);
        if edges.is_some() {
            path.push(node);
        }
        let neighbours = edges.map(nodes).unwrap_or_default();
        if neighbours.is_empty() {
            found.insert(path_of(&path));
        }
        todo.extend(neighbours.into_iter().rev().map(|neighbour| (path.clone(), neighbour)));
    }
    Ok(())
}
