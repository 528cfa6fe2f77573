//! Annotations from a rule outwards: what `rego.metadata.chain` and `rego.metadata.rule` give within it.

use crate::ast::{Annotations, Module, Rule, Scope, Target};
use crate::value::Value;
use std::collections::BTreeMap;

/// The annotations of all modules that are not of one rule.
#[derive(Default)]
pub struct Metadata<'m> {
    documents: BTreeMap<Vec<Value>, &'m Annotations>,
    /// As links, which all rules below share.
    packages: BTreeMap<Vec<Value>, Value>,
    /// In the order of the modules.
    subpackages: BTreeMap<Vec<Value>, Vec<Value>>,
}

impl<'m> Metadata<'m> {
    /// Of modules compiled together.
    pub fn new(modules: &'m [Module]) -> Self {
        let mut all = Self::default();
        for module in modules {
            let package = module.path();
            for found in &module.annotations {
                match (found.scope, found.target) {
                    (Scope::Package, _) => {
                        all.packages.insert(package.clone(), link(&package, Some(found)));
                    }
                    (Scope::Subpackages, _) => {
                        all.subpackages.entry(package.clone()).or_default().push(link(&package, Some(found)));
                    }
                    (Scope::Document, Target::Rule(index)) => {
                        if let Some(rule) = module.rules.get(index) {
                            all.documents.insert(path(module, rule), found);
                        }
                    }
                    _ => {}
                }
            }
        }
        all
    }

    /// From a rule outwards: its own, its document's, its package's and those of the packages above that reach so far.
    pub fn chain(&self, module: &Module, rule: &Rule) -> Value {
        let package = module.path();
        let path = path(module, rule);
        let mut own: Vec<&Annotations> = own(module, rule).collect();
        own.sort_by_key(|found| std::cmp::Reverse(found.location));
        let mut links = Vec::new();
        if own.is_empty() {
            links.push(link(&path, None));
        }
        links.extend(own.iter().map(|found| link(&path, Some(found))));
        links.extend(self.documents.get(&path).map(|found| link(&path, Some(found))));
        links.extend(self.packages.get(&package).cloned());
        let above = (0..=package.len()).rev().filter_map(|length| self.subpackages.get(&package[..length]));
        links.extend(above.flatten().cloned());
        Value::array(links)
    }
}

/// A rule's own annotations, without those around it.
pub fn rule(module: &Module, rule: &Rule) -> Value {
    own(module, rule).last().map_or_else(|| Value::object([]), Annotations::to_value)
}

fn own<'m>(module: &'m Module, rule: &'m Rule) -> impl Iterator<Item = &'m Annotations> {
    rule.annotations
        .iter()
        .filter_map(|index| module.annotations.get(*index))
        .filter(|found| found.scope == Scope::Rule)
}

fn path(module: &Module, rule: &Rule) -> Vec<Value> {
    let mut path = module.path();
    path.extend(rule.head.constant_path());
    path
}

fn link(path: &[Value], found: Option<&Annotations>) -> Value {
    let path = (Value::from("path"), Value::array(path.iter().cloned()));
    let found = found.map(|found| (Value::from("annotations"), found.to_value()));
    Value::object(std::iter::once(path).chain(found))
}
