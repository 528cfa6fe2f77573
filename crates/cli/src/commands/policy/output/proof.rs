//! What decided an answer, and what an answer waits for. Pure.

use super::doc::Doc;
use sluice_rego::ast::Module;
use sluice_rego::why::{self, Decided};
use sluice_rego::{Reason, Value};
use std::fmt::Write;

/// The lines and the places that decided.
#[derive(Clone, Debug, Default)]
pub struct Why {
    /// File, row and text.
    lines: Vec<(String, u32, String)>,
    /// Of `input` or `data`, and what stands there.
    places: Vec<(String, Option<Value>)>,
}

/// What has to be known first, and the line that needs it.
#[derive(Clone, Debug)]
pub struct Perhaps {
    what: String,
    file: String,
    row: u32,
}

impl Why {
    /// Of a proof's decision; lines of the query are left out.
    pub fn new(decided: &Decided, modules: &[Module], input: Option<&Value>) -> Self {
        let line = |location: &sluice_rego::ast::Location| {
            let source = &modules.get(location.file as usize)?.source;
            Some((source.name.to_string(), location.row, source.line(*location).trim().to_owned()))
        };
        let mut lines: Vec<_> = decided.lines.iter().filter_map(line).collect();
        lines.dedup();
        let place = |path: &Vec<Value>| {
            let (root, keys) = path.split_first()?;
            let root = root.as_str()?;
            let found =
                input.filter(|_| root == "input").and_then(|input| keys.iter().try_fold(input, |at, key| at.at(key)));
            Some((why::place(path), found.cloned()))
        };
        Self { lines, places: decided.places.iter().filter_map(place).collect() }
    }

    /// As JSON: `lines` and `places`.
    pub fn to_doc(&self) -> Doc {
        let line = |(file, row, text): &(String, u32, String)| {
            Doc::object([
                ("file", Some(Doc::text(file))),
                ("row", Some(Doc::number(*row))),
                ("text", Some(Doc::text(text))),
            ])
        };
        let place = |(path, found): &(String, Option<Value>)| {
            Doc::object([("path", Some(Doc::text(path))), ("value", found.clone().map(Doc::Value))])
        };
        Doc::object([
            ("lines", Some(Doc::Array(self.lines.iter().map(line).collect()))),
            ("places", Some(Doc::Array(self.places.iter().map(place).collect()))),
        ])
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut out = "decided by\n".to_owned();
        for (file, row, text) in &self.lines {
            let _ = writeln!(out, "  {file}:{row}  {text}");
        }
        if !self.places.is_empty() {
            out.push_str("which read\n");
        }
        for (path, found) in &self.places {
            let _ = match found {
                Some(value) => writeln!(out, "  {path} = {}", sluice_rego::json::to_string(value)),
                None if path.starts_with("input") => writeln!(out, "  {path} is absent"),
                None => writeln!(out, "  {path}"),
            };
        }
        out
    }
}

impl Perhaps {
    /// Of reasons; those of the query itself have no file.
    pub fn new(reason: &Reason, modules: &[Module]) -> Self {
        let file = modules.get(reason.location.file as usize).map(|module| module.source.name.to_string());
        Self { what: reason.what.to_string(), file: file.unwrap_or_default(), row: reason.location.row }
    }

    /// As JSON.
    pub fn to_doc(&self) -> Doc {
        Doc::object([
            ("unknown", Some(Doc::text(&self.what))),
            ("file", Some(Doc::text(&self.file))),
            ("row", Some(Doc::number(self.row))),
        ])
    }

    /// For people.
    pub fn to_text(&self) -> String {
        match self.file.as_str() {
            "" => format!("not before {} is known\n", self.what),
            file => format!("not before {} is known ({file}:{})\n", self.what, self.row),
        }
    }
}
