//! Strategic merge patch for Kubernetes' own kinds: lists of named things are merged by their key, all others are
//! replaced. Pure.

use crate::catalogue::Served;
use serde_json::{Map, Value};

/// Whether the kind takes such patches: Kubernetes' own do, custom resources do not.
pub(super) fn is_for(kind: &Served) -> bool {
    kind.built_in && (kind.group.is_empty() || kind.group == "rbac.authorization.k8s.io")
}

/// How the list of that field is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    /// Replaced.
    Atomic,
    /// Joined as a set of scalars.
    Set,
    /// Merged item by item, by the value of this field.
    By(&'static str),
}

/// `patchStrategy` and `patchMergeKey` of the core types, by field name; no name has two meanings there.
fn list_of(field: &str) -> List {
    match field {
        "finalizers" => List::Set,
        "ownerReferences" => List::By("uid"),
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "secrets" => List::By("name"),
        "ports" => List::By("containerPort"),
        "volumeMounts" => List::By("mountPath"),
        "conditions" => List::By("type"),
        "hostAliases" => List::By("ip"),
        _ => List::Atomic,
    }
}

/// Merges the patch into the state.
pub(super) fn merge(target: &mut Value, patch: &Value) -> Result<(), String> {
    let Some(patch) = patch.as_object() else { return Err("a strategic merge patch must be an object".to_owned()) };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return Ok(()) };
    match patch.get("$patch").and_then(Value::as_str) {
        None | Some("merge") => {}
        Some("replace") => {
            *map = patch.iter().filter(|(k, _)| *k != "$patch").map(|(k, v)| (k.clone(), v.clone())).collect();
            return Ok(());
        }
        Some("delete") => {
            map.clear();
            return Ok(());
        }
        Some(other) => return Err(format!("unknown patch directive `$patch: {other}`")),
    }
    if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
        map.retain(|name, _| kept.iter().any(|k| k.as_str() == Some(name)));
    }
    for (name, value) in patch {
        if let Some(field) = name.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(list) = map.get_mut(field).and_then(Value::as_array_mut) {
                list.retain(|item| !gone.contains(item));
            }
        } else if name.starts_with('$') {
            // `$setElementOrder` is a wish about order only, and keys are what these lists go by.
        } else if value.is_null() {
            map.remove(name);
        } else {
            merge_field(map, name, value)?;
        }
    }
    Ok(())
}

fn merge_field(map: &mut Map<String, Value>, name: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::Object(_) => merge(map.entry(name).or_insert_with(|| Value::Object(Map::new())), value),
        Value::Array(items) => {
            let strategy = list_of(name);
            let slot = map.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            match (strategy, slot.as_array_mut()) {
                (List::By(key), Some(list)) if items.iter().all(Value::is_object) => merge_list(list, items, key),
                (List::Set, Some(list)) => {
                    for item in items {
                        if !list.contains(item) {
                            list.push(item.clone());
                        }
                    }
                    Ok(())
                }
                _ => {
                    *slot = value.clone();
                    Ok(())
                }
            }
        }
        scalar => {
            map.insert(name.to_owned(), scalar.clone());
            Ok(())
        }
    }
}

fn merge_list(list: &mut Vec<Value>, items: &[Value], key: &str) -> Result<(), String> {
    if items.iter().any(|i| i.get("$patch").and_then(Value::as_str) == Some("replace") && i.get(key).is_none()) {
        *list = items.iter().filter(|i| i.get("$patch").is_none()).cloned().collect();
        return Ok(());
    }
    for item in items {
        let Some(id) = item.get(key) else {
            return Err(format!("map: {item} does not contain declared merge key: {key}"));
        };
        let at = list.iter().position(|existing| existing.get(key) == Some(id));
        match (item.get("$patch").and_then(Value::as_str), at) {
            (Some("delete"), Some(at)) => {
                list.remove(at);
            }
            (Some("delete"), None) => {}
            (_, Some(at)) => merge(&mut list[at], item)?,
            (_, None) => {
                let mut new = Value::Object(Map::new());
                merge(&mut new, item)?;
                list.push(new);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn table_of_merges() {
        let cases = [
            (json!({"data": {"a": "1"}}), json!({"data": {"b": "2", "a": null}}), json!({"data": {"b": "2"}})),
            (
                json!({"secrets": [{"name": "a"}, {"name": "b"}]}),
                json!({"secrets": [{"name": "c"}, {"$patch": "delete", "name": "a"}], "$setElementOrder/secrets": [{"name": "b"}, {"name": "c"}]}),
                json!({"secrets": [{"name": "b"}, {"name": "c"}]}),
            ),
            (
                json!({"subjects": [{"name": "a"}]}),
                json!({"subjects": [{"name": "b"}]}),
                json!({"subjects": [{"name": "b"}]}),
            ),
            (
                json!({"metadata": {"finalizers": ["a", "b"]}}),
                json!({"metadata": {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]}}),
                json!({"metadata": {"finalizers": ["b", "c"]}}),
            ),
            (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"$patch": "replace", "d": 3}}), json!({"a": {"d": 3}})),
        ];
        for (mut target, patch, expected) in cases {
            merge(&mut target, &patch).unwrap();
            assert_eq!(sorted(target), sorted(expected), "{patch}");
        }
    }

    fn sorted(mut value: Value) -> Value {
        if let Some(list) = value.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
            list.sort_by_key(ToString::to_string);
        }
        value
    }
}
