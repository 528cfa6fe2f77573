//! Lists of artifacts, each a name with digests: merged as Chains merges them, and bounded. Knows nothing of where the
//! artifacts were found.

use crate::provenance::ProvenanceError;
use crate::statement::{DigestSet, Subject};
use serde_json::{Map, Value, json};

/// Most artifacts of one list. A run's results are far too small for more that is meant well.
pub const MAX_ARTIFACTS: usize = 4096;

/// Artifacts in the order they were found. One with the name of another and a digest in common is merged into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifacts(Vec<Subject>);

impl Artifacts {
    /// Adds or merges one.
    ///
    /// # Errors
    /// When the list is full.
    pub fn add(&mut self, name: impl Into<String>, digest: DigestSet) -> Result<(), ProvenanceError> {
        let item = Subject { name: name.into(), digest };
        if let Some(known) = self.0.iter_mut().find(|known| same(known, &item)) {
            known.digest.extend(item.digest);
            return Ok(());
        }
        if self.0.len() >= MAX_ARTIFACTS {
            return Err(ProvenanceError::TooMany);
        }
        self.0.push(item);
        Ok(())
    }

    /// Adds or merges all of another list.
    ///
    /// # Errors
    /// When the list is full.
    pub fn extend(&mut self, other: Self) -> Result<(), ProvenanceError> {
        other.0.into_iter().try_for_each(|item| self.add(item.name, item.digest))
    }

    /// As subjects of a statement.
    pub fn into_subjects(self) -> Vec<Subject> {
        self.0
    }

    /// As `materials` of SLSA v0.2.
    pub fn into_materials(self) -> Vec<Value> {
        let material = |item: Subject| {
            let mut fields = Map::new();
            if !item.name.is_empty() {
                fields.insert("uri".to_owned(), json!(item.name));
            }
            if !item.digest.is_empty() {
                fields.insert("digest".to_owned(), json!(item.digest));
            }
            Value::Object(fields)
        };
        self.0.into_iter().map(material).collect()
    }
}

/// One digest, as a set.
pub fn digest_set(algorithm: impl Into<String>, hex: impl Into<String>) -> DigestSet {
    DigestSet::from([(algorithm.into(), hex.into())])
}

fn same(a: &Subject, b: &Subject) -> bool {
    a.name == b.name && a.digest.iter().any(|(algorithm, hex)| b.digest.get(algorithm) == Some(hex))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn merges_by_name_and_one_common_digest() {
        let mut list = Artifacts::default();
        list.add("n", digest_set("sha256", "a")).unwrap();
        list.add("n", digest_set("sha256", "b")).unwrap();
        list.add("n", DigestSet::from([("sha256".into(), "a".into()), ("sha1".into(), "c".into())])).unwrap();
        list.add("m", digest_set("sha256", "a")).unwrap();
        let subjects = list.clone().into_subjects();
        assert_eq!(subjects.len(), 3);
        assert_eq!(subjects[0].digest.len(), 2);
        let mut again = list.clone();
        again.extend(list.clone()).unwrap();
        assert_eq!(again, list);
    }

    #[test]
    fn what_has_no_digest_is_never_merged_and_the_list_is_bounded() {
        let mut list = Artifacts::default();
        for _ in 0..MAX_ARTIFACTS {
            list.add("n", DigestSet::new()).unwrap();
        }
        assert_eq!(list.add("n", DigestSet::new()), Err(ProvenanceError::TooMany));
        assert_eq!(list.into_materials()[0], json!({"uri": "n"}));
    }
}
