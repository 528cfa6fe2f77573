//! The `# METADATA` blocks of a Rego file: which rule each describes and what it says. Reads text only; knows no engine.
//! A later engine reads annotations itself; until then this also gives `rego.metadata.chain()` its value, see `expand`.

use crate::rego::{Module, RegoError, RuleInfo, RuleKind};
use serde::Deserialize;
use serde_json::{Value, json};

/// Data key under which the chains are found that `expand` refers to.
pub const CHAINS: &str = "rego_metadata_chains";

const CHAIN_CALL: &str = "rego.metadata.chain()";

/// A file with its rules found.
#[derive(Debug)]
pub struct Annotated {
    /// Package path without `data.`.
    pub package: String,
    /// The deny and warn rules: name of the rule (`deny`, `warn`, `deny_x`) and its description.
    pub rules: Vec<(String, RuleInfo)>,
    /// The text with each `rego.metadata.chain()` replaced by a reference into `data[CHAINS]`.
    pub expanded: String,
    /// Key and value of each chain referred to.
    pub chains: Vec<(String, Value)>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block {
    title: Option<String>,
    description: Option<String>,
    custom: Custom,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Custom {
    short_name: Option<String>,
    solution: Option<String>,
    collections: Vec<String>,
    depends_on: Vec<String>,
    effective_on: Option<String>,
    severity: Option<String>,
}

/// Finds package, rules and annotations of a module. Source is expected as `opa fmt` writes it: what starts a rule starts
/// its line.
pub fn read(module: &Module) -> Result<Annotated, RegoError> {
    let lines: Vec<&str> = module.text.lines().collect();
    let package = lines
        .iter()
        .find_map(|line| line.strip_prefix("package "))
        .map(|rest| rest.split_whitespace().next().unwrap_or_default().to_owned())
        .filter(|package| !package.is_empty())
        .ok_or_else(|| RegoError::Compile { module: module.name.clone(), reason: "no package is declared".into() })?;
    let mut found = Annotated { package, rules: Vec::new(), expanded: String::new(), chains: Vec::new() };
    let mut pending: Option<Value> = None;
    let mut chain: Option<String> = None;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if line.trim_end() == "# METADATA" {
            let end = lines[at..].iter().position(|l| !l.starts_with('#')).map_or(lines.len(), |n| at + n);
            let yaml: String = lines[at + 1..end].iter().map(|l| l[1..].strip_prefix(' ').unwrap_or(&l[1..])).fold(
                String::new(),
                |mut all, l| {
                    all.push_str(l);
                    all.push('\n');
                    all
                },
            );
            let value = serde_saphyr::from_str::<Value>(&yaml).map_err(|error| RegoError::Annotation {
                module: module.name.clone(),
                line: at + 1,
                reason: error.to_string(),
            })?;
            pending = Some(value);
            lines[at..end].iter().for_each(|l| push_line(&mut found.expanded, l));
            at = end;
            continue;
        }
        if starts_rule(line) {
            chain = None;
            let name = rule_name(line);
            let annotations = pending.take();
            if line.starts_with("package ") || line.starts_with("import ") {
                push_line(&mut found.expanded, line);
                at += 1;
                continue;
            }
            if let Some(kind) = kind_of(name) {
                found
                    .rules
                    .push((name.to_owned(), describe(module, at, &found.package, name, kind, annotations.as_ref())?));
            }
            let complete = |annotations: &Value| {
                ["short_name", "failure_msg"].iter().all(|key| annotations["custom"][key].is_string())
            };
            if let Some(annotations) = annotations.filter(complete) {
                let key = format!("{}.{}.{}", found.package, name, at + 1);
                found.chains.push((key.clone(), chain_of(&found.package, name, annotations)));
                chain = Some(key);
            }
        }
        if chain.is_none() && line.split('#').next().is_some_and(|code| code.contains(CHAIN_CALL)) {
            // The message would be undefined, and the violation lost with it.
            return Err(RegoError::Annotation {
                module: module.name.clone(),
                line: at + 1,
                reason: format!("a rule calls {CHAIN_CALL} but has no custom.short_name or no custom.failure_msg"),
            });
        }
        match &chain {
            Some(key) => {
                push_line(&mut found.expanded, &line.replace(CHAIN_CALL, &format!("data.{CHAINS}[\"{key}\"]")))
            }
            None => push_line(&mut found.expanded, line),
        }
        at += 1;
    }
    Ok(found)
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn starts_rule(line: &str) -> bool {
    line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn rule_name(line: &str) -> &str {
    let line = line.strip_prefix("default ").unwrap_or(line);
    &line[..line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(line.len())]
}

/// The names that Conftest, and so Conforma, reads results from.
fn kind_of(name: &str) -> Option<RuleKind> {
    let is = |prefix: &str| name == prefix || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('_'));
    match () {
        () if is("deny") || is("violation") => Some(RuleKind::Deny),
        () if is("warn") => Some(RuleKind::Warn),
        () => None,
    }
}

fn describe(
    module: &Module,
    at: usize,
    package: &str,
    name: &str,
    kind: RuleKind,
    annotations: Option<&Value>,
) -> Result<RuleInfo, RegoError> {
    let block: Block = match annotations {
        None => Block::default(),
        Some(value) => serde_json::from_value(value.clone()).map_err(|error| RegoError::Annotation {
            module: module.name.clone(),
            line: at + 1,
            reason: error.to_string(),
        })?,
    };
    let short = block.custom.short_name.unwrap_or_else(|| name.to_owned());
    Ok(RuleInfo {
        code: format!("{package}.{short}"),
        package: package.to_owned(),
        kind,
        title: trimmed(block.title),
        description: trimmed(block.description),
        solution: trimmed(block.custom.solution),
        collections: block.custom.collections,
        depends_on: block.custom.depends_on,
        effective_on: block.custom.effective_on.map(full_date),
        severity: block.custom.severity,
    })
}

fn trimmed(text: Option<String>) -> String {
    text.unwrap_or_default().trim().to_owned()
}

/// OPA reads a bare YAML date as a timestamp.
fn full_date(date: String) -> String {
    let bare = date.len() == 10 && date.bytes().filter(|b| *b == b'-').count() == 2;
    if bare { format!("{date}T00:00:00Z") } else { date }
}

fn chain_of(package: &str, rule: &str, mut annotations: Value) -> Value {
    let path: Vec<&str> = package.split('.').chain([rule]).collect();
    if let Some(map) = annotations.as_object_mut() {
        map.entry("scope").or_insert_with(|| json!("rule"));
        if let Some(date) = map.get_mut("custom").and_then(|c| c.get_mut("effective_on"))
            && let Some(text) = date.as_str()
        {
            *date = json!(full_date(text.to_owned()));
        }
    }
    json!([{ "path": path, "annotations": annotations }])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SOURCE: &str = r#"# METADATA
# title: Package
# description: >-
#   About
package a.b

import data.lib.metadata

# METADATA
# title: First
# description: >-
#   Two
#   lines
# custom:
#   short_name: first
#   failure_msg: Bad %q
#   solution: Do it
#   collections:
#   - minimal
#   depends_on:
#   - a.b.other
#   effective_on: 2025-07-01
deny contains result if {
	result := metadata.result(rego.metadata.chain(), ["x"])
}

helper := 1

warn contains "plain" if true
"#;

    #[test]
    fn rules_and_their_annotations_are_found() {
        let read = read(&Module { name: "x.rego".into(), text: SOURCE.into() }).unwrap();
        assert_eq!(read.package, "a.b");
        let first = &read.rules[0].1;
        assert_eq!((first.code.as_str(), first.kind), ("a.b.first", RuleKind::Deny));
        assert_eq!(first.description, "Two lines");
        assert_eq!(first.effective_on.as_deref(), Some("2025-07-01T00:00:00Z"));
        assert_eq!((first.collections.len(), first.depends_on[0].as_str()), (1, "a.b.other"));
        assert_eq!((read.rules[1].1.code.as_str(), read.rules[1].1.kind), ("a.b.warn", RuleKind::Warn));
        let (key, chain) = &read.chains[0];
        assert!(read.expanded.contains(&format!("data.{CHAINS}[\"{key}\"]")));
        assert_eq!(chain[0]["path"], json!(["a", "b", "deny"]));
        assert_eq!(chain[0]["annotations"]["custom"]["failure_msg"], "Bad %q");
        assert_eq!(read.expanded.lines().count(), SOURCE.lines().count());
    }

    #[test]
    fn a_block_that_is_not_yaml_is_an_error() {
        let text = "package a\n\n# METADATA\n# title: [\ndeny contains 1 if true\n";
        let error = read(&Module { name: "x.rego".into(), text: text.into() }).unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
    }
}
