//! In-toto statements: some subjects and what is said about them. Bytes are written as Go writes JSON with sorted keys,
//! so that the same run always gives the same bytes and signing it twice gives nothing new.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluice_api::gojson;
use std::collections::BTreeMap;

/// Statement version that Chains' `slsa/v1` format writes.
pub const STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";
/// Statement version of in-toto attestations 1.0.
pub const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// Predicate type of SLSA provenance v0.2.
pub const SLSA_V02: &str = "https://slsa.dev/provenance/v0.2";

/// Algorithm to hex.
pub type DigestSet = BTreeMap<String, String>;

/// An in-toto statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    pub type_: String,
    pub predicate_type: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject: Vec<Subject>,
    #[serde(default)]
    pub predicate: Value,
}

/// A named artifact with its digests (in-toto's ResourceDescriptor, the part that subjects use).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: DigestSet,
}

/// Why bytes are no statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("not an in-toto statement: {0}")]
    Shape(String),
    #[error("`{0}` is not a version of an in-toto statement that is known here")]
    Version(String),
}

impl Statement {
    /// The statement's bytes: one form for one statement.
    ///
    /// # Errors
    /// When the predicate holds what JSON cannot.
    pub fn to_vec(&self) -> Result<Vec<u8>, StatementError> {
        let value = serde_json::to_value(self).map_err(|e| StatementError::Shape(e.to_string()))?;
        Ok(gojson::to_vec(&value))
    }

    /// Reads a statement of either version.
    ///
    /// # Errors
    /// When the bytes are no statement.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let statement: Self = serde_json::from_slice(bytes).map_err(|e| StatementError::Shape(e.to_string()))?;
        if statement.type_ != STATEMENT_V01 && statement.type_ != STATEMENT_V1 {
            return Err(StatementError::Version(statement.type_));
        }
        Ok(statement)
    }

    /// Whether a subject has that SHA-256 (hex, without `sha256:`).
    pub fn has_subject(&self, sha256: &str) -> bool {
        self.subject.iter().any(|s| s.digest.get("sha256").is_some_and(|hex| hex == sha256))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn bytes_are_sorted_and_read_back() {
        let statement = Statement {
            type_: STATEMENT_V01.to_owned(),
            predicate_type: SLSA_V02.to_owned(),
            subject: vec![Subject {
                name: "r/n".to_owned(),
                digest: DigestSet::from([("sha256".to_owned(), "ab".to_owned())]),
            }],
            predicate: json!({"b": 1, "a": "<"}),
        };
        let want = r#"{"_type":"https://in-toto.io/Statement/v0.1","predicate":{"a":"\u003c","b":1},"predicateType":"https://slsa.dev/provenance/v0.2","subject":[{"digest":{"sha256":"ab"},"name":"r/n"}]}"#;
        let bytes = statement.to_vec().unwrap();
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), want);
        assert_eq!(Statement::parse(&bytes).unwrap(), statement);
        assert!(statement.has_subject("ab") && !statement.has_subject("abc"));
    }

    #[test]
    fn refuses_what_is_no_statement() {
        assert!(matches!(Statement::parse(b"{}"), Err(StatementError::Shape(_))));
        let other = br#"{"_type":"x","predicateType":"y"}"#;
        assert_eq!(Statement::parse(other), Err(StatementError::Version("x".to_owned())));
    }
}
