//! The verdict in a form small enough for a task's result, and that form as a person reads it: which rule, which task,
//! what was claimed against what was witnessed, and what to do. Pure.

use serde_json::{Value, json};
use sluice_policy::{Explanation, Report};
use std::fmt::Write;

/// Most bytes of the compact form; a result's limit is above it.
const MAX_BYTES: usize = 24 << 10;

/// Lines of a policy and places of its input that a compact explanation has.
const MAX_LINES: usize = 4;

/// The report without attestations, policy and successes' texts. Explanations beyond the limit are counted, not shown.
pub fn compact(report: &Report) -> Value {
    let mut left = MAX_BYTES;
    let components: Vec<Value> = report
        .components
        .iter()
        .map(|c| {
            let all: Vec<Value> = c.explanation.iter().filter_map(small).collect();
            let fits = |e: &Value| {
                let size = e.to_string().len();
                let fits = size <= left;
                left = left.saturating_sub(size);
                fits
            };
            let total = all.len();
            let shown: Vec<Value> = all.into_iter().take_while(fits).collect();
            json!({
                "name": c.component.name,
                "containerImage": c.component.container_image,
                "success": c.success,
                "successes": c.success_count,
                "warnings": c.warnings.len(),
                "violations": c.violations.len(),
                "explanation": shown,
                "explanationsLeftOut": total - shown.len(),
            })
        })
        .collect();
    json!({"success": report.success, "components": components})
}

/// An explanation with the most telling part of its proof.
fn small(explanation: &Explanation) -> Option<Value> {
    let mut value = serde_json::to_value(explanation).ok()?;
    if let Some(proof) = explanation.brief(MAX_LINES) {
        value["proof"] = serde_json::to_value(proof).ok()?;
    }
    Some(value)
}

/// The explanations of a compact report, indented; nothing for a report that says yes, or none.
pub fn explain(report: Option<&Value>) -> String {
    let mut out = String::new();
    for component in components(report) {
        let explanations = component["explanation"].as_array().map_or(&[][..], Vec::as_slice);
        for (position, explanation) in explanations.iter().enumerate() {
            // A remedy that several findings in a row share stands once, below the last of them.
            let shared = explanations.get(position + 1).is_some_and(|next| next["remedy"] == explanation["remedy"]);
            let text = |key: &str| explanation[key].as_str().unwrap_or_default();
            let _ = writeln!(out, "  ✗ {}  {}", text("rule"), text("reason"));
            for task in explanation["tasks"].as_array().into_iter().flatten() {
                let name = task["pipelineTask"].as_str().unwrap_or_default();
                match task["taskRun"].as_str() {
                    Some(run) => _ = writeln!(out, "      task       {name} (TaskRun {run})"),
                    None => _ = writeln!(out, "      task       {name}"),
                }
            }
            for (label, key) in [("claimed", "claimed"), ("witnessed", "witnessed")] {
                if !text(key).is_empty() {
                    let _ = writeln!(out, "      {label:<10} {}", text(key));
                }
            }
            for (label, key) in [("by rule", "rule"), ("that read", "read")] {
                let lines =
                    explanation["proof"][key]["shown"].as_array().into_iter().flatten().filter_map(Value::as_str);
                for (i, line) in lines.enumerate() {
                    let _ = writeln!(out, "      {:<10} {line}", if i == 0 { label } else { "" });
                }
            }
            if !shared && !text("remedy").is_empty() {
                let _ = writeln!(out, "      {:<10} {}", "what to do", text("remedy"));
            }
        }
        if let Some(more) = component["explanationsLeftOut"].as_u64().filter(|n| *n > 0) {
            let _ = writeln!(out, "  and {more} more");
        }
    }
    out
}

/// ` (12 rules passed)`, or how many said no.
pub fn counts(report: Option<&Value>) -> String {
    let sum = |key: &str| components(report).iter().filter_map(|c| c[key].as_u64()).sum::<u64>();
    match (report.is_some(), sum("violations")) {
        (false, _) => String::new(),
        (true, 0) => format!(" ({} checks passed)", sum("successes")),
        (true, 1) => " (1 violation)".into(),
        (true, n) => format!(" ({n} violations)"),
    }
}

fn components(report: Option<&Value>) -> &[Value] {
    report.and_then(|r| r["components"].as_array()).map_or(&[], Vec::as_slice)
}

/// `REPOSITORY:TAG` of each published image in a Release's artifacts (`images[].urls[]`).
pub fn published(artifacts: Option<&Value>) -> Vec<String> {
    let images = artifacts.and_then(|a| a["images"].as_array()).into_iter().flatten();
    images
        .flat_map(|image| image["urls"].as_array().into_iter().flatten())
        .filter_map(|url| url.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_rule_task_claim_and_remedy() {
        let report = json!({"success": false, "components": [{"violations": 1, "explanation": [{
            "rule": "witness.subject_witnessed", "reason": "not witnessed",
            "tasks": [{"pipelineTask": "report-image", "taskRun": "a-b"}],
            "claimed": "sha256:1", "witnessed": "no push", "remedy": "remove it",
            "proof": {"rule": {"shown": ["w.rego:7  x == 1"], "more": 0}, "read": {"shown": ["input.x = 1"], "more": 2}}}]}]});
        let text = explain(Some(&report));
        for part in [
            "witness.subject_witnessed",
            "report-image (TaskRun a-b)",
            "sha256:1",
            "no push",
            "remove it",
            "w.rego:7  x == 1",
            "input.x = 1",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(counts(Some(&report)), " (1 violation)");
        assert_eq!(explain(None), "");
    }

    #[test]
    fn a_remedy_that_findings_share_stands_once() {
        let finding = |step: &str, remedy: &str| json!({"rule": "r", "reason": step, "remedy": remedy});
        let explanation = json!([finding("a", "x"), finding("b", "x"), finding("c", "y")]);
        let report = json!({"success": false, "components": [{"violations": 3, "explanation": explanation}]});
        let want = "  ✗ r  a\n  ✗ r  b\n      what to do x\n  ✗ r  c\n      what to do y\n";
        assert_eq!(explain(Some(&report)), want);
    }
}
