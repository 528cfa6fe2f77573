//! Whether a module that was written is the one that was read: the same rules, and all of its comments.

use super::order::plain_number;
use crate::ast::{Module, json};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashSet};

/// What differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    None,
    /// Rules, by their indexes.
    Rules(Vec<usize>),
    /// Comments that are missing or repeated.
    Comments(HashSet<String>),
    /// The package, the imports or the number of rules.
    Other,
}

/// Compares what was read with what was written.
pub(super) fn difference(read: &Module, written: &Module) -> Difference {
    let (before, after) = (json::tree(read), json::tree(written));
    let rules = |module: &Json| module["rules"].as_array().cloned().unwrap_or_default();
    let (old, new) = (rules(&before), rules(&after));
    if before["package"] != after["package"] || old.len() != new.len() || imports(&before) != imports(&after) {
        return Difference::Other;
    }
    let pairs = old.into_iter().zip(new).enumerate();
    let wrong: Vec<usize> = pairs
        .filter(|(_, (old, new))| old != new && normal(old.clone()) != normal(new.clone()))
        .map(|(i, _)| i)
        .collect();
    if !wrong.is_empty() {
        return Difference::Rules(wrong);
    }
    let (old, new) = (comments(read), comments(written));
    let changed = old.keys().chain(new.keys()).filter(|text| old.get(*text) != new.get(*text));
    let changed: HashSet<String> = changed.map(|text| (*text).to_owned()).collect();
    if changed.is_empty() { Difference::None } else { Difference::Comments(changed) }
}

fn comments(module: &Module) -> BTreeMap<&str, usize> {
    let mut out = BTreeMap::new();
    for comment in &module.comments {
        *out.entry(comment.text.trim_end()).or_default() += 1;
    }
    out
}

/// The imports of documents, sorted.
fn imports(module: &Json) -> Vec<String> {
    let all = module["imports"].as_array().into_iter().flatten();
    let named = all.filter(|import| !matches!(import["path"]["value"][0]["value"].as_str(), Some("future" | "rego")));
    let mut out: Vec<String> = named.map(ToString::to_string).collect();
    out.sort();
    out
}

/// Syntax without what the layout may choose: `=` or `:=` of a head, the order and repetition of a set's members, the
/// names of wildcards, an operator's result as an argument or by `=`, constants within template strings.
fn normal(found: Json) -> Json {
    match found {
        Json::Array(items) => items.into_iter().map(normal).collect(),
        Json::Object(fields) => {
            let mut fields: serde_json::Map<String, Json> =
                fields.into_iter().map(|(name, value)| (name, normal(value))).collect();
            if fields.contains_key("ref") {
                // Of names and keys the ref and the value say all.
                fields.remove("assign");
                fields.remove("name");
                if fields.contains_key("value") {
                    fields.remove("key");
                }
            }
            plain_number(&mut fields);
            match fields.get("type").and_then(Json::as_str) {
                Some("var") if is_wildcard(&fields["value"]) => {
                    fields.insert("value".into(), "_".into());
                }
                Some("set" | "object") => {
                    if let Some(Json::Array(items)) = fields.get_mut("value") {
                        let mut seen = HashSet::new();
                        items.retain(|item| seen.insert(item.to_string()));
                        items.sort_by_key(ToString::to_string);
                    }
                }
                Some("templatestring") => merge_texts(&mut fields["value"]["parts"]),
                _ => {}
            }
            if let Some(terms) = fields.get_mut("terms") {
                result_by_equation(terms);
            }
            fields.into()
        }
        other => other,
    }
}

/// `$0` and the name that a repeated wildcard gets.
fn is_wildcard(name: &Json) -> bool {
    let name = name.as_str().unwrap_or_default();
    let rest = name.strip_prefix('$').or_else(|| name.strip_prefix('_'));
    rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

/// `plus(a, b, c)` as `c = a + b`.
fn result_by_equation(terms: &mut Json) {
    const INFIX: [&str; 15] =
        ["eq", "assign", "gt", "gte", "lt", "lte", "neq", "equal", "plus", "minus", "mul", "div", "rem", "and", "or"];
    let Json::Array(items) = terms else { return };
    let operator = items.first().map(|operator| &operator["value"]).and_then(Json::as_array);
    let plain = operator.is_some_and(|parts| {
        parts.len() == 1 && parts.iter().any(|part| INFIX.iter().any(|name| part["value"] == *name))
    });
    if let ([operator, left, right, out], true) = (items.as_slice(), plain) {
        let call = json!({ "type": "call", "value": [operator, left, right] });
        let equation = json!({ "type": "ref", "value": [{ "type": "var", "value": "eq" }] });
        *terms = json!([equation, out, call]);
    }
}

/// Constants next to one another in a template string as one text.
fn merge_texts(parts: &mut Json) {
    let Json::Array(items) = parts else { return };
    let mut out: Vec<Json> = Vec::new();
    for item in items.drain(..) {
        let text = match (item["type"].as_str(), &item["value"]) {
            (Some("string"), Json::String(text)) => text.clone(),
            (Some("number"), Json::String(digits)) => digits.clone(),
            (Some("number" | "boolean"), value) => value.to_string(),
            (Some("null"), _) => "null".to_owned(),
            _ => {
                out.push(item);
                continue;
            }
        };
        match out.last_mut() {
            Some(Json::String(last)) => last.push_str(&text),
            _ => out.push(text.into()),
        }
    }
    *items = out;
}
