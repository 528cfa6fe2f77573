//! The verdict as data, in the shape of ec's report. What it looks like is for `render`; how it was reached, for `judge`.

use crate::explain::Explanation;
use crate::rego::Why;
use serde::Serialize;
use serde_json::{Map, Value};
use sluice_api::konflux::{PolicySpec, SnapshotComponent};

/// Code, title, description and the like of a result, as ec names them.
pub type Metadata = Map<String, Value>;

/// One violation, warning or success.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    #[serde(rename = "msg")]
    pub message: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Metadata,
    /// What the rule offers for the explanation; not part of the report's own shape.
    #[serde(skip)]
    pub evidence: Option<Value>,
    /// What decided it; for the explanation, too.
    #[serde(skip)]
    pub why: Option<Why>,
}

impl Finding {
    /// A finding of the gate itself.
    pub fn builtin(code: &str, title: &str, description: &str, message: impl Into<String>) -> Self {
        let metadata = [("code", code), ("title", title), ("description", description)]
            .map(|(key, text)| (key.to_owned(), Value::from(text)));
        Self { message: message.into(), metadata: Map::from_iter(metadata), evidence: None, why: None }
    }

    /// The rule's code, or "".
    pub fn code(&self) -> &str {
        self.text("code")
    }

    /// A text of the metadata, or "".
    pub fn text(&self, key: &str) -> &str {
        self.metadata.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// The terms: one, or a list.
    pub fn terms(&self) -> Vec<String> {
        match self.metadata.get("term") {
            Some(Value::String(term)) => vec![term.clone()],
            Some(Value::Array(terms)) => terms.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }
}

/// The verdict on one image.
#[derive(Clone, Debug, Serialize)]
pub struct Component {
    #[serde(flatten)]
    pub component: SnapshotComponent,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub successes: Vec<Finding>,
    pub success: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<Value>,
    /// Why it was denied, in terms of the build.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explanation: Vec<Explanation>,
    #[serde(skip)]
    pub success_count: usize,
    /// What the rules were given.
    #[serde(skip)]
    pub policy_input: Option<Value>,
}

/// The verdict on a snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub success: bool,
    pub components: Vec<Component>,
    pub key: String,
    pub policy: PolicySpec,
    #[serde(rename = "ec-version")]
    pub ec_version: String,
    #[serde(rename = "effective-time")]
    pub effective_time: String,
    /// When the report was made, RFC 3339.
    #[serde(skip)]
    pub created: String,
}

/// TEST_OUTPUT of Konflux (ADR 0030), as ec's `appstudio` format writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestOutput {
    pub timestamp: String,
    pub namespace: String,
    pub successes: usize,
    pub failures: usize,
    pub warnings: usize,
    pub result: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl TestOutput {
    /// The output when there is no report, because the validation could not be done.
    pub fn for_error(created: &str, prefix: &str, error: &str) -> Self {
        Self {
            timestamp: epoch(created),
            namespace: String::new(),
            successes: 0,
            failures: 0,
            warnings: 0,
            result: "ERROR".into(),
            note: format!("Error: {prefix}: {error}"),
        }
    }
}

impl Report {
    /// Counts and the result they come to.
    pub fn test_output(&self) -> TestOutput {
        let sum = |count: fn(&Component) -> usize| self.components.iter().map(count).sum::<usize>();
        let (failures, warnings) = (sum(|c| c.violations.len()), sum(|c| c.warnings.len()));
        let successes = sum(|c| c.success_count);
        let (result, note) = match () {
            () if failures > 0 || !self.success => ("FAILURE", "Failures detected"),
            () if warnings > 0 => ("WARNING", "Warnings detected"),
            () if successes == 0 => ("SKIPPED", "All checks were skipped"),
            () => ("SUCCESS", "All checks passed successfully"),
        };
        TestOutput {
            timestamp: epoch(&self.created),
            namespace: String::new(),
            successes,
            failures,
            warnings,
            result: result.into(),
            note: note.into(),
        }
    }
}

fn epoch(created: &str) -> String {
    created.parse::<jiff::Timestamp>().map(|at| at.as_second().to_string()).unwrap_or_default()
}
