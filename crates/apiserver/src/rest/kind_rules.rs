//! What Kubernetes itself defaults and refuses for its own kinds; for all others nothing. Pure.

use crate::catalogue::{self, Served};
use crate::meta::{Problem, field};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Fills in what a new or changed object lacks. `now` is for conditions.
pub(super) fn default(kind: &Served, object: &mut Value, now: &str) {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace") => {
            let name = field(object, "name").to_owned();
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            if let Some(metadata) = crate::meta::metadata_mut(object) {
                let labels = metadata.entry("labels").or_insert_with(|| json!({}));
                if labels.is_object() {
                    labels["kubernetes.io/metadata.name"] = Value::String(name);
                }
            }
            if object.get("status").is_none() {
                object["status"] = json!({"phase": "Active"});
            }
        }
        ("", "Secret") => secret(object),
        ("", "Pod" | "PersistentVolumeClaim") if object.get("status").is_none() => {
            object["status"] = json!({"phase": "Pending"});
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => binding(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object, now),
        _ => {}
    }
}

fn secret(object: &mut Value) {
    if object.get("type").and_then(Value::as_str).is_none_or(str::is_empty) {
        object["type"] = json!("Opaque");
    }
    let Some(Value::Object(texts)) = object.as_object_mut().and_then(|o| o.remove("stringData")) else { return };
    if !object.get("data").is_some_and(Value::is_object) {
        object["data"] = json!({});
    }
    for (key, text) in texts {
        object["data"][key] = Value::String(STANDARD.encode(text.as_str().unwrap_or_default()));
    }
}

fn binding(object: &mut Value) {
    if object.pointer("/roleRef/apiGroup").and_then(Value::as_str).is_none_or(str::is_empty)
        && object.get("roleRef").is_some_and(Value::is_object)
    {
        object["roleRef"]["apiGroup"] = json!("rbac.authorization.k8s.io");
    }
    for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        let people = matches!(subject.get("kind").and_then(Value::as_str), Some("User" | "Group"));
        if people && subject.get("apiGroup").is_none() {
            subject["apiGroup"] = json!("rbac.authorization.k8s.io");
        }
    }
}

/// A definition is served as soon as it is stored, and its status says so.
fn definition(object: &mut Value, now: &str) {
    let Some(served) = catalogue::from_definition(object) else { return };
    let condition = |type_: &str, reason: &str, message: &str| json!({"type": type_, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
    let conditions = json!([
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]);
    let stored: Vec<&str> = served.versions.iter().take(1).map(|v| v.name.as_str()).collect();
    let names = json!({
        "kind": served.kind, "plural": served.plural, "singular": served.singular,
        "listKind": format!("{}List", served.kind), "shortNames": served.short_names,
        "categories": served.categories,
    });
    if let Some(own) = object.pointer_mut("/spec/names").and_then(Value::as_object_mut) {
        own.entry("singular").or_insert_with(|| json!(served.singular));
        own.entry("listKind").or_insert_with(|| json!(format!("{}List", served.kind)));
    }
    let kept = object.pointer("/status/conditions").filter(|c| !c.is_null()).cloned();
    object["status"] =
        json!({"conditions": kept.unwrap_or(conditions), "acceptedNames": names, "storedVersions": stored});
}

fn invalid<T>(path: &str, value: &Value, rule: &str) -> Result<T, Problem> {
    Err((path.to_owned(), format!("Invalid value: {value}: {rule}")))
}

/// The first thing that Kubernetes does not take.
pub(super) fn validate(kind: &Served, object: &Value, old: Option<&Value>) -> Result<(), Problem> {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "ConfigMap") => config_map(object, old),
        ("", "Secret") => validate_secret(object, old),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => role(object),
        ("rbac.authorization.k8s.io", _) => role_binding(object, old),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => validate_definition(object),
        _ => Ok(()),
    }
}

fn string_map(object: &Value, name: &str) -> Result<(), Problem> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(map)) => {
            for (key, value) in map {
                let clean = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
                if !clean || key == "." || key == ".." || key.len() > 253 {
                    let rule = "a valid key consists of alphanumeric characters, '-', '_' or '.'";
                    return invalid(&format!("{name}[{key}]"), &json!(key), rule);
                }
                if !value.is_string() {
                    return invalid(&format!("{name}[{key}]"), value, "must be a string");
                }
            }
            Ok(())
        }
        Some(other) => invalid(name, other, "must be a map of strings"),
    }
}

