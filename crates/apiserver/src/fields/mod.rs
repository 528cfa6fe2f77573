//! Who owns which field: `metadata.managedFields` and server-side apply. Pure.
//!
//! Ownership goes by leaves: scalars, atomic lists, empty maps, items of sets and of keyed lists. An update owns what it
//! changed and takes it from others; an apply owns what it names, may not change what others own unless forced, and
//! removes what it named before, names no longer, and nobody else owns.

mod merge;
mod set;

use crate::catalogue::Served;
use crate::error::ApiError;
use crate::meta;
use serde_json::{Value, json};
use set::{Path, Set, from_json, leaves, show, to_json};

/// One entry of `managedFields`.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    manager: String,
    operation: String,
    api_version: String,
    subresource: String,
    time: String,
    fields: Set,
}

/// Entries by updaters that are kept apart; older ones beyond that are joined, as Kubernetes does, to bound the size.
const MAX_UPDATERS: usize = 10;

fn entries(object: &Value) -> Vec<Entry> {
    let list = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    list.into_iter()
        .flatten()
        .map(|entry| Entry {
            manager: text(entry, "manager"),
            operation: text(entry, "operation"),
            api_version: text(entry, "apiVersion"),
            subresource: text(entry, "subresource"),
            time: text(entry, "time"),
            fields: entry.get("fieldsV1").map(from_json).unwrap_or_default(),
        })
        .collect()
}

fn managed_fields(mut entries: Vec<Entry>) -> Value {
    entries.retain(|e| !e.fields.is_empty());
    let updaters = entries.iter().filter(|e| e.operation == "Update").count();
    if updaters > MAX_UPDATERS {
        join_oldest(&mut entries, updaters - MAX_UPDATERS);
    }
    let entry = |e: &Entry| {
        let mut value = json!({
            "manager": e.manager,
            "operation": e.operation,
            "apiVersion": e.api_version,
            "time": e.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_json(&e.fields),
        });
        if !e.subresource.is_empty() {
            value["subresource"] = json!(e.subresource);
        }
        value
    };
    entries.iter().map(entry).collect()
}

fn join_oldest(entries: &mut Vec<Entry>, count: usize) {
    let mut joined = Entry {
        manager: "ancient-changes".to_owned(),
        operation: "Update".to_owned(),
        api_version: String::new(),
        subresource: String::new(),
        time: String::new(),
        fields: Set::new(),
    };
    for _ in 0..=count {
        let oldest = entries
            .iter()
            .enumerate()
            .filter(|(_, e)| e.operation == "Update")
            .min_by(|(_, a), (_, b)| a.time.cmp(&b.time))
            .map(|(i, _)| i);
        let Some(oldest) = oldest else { break };
        let entry = entries.remove(oldest);
        joined.api_version = entry.api_version;
        joined.time = entry.time;
        joined.fields.extend(entry.fields);
    }
    entries.push(joined);
}

fn find<'a>(
    entries: &'a mut Vec<Entry>,
    manager: &str,
    operation: &str,
    api_version: &str,
    subresource: &str,
) -> Option<&'a mut Entry> {
    let same = |e: &Entry| e.manager == manager && e.operation == operation && e.subresource == subresource;
    if !entries.iter().any(same) {
        entries.push(Entry {
            manager: manager.to_owned(),
            operation: operation.to_owned(),
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
            time: String::new(),
            fields: Set::new(),
        });
    }
    entries.iter_mut().find(|e| same(e))
}

/// Notes in the new state who owns what after an ordinary write. What the client says about owners is not taken.
pub(crate) fn record_update(
    old: Option<&Value>,
    new: &mut Value,
    manager: &str,
    api_version: &str,
    subresource: &str,
    now: &str,
) {
    let mut entries = old.map(entries).unwrap_or_default();
    let before = old.map(leaves).unwrap_or_default();
    let (changed, removed): (Set, Set) = {
        let after = leaves(new);
        let changed = after.iter().filter(|(path, value)| before.get(*path) != Some(*value));
        let removed = before.keys().filter(|path| !after.contains_key(*path));
        (changed.map(|(p, _)| p.clone()).collect(), removed.cloned().collect())
    };
    if !changed.is_empty() || !removed.is_empty() {
        for entry in &mut entries {
            entry.fields.retain(|path| !changed.contains(path) && !removed.contains(path));
        }
        if !changed.is_empty()
            && let Some(own) = find(&mut entries, manager, "Update", api_version, subresource)
        {
            now.clone_into(&mut own.time);
            own.fields.extend(changed);
        }
    }
    meta::set(new, "managedFields", managed_fields(entries));
}

/// The outcome of a server-side apply.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    pub(crate) object: Value,
    pub(crate) managed: Value,
}

/// Fields that others own and that the apply would change: manager, apiVersion, path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflicts(Vec<(String, String, String)>);

