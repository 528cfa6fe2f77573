//! The `text` format: ec's layout, and below it the explanation of each denial. Plain: colour is for whoever has a
//! terminal.

use crate::explain::Explanation;
use crate::rego::{Place, Why};
use crate::render::Options;
use crate::report::{Component, Finding, Report};
use std::fmt::Write;

/// Width at which text is wrapped.
const WRAP: usize = 130;

/// Lines and places shown of a proof.
const MOST: usize = 8;

/// Takes one list of findings out of a component.
type List = fn(&Component) -> &[Finding];

/// The report as a person reads it.
pub fn text(report: &Report, options: Options) -> String {
    let totals = report.test_output();
    let mut out = format!(
        "Success: {}\nResult: {}\nViolations: {}, Warnings: {}, Successes: {}\n",
        report.success, totals.result, totals.failures, totals.warnings, totals.successes
    );
    components(&mut out, &report.components);
    let parts: [(&str, bool, List); 3] = [
        ("Violation", totals.failures > 0, |component| &component.violations),
        ("Warning", totals.warnings > 0 && options.warnings, |component| &component.warnings),
        ("Success", totals.successes > 0 && options.successes, |component| &component.successes),
    ];
    if parts.iter().any(|(_, show, _)| *show) {
        out.push_str("Results:\n");
    }
    for (kind, _, list) in parts.iter().filter(|(_, show, _)| *show) {
        for component in &report.components {
            for item in list(component) {
                finding(&mut out, kind, component, item);
            }
        }
    }
    for component in report.components.iter().filter(|component| !component.explanation.is_empty()) {
        let name = if component.component.name.is_empty() { "the snapshot" } else { component.component.name.as_str() };
        let _ = writeln!(out, "Why {name} is denied:");
        for item in &component.explanation {
            explanation(&mut out, item);
        }
    }
    out
}

fn components(out: &mut String, components: &[Component]) {
    if let [one] = components {
        let _ = writeln!(out, "Component: {}\nImageRef: {}\n", one.component.name, one.component.container_image);
        return;
    }
    out.push_str("Components:\n");
    for item in components {
        let _ = writeln!(
            out,
            "- Name: {}\n  ImageRef: {}\n  Violations: {}, Warnings: {}, Successes: {}\n",
            item.component.name,
            item.component.container_image,
            item.violations.len(),
            item.warnings.len(),
            item.success_count
        );
    }
}

fn finding(out: &mut String, kind: &str, component: &Component, finding: &Finding) {
    let mark = match kind {
        "Violation" => "✕",
        "Warning" => "!",
        _ => "✓",
    };
    let _ = writeln!(out, "{mark} [{kind}] {}", finding.code());
    let image = &component.component.container_image;
    if !image.is_empty() {
        let _ = writeln!(out, "  ImageRef: {image}");
    }
    if kind != "Success" {
        field(out, "Reason", &finding.message);
    }
    match finding.terms().as_slice() {
        [] => {}
        [term] => field(out, "Term", term),
        terms => field(out, "Terms", &terms.join(", ")),
    }
    field(out, "Title", finding.text("title"));
    field(out, "Description", finding.text("description"));
    if kind != "Success" {
        field(out, "Solution", finding.text("solution"));
    }
    out.push('\n');
}

fn explanation(out: &mut String, item: &Explanation) {
    let _ = writeln!(out, "  {}", item.rule);
    let tasks: Vec<String> = item
        .tasks
        .iter()
        .map(|task| match task.task_run.as_str() {
            "" => task.pipeline_task.clone(),
            run => format!("{} (TaskRun {run})", task.pipeline_task),
        })
        .collect();
    for (label, text) in [
        ("what", &item.reason),
        ("task", &tasks.join(", ")),
        ("claimed", &item.claimed),
        ("witnessed", &item.witnessed),
        ("do", &item.remedy),
    ] {
        if !text.is_empty() {
            wrapped(out, &format!("    {label:<10} "), text);
        }
    }
    if let Some(proof) = &item.proof {
        why(out, item, proof);
    }
    out.push('\n');
}

/// The proof behind a denial: the rule's own lines, and what they and what they call read, first what the message names.
/// All of it is in the json.
fn why(out: &mut String, item: &Explanation, proof: &Why) {
    let told = format!("{} {} {}", item.reason, item.claimed, item.witnessed);
    let named = |place: &&Place| {
        let value = place.value.as_ref().and_then(|value| value.as_str()).unwrap_or_default();
        value.len() > 1 && told.contains(&format!("\"{value}\"")) || value.len() > 8 && told.contains(value)
    };
    let (first, last): (Vec<_>, Vec<_>) = proof.places.iter().partition(named);
    let own = proof.lines.iter().filter(|line| line.file == proof.file);
    let lines = own.map(|line| format!("{}:{}  {}", line.file, line.row, line.text));
    let places = first.into_iter().chain(last).map(|place| match &place.value {
        Some(value) => format!("{} = {}", place.path, short(&value.to_string())),
        None => format!("{} is absent", place.path),
    });
    for (label, all) in [("rule", lines.collect::<Vec<_>>()), ("read", places.collect())] {
        let more = all.len().saturating_sub(MOST);
        for (i, text) in all.iter().take(MOST).enumerate() {
            let _ = writeln!(out, "    {:<10} {text}", if i == 0 { label } else { "" });
        }
        if more > 0 {
            let _ = writeln!(out, "    {:<10} and {more} more; `--output json` has them all", "");
        }
    }
}

/// As much of a text as is shown of a value.
fn short(text: &str) -> String {
    if text.chars().count() <= 80 { text.to_owned() } else { text.chars().take(79).chain(['…']).collect() }
}

fn field(out: &mut String, label: &str, text: &str) {
    if !text.is_empty() {
        wrapped(out, &format!("  {label}: "), text);
    }
}

/// Words of `text` after `head`, lines indented by as much as the head is long, two at least.
fn wrapped(out: &mut String, head: &str, text: &str) {
    let indent = if head.trim_end().ends_with(':') { 2 } else { head.len() };
    out.push_str(head);
    let mut column = head.chars().count();
    for (at, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if at > 0 && column + 1 + length > WRAP {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}
