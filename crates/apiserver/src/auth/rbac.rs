//! The RBAC authorizer: roles and bindings, read from the store at every question, default deny. It must not know
//! what is done with the answer.

use super::{Attributes, UserInfo};
use crate::store::{Key, Resource, Store};
use serde::Deserialize;
use serde_json::Value;
use sluice_api::kinds::canonical_group;

/// rbac/v1 PolicyRule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    pub verbs: Vec<String>,
    pub api_groups: Vec<String>,
    pub resources: Vec<String>,
    pub resource_names: Vec<String>,
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
}

/// rbac/v1 RoleRef.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleRef {
    pub api_group: String,
    pub kind: String,
    pub name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Subject {
    kind: String,
    api_group: String,
    name: String,
    namespace: String,
}

const GROUP: &str = "rbac.authorization.k8s.io";

/// The rules of a role object; what cannot be read grants nothing.
pub fn rules_of(role: &Value) -> Vec<Rule> {
    role.get("rules").and_then(|r| Vec::<Rule>::deserialize(r).ok()).unwrap_or_default()
}

/// The rules of the role that a binding in that namespace refers to.
pub fn referred_rules(store: &Store, reference: &RoleRef, namespace: &str) -> Option<Vec<Rule>> {
    if reference.api_group != GROUP {
        return None;
    }
    let key = match reference.kind.as_str() {
        "ClusterRole" => Key::new(&Resource::new(GROUP, "clusterroles"), "", &reference.name),
        "Role" if !namespace.is_empty() => Key::new(&Resource::new(GROUP, "roles"), namespace, &reference.name),
        _ => return None,
    };
    let role = store.get(&key)?.object;
    if reference.kind == "ClusterRole" { Some(cluster_role_rules(store, &role)) } else { Some(rules_of(&role)) }
}

/// A ClusterRole's own rules and those of the roles its `aggregationRule` selects.
fn cluster_role_rules(store: &Store, role: &Value) -> Vec<Rule> {
    let mut rules = rules_of(role);
    let selectors = role.pointer("/aggregationRule/clusterRoleSelectors").and_then(Value::as_array);
    for selector in selectors.into_iter().flatten() {
        let Some(wanted) = selector.get("matchLabels").and_then(Value::as_object) else { continue };
        // An empty selector would select every role there is; nobody means that.
        if wanted.is_empty() || selector.get("matchExpressions").is_some() {
            continue;
        }
        for stored in store.list(&Resource::new(GROUP, "clusterroles"), None, None).items {
            let labels = stored.object.pointer("/metadata/labels");
            if wanted.iter().all(|(k, v)| labels.and_then(|l| l.get(k)) == Some(v)) {
                rules.extend(rules_of(&stored.object));
            }
        }
    }
    rules
}

fn subject_matches(subject: &Subject, user: &UserInfo, binding_namespace: &str) -> bool {
    match subject.kind.as_str() {
        "User" => subject.api_group == GROUP && subject.name == user.name,
        "Group" => subject.api_group == GROUP && user.groups.contains(&subject.name),
        "ServiceAccount" => {
            let namespace = if subject.namespace.is_empty() { binding_namespace } else { &subject.namespace };
            subject.api_group.is_empty() && user.as_service_account() == Some((namespace, subject.name.as_str()))
        }
        _ => false,
    }
}

fn binding_rules(store: &Store, binding: &Value, user: &UserInfo, namespace: &str) -> Vec<Rule> {
    let subjects = binding.get("subjects").and_then(|s| Vec::<Subject>::deserialize(s).ok()).unwrap_or_default();
    if !subjects.iter().any(|s| subject_matches(s, user, namespace)) {
        return Vec::new();
    }
    let reference = binding.get("roleRef").and_then(|r| RoleRef::deserialize(r).ok()).unwrap_or_default();
    referred_rules(store, &reference, namespace).unwrap_or_default()
}

