//! Documents put together into one: objects are joined, anything else must not meet. Pure.

use sluice_rego::{Value, json};
use std::collections::BTreeMap;

/// A document that grows. Objects are opened only where another one comes to lie on them.
#[derive(Clone, Debug)]
pub enum Tree {
    Leaf(Value),
    Object(BTreeMap<String, Tree>),
}

impl Default for Tree {
    fn default() -> Self {
        Self::Object(BTreeMap::new())
    }
}

/// Two documents want the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

impl Tree {
    /// Adds a document at a path.
    ///
    /// # Errors
    /// Where something else than an object is there already, or would be put on one; nothing is added then.
    pub fn add(&mut self, path: &[String], document: Value) -> Result<(), Conflict> {
        let added = path
            .iter()
            .rev()
            .fold(Self::Leaf(document), |tree, part| Self::Object(BTreeMap::from([(part.clone(), tree)])));
        if self.conflicts(&added) {
            return Err(Conflict);
        }
        self.join(added);
        Ok(())
    }

    /// Takes away what is at a path of names and below.
    pub fn erase(&mut self, path: &[&str]) {
        let Some((first, rest)) = path.split_first() else {
            *self = Self::default();
            return;
        };
        if let Some(members) = self.open() {
            if rest.is_empty() {
                members.remove(*first);
            } else if let Some(member) = members.get_mut(*first) {
                member.erase(rest);
            }
        }
    }

    /// What is at a path of names.
    pub fn get(&self, path: &[&str]) -> Option<Self> {
        let mut at = self;
        for (i, part) in path.iter().enumerate() {
            match at {
                Self::Object(members) => at = members.get(*part)?,
                Self::Leaf(value) => {
                    let mut found = value.clone();
                    for part in &path[i..] {
                        let Value::Object(members) = &found else { return None };
                        found = members.get(&Value::string(part))?.clone();
                    }
                    return Some(Self::Leaf(found));
                }
            }
        }
        Some(at.clone())
    }

    /// Whether a rule at a path would hide something: a document is there, or on the way is one that is no object.
    pub fn occupies(&self, path: &[&str]) -> bool {
        (1..path.len()).any(|n| self.get(&path[..n]).is_some_and(|tree| !tree.is_object())) || self.get(path).is_some()
    }

    /// The document.
    pub fn into_value(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::Object(members) => {
                Value::object(members.into_iter().map(|(key, tree)| (Value::string(key), tree.into_value())))
            }
        }
    }

    fn is_object(&self) -> bool {
        matches!(self, Self::Object(_) | Self::Leaf(Value::Object(_)))
    }

    /// The members of an object, opened.
    fn open(&mut self) -> Option<&mut BTreeMap<String, Self>> {
        if let Self::Leaf(Value::Object(members)) = self {
            let opened = members.iter().map(|(key, value)| (json::key_text(key), Self::Leaf(value.clone()))).collect();
            *self = Self::Object(opened);
        }
        match self {
            Self::Object(members) => Some(members),
            Self::Leaf(_) => None,
        }
    }

    fn conflicts(&mut self, added: &Self) -> bool {
        let mut added = added.clone();
        match (self.open(), added.open()) {
            (Some(old), Some(new)) => {
                new.iter().any(|(key, tree)| old.get_mut(key).is_some_and(|found| found.conflicts(tree)))
            }
            _ => true,
        }
    }

    /// Joins without looking for conflicts; the new document wins.
    fn join(&mut self, mut added: Self) {
        let Some(new) = added.open() else {
            *self = added;
            return;
        };
        let new = std::mem::take(new);
        let Some(old) = self.open() else {
            *self = Self::Object(new);
            return;
        };
        for (key, tree) in new {
            match old.get_mut(&key) {
                Some(found) => found.join(tree),
                None => {
                    old.insert(key, tree);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Conflict, Tree};
    use sluice_rego::{Value, json};

    fn value(text: &str) -> Value {
        json::parse(text).unwrap()
    }

    fn path(text: &str) -> Vec<String> {
        text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn objects_are_joined_and_nothing_else_is() {
        let mut tree = Tree::default();
        tree.add(&path("a/b"), value(r#"{"k": [1]}"#)).unwrap();
        tree.add(&path(""), value(r#"{"a": {"c": 2}, "d": 3}"#)).unwrap();
        tree.add(&path("a"), value(r#"{"b": {"l": {}}}"#)).unwrap();
        for (at, document) in
            [("a/b", r#"{"k": [2]}"#), ("", "[1]"), ("d", "{}"), ("a/b/k", "{}"), ("a", r#"{"n": 1, "c": 2}"#)]
        {
            assert_eq!(tree.add(&path(at), value(document)), Err(Conflict), "{at} {document}");
        }
        assert_eq!(tree.into_value(), value(r#"{"a": {"b": {"k": [1], "l": {}}, "c": 2}, "d": 3}"#));
    }

    #[test]
    fn a_rule_hides_documents_at_its_path_and_scalars_above() {
        let mut tree = Tree::default();
        tree.add(&path("a"), value(r#"{"b": 1, "c": {"d": 2}}"#)).unwrap();
        for (at, wanted) in
            [("a/b", true), ("a/b/x", true), ("a/c", true), ("a/x", false), ("x", false), ("a/c/x", false)]
        {
            let at = path(at);
            assert_eq!(tree.occupies(&at.iter().map(String::as_str).collect::<Vec<_>>()), wanted, "{at:?}");
        }
    }

    #[test]
    fn what_is_erased_leaves_the_rest() {
        let mut tree = Tree::default();
        tree.add(&path("a"), value(r#"{"b": 1, "c": {"d": 2}}"#)).unwrap();
        tree.erase(&["a", "c"]);
        tree.erase(&["x", "y"]);
        assert_eq!(tree.clone().into_value(), value(r#"{"a": {"b": 1}}"#));
        tree.erase(&[]);
        assert_eq!(tree.into_value(), value("{}"));
    }
}