fn immutable(object: &Value, old: Option<&Value>, names: &[&str]) -> Result<(), Problem> {
    let Some(old) = old.filter(|o| o.get("immutable") == Some(&Value::Bool(true))) else { return Ok(()) };
    for name in names {
        if old.get(name) != object.get(name) {
            return Err(((*name).to_owned(), "Forbidden: field is immutable when `immutable` is set".to_owned()));
        }
    }
    Ok(())
}

fn config_map(object: &Value, old: Option<&Value>) -> Result<(), Problem> {
    string_map(object, "data")?;
    string_map(object, "binaryData")?;
    immutable(object, old, &["data", "binaryData", "immutable"])
}

fn validate_secret(object: &Value, old: Option<&Value>) -> Result<(), Problem> {
    string_map(object, "data")?;
    for (key, value) in object.get("data").and_then(Value::as_object).into_iter().flatten() {
        if STANDARD.decode(value.as_str().unwrap_or_default()).is_err() {
            // The value is a secret even when it is malformed.
            return Err((format!("data[{key}]"), "Invalid value: must be base64".to_owned()));
        }
    }
    if let Some(old) = old
        && old.get("type") != object.get("type")
    {
        return invalid("type", object.get("type").unwrap_or(&Value::Null), "field is immutable");
    }
    immutable(object, old, &["data", "immutable"])
}

fn role(object: &Value) -> Result<(), Problem> {
    let Some(rules) = object.get("rules").filter(|r| !r.is_null()) else { return Ok(()) };
    let parsed = <Vec<crate::auth::rbac::Rule> as serde::Deserialize>::deserialize(rules);
    match parsed {
        Err(e) => Err(("rules".to_owned(), format!("Invalid value: {e}"))),
        Ok(rules) => match rules.iter().position(|r| r.verbs.is_empty()) {
            Some(i) => {
                Err((format!("rules[{i}].verbs"), "Required value: verbs must contain at least one value".into()))
            }
            None => Ok(()),
        },
    }
}

fn role_binding(object: &Value, old: Option<&Value>) -> Result<(), Problem> {
    let reference = object.get("roleRef").unwrap_or(&Value::Null);
    if let Some(old) = old
        && old.get("roleRef") != Some(reference)
    {
        return invalid("roleRef", reference, "cannot change roleRef");
    }
    if reference.get("name").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(("roleRef.name".to_owned(), "Required value".to_owned()));
    }
    if !matches!(reference.get("kind").and_then(Value::as_str), Some("Role" | "ClusterRole")) {
        return invalid("roleRef.kind", reference.get("kind").unwrap_or(&Value::Null), "must be Role or ClusterRole");
    }
    for (i, subject) in object.get("subjects").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if !matches!(subject.get("kind").and_then(Value::as_str), Some("User" | "Group" | "ServiceAccount")) {
            let kind = subject.get("kind").unwrap_or(&Value::Null);
            return invalid(&format!("subjects[{i}].kind"), kind, "must be User, Group or ServiceAccount");
        }
    }
    Ok(())
}

fn validate_definition(object: &Value) -> Result<(), Problem> {
    let Some(served) = catalogue::from_definition(object) else {
        return Err((
            "spec".to_owned(),
            "Invalid value: names.kind, names.plural and a served version are required".into(),
        ));
    };
    let names = [&served.plural, &served.singular];
    let clean = names.iter().all(|n| crate::meta::is_dns_label(n))
        && crate::meta::is_dns_subdomain(&served.group)
        && served.kind.chars().all(|c| c.is_ascii_alphanumeric())
        && served.versions.iter().all(|v| crate::meta::is_dns_label(&v.name));
    if !clean || !served.group.contains('.') {
        return Err((
            "spec".to_owned(),
            "Invalid value: group, names and versions must be DNS names, the group with a dot".into(),
        ));
    }
    if sluice_api::kinds::canonical_group(&served.group) != served.group {
        let group = sluice_api::kinds::canonical_group(&served.group);
        return Err((
            "spec.group".to_owned(),
            format!("Forbidden: `{}` is another name of `{group}` here", served.group),
        ));
    }
    let expected = served.qualified_plural();
    if field(object, "name") != expected {
        let rule = format!("must be spec.names.plural+\".\"+spec.group, that is `{expected}`");
        return invalid("metadata.name", &json!(field(object, "name")), &rule);
    }
    Ok(())
}
