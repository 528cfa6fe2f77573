//! Rules that would hide documents. Pure.

use super::tree::Tree;
use sluice_rego::ast::Module;
use sluice_rego::{Code, Error};
use std::collections::BTreeMap;

/// An error for each place where rules and data meet, but for those below one that is reported.
pub fn conflicts(modules: &[Module], data: &Tree) -> Vec<Error> {
    let mut rules: BTreeMap<Vec<String>, Error> = BTreeMap::new();
    for module in modules {
        let package = module.path();
        for rule in &module.rules {
            let path = package.iter().cloned().chain(rule.head.constant_path());
            let Some(path) = path.map(|part| part.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>() else {
                continue;
            };
            let message = format!("conflicting rule for data path {} found", path.join("/"));
            rules.entry(path).or_insert_with(|| Error::at(Code::Compile, message, rule.location, &module.source));
        }
    }
    let mut found: Vec<(Vec<String>, Error)> = Vec::new();
    for (path, error) in rules {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        if data.occupies(&names) && !found.iter().any(|(above, _)| path.starts_with(above)) {
            found.push((path, error));
        }
    }
    found.into_iter().map(|(_, error)| error).collect()
}
