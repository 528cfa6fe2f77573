//! The parts of `data` that bundles own: their manifests' roots, and what these permit. Pure.

use super::bundle::Bundle;
use super::member;
use super::tree::Tree;
use sluice_rego::Value;
use sluice_rego::ast::Module;

/// The roots of a manifest; all of `data` where it names none.
pub fn roots(manifest: &Value) -> Result<Vec<String>, String> {
    let Some(found) = member(manifest, "roots") else { return Ok(vec![String::new()]) };
    let Value::Array(items) = found else { return Err("the manifest's roots are no array of strings".to_owned()) };
    let roots: Vec<String> =
        items.iter().map(|root| root.as_str().unwrap_or_default().trim_matches('/').to_owned()).collect();
    within_one_another(&roots.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(roots)
}

/// Refuses roots of which one contains another.
pub fn within_one_another(roots: &[&str]) -> Result<(), String> {
    for (i, a) in roots.iter().enumerate() {
        if let Some(b) = roots.iter().skip(i + 1).find(|b| contains(a, b) || contains(b, a)) {
            return Err(format!("manifest has overlapped roots: '{a}' and '{b}'"));
        }
    }
    Ok(())
}

/// Whether a path lies at or below a root.
fn contains(root: &str, path: &str) -> bool {
    root.is_empty() || path == root || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether all that a bundle holds lies within its roots.
pub fn permitted(roots: &[String], modules: &[Module], data: &Tree) -> Result<(), String> {
    let shown = format!("[{}]", roots.join(" "));
    for module in modules {
        let path: Vec<&str> = module.package.path.iter().map(|part| &**part).collect();
        if !roots.iter().any(|root| contains(root, &path.join("/"))) {
            return Err(format!(
                "manifest roots {shown} do not permit 'package {}' in module '{}'",
                path.join("."),
                module.source.name
            ));
        }
    }
    let mut open = vec![(String::new(), data.clone().into_value())];
    while let Some((path, value)) = open.pop() {
        if roots.iter().any(|root| contains(root, &path)) && !(path.is_empty() && roots != [""]) {
            continue;
        }
        match &value {
            Value::Object(members) if path.is_empty() || roots.iter().any(|root| contains(&path, root)) => {
                let below = |key: &Value| format!("{path}/{}", key.as_str().unwrap_or_default());
                open.extend(
                    members.iter().map(|(key, value)| (below(key).trim_start_matches('/').to_owned(), value.clone())),
                );
            }
            _ => {
                return Err(format!(
                    "manifest roots {shown} do not permit data at path '/{path}' (hint: check bundle directory structure)"
                ));
            }
        }
    }
    Ok(())
}

/// Why bundles cannot be used together.
pub fn overlap(bundles: &[Bundle]) -> Option<String> {
    let clash = |a: &Bundle, b: &Bundle| {
        a.name != b.name && a.roots.iter().any(|x| b.roots.iter().any(|y| contains(x, y) || contains(y, x)))
    };
    let mut names: Vec<&str> =
        bundles.iter().filter(|a| bundles.iter().any(|b| clash(a, b))).map(|bundle| bundle.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    names.sort_unstable();
    let names = names.join(", ");
    let mut whole: Vec<&str> = bundles
        .iter()
        .filter(|bundle| bundle.roots.iter().any(String::is_empty))
        .map(|bundle| bundle.name.as_str())
        .collect();
    whole.sort_unstable();
    if !whole.is_empty() {
        return Some(format!(
            "bundles [{names}] have overlapping roots and cannot be activated simultaneously because bundle(s) [{}] specify empty root paths ('') which overlap with any other bundle root",
            whole.join(", ")
        ));
    }
    let mut why: Vec<String> = Vec::new();
    for (i, a) in bundles.iter().enumerate() {
        for b in bundles.iter().skip(i + 1) {
            for (x, y) in a.roots.iter().flat_map(|x| b.roots.iter().map(move |y| (x, y))) {
                if x == y {
                    why.push(format!("root {x} is in multiple bundles"));
                } else if contains(x, y) || contains(y, x) {
                    why.push(format!("{} overlaps {}", x.min(y), x.max(y)));
                }
            }
        }
    }
    why.sort();
    why.dedup();
    Some(format!("detected overlapping roots in manifests for these bundles: [{names}] ({})", why.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{contains, permitted, roots};
    use crate::commands::policy::load::Tree;
    use sluice_rego::json;

    #[test]
    fn a_root_contains_itself_and_what_is_below() {
        assert!(contains("", "a") && contains("a", "a") && contains("a", "a/b"));
        assert!(!contains("a", "ab") && !contains("a/b", "a"));
    }

    #[test]
    fn roots_must_not_lie_within_one_another() {
        let manifest = |text: &str| roots(&json::parse(text).unwrap());
        assert_eq!(manifest("{}").unwrap(), [""]);
        assert_eq!(manifest(r#"{"roots": ["/a/", "b/c"]}"#).unwrap(), ["a", "b/c"]);
        assert!(manifest(r#"{"roots": ["a", "a/b"]}"#).unwrap_err().contains("'a' and 'a/b'"));
        assert!(manifest(r#"{"roots": 1}"#).is_err());
    }

    #[test]
    fn data_outside_the_roots_is_refused() {
        let check = |roots: &[&str], data: &str| {
            let mut tree = Tree::default();
            tree.add(&[], json::parse(data).unwrap()).unwrap();
            permitted(&roots.iter().map(|root| (*root).to_owned()).collect::<Vec<_>>(), &[], &tree)
        };
        assert_eq!(check(&["a/b"], r#"{"a": {"b": {"c": 1}}}"#), Ok(()));
        assert_eq!(check(&[""], r#"{"a": 1}"#), Ok(()));
        assert!(check(&["a/b"], r#"{"a": {"x": 1}}"#).unwrap_err().contains("data at path '/a/x'"));
        assert!(check(&["a/b"], r#"{"a": 1}"#).unwrap_err().contains("data at path '/a'"));
    }
}
