//! Imports: which ones a dialect needs, in groups as they stand, sorted within.

use super::FormatOptions;
use super::writer::{Comments, Writer};
use crate::ast::{Comment, Import, Module, Name, Version, json};
use crate::parse;

/// An import to write.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub row: i64,
    pub col: u32,
    path: Vec<Name>,
    alias: Option<&'a Name>,
    /// The path as written; empty for an import that was not.
    written: &'a str,
    /// The comment behind it.
    pub comment: Option<&'a Comment>,
}

/// The imports that the result needs, in the order of the text.
pub(super) fn lines<'a>(module: &'a Module, options: &FormatOptions) -> Vec<Line<'a>> {
    let v1 = options.write == Version::V1;
    let mut imports: Vec<&Import> = module.imports.iter().collect();
    if v1 && options.drop_v0_imports {
        imports.retain(|import| !is(import, &["rego", "v1"]));
    }
    let mut added = Vec::new();
    let mut rego_v1 = imports.iter().any(|import| is(import, &["rego", "v1"]));
    if options.write == Version::V0CompatV1 && !rego_v1 {
        added.push(vec!["rego", "v1"]);
        rego_v1 = true;
    }
    if rego_v1 || v1 && options.drop_v0_imports {
        imports.retain(|import| import.path.first().is_none_or(|root| &**root != "future"));
    } else if options.write == Version::V0 {
        // Calls of the operator's builtin by name are written with the operator.
        let known = imports.iter().any(|import| {
            is(import, &["future", "keywords"])
                || ["in", "every"].iter().any(|word| is(import, &["future", "keywords", word]))
        });
        if !known && calls_member(module) {
            added.push(vec!["future", "keywords", "in"]);
        }
    }
    let added = added.into_iter().map(|path| Line {
        row: 1,
        col: 1,
        path: path.into_iter().map(Name::from).collect(),
        alias: None,
        written: "",
        comment: None,
    });
    let kept = imports.into_iter().map(|import| Line {
        row: import.location.row.into(),
        col: import.location.col,
        path: import.path.clone(),
        alias: import.alias.as_ref(),
        written: module.source.text.get(import.path_location.offset as usize..).unwrap_or_default(),
        comment: None,
    });
    let mut lines: Vec<Line<'a>> = added.chain(kept).collect();
    lines.sort_by_key(|line| (line.row, line.col));
    lines
}

fn calls_member(module: &Module) -> bool {
    let name = "internal.member_";
    module.source.text.contains(name)
        && ["2", "3"].iter().any(|arity| json::tree(module).to_string().contains(&format!("\"member_{arity}\"")))
}

fn is(import: &Import, path: &[&str]) -> bool {
    import.path.iter().map(|part| &**part).eq(path.iter().copied())
}

/// Writes imports, and the comments above each group above it.
pub(super) fn write<'a>(writer: &mut Writer<'a>, lines: &[Line<'a>], comments: Comments<'a>) -> Comments<'a> {
    let mut left = comments;
    for group in lines.chunk_by(|a, b| b.row - a.row <= 1) {
        if let Some(first) = group.first() {
            left = writer.comments_to(first.row, left).unwrap_or_else(|halt| halt.left);
        }
        let mut sorted: Vec<&Line<'a>> = group.iter().collect();
        sorted.sort_by(|a, b| (&a.path, a.alias).cmp(&(&b.path, b.alias)));
        for line in sorted {
            writer.start_line();
            writer.put("import ");
            if line.path.len() == 3 && line.path.first().is_some_and(|root| &**root == "future") {
                let path: Vec<&str> = line.path.iter().map(|part| &**part).collect();
                writer.put(&path.join("."));
            } else {
                path(writer, &line.path, line.written);
            }
            if let Some(alias) = line.alias {
                writer.put(" as ");
                writer.put(alias);
            }
            if let Some(comment) = line.comment {
                writer.put(" #");
                writer.put(comment.text.trim_end());
            }
            writer.end_line();
        }
        writer.blank_line();
    }
    left
}

/// A path of names; a keyword is in brackets where it was in quotes.
pub(super) fn path(writer: &mut Writer<'_>, path: &[Name], written: &str) {
    let mut names = parse::path_tokens(written, path.len()).into_iter();
    for (i, name) in path.iter().enumerate() {
        let written = names.next().unwrap_or_default();
        if i == 0 {
            writer.put(name);
        } else {
            writer.path_name(name, written);
        }
    }
}
