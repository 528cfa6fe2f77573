//! Sets of fields: which leaves an object has, and their form in `managedFields` (FieldsV1). Pure.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of a map.
    Field(String),
    /// An item of a list, by the JSON of its key fields.
    Key(String),
    /// An item of a set, by its own JSON.
    Item(String),
}

pub(super) type Path = Vec<Step>;
pub(super) type Set = BTreeSet<Path>;

/// How a list is owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Atomic,
    Set,
    By(&'static str),
}

/// The listType of a field. Custom resources' lists are atomic here: their schemas are not read. `core` is whether
/// the object is of Kubernetes' own kinds.
pub(super) fn list_of(path: &[Step], core: bool) -> List {
    let Some(Step::Field(field)) = path.last() else { return List::Atomic };
    let in_metadata = path.len() == 2 && path[0] == Step::Field("metadata".to_owned());
    match field.as_str() {
        "ownerReferences" if in_metadata => List::By("uid"),
        "finalizers" if in_metadata => List::Set,
        "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets" | "secrets" if core => {
            List::By("name")
        }
        "conditions" if core => List::By("type"),
        _ => List::Atomic,
    }
}

/// The key of a list's item, if the list is keyed and every item has a key of its own.
pub(super) fn keys_of(list: &[Value], key: &str) -> Option<Vec<Step>> {
    let mut seen = BTreeSet::new();
    let mut steps = Vec::with_capacity(list.len());
    for item in list {
        let step = Step::Key(json!({key: item.get(key)?}).to_string());
        if !seen.insert(step.clone()) {
            return None;
        }
        steps.push(step);
    }
    Some(steps)
}

/// Fields of `metadata` that nobody owns.
const SYSTEM: [&str; 10] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Every leaf of the object that can be owned, with its value.
pub(super) fn leaves(object: &Value) -> BTreeMap<Path, &Value> {
    let mut found = BTreeMap::new();
    let core = is_core(object);
    for (name, value) in object.as_object().into_iter().flatten() {
        match name.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    if !SYSTEM.contains(&name.as_str()) && name != "generateName" {
                        let mut path = vec![Step::Field("metadata".to_owned()), Step::Field(name.clone())];
                        walk(&mut path, value, core, &mut found);
                    }
                }
            }
            _ => walk(&mut vec![Step::Field(name.clone())], value, core, &mut found),
        }
    }
    found
}

/// Whether the object is of Kubernetes' own kinds.
pub(super) fn is_core(object: &Value) -> bool {
    let version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    !version.contains('/') || version.starts_with("rbac.authorization.k8s.io/")
}

fn walk<'a>(path: &mut Path, value: &'a Value, core: bool, found: &mut BTreeMap<Path, &'a Value>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                path.push(Step::Field(name.clone()));
                walk(path, value, core, found);
                path.pop();
            }
        }
        Value::Array(list) => match list_of(path, core) {
            List::Set => {
                for item in list {
                    path.push(Step::Item(item.to_string()));
                    found.insert(path.clone(), item);
                    path.pop();
                }
            }
            List::By(key) => match keys_of(list, key) {
                Some(steps) => {
                    for (step, item) in steps.into_iter().zip(list) {
                        path.push(step);
                        walk(path, item, core, found);
                        path.pop();
                    }
                }
                None => {
                    found.insert(path.clone(), value);
                }
            },
            List::Atomic => {
                found.insert(path.clone(), value);
            }
        },
        _ => {
            found.insert(path.clone(), value);
        }
    }
}

/// The set as FieldsV1.
pub(super) fn to_json(set: &Set) -> Value {
    let mut root = Map::new();
    for path in set {
        let mut at = &mut root;
        for step in path {
            let name = match step {
                Step::Field(name) => format!("f:{name}"),
                Step::Key(key) => format!("k:{key}"),
                Step::Item(item) => format!("v:{item}"),
            };
            let next = at.entry(name).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(next) = next else { break };
            at = next;
        }
    }
    Value::Object(root)
}

/// The set that FieldsV1 says; what has no known form is left out.
pub(super) fn from_json(fields: &Value) -> Set {
    let mut set = Set::new();
    read(&mut Vec::new(), fields, &mut set);
    set
}

fn read(path: &mut Path, fields: &Value, set: &mut Set) {
    let Some(map) = fields.as_object() else { return };
    let mut children = 0;
    for (name, value) in map {
        let step = match name.split_once(':') {
            Some(("f", name)) => Step::Field(name.to_owned()),
            Some(("k", key)) => Step::Key(key.to_owned()),
            Some(("v", item)) => Step::Item(item.to_owned()),
            _ => continue,
        };
        children += 1;
        path.push(step);
        read(path, value, set);
        path.pop();
    }
    if children == 0 && !path.is_empty() {
        set.insert(path.clone());
    }
}

/// A path as messages show it: `.spec.containers[name="a"].image`.
pub(super) fn show(path: &Path) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Key(key) => {
                let pairs = serde_json::from_str::<Map<String, Value>>(key).unwrap_or_default();
                let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
                text.push_str(&format!("[{}]", pairs.join(",")));
            }
            Step::Item(item) => text.push_str(&format!("[={item}]")),
        }
    }
    text
}