impl Conflicts {
    /// 409 with one cause per field.
    pub(crate) fn into_error(self, kind: &Served, name: &str) -> ApiError {
        let with = |manager: &str, version: &str| format!("conflict with \"{manager}\" using {version}");
        let one = self.0.len() == 1;
        let mut message = format!("Apply failed with {} conflict{}: ", self.0.len(), if one { "" } else { "s" });
        if let ([(manager, version, path)], true) = (self.0.as_slice(), one) {
            message.push_str(&format!("{}: {path}", with(manager, version)));
        } else {
            let mut managers: Vec<(&str, &str)> = self.0.iter().map(|(m, v, _)| (m.as_str(), v.as_str())).collect();
            managers.dedup();
            for (i, (manager, version)) in managers.iter().enumerate() {
                let separator = if i == 0 { "" } else { "\n" };
                message.push_str(&format!("{separator}conflicts with \"{manager}\" using {version}:"));
                for (_, _, path) in self.0.iter().filter(|(m, v, _)| m == manager && v == version) {
                    message.push_str(&format!("\n- {path}"));
                }
            }
        }
        let causes: Vec<Value> = self
            .0
            .iter()
            .map(|(manager, version, path)| {
                json!({"reason": "FieldManagerConflict", "message": with(manager, version), "field": path})
            })
            .collect();
        let mut error = ApiError::new(409, "Conflict", message);
        error.details = Some(json!({"name": name, "group": kind.group, "kind": kind.plural, "causes": causes}));
        error
    }
}

/// Whether the refusal is one of [`Conflicts`], which trying again does not change.
pub(crate) fn is_field_conflict(error: &ApiError) -> bool {
    error.details.as_ref().and_then(|d| d.pointer("/causes/0/reason")) == Some(&json!("FieldManagerConflict"))
}

/// Server-side apply of what one manager wants to a state, or to nothing.
pub(crate) fn apply(
    old: Option<&Value>,
    wanted: &Value,
    manager: &str,
    api_version: &str,
    subresource: &str,
    force: bool,
    now: &str,
) -> Result<Applied, Conflicts> {
    let named: Set = leaves(wanted).into_keys().collect();
    let mut all = old.map(entries).unwrap_or_default();
    let Some(old) = old else {
        if let Some(own) = find(&mut all, manager, "Apply", api_version, subresource) {
            now.clone_into(&mut own.time);
            own.fields = named;
        }
        return Ok(Applied { object: wanted.clone(), managed: managed_fields(all) });
    };
    let before = leaves(old);
    let changed: Set = leaves(wanted).into_iter().filter(|(p, v)| before.get(p) != Some(v)).map(|(p, _)| p).collect();
    let is_own = |e: &Entry| e.manager == manager && e.operation == "Apply" && e.subresource == subresource;
    let mut conflicts = Vec::new();
    for entry in all.iter_mut().filter(|e| !is_own(e)) {
        let contested: Vec<Path> = entry.fields.iter().filter(|p| overlaps(&changed, p)).cloned().collect();
        for path in contested {
            if force {
                entry.fields.remove(&path);
            } else {
                conflicts.push((entry.manager.clone(), entry.api_version.clone(), show(&path)));
            }
        }
    }
    if !conflicts.is_empty() {
        return Err(Conflicts(conflicts));
    }
    let given_up: Vec<Path> = all
        .iter()
        .filter(|e| is_own(e))
        .flat_map(|e| e.fields.iter())
        .filter(|p| !named.contains(*p))
        .filter(|p| !all.iter().any(|e| !is_own(e) && e.fields.contains(*p)))
        .cloned()
        .collect();
    let mut object = old.clone();
    let core = set::is_core(old);
    merge::merge(&mut object, wanted, &mut Vec::new(), core);
    // The key of a list's item goes last, when nothing else is left in it.
    let (keys, others): (Vec<&Path>, Vec<&Path>) = given_up.iter().partition(|p| merge::is_key(p));
    for path in others.into_iter().chain(keys) {
        merge::remove(&mut object, path, &named);
    }
    if let Some(own) = find(&mut all, manager, "Apply", api_version, subresource) {
        if own.fields != named || !changed.is_empty() || !given_up.is_empty() || own.time.is_empty() {
            now.clone_into(&mut own.time);
        }
        own.fields = named;
    }
    Ok(Applied { object, managed: managed_fields(all) })
}

/// Whether a change touches the path: it, what it is in, or what is in it. A scalar that becomes a map changes both.
fn overlaps(changed: &Set, path: &Path) -> bool {
    changed.contains(path) || changed.iter().any(|c| c.starts_with(path) || path.starts_with(c))
}

/// Whether two states differ in nothing but when their fields were written.
pub(crate) fn same_but_times(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    let rest = |o: &serde_json::Map<String, Value>, other: &serde_json::Map<String, Value>| {
        o.iter().filter(|(k, _)| *k != "metadata").all(|(k, v)| other.get(k) == Some(v))
    };
    if a.len() != b.len() || !rest(a, b) {
        return false;
    }
    let (Some(a), Some(b)) = (a.get("metadata"), b.get("metadata")) else { return false };
    let plain = |m: &Value| {
        let mut map = m.as_object().cloned().unwrap_or_default();
        map.remove("resourceVersion");
        for entry in map.get_mut("managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(entry) = entry.as_object_mut() {
                entry.remove("time");
            }
        }
        map.retain(|_, v| !v.is_null() && *v != json!([]) && *v != json!({}));
        map
    };
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests;
