//! What came of a test. Pure.

use super::find::Found;
use crate::commands::policy::output::failure::Failure;
use crate::commands::policy::output::measured::Measured;
use sluice_rego::{Answer, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// A test's end.
#[derive(Clone, Debug)]
pub enum Outcome {
    Pass,
    Fail,
    Skip,
    Error(Failure),
}

/// A test that was run or passed over.
#[derive(Clone, Debug)]
pub struct Outcomes {
    pub test: Found,
    pub outcome: Outcome,
    pub duration: Duration,
    /// What it printed.
    pub output: String,
    /// Of a test with cases.
    pub cases: Cases,
    pub measured: Option<Measured>,
    /// Of one that failed: what it evaluated, where that is shown.
    pub trace: String,
    /// Of one that failed: calls that it made and that nobody could answer.
    pub unanswered: Vec<String>,
}

/// Cases by name.
pub type Cases = BTreeMap<String, Case>;

/// One case of a test, or a group of them.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub failed: bool,
    pub cases: Cases,
}

impl Outcomes {
    /// A test that was not run.
    pub fn skipped(test: Found) -> Self {
        let (output, cases, trace) = (String::new(), Cases::new(), String::new());
        let (outcome, duration) = (Outcome::Skip, Duration::ZERO);
        Self { test, outcome, duration, output, cases, measured: None, trace, unanswered: Vec::new() }
    }

    /// Whether it was run and passed.
    pub fn passed(&self) -> bool {
        matches!(self.outcome, Outcome::Pass)
    }

    /// `data.a.test_b: PASS (1ms)`.
    pub fn line(&self) -> String {
        let name = format!("{}.{}: {}", self.test.package, self.test.name, self.word());
        match self.outcome {
            Outcome::Skip => name,
            _ => format!("{name} ({})", crate::commands::policy::duration::show(self.duration)),
        }
    }

    fn word(&self) -> &'static str {
        match self.outcome {
            Outcome::Pass => "PASS",
            Outcome::Fail => "FAIL",
            Outcome::Skip => "SKIPPED",
            Outcome::Error(_) => "ERROR",
        }
    }
}

impl Case {
    pub fn word(&self) -> &'static str {
        if self.failed { "FAIL" } else { "PASS" }
    }
}

/// What a test's answers say; `tried` are the keys of cases that were begun.
pub fn judge(test: &Found, answers: &[Answer], tried: &[Vec<String>]) -> (Outcome, Cases) {
    let value = answers.first().and_then(|answer| answer.expressions.first()).map(|shown| &shown.value);
    let Some(value) = value else { return (Outcome::Fail, Cases::new()) };
    if !test.cases {
        let outcome = if *value == Value::Bool(true) { Outcome::Pass } else { Outcome::Fail };
        return (outcome, Cases::new());
    }
    let mut cases = cases(value);
    for path in tried {
        begun(&mut cases, path);
    }
    let failed = cases.values().any(|case| case.failed);
    (if failed { Outcome::Fail } else { Outcome::Pass }, cases)
}

/// The cases that an object names.
fn cases(value: &Value) -> Cases {
    let Value::Object(members) = value else { return Cases::new() };
    members.iter().map(|(key, value)| (json::key_text(key), case(value))).collect()
}

fn case(value: &Value) -> Case {
    match value {
        Value::Object(_) => {
            let cases = cases(value);
            Case { failed: cases.values().any(|case| case.failed), cases }
        }
        Value::Bool(passed) => Case { failed: !passed, cases: Cases::new() },
        Value::Null => Case::default(),
        _ => Case { failed: true, cases: Cases::new() },
    }
}

/// A case that was begun and is not there has failed, and so have its groups.
fn begun(cases: &mut Cases, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    let case = cases.entry(first.clone()).or_insert_with(|| Case { failed: true, cases: Cases::new() });
    if rest.is_empty() {
        return case.failed;
    }
    let failed = begun(&mut case.cases, rest);
    case.failed |= failed;
    failed
}
