//! What a test task says: its TEST_OUTPUT result (Konflux ADR 0030) and, from our verify task, a REPORT of what was denied
//! and why. Pure. A step wrote both, so they are read with bounds; they explain a refusal, and a missing or malformed
//! TEST_OUTPUT is never a pass.

use serde::Deserialize;
use serde_json::Value;
use sluice_api::tekton::{RunResult, TaskRun};

/// Longest text taken from a result into a message.
const MAX_TEXT: usize = 4096;

/// Answer of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Success,
    Warning,
    Skipped,
    /// FAILURE or ERROR.
    Failure,
    /// Not what ADR 0030 describes.
    Invalid,
}

#[derive(Deserialize)]
struct TestOutput {
    result: String,
    timestamp: Value,
    successes: u64,
    failures: u64,
    warnings: u64,
}

/// The answer of a TaskRun, or nothing if it has no TEST_OUTPUT.
pub(crate) fn answer(task_run: &TaskRun) -> Option<Answer> {
    let text = result(task_run, "TEST_OUTPUT").or_else(|| result(task_run, "HACBS_TEST_OUTPUT"))?;
    Some(parse(text))
}

fn parse(text: &str) -> Answer {
    let Ok(output) = serde_json::from_str::<TestOutput>(text) else { return Answer::Invalid };
    let timed = match &output.timestamp {
        Value::String(text) => !text.is_empty(),
        Value::Number(_) => true,
        _ => false,
    };
    match output.result.as_str() {
        _ if !timed => Answer::Invalid,
        // A success that counts failures, or that counts nothing at all, is not one.
        "SUCCESS" if output.failures > 0 || output.successes == 0 => Answer::Failure,
        "WARNING" if output.failures > 0 || output.successes + output.warnings == 0 => Answer::Failure,
        "SUCCESS" => Answer::Success,
        "WARNING" => Answer::Warning,
        "SKIPPED" => Answer::Skipped,
        "FAILURE" | "ERROR" => Answer::Failure,
        _ => Answer::Invalid,
    }
}

/// What a TaskRun says about why: its REPORT (the compact report of `sluice validate image`), else the note of its
/// TEST_OUTPUT, else nothing.
pub(crate) fn explanation(task_run: &TaskRun) -> String {
    let report = result(task_run, "REPORT").and_then(|text| serde_json::from_str::<Value>(text).ok());
    let components = report.as_ref().map(|r| list(r, "components")).unwrap_or_default();
    let lines: Vec<String> = components
        .iter()
        .flat_map(|component| list(component, "explanation").iter().map(|e| violation(text(component, "name"), e)))
        .take(20)
        .collect();
    if !lines.is_empty() {
        return bounded(&lines.join("\n"));
    }
    let output = result(task_run, "TEST_OUTPUT").and_then(|text| serde_json::from_str::<Value>(text).ok());
    bounded(output.as_ref().map(|output| text(output, "note")).unwrap_or_default())
}

fn violation(component: &str, explanation: &Value) -> String {
    let mut line = format!("[{}] {} (component {component}", text(explanation, "rule"), text(explanation, "reason"));
    for task in list(explanation, "tasks") {
        line = format!("{line}, task {}", text(task, "pipelineTask"));
    }
    line.push(')');
    for (label, key) in [("claimed", "claimed"), ("witnessed", "witnessed"), ("what to do", "remedy")] {
        if !text(explanation, key).is_empty() {
            line = format!("{line}; {label}: {}", text(explanation, key));
        }
    }
    line
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The text with control characters taken out and its end kept, as upstream cuts logs.
pub(crate) fn bounded(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    if clean.len() <= MAX_TEXT {
        return clean;
    }
    let mut start = clean.len() - MAX_TEXT;
    while !clean.is_char_boundary(start) {
        start += 1;
    }
    format!("...(truncated)\n{}", &clean[start..])
}

/// A string result of a TaskRun.
pub(crate) fn result<'a>(task_run: &'a TaskRun, name: &str) -> Option<&'a str> {
    string_result(&task_run.status.as_ref()?.results, name)
}

pub(crate) fn string_result<'a>(results: &'a [RunResult], name: &str) -> Option<&'a str> {
    results.iter().find(|r| r.name == name)?.value.as_str()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn task_run(results: Value) -> TaskRun {
        serde_json::from_value(json!({"status": {"results": results}})).unwrap()
    }

    #[test]
    fn a_pass_is_positive() {
        let output = |result: &str, s: u32, f: u32, w: u32| {
            json!({"result": result, "timestamp": "1732181000", "successes": s, "failures": f, "warnings": w})
                .to_string()
        };
        let table = [
            (output("SUCCESS", 3, 0, 0), Answer::Success),
            (output("WARNING", 3, 0, 1), Answer::Warning),
            (output("SKIPPED", 0, 0, 0), Answer::Skipped),
            (output("FAILURE", 3, 1, 0), Answer::Failure),
            (output("ERROR", 0, 0, 0), Answer::Failure),
            (output("SUCCESS", 3, 1, 0), Answer::Failure),
            (output("SUCCESS", 0, 0, 0), Answer::Failure),
            (output("success", 3, 0, 0), Answer::Invalid),
            (json!({"result": "SUCCESS"}).to_string(), Answer::Invalid),
            (String::new(), Answer::Invalid),
            ("[]".to_owned(), Answer::Invalid),
        ];
        for (text, want) in table {
            assert_eq!(parse(&text), want, "{text}");
        }
        assert_eq!(answer(&task_run(json!([]))), None);
    }

    #[test]
    fn a_report_says_why() {
        let report = json!({"success": false, "components": [{"name": "hello", "explanation": [
            {"rule": "a.b", "reason": "no\u{1b}[31m", "tasks": [{"pipelineTask": "report-image"}],
             "claimed": "built", "witnessed": "no push", "remedy": "do"},
            {"rule": "c.d", "reason": "nor"}]}]});
        let run = task_run(json!([{"name": "REPORT", "value": report.to_string()}]));
        assert_eq!(
            explanation(&run),
            "[a.b] no[31m (component hello, task report-image); claimed: built; witnessed: no push; what to do: do\n\
             [c.d] nor (component hello)"
        );
        let run = task_run(json!([{"name": "TEST_OUTPUT", "value": json!({"note": "see log"}).to_string()}]));
        assert_eq!(explanation(&run), "see log");
        assert!(bounded(&"x".repeat(9000)).starts_with("...(truncated)\n"));
    }
}
