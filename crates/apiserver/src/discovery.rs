//! Discovery: which groups, versions and kinds there are, in each form that clients ask for. It must not know what is
//! stored beyond the definitions of kinds.

use crate::catalogue::{Served, api_version};
use serde_json::{Value, json};

/// The Kubernetes version whose dialect this is; kubectl warns when its own is more than one minor version away.
pub const KUBERNETES_VERSION: &str = "v1.33.0";

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Resources that hold no objects: group, version, plural, kind, namespaced.
const VIRTUAL: &[(&str, &str, &str, &str, bool)] = &[
    ("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", false),
    ("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", false),
    ("authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview", true),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", false),
    ("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false),
];

/// The kind of a resource that holds no objects.
pub(crate) fn virtual_kind(group: &str, version: &str, plural: &str) -> Option<&'static str> {
    VIRTUAL.iter().find(|(g, v, p, ..)| (*g, *v, *p) == (group, version, plural)).map(|(.., kind, _)| *kind)
}

/// Name, kind with group and version, verbs.
type Subresource = (&'static str, (String, String, String), Vec<&'static str>);

/// One resource in discovery.
struct Entry {
    version: String,
    plural: String,
    kind: String,
    singular: String,
    short_names: Vec<String>,
    categories: Vec<String>,
    namespaced: bool,
    verbs: Vec<&'static str>,
    subresources: Vec<Subresource>,
}

struct Group {
    name: String,
    versions: Vec<String>,
    entries: Vec<Entry>,
}

fn entry(kind: &Served, group: &str, version: &str) -> Entry {
    let mut subresources = Vec::new();
    let own = (group.to_owned(), version.to_owned(), kind.kind.clone());
    if kind.version(version).is_some_and(|v| v.status) {
        subresources.push(("status", own, vec!["get", "patch", "update"]));
    }
    if group.is_empty() && kind.plural == "pods" {
        subresources.push(("log", (String::new(), "v1".to_owned(), "Pod".to_owned()), vec!["get"]));
    }
    if group.is_empty() && kind.plural == "serviceaccounts" {
        let kind = ("authentication.k8s.io".to_owned(), "v1".to_owned(), "TokenRequest".to_owned());
        subresources.push(("token", kind, vec!["create"]));
    }
    Entry {
        version: version.to_owned(),
        plural: kind.plural.clone(),
        kind: kind.kind.clone(),
        singular: kind.singular.clone(),
        // Under its other names a kind has no short ones, or each would be ambiguous and every list double.
        short_names: if group == kind.group { kind.short_names.clone() } else { Vec::new() },
        categories: if group == kind.group { kind.categories.clone() } else { Vec::new() },
        namespaced: kind.namespaced,
        verbs: VERBS.to_vec(),
        subresources,
    }
}

fn groups(kinds: &[Served]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut add = |name: &str, entry: Entry| {
        if !groups.iter().any(|g| g.name == name) {
            groups.push(Group { name: name.to_owned(), versions: Vec::new(), entries: Vec::new() });
        }
        if let Some(group) = groups.iter_mut().find(|g| g.name == name) {
            if !group.versions.contains(&entry.version) {
                group.versions.push(entry.version.clone());
            }
            group.entries.push(entry);
        }
    };
    for kind in kinds {
        for group in kind.groups() {
            for version in &kind.versions {
                add(group, entry(kind, group, &version.name));
            }
        }
    }
    for (group, version, plural, kind, namespaced) in VIRTUAL {
        add(
            group,
            Entry {
                version: (*version).to_owned(),
                plural: (*plural).to_owned(),
                kind: (*kind).to_owned(),
                singular: kind.to_lowercase(),
                short_names: Vec::new(),
                categories: Vec::new(),
                namespaced: *namespaced,
                verbs: vec!["create"],
                subresources: Vec::new(),
            },
        );
    }
    groups
}

