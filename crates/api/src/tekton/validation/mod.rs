//! Upstream's Validate, at its default feature flags: what the Tekton webhook refuses, in its words. What this engine
//! does not do yet is `unsupported`'s matter.

mod pipeline;
mod run;
mod task;

pub use run::{pipeline_run, task_run};

use super::{Pipeline, Task};
use crate::admission::Denied;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// Problems by message, each with the fields that have it.
#[derive(Debug, Default)]
struct Problems {
    by_message: BTreeMap<String, Vec<String>>,
}

impl Problems {
    fn add(&mut self, message: impl Into<String>, path: impl Into<String>) {
        let paths = self.by_message.entry(message.into()).or_default();
        let path = path.into();
        if !paths.contains(&path) {
            paths.push(path);
        }
    }

    fn invalid(&mut self, value: impl std::fmt::Display, path: impl Into<String>) {
        self.add(format!("invalid value: {value}"), path);
    }

    fn missing(&mut self, path: impl Into<String>) {
        self.add("missing field(s)", path);
    }

    fn result(self) -> Result<(), Denied> {
        let Some((_, paths)) = self.by_message.first_key_value() else { return Ok(()) };
        let field = paths.first().cloned().unwrap_or_default();
        let lines = self.by_message.iter().map(|(message, paths)| format!("{message}: {}", paths.join(", ")));
        Err(Denied { message: lines.collect::<Vec<_>>().join("\n"), field, forbidden: false })
    }
}

/// Reads a spec as its type.
fn read<T: DeserializeOwned>(object: &Value) -> Result<T, Denied> {
    serde_json::from_value(object.clone()).map_err(|e| Denied {
        message: format!("cannot be read: {e}"),
        field: "spec".to_owned(),
        forbidden: false,
    })
}

/// Validates a Task object.
///
/// # Errors
/// All problems, in upstream's words.
pub fn task(object: &Value) -> Result<(), Denied> {
    let task: Task = read(object)?;
    let mut problems = Problems::default();
    task::spec(&task.spec, "spec", &mut problems);
    task::variables(&task.spec, &[], "spec", &mut problems);
    problems.result()
}

/// Validates a Pipeline object.
///
/// # Errors
/// All problems, in upstream's words.
pub fn pipeline(object: &Value) -> Result<(), Denied> {
    let pipeline: Pipeline = read(object)?;
    let mut problems = Problems::default();
    pipeline::spec(&pipeline.spec, "spec", None, &mut problems);
    problems.result()
}

/// A DNS label, as names of steps and pipeline tasks are.
fn is_label(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.len() <= 63
        && edge(name.chars().next())
        && edge(name.chars().last())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// A name of a param or result: letters, digits, `-`, `_` (and `.`), no digit first where `strict`.
fn is_param_name(name: &str, dots: bool) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || (dots && c == '.'))
}
