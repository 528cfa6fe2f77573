//! Admission of appstudio.redhat.com kinds: defaults and refusals of the Konflux webhooks and of the validation rules in
//! their CRDs, on create and on update alike. Pure: what needs another object (an owner, a plan's default) is the
//! controllers' work. It must not know who stores or serves the object.

use crate::admission::{Denied, Operation, Request};
use crate::konflux_labels as labels;
use serde_json::{Map, Value, json};

mod scenario;

/// The longest name that fits a label value.
const MAX_NAME: usize = 63;

/// Defaults of the mutating webhooks.
pub fn mutate(request: Request<'_>, object: &mut Value) {
    match request.resource {
        "snapshots" => {
            let spec = object.get("spec").cloned().unwrap_or_default();
            if let Some(group) = text(&spec, "componentGroup") {
                set_label(object, labels::COMPONENT_GROUP, group);
            } else if let Some(application) = text(&spec, "application") {
                set_label(object, labels::APPLICATION, application);
            }
        }
        "integrationtestscenarios" => {
            if let Some(Value::Object(resolver)) = object.pointer_mut("/spec/resolverRef") {
                let kind = resolver.entry("resourceKind").or_insert_with(|| json!(""));
                if kind.as_str() == Some("") {
                    *kind = json!("pipeline");
                }
            }
        }
        "releaseplans" => mutate_release_plan(request, object),
        "releaseplanadmissions" if label(object, labels::BLOCK_RELEASES).is_none() => {
            set_label(object, labels::BLOCK_RELEASES, "false");
        }
        "releases" if request.operation == Operation::Create => {
            let spec = object.get("spec").cloned().unwrap_or_default();
            for (name, field) in [(labels::RELEASE_SNAPSHOT, "snapshot"), (labels::RELEASE_PLAN, "releasePlan")] {
                set_label(object, name, text(&spec, field).unwrap_or_default());
            }
            if label(object, labels::AUTOMATED) != Some("true") {
                set_label(object, labels::AUTHOR, &author(request.user));
            }
        }
        _ => {}
    }
}

/// A plan that stands for its author's authority carries the name of whoever said so last: the author cannot be set to
/// somebody else's name.
fn mutate_release_plan(request: Request<'_>, object: &mut Value) {
    if label(object, labels::AUTO_RELEASE).is_none() {
        set_label(object, labels::AUTO_RELEASE, "true");
    }
    if label(object, labels::STANDING_ATTRIBUTION) != Some("true") {
        if let Some(Value::Object(all)) = object.pointer_mut("/metadata/labels") {
            all.remove(labels::AUTHOR);
        }
        return;
    }
    let stored = request.old.and_then(|old| label(old, labels::AUTHOR)).unwrap_or_default().to_owned();
    if stored.is_empty() || label(object, labels::AUTHOR) != Some(&stored) {
        set_label(object, labels::AUTHOR, &author(request.user));
    }
}

/// A user name as a label value: `:` becomes `_`, the first `@` becomes `.`, cut to 63 bytes, ending (and beginning) in
/// a letter or digit. Other characters that a label cannot hold become `_`.
pub fn author(user: &str) -> String {
    let mut seen_at = false;
    let replaced: String = user
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => c,
            '@' if !seen_at => {
                seen_at = true;
                '.'
            }
            _ => '_',
        })
        .take(MAX_NAME)
        .collect();
    replaced.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// Refusals of the validating webhooks.
///
/// # Errors
/// The first reason for refusing the object.
pub fn validate(request: Request<'_>, object: &Value) -> Result<(), Denied> {
    let null = Value::Null;
    let spec = object.get("spec").unwrap_or(&null);
    let unchanged = request.old.is_some_and(|old| old.get("spec").unwrap_or(&null) == spec);
    match request.resource {
        "applications" | "components" => name_fits(object),
        "snapshots" => validate_snapshot(request, object, spec),
        // An object stored before a rule existed keeps taking changes of its labels and finalizers.
        "integrationtestscenarios" if !unchanged => scenario::validate(object, spec),
        "releaseplans" if !unchanged => validate_release_plan(object, spec),
        "releaseplanadmissions" => validate_release_plan_admission(object, spec, unchanged),
        "releases" => validate_release(request, object, spec),
        "enterprisecontractpolicies" if !unchanged => validate_policy(spec),
        _ => Ok(()),
    }
}

fn validate_snapshot(request: Request<'_>, object: &Value, spec: &Value) -> Result<(), Denied> {
    let Some(old) = request.old else {
        name_fits(object)?;
        return exactly_one(spec, "spec", "application", "componentGroup", true);
    };
    let old = old.get("spec").cloned().unwrap_or_default();
    if !same_list(&old, spec, "components") {
        return refuse("spec.components", "components field is immutable and cannot be modified after creation");
    }
    // Upstream lets this one pass: a Snapshot tested as one application's could be released as another's.
    for field in ["application", "componentGroup"] {
        if text(&old, field) != text(spec, field) {
            let message = format!("{field} field is immutable and cannot be modified after creation");
            return refuse(&format!("spec.{field}"), &message);
        }
    }
    Ok(())
}

fn validate_release_plan(object: &Value, spec: &Value) -> Result<(), Denied> {
    name_fits(object)?;
    exactly_one(spec, "spec", "application", "componentGroup", false)?;
    for field in ["application", "componentGroup", "target"] {
        dns_label(spec, field, false)?;
    }
    Ok(())
}

