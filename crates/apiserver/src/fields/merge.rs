//! The merge of server-side apply: what is named is set, all else stays. Pure.

use super::set::{List, Path, Set, Step, keys_of, list_of};
use serde_json::{Map, Value};

/// Sets in `target` what `wanted` names.
pub(super) fn merge(target: &mut Value, wanted: &Value, path: &mut Path, core: bool) {
    match wanted {
        Value::Object(map) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let Some(fields) = target.as_object_mut() else { return };
            for (name, value) in map {
                // Owners are worked out by the caller, not merged.
                if path.len() == 1 && name == "managedFields" {
                    continue;
                }
                path.push(Step::Field(name.clone()));
                merge(fields.entry(name.clone()).or_insert(Value::Null), value, path, core);
                path.pop();
            }
        }
        Value::Array(items) => match (list_of(path, core), target.as_array_mut()) {
            (List::Set, Some(list)) => {
                let new: Vec<Value> = items.iter().filter(|i| !list.contains(i)).cloned().collect();
                list.extend(new);
            }
            (List::By(key), Some(list)) if keys_of(list, key).is_some() && keys_of(items, key).is_some() => {
                for (step, item) in keys_of(items, key).unwrap_or_default().into_iter().zip(items) {
                    path.push(step);
                    match list.iter_mut().find(|existing| existing.get(key) == item.get(key)) {
                        Some(existing) => merge(existing, item, path, core),
                        None => list.push(item.clone()),
                    }
                    path.pop();
                }
            }
            _ => *target = wanted.clone(),
        },
        scalar => *target = scalar.clone(),
    }
}

/// Whether the path is a key field of a list's item.
pub(super) fn is_key(path: &Path) -> bool {
    match path.as_slice() {
        [.., Step::Key(key), Step::Field(name)] => {
            serde_json::from_str::<Map<String, Value>>(key).is_ok_and(|k| k.contains_key(name))
        }
        _ => false,
    }
}

/// Removes one leaf, and the maps and items that are empty then unless something named is in them.
pub(super) fn remove(object: &mut Value, path: &Path, named: &Set) {
    remove_at(object, path, 0, named);
}

fn remove_at(at: &mut Value, path: &Path, depth: usize, named: &Set) -> bool {
    let Some(step) = path.get(depth) else { return true };
    match step {
        Step::Field(name) => {
            let Some(map) = at.as_object_mut() else { return false };
            if depth + 1 == path.len() && is_key(path) && map.len() > 1 {
                return false;
            }
            let Some(child) = map.get_mut(name) else { return false };
            if remove_at(child, path, depth + 1, named) {
                map.remove(name);
            }
            map.is_empty() && depth > 0 && !named.iter().any(|n| n.starts_with(&path[..depth]))
        }
        Step::Key(key) => {
            let Some(list) = at.as_array_mut() else { return false };
            let wanted = serde_json::from_str::<Map<String, Value>>(key).unwrap_or_default();
            let is_it = |item: &Value| wanted.iter().all(|(k, v)| item.get(k) == Some(v));
            let Some(i) = list.iter().position(is_it) else { return false };
            if remove_at(&mut list[i], path, depth + 1, named) {
                list.remove(i);
            }
            list.is_empty()
        }
        Step::Item(item) => {
            let Some(list) = at.as_array_mut() else { return false };
            let gone: Option<Value> = serde_json::from_str(item).ok();
            list.retain(|i| Some(i) != gone.as_ref());
            list.is_empty()
        }
    }
}
