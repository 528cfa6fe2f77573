//! What a module's names mean outside of bodies: imports and the rules of its package.

use crate::ast::{Module, Name};
use crate::value::Value;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// The names of one module.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub package: Vec<Value>,
    /// Path with its root.
    imports: HashMap<Name, Vec<Name>>,
    rules: HashSet<Name>,
    /// Imports that something has looked at.
    used: RefCell<HashSet<Name>>,
}

/// What a name leads to: `data` or `input`, and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Global {
    Data(Vec<Value>),
    Input(Vec<Value>),
}

impl Global {
    /// `data` or `input`, and the path.
    pub fn parts(self) -> (&'static str, Vec<Value>) {
        match self {
            Self::Data(path) => ("data", path),
            Self::Input(path) => ("input", path),
        }
    }
}

impl Names {
    /// Of a module; `rules` are the names of all rules of its package, in all its modules.
    pub fn new(module: &Module, rules: HashSet<Name>) -> Self {
        let imports = module
            .imports
            .iter()
            .filter(|import| !import.is_syntax())
            .filter_map(|import| Some((import.name()?.clone(), import.path.clone())))
            .collect();
        Self { package: module.path(), imports, rules, used: RefCell::default() }
    }

    /// All names of imports and rules.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        self.imports.keys().chain(&self.rules).map(|name| &**name)
    }

    /// Whether an import was looked at.
    pub fn is_used(&self, name: &Name) -> bool {
        self.used.borrow().contains(name)
    }

    /// What a name that is not local leads to.
    pub fn global(&self, name: &Name) -> Option<Global> {
        if let Some(path) = self.imports.get(name) {
            if !self.is_used(name) {
                self.used.borrow_mut().insert(name.clone());
            }
            let rest = path.iter().skip(1).map(Value::string).collect();
            return Some(if path.first().is_some_and(|root| &**root == "input") {
                Global::Input(rest)
            } else {
                Global::Data(rest)
            });
        }
        if self.rules.contains(name) {
            let mut path = self.package.clone();
            path.push(Value::string(name));
            return Some(Global::Data(path));
        }
        // In the old dialect, rules and imports may have these names too.
        match &**name {
            "data" => Some(Global::Data(Vec::new())),
            "input" => Some(Global::Input(Vec::new())),
            _ => None,
        }
    }
}