fn validate_release_plan_admission(object: &Value, spec: &Value, unchanged: bool) -> Result<(), Denied> {
    if !unchanged {
        name_fits(object)?;
        exactly_one(spec, "spec", "applications", "componentGroups", false)?;
        for (field, noun) in [("applications", "application"), ("componentGroups", "componentGroup")] {
            let Some(names) = spec.get(field).and_then(Value::as_array) else { continue };
            if names.is_empty() {
                return refuse(&format!("spec.{field}"), &format!("spec.{field} in body should have at least 1 items"));
            }
            for name in names {
                let name = name.as_str().unwrap_or_default();
                if name.len() > MAX_NAME {
                    let message = format!(
                        "{noun} name '{name}' must be no more than 63 characters, got {} characters",
                        name.len()
                    );
                    return refuse(&format!("spec.{field}"), &message);
                }
                check_dns_label(&format!("spec.{field}"), name)?;
            }
        }
        dns_label(spec, "environment", false)?;
        dns_label(spec, "origin", true)?;
        dns_label(spec, "policy", true)?;
    }
    match label(object, labels::BLOCK_RELEASES) {
        None | Some("true" | "false") => Ok(()),
        Some(_) => {
            refuse("metadata.labels", &format!("'{}' label can only be set to true or false", labels::BLOCK_RELEASES))
        }
    }
}

fn validate_release(request: Request<'_>, object: &Value, spec: &Value) -> Result<(), Denied> {
    let Some(old) = request.old else {
        let named = [
            ("release", "metadata.name", object.pointer("/metadata/name")),
            ("snapshot", "spec.snapshot", spec.get("snapshot")),
            ("releasePlan", "spec.releasePlan", spec.get("releasePlan")),
        ];
        for (noun, field, value) in named {
            let length = value.and_then(Value::as_str).unwrap_or_default().len();
            if length > MAX_NAME {
                let message = format!("{noun} name must be no more than 63 characters, got {length} characters");
                return refuse(field, &message);
            }
        }
        dns_label(spec, "snapshot", true)?;
        return dns_label(spec, "releasePlan", true);
    };
    if old.get("spec").unwrap_or(&Value::Null) != spec {
        return refuse("spec", "release resources spec cannot be updated");
    }
    let fixed =
        [(labels::RELEASE_SNAPSHOT, "snapshot"), (labels::RELEASE_PLAN, "releasePlan"), (labels::AUTHOR, "author")];
    for (name, noun) in fixed {
        if label(old, name) != label(object, name) {
            return refuse("metadata.labels", &format!("release {noun} label cannot be updated"));
        }
    }
    Ok(())
}

fn validate_policy(spec: &Value) -> Result<(), Denied> {
    let sources = spec.get("sources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (i, source) in sources.iter().enumerate() {
        if source.get("policy").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            let field = format!("spec.sources[{i}].policy");
            return refuse(&field, &format!("{field} in body should have at least 1 items"));
        }
    }
    Ok(())
}

/// Exactly one of two fields; what is empty counts as absent only where `empty_is_absent` (Go's `omitempty` strings).
fn exactly_one(spec: &Value, path: &str, a: &str, b: &str, empty_is_absent: bool) -> Result<(), Denied> {
    let has = |field: &str| match spec.get(field) {
        None | Some(Value::Null) => false,
        Some(Value::String(s)) => !(empty_is_absent && s.is_empty()),
        Some(_) => true,
    };
    if has(a) == has(b) {
        return refuse(path, &format!("exactly one of {a} or {b} must be specified"));
    }
    Ok(())
}

fn name_fits(object: &Value) -> Result<(), Denied> {
    let length = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().len();
    if length > MAX_NAME {
        let message = format!("name is too long ({length} characters); must be at most {MAX_NAME} characters");
        return refuse("metadata.name", &message);
    }
    Ok(())
}

fn dns_label(spec: &Value, field: &str, required: bool) -> Result<(), Denied> {
    let path = format!("spec.{field}");
    match text(spec, field) {
        Some(value) => check_dns_label(&path, value),
        None if required => refuse(&path, "Required value"),
        None => Ok(()),
    }
}

fn check_dns_label(path: &str, value: &str) -> Result<(), Denied> {
    if value.len() > MAX_NAME {
        return refuse(path, &format!("Too long: may not be more than {MAX_NAME} bytes"));
    }
    if !is_dns_label(value) {
        let message =
            format!("Invalid value: \"{value}\": {path} in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'");
        return refuse(path, &message);
    }
    Ok(())
}

pub(crate) fn is_dns_label(value: &str) -> bool {
    let alphanumeric = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = value.as_bytes();
    bytes.first().is_some_and(|c| alphanumeric(*c))
        && bytes.last().is_some_and(|c| alphanumeric(*c))
        && bytes.iter().all(|c| alphanumeric(*c) || *c == b'-')
}

fn same_list(a: &Value, b: &Value, field: &str) -> bool {
    let list = |v: &Value| v.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    list(a) == list(b)
}

fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str).filter(|s| !s.is_empty())
}

fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get("labels")?.get(name)?.as_str()
}

fn set_label(object: &mut Value, name: &str, value: &str) {
    let mut place = object;
    for key in ["metadata", "labels", name] {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Some(map) = place.as_object_mut() else { return };
        place = map.entry(key).or_insert(Value::Null);
    }
    *place = json!(value);
}

fn refuse<T>(field: &str, message: &str) -> Result<T, Denied> {
    Err(Denied { message: message.to_owned(), field: field.to_owned(), forbidden: false })
}

#[cfg(test)]
mod tests;
