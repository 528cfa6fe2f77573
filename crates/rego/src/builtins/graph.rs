//! `graph.*`: a graph is an object from a node to the collection of its neighbours. (`walk` is the evaluator's.)

use super::{Builtin, BuiltinError, Context, Outcome, args, pure, some};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Paths that an answer may have; their number can grow exponentially.
const MAX_PATHS: usize = 1_000_000;

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
        if let Some(edges) = graph.get(node) {
            if reached.insert(node) {
                todo.extend(nodes(edges));
            }
        }
    }
    some(Value::set(reached.into_iter().cloned()))
}

/// All paths from the starts until a node without neighbours, outside the graph, or already on the path.
fn reachable_paths(a: &[Value], context: &mut Context) -> Outcome {
    let graph = args::object(a, 1)?;
    let mut found = BTreeSet::new();
    for start in starts(a)? {
        let Some(edges) = graph.get(start) else { continue };
        if nodes(edges).is_empty() {
            found.insert(Value::array([start.clone()]));
        }
        for neighbour in nodes(edges) {
            walk(graph, vec![start], neighbour, &mut found, context)?;
        }
    }
    some(Value::set(found))
}

/// Continues a path with a node; on a stack of its own, so that long paths do no harm.
fn walk<'a>(
    graph: &'a BTreeMap<Value, Value>,
    path: Vec<&'a Value>,
    next: &'a Value,
    found: &mut BTreeSet<Value>,
    context: &mut Context,
) -> Result<(), BuiltinError> {
    const TOO_MANY: &str = "graph.reachable_paths: timed out before finding all paths";
    let mut todo = vec![(path, next)];
    let mut steps = 0;
    while let Some((mut path, node)) = todo.pop() {
        steps += 1;
        context.spend(1, TOO_MANY)?;
        if steps > MAX_PATHS {
            return Err(BuiltinError::Halt(TOO_MANY.to_owned()));
        }
        let edges = graph.get(node);
        if edges.is_some() {
            path.push(node);
        }
        let neighbours = edges.map(nodes).unwrap_or_default();
        if neighbours.is_empty() {
            found.insert(Value::array(path.iter().copied().cloned()));
        }
        for neighbour in neighbours {
            if path.contains(&neighbour) {
                found.insert(Value::array(path.iter().copied().cloned()));
            } else {
                todo.push((path.clone(), neighbour));
            }
        }
    }
    Ok(())
}
