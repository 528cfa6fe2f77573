//! Which kinds are served: the built-in table and the CustomResourceDefinitions in the store, in one form, so that no
//! other part can tell them apart. It keeps no copy: a definition is served from the moment it is stored.

use crate::store::{Key, Resource, Store};
use serde_json::Value;
use sluice_api::kinds::{KINDS, Kind, canonical_group};

/// A kind as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    pub group: String,
    pub aliases: Vec<String>,
    /// Served versions, the preferred one first.
    pub versions: Vec<Version>,
    pub kind: String,
    pub plural: String,
    pub singular: String,
    pub short_names: Vec<String>,
    pub categories: Vec<String>,
    pub namespaced: bool,
    pub generation: bool,
    pub built_in: bool,
}

/// What may differ between the versions of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub name: String,
    pub status: bool,
    pub columns: Vec<ColumnDefinition>,
}

/// A printed column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDefinition {
    pub name: String,
    pub type_: String,
    pub path: String,
    pub priority: i64,
    pub description: String,
}

impl Served {
    /// `pipelineruns.tekton.dev`; a core kind's plural alone.
    pub fn qualified_plural(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The collection its objects are in.
    pub fn resource(&self) -> Resource {
        Resource::new(&self.group, &self.plural)
    }

    /// That served version, if there is one.
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|v| v.name == name)
    }

    /// The group and all its other names.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.group.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// `apiVersion` of a group and version.
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// Group and version of an `apiVersion`.
pub fn split_api_version(text: &str) -> (&str, &str) {
    text.split_once('/').unwrap_or(("", text))
}

fn definitions() -> Resource {
    Resource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// The kind served under that group (or alias), version and plural.
pub fn find(store: &Store, group: &str, version: &str, plural: &str) -> Option<Served> {
    let canonical = canonical_group(group);
    let found = match KINDS.iter().find(|k| k.group == canonical && k.plural == plural) {
        Some(kind) => from_table(kind),
        None => {
            let stored = store.get(&Key::new(&definitions(), "", &format!("{plural}.{group}")))?;
            from_definition(&stored.object)?
        }
    };
    found.version(version).is_some().then_some(found)
}

/// Every kind that is served.
pub fn all(store: &Store) -> Vec<Served> {
    let mut kinds: Vec<Served> = KINDS.iter().map(from_table).collect();
    for stored in store.list(&definitions(), None, None).items {
        let Some(served) = from_definition(&stored.object) else { continue };
        // The built-in table wins over a definition of the same name, e.g. when Tekton's own files are applied.
        if !kinds.iter().any(|k| k.built_in && k.group == served.group && k.plural == served.plural) {
            kinds.push(served);
        }
    }
    kinds
}

/// Whether the definition of that collection is being deleted.
pub fn is_ending(store: &Store, resource: &Resource) -> bool {
    let name = format!("{}.{}", resource.plural, resource.group);
    store.get(&Key::new(&definitions(), "", &name)).is_some_and(|d| crate::meta::is_deleting(&d.object))
}

/// Whether the collection is of the built-in table.
pub fn is_built_in(resource: &Resource) -> bool {
    KINDS.iter().any(|k| k.group == resource.group && k.plural == resource.plural)
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

fn from_table(kind: &Kind) -> Served {
    let columns: Vec<ColumnDefinition> = kind
        .columns
        .iter()
        .map(|c| ColumnDefinition {
            name: c.name.to_owned(),
            type_: c.type_.to_owned(),
            path: c.path.to_owned(),
            priority: c.priority.into(),
            description: String::new(),
        })
        .collect();
    let version = |v: &&str| Version { name: (*v).to_owned(), status: kind.status, columns: columns.clone() };
    Served {
        group: kind.group.to_owned(),
        aliases: owned(kind.aliases),
        versions: kind.versions.iter().map(version).collect(),
        kind: kind.kind.to_owned(),
        plural: kind.plural.to_owned(),
        singular: kind.singular.to_owned(),
        short_names: owned(kind.short_names),
        categories: owned(kind.categories),
        namespaced: kind.namespaced,
        generation: kind.generation,
        built_in: true,
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Reads a CustomResourceDefinition; nothing if it lacks what must be there or serves no version.
pub fn from_definition(object: &Value) -> Option<Served> {
    let kind = text(object, "/spec/names/kind");
    let plural = text(object, "/spec/names/plural");
    let mut versions: Vec<(bool, Version)> = Vec::new();
    for version in object.pointer("/spec/versions")?.as_array()? {
        if version.get("served").and_then(Value::as_bool) != Some(true) {
            continue;
        }
        let columns = version.get("additionalPrinterColumns").and_then(Value::as_array);
        let column = |c: &Value| ColumnDefinition {
            name: text(c, "/name"),
            type_: text(c, "/type"),
            path: text(c, "/jsonPath"),
            priority: c.get("priority").and_then(Value::as_i64).unwrap_or(0),
            description: text(c, "/description"),
        };
        versions.push((
            version.get("storage").and_then(Value::as_bool).unwrap_or(false),
            Version {
                name: text(version, "/name"),
                status: version.pointer("/subresources/status").is_some(),
                columns: columns.into_iter().flatten().map(column).collect(),
            },
        ));
    }
    versions.sort_by_key(|(storage, _)| !storage);
    if kind.is_empty() || plural.is_empty() || versions.is_empty() {
        return None;
    }
    let singular = text(object, "/spec/names/singular");
    Some(Served {
        group: text(object, "/spec/group"),
        aliases: Vec::new(),
        versions: versions.into_iter().map(|(_, v)| v).collect(),
        singular: if singular.is_empty() { kind.to_lowercase() } else { singular },
        kind,
        plural,
        short_names: strings(object.pointer("/spec/names/shortNames")),
        categories: strings(object.pointer("/spec/names/categories")),
        namespaced: text(object, "/spec/scope") == "Namespaced",
        generation: true,
        built_in: false,
    })
}
