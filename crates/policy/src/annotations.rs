//! The deny and warn rules of a module, as their annotations describe them. Reads syntax only.

use crate::rego::{RegoError, RuleInfo, RuleKind};
use sluice_rego::Value;
use sluice_rego::ast::{Annotations, Module, Rule, Scope};
use std::collections::BTreeMap;

/// By which a rule makes its message.
pub const CHAIN_CALL: &str = "rego.metadata.chain()";

/// A package's path without `data.`.
pub fn package(module: &Module) -> String {
    module.package.path.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(".")
}

/// The deny and warn rules: name of the rule (`deny`, `warn`, `deny_x`) and its description.
pub fn rules(module: &Module) -> Result<Vec<(String, RuleInfo)>, RegoError> {
    let package = package(module);
    let mut found = Vec::new();
    for rule in &module.rules {
        let annotations = own(module, rule);
        let custom = annotations.and_then(|found| found.custom.as_ref());
        let complete = ["short_name", "failure_msg"].iter().all(|key| text(custom, key).is_some());
        if !complete && module.source.at(rule.location).contains(CHAIN_CALL) {
            // The message would be undefined, and the violation lost with it.
            return Err(RegoError::Annotation {
                module: module.source.name.to_string(),
                line: rule.location.row as usize,
                reason: format!("a rule calls {CHAIN_CALL} but has no custom.short_name or no custom.failure_msg"),
            });
        }
        let Some(name) = rule.head.reference.first().and_then(|term| term.as_var()) else { continue };
        if let Some(kind) = kind_of(name) {
            found.push((name.to_string(), describe(&package, name, kind, annotations)));
        }
    }
    Ok(found)
}

/// The rule's own annotations: of scope `rule`, or `document` where it has none of that.
fn own<'m>(module: &'m Module, rule: &'m Rule) -> Option<&'m Annotations> {
    let all = || rule.annotations.iter().filter_map(|index| module.annotations.get(*index));
    all().rfind(|found| found.scope == Scope::Rule).or_else(|| all().rfind(|found| found.scope == Scope::Document))
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

fn describe(package: &str, name: &str, kind: RuleKind, annotations: Option<&Annotations>) -> RuleInfo {
    let custom = annotations.and_then(|found| found.custom.as_ref());
    let short = text(custom, "short_name").unwrap_or_else(|| name.to_owned());
    let trimmed = |text: &str| text.trim().to_owned();
    RuleInfo {
        code: format!("{package}.{short}"),
        package: package.to_owned(),
        kind,
        title: annotations.map(|found| trimmed(&found.title)).unwrap_or_default(),
        description: annotations.map(|found| trimmed(&found.description)).unwrap_or_default(),
        solution: trimmed(&text(custom, "solution").unwrap_or_default()),
        collections: list(custom, "collections"),
        depends_on: list(custom, "depends_on"),
        effective_on: text(custom, "effective_on"),
        severity: text(custom, "severity"),
    }
}

type Custom = BTreeMap<String, Value>;

fn text(custom: Option<&Custom>, key: &str) -> Option<String> {
    custom?.get(key)?.as_str().map(str::to_owned)
}

fn list(custom: Option<&Custom>, key: &str) -> Vec<String> {
    match custom.and_then(|custom| custom.get(key)) {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sluice_rego::ast::Source;
    use sluice_rego::parse::{Options, parse_module};

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

    fn read(text: &str) -> Result<Vec<(String, RuleInfo)>, RegoError> {
        let options = Options { annotations: true, ..Options::default() };
        rules(&parse_module(&Source::new(0, "x.rego", text), &options).unwrap())
    }

    #[test]
    fn rules_and_their_annotations_are_found() {
        let read = read(SOURCE).unwrap();
        let first = &read[0].1;
        assert_eq!((first.package.as_str(), first.code.as_str(), first.kind), ("a.b", "a.b.first", RuleKind::Deny));
        assert_eq!(first.description, "Two lines");
        assert_eq!(first.effective_on.as_deref(), Some("2025-07-01T00:00:00Z"));
        assert_eq!((first.collections.len(), first.depends_on[0].as_str()), (1, "a.b.other"));
        assert_eq!((read[1].1.code.as_str(), read[1].1.kind), ("a.b.warn", RuleKind::Warn));
    }

    #[test]
    fn a_rule_whose_message_would_be_lost_is_an_error() {
        let text = SOURCE.replace("#   failure_msg: Bad %q\n", "");
        assert!(read(&text).unwrap_err().to_string().contains("no custom.failure_msg"));
    }
}