/// `/version`.
pub(crate) fn version() -> Value {
    let mut parts = KUBERNETES_VERSION.trim_start_matches('v').split('.');
    json!({
        "major": parts.next(),
        "minor": parts.next(),
        "gitVersion": format!("{KUBERNETES_VERSION}+sluice-{}", env!("CARGO_PKG_VERSION")),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// The form of discovery that an `Accept` header asks for first among those there are.
pub(crate) fn aggregated_version(accept: &str) -> Option<&'static str> {
    for part in accept.split(',') {
        let mut options = part.split(';').map(str::trim);
        if options.next() != Some("application/json") {
            continue;
        }
        let options: Vec<&str> = options.collect();
        if options.contains(&"as=APIGroupDiscoveryList") && options.contains(&"g=apidiscovery.k8s.io") {
            if options.contains(&"v=v2") {
                return Some("v2");
            }
            if options.contains(&"v=v2beta1") {
                return Some("v2beta1");
            }
        }
    }
    None
}

/// `/api` (core) or `/apis` (all others) as one APIGroupDiscoveryList.
pub(crate) fn aggregated(kinds: &[Served], core: bool, version: &str) -> Value {
    let scope = |namespaced: bool| if namespaced { "Namespaced" } else { "Cluster" };
    let resource = |group: &str, entry: &Entry| {
        let subresources: Vec<Value> = entry
            .subresources
            .iter()
            .map(|(name, (group, version, kind), verbs)| {
                let kind = json!({"group": group, "version": version, "kind": kind});
                json!({"subresource": name, "responseKind": kind, "verbs": verbs})
            })
            .collect();
        let mut value = json!({
            "resource": entry.plural,
            "responseKind": {"group": group, "version": entry.version, "kind": entry.kind},
            "scope": scope(entry.namespaced),
            "singularResource": entry.singular,
            "verbs": entry.verbs,
        });
        for (name, list) in [("shortNames", &entry.short_names), ("categories", &entry.categories)] {
            if !list.is_empty() {
                value[name] = json!(list);
            }
        }
        if !subresources.is_empty() {
            value["subresources"] = json!(subresources);
        }
        value
    };
    let items: Vec<Value> = groups(kinds)
        .iter()
        .filter(|g| g.name.is_empty() == core)
        .map(|group| {
            let versions: Vec<Value> = group
                .versions
                .iter()
                .map(|v| {
                    let resources: Vec<Value> =
                        group.entries.iter().filter(|e| e.version == *v).map(|e| resource(&group.name, e)).collect();
                    json!({"version": v, "freshness": "Current", "resources": resources})
                })
                .collect();
            let metadata = if core { json!({}) } else { json!({"name": group.name}) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    })
}

/// `/api` as a plain APIVersions.
pub(crate) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

fn group_value(group: &Group) -> Value {
    let version = |v: &String| json!({"groupVersion": format!("{}/{v}", group.name), "version": v});
    let versions: Vec<Value> = group.versions.iter().map(version).collect();
    json!({"name": group.name, "versions": versions, "preferredVersion": versions.first()})
}

/// `/apis` as a plain APIGroupList.
pub(crate) fn group_list(kinds: &[Served]) -> Value {
    let groups: Vec<Value> = groups(kinds).iter().filter(|g| !g.name.is_empty()).map(group_value).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(crate) fn group(kinds: &[Served], name: &str) -> Option<Value> {
    let group = groups(kinds).into_iter().find(|g| g.name == name && !name.is_empty())?;
    let mut value = group_value(&group);
    value["kind"] = json!("APIGroup");
    value["apiVersion"] = json!("v1");
    Some(value)
}

/// `/api/v1` or `/apis/GROUP/VERSION` as a plain APIResourceList.
pub(crate) fn resource_list(kinds: &[Served], name: &str, version: &str) -> Option<Value> {
    let group = groups(kinds).into_iter().find(|g| g.name == name && g.versions.iter().any(|v| v == version))?;
    let mut resources = Vec::new();
    for entry in group.entries.iter().filter(|e| e.version == version) {
        let mut value = json!({
            "name": entry.plural,
            "singularName": entry.singular,
            "namespaced": entry.namespaced,
            "kind": entry.kind,
            "verbs": entry.verbs,
        });
        for (name, list) in [("shortNames", &entry.short_names), ("categories", &entry.categories)] {
            if !list.is_empty() {
                value[name] = json!(list);
            }
        }
        resources.push(value);
        for (name, (group, version, kind), verbs) in &entry.subresources {
            resources.push(json!({
                "name": format!("{}/{name}", entry.plural),
                "singularName": "",
                "namespaced": entry.namespaced,
                "group": group,
                "version": version,
                "kind": kind,
                "verbs": verbs,
            }));
        }
    }
    Some(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version(name, version),
        "resources": resources,
    }))
}