/// Every rule that holds for the user in a namespace; with an empty namespace, at the cluster scope.
pub fn rules_for(store: &Store, user: &UserInfo, namespace: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    if user.is_master() {
        let all = || vec!["*".to_owned()];
        rules.push(Rule { verbs: all(), api_groups: all(), resources: all(), ..Rule::default() });
        rules.push(Rule { verbs: all(), non_resource_urls: all(), ..Rule::default() });
    }
    for stored in store.list(&Resource::new(GROUP, "clusterrolebindings"), None, None).items {
        rules.extend(binding_rules(store, &stored.object, user, ""));
    }
    if !namespace.is_empty() {
        for stored in store.list(&Resource::new(GROUP, "rolebindings"), Some(namespace), None).items {
            // A path is no part of any namespace, so a RoleBinding cannot grant one.
            let granted = binding_rules(store, &stored.object, user, namespace);
            rules.extend(granted.into_iter().map(|r| Rule { non_resource_urls: Vec::new(), ..r }));
        }
    }
    rules
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|item| item == "*" || item == wanted)
}

/// Whether a rule's resource (`pods`, `pods/log`, `*`, `*/log`) covers that one.
pub(super) fn resource_covers(rule: &str, resource: &str, subresource: &str) -> bool {
    if rule == "*" {
        return true;
    }
    match rule.split_once('/') {
        None => subresource.is_empty() && rule == resource,
        Some((main, sub)) => sub == subresource && (main == "*" || main == resource),
    }
}

/// Whether the path is one of the rule's `nonResourceURLs`; a trailing `*` matches any rest.
pub(super) fn path_covers(rule: &str, path: &str) -> bool {
    rule == "*" || rule == path || rule.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
}

/// Whether the rule allows it.
pub fn allows(rule: &Rule, wanted: &Attributes) -> bool {
    if !has(&rule.verbs, &wanted.verb) {
        return false;
    }
    if let Some(path) = &wanted.path {
        return rule.non_resource_urls.iter().any(|r| path_covers(r, path));
    }
    let group = canonical_group(&wanted.group);
    rule.api_groups.iter().any(|g| g == "*" || canonical_group(g) == group)
        && rule.resources.iter().any(|r| resource_covers(r, &wanted.resource, &wanted.subresource))
        && (rule.resource_names.is_empty() || (!wanted.name.is_empty() && rule.resource_names.contains(&wanted.name)))
}

/// Whether the user may do it.
pub fn authorize(store: &Store, user: &UserInfo, wanted: &Attributes) -> bool {
    user.is_master() || rules_for(store, user, &wanted.namespace).iter().any(|rule| allows(rule, wanted))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> Rule {
        let own = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect();
        Rule {
            verbs: own(verbs),
            api_groups: own(groups),
            resources: own(resources),
            resource_names: own(names),
            non_resource_urls: Vec::new(),
        }
    }

    #[test]
    fn table_of_rules() {
        let get = |group, resource, name| Attributes::resource("get", group, resource, "ns", name);
        let log = Attributes { subresource: "log".to_owned(), ..get("", "pods", "p") };
        let cases = [
            (rule(&["get"], &[""], &["pods"], &[]), get("", "pods", "p"), true),
            (rule(&["list"], &[""], &["pods"], &[]), get("", "pods", "p"), false),
            (rule(&["get"], &["apps"], &["pods"], &[]), get("", "pods", "p"), false),
            (rule(&["get"], &[""], &["pods"], &["q"]), get("", "pods", "p"), false),
            (rule(&["get"], &[""], &["pods"], &["p"]), get("", "pods", "p"), true),
            (rule(&["get"], &[""], &["pods"], &["p"]), get("", "pods", ""), false),
            (rule(&["get"], &[""], &["pods"], &[]), log.clone(), false),
            (rule(&["get"], &[""], &["pods/log"], &[]), log.clone(), true),
            (rule(&["get"], &[""], &["*/log"], &[]), log.clone(), true),
            (rule(&["get"], &[""], &["*"], &[]), log, true),
            (rule(&["*"], &["*"], &["*"], &[]), get("tekton.dev", "tasks", "t"), true),
            // Either name of Konflux's group counts for both.
            (
                rule(&["get"], &["konflux-ci.dev"], &["releases"], &[]),
                get("appstudio.redhat.com", "releases", "r"),
                true,
            ),
            (
                rule(&["get"], &["appstudio.redhat.com"], &["releases"], &[]),
                get("konflux-ci.dev", "releases", "r"),
                true,
            ),
        ];
        for (rule, wanted, allowed) in cases {
            assert_eq!(allows(&rule, &wanted), allowed, "{rule:?} {wanted:?}");
        }
    }

    #[test]
    fn paths() {
        assert!(path_covers("/apis/*", "/apis/tekton.dev"));
        assert!(!path_covers("/apis/*", "/api"));
        assert!(!path_covers("/version", "/version/x"));
    }
}
