//! Reading and checking `metadata` of an object of any kind. Pure.

use serde_json::{Map, Value, json};

/// A text under `metadata`, empty if missing.
pub fn field<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get("metadata").and_then(|m| m.get(name)).and_then(Value::as_str).unwrap_or_default()
}

/// `metadata` as a map; made if missing or of another type.
pub fn metadata_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let object = object.as_object_mut()?;
    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    if !metadata.is_object() {
        *metadata = json!({});
    }
    metadata.as_object_mut()
}

/// Sets a text under `metadata`.
pub fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(metadata) = metadata_mut(object) {
        metadata.insert(name.to_owned(), value.into());
    }
}

/// Whether deletion has begun.
pub fn is_deleting(object: &Value) -> bool {
    !field(object, "deletionTimestamp").is_empty()
}

/// The finalizers.
pub fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// RFC 1123 label: what a namespace's name is.
pub fn is_dns_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 63 && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// RFC 1123 subdomain: what most names are.
pub fn is_dns_subdomain(text: &str) -> bool {
    let part = |p: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !p.is_empty() && p.chars().all(inner) && !p.starts_with('-') && !p.ends_with('-')
    };
    !text.is_empty() && text.len() <= 253 && text.split('.').all(part)
}

fn is_path_segment(text: &str) -> bool {
    !text.is_empty() && text.len() <= 253 && text != "." && text != ".." && !text.contains(['/', '%', '\0'])
}

/// The name part of a label's or finalizer's key, and a label's value if not empty.
fn is_qualified_part(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_qualified_part(name),
        None => is_qualified_part(text),
    }
}

/// A field that may not be as it is: its path and what is wrong.
pub type Problem = (String, String);

const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
    or '.', and must start and end with an alphanumeric character";
const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
    must start and end with an alphanumeric character";
const MAX_ANNOTATION_BYTES: usize = 256 << 10;

/// The first thing in `metadata` that may not be as it is.
///
/// # Errors
/// That field and the rule it breaks.
pub fn validate(group: &str, plural: &str, object: &Value) -> Result<(), Problem> {
    let invalid =
        |path: &str, value: &str, rule: &str| Err((path.to_owned(), format!("Invalid value: \"{value}\": {rule}")));
    let name = field(object, "name");
    match (group, plural) {
        // `:` is usual in names of roles.
        ("rbac.authorization.k8s.io", _) if !is_path_segment(name) => {
            return invalid("metadata.name", name, "may not be empty, '.' or '..' or contain '/' or '%'");
        }
        ("rbac.authorization.k8s.io", _) => {}
        ("", "namespaces") if !is_dns_label(name) => return invalid("metadata.name", name, LABEL_RULE),
        _ if !is_dns_subdomain(name) => return invalid("metadata.name", name, SUBDOMAIN_RULE),
        _ => {}
    }
    let metadata = object.get("metadata");
    let map = |name: &str| match metadata.and_then(|m| m.get(name)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(other) => Err((format!("metadata.{name}"), format!("Invalid value: {other}: must be a map of strings"))),
    };
    for (key, value) in map("labels")?.into_iter().flatten() {
        let Some(text) = value.as_str() else {
            return Err(("metadata.labels".to_owned(), format!("Invalid value: {value}: must be a string")));
        };
        if !is_qualified_name(key) {
            return invalid(
                "metadata.labels",
                key,
                "must be a name of letters, digits, '-', '_' or '.', with an optional DNS prefix and '/'",
            );
        }
        if !text.is_empty() && !is_qualified_part(text) {
            return invalid("metadata.labels", text, "must be empty or at most 63 letters, digits, '-', '_' or '.'");
        }
    }
    let mut bytes = 0;
    for (key, value) in map("annotations")?.into_iter().flatten() {
        let Some(text) = value.as_str() else {
            return Err(("metadata.annotations".to_owned(), format!("Invalid value: {value}: must be a string")));
        };
        if !is_qualified_name(&key.to_lowercase()) {
            return invalid(
                "metadata.annotations",
                key,
                "must be a name of letters, digits, '-', '_' or '.', with an optional DNS prefix and '/'",
            );
        }
        bytes += key.len() + text.len();
    }
    if bytes > MAX_ANNOTATION_BYTES {
        return Err((
            "metadata.annotations".to_owned(),
            format!("Too long: may not be more than {MAX_ANNOTATION_BYTES} bytes"),
        ));
    }
    list_of_strings(object)?;
    owner_references(object)
}

fn list_of_strings(object: &Value) -> Result<(), Problem> {
    let Some(list) = object.pointer("/metadata/finalizers").filter(|f| !f.is_null()) else { return Ok(()) };
    let strings = list.as_array().is_some_and(|l| l.iter().all(|f| f.as_str().is_some_and(|f| !f.is_empty())));
    if strings {
        Ok(())
    } else {
        Err(("metadata.finalizers".to_owned(), format!("Invalid value: {list}: must be a list of names")))
    }
}

fn owner_references(object: &Value) -> Result<(), Problem> {
    let Some(list) = object.pointer("/metadata/ownerReferences").filter(|o| !o.is_null()) else { return Ok(()) };
    let path = "metadata.ownerReferences".to_owned();
    let Some(list) = list.as_array() else { return Err((path, "Invalid value: must be a list".to_owned())) };
    let mut controllers = 0;
    for (i, owner) in list.iter().enumerate() {
        for name in ["apiVersion", "kind", "name", "uid"] {
            if owner.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err((
                    format!("metadata.ownerReferences[{i}].{name}"),
                    "Required value: must not be empty".to_owned(),
                ));
            }
        }
        controllers += usize::from(owner.get("controller") == Some(&Value::Bool(true)));
    }
    if controllers > 1 {
        return Err((path, "Invalid value: only one reference can have controller set to true".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn problem(group: &str, plural: &str, metadata: Value) -> Option<String> {
        validate(group, plural, &json!({"metadata": metadata})).err().map(|(path, _)| path)
    }

    #[test]
    fn table_of_metadata() {
        assert_eq!(problem("", "pods", json!({"name": "a.b-1"})), None);
        assert_eq!(problem("", "pods", json!({"name": "A"})).as_deref(), Some("metadata.name"));
        assert_eq!(problem("", "pods", json!({"name": "a/b"})).as_deref(), Some("metadata.name"));
        assert_eq!(problem("", "namespaces", json!({"name": "a.b"})).as_deref(), Some("metadata.name"));
        assert_eq!(problem("rbac.authorization.k8s.io", "roles", json!({"name": "system:x"})), None);
        assert_eq!(
            problem("rbac.authorization.k8s.io", "roles", json!({"name": "a/b"})).as_deref(),
            Some("metadata.name")
        );
        let labels = |l: Value| problem("", "pods", json!({"name": "a", "labels": l}));
        assert_eq!(labels(json!({"tekton.dev/pipeline": "p", "x": ""})), None);
        assert_eq!(labels(json!({"x": 1})).as_deref(), Some("metadata.labels"));
        assert_eq!(labels(json!({"x": "a b"})).as_deref(), Some("metadata.labels"));
        assert_eq!(labels(json!({"/x": "a"})).as_deref(), Some("metadata.labels"));
        let owner = json!({"name": "a", "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]});
        assert_eq!(problem("", "pods", owner).as_deref(), Some("metadata.ownerReferences[0].uid"));
    }
}
