//! Nobody grants what he lacks: the check on roles and bindings as they are written. It must not know where from.

use super::rbac::{self, RoleRef, Rule};
use super::{Attributes, UserInfo};
use crate::store::Store;
use serde::Deserialize;
use serde_json::Value;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Whether every single permission in `wanted` is in one of the rules that are held.
fn covered(held: &[Rule], wanted: &Rule) -> Result<(), String> {
    for verb in &wanted.verbs {
        for path in &wanted.non_resource_urls {
            let fits = |rule: &Rule| {
                contains(&rule.verbs, verb)
                    && rule.non_resource_urls.iter().any(|held| held == path || rbac::path_covers(held, path))
            };
            if !held.iter().any(fits) {
                return Err(format!("{{NonResourceURLs:[\"{path}\"], Verbs:[\"{verb}\"]}}"));
            }
        }
        for group in &wanted.api_groups {
            for resource in &wanted.resources {
                one_resource(held, wanted, verb, group, resource)?;
            }
        }
    }
    Ok(())
}

fn one_resource(held: &[Rule], wanted: &Rule, verb: &str, group: &str, resource: &str) -> Result<(), String> {
    let (main, sub) = resource.split_once('/').unwrap_or((resource, ""));
    // No names means all names, and only a rule without names covers that.
    let all = [String::new()];
    let names = if wanted.resource_names.is_empty() { &all[..] } else { &wanted.resource_names[..] };
    for name in names {
        let fits = |rule: &Rule| {
            contains(&rule.verbs, verb)
                && rule.api_groups.iter().any(|g| {
                    g == "*" || sluice_api::kinds::canonical_group(g) == sluice_api::kinds::canonical_group(group)
                })
                && rule.resources.iter().any(|r| r == resource || rbac::resource_covers(r, main, sub))
                && (rule.resource_names.is_empty() || (!name.is_empty() && rule.resource_names.contains(name)))
        };
        if !held.iter().any(fits) {
            let names = if name.is_empty() { String::new() } else { format!(", ResourceNames:[\"{name}\"]") };
            return Err(format!("{{APIGroups:[\"{group}\"], Resources:[\"{resource}\"]{names}, Verbs:[\"{verb}\"]}}"));
        }
    }
    Ok(())
}

fn contains(list: &[String], wanted: &str) -> bool {
    list.iter().any(|item| item == "*" || item == wanted)
}

/// Says why the user may not write that role or binding, if he may not.
///
/// # Errors
/// The permission he lacks.
pub fn check(store: &Store, user: &UserInfo, plural: &str, object: &Value, old: Option<&Value>) -> Result<(), String> {
    if user.is_master() {
        return Ok(());
    }
    let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let granted = match plural {
        "roles" | "clusterroles" => {
            // What the role granted before, it may go on granting; other labels may bring it into an aggregated role.
            if old.is_some_and(|o| {
                o.pointer("/metadata/labels") == object.pointer("/metadata/labels")
                    && o.get("rules") == object.get("rules")
                    && o.get("aggregationRule") == object.get("aggregationRule")
            }) {
                return Ok(());
            }
            if may(store, user, "escalate", plural, namespace, name) {
                return Ok(());
            }
            if object.get("aggregationRule").is_some_and(|r| !r.is_null()) {
                return Err("must have the verb \"escalate\" on cluster roles to use an aggregationRule".to_owned());
            }
            let Some(rules) = object.get("rules") else { return Ok(()) };
            if rules.is_null() {
                return Ok(());
            }
            Vec::<Rule>::deserialize(rules).map_err(|e| format!("rules cannot be read: {e}"))?
        }
        "rolebindings" | "clusterrolebindings" => {
            if old.is_some_and(|o| o.get("subjects") == object.get("subjects")) {
                return Ok(());
            }
            let reference = object.get("roleRef").and_then(|r| RoleRef::deserialize(r).ok()).unwrap_or_default();
            let (plural, scope) = match reference.kind.as_str() {
                "ClusterRole" => ("clusterroles", namespace),
                _ => ("roles", namespace),
            };
            if may(store, user, "bind", plural, scope, &reference.name) {
                return Ok(());
            }
            // A role that is not there yet may come to hold anything.
            rbac::referred_rules(store, &reference, namespace).ok_or_else(|| {
                format!("role \"{}\" not found, and binding it needs the verb \"bind\"", reference.name)
            })?
        }
        _ => return Ok(()),
    };
    let held = rbac::rules_for(store, user, namespace);
    for rule in &granted {
        if let Err(missing) = covered(&held, rule) {
            return Err(format!(
                "user \"{}\" (groups={:?}) is attempting to grant RBAC permissions not currently held:\n{missing}",
                user.name, user.groups
            ));
        }
    }
    Ok(())
}

fn may(store: &Store, user: &UserInfo, verb: &str, plural: &str, namespace: &str, name: &str) -> bool {
    rbac::authorize(store, user, &Attributes::resource(verb, GROUP, plural, namespace, name))
}
