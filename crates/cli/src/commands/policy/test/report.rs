//! Results of tests in each of the formats. Pure.

use super::result::{Case, Cases, Outcome, Outcomes};
use crate::commands::policy::output::doc::Doc;
use crate::commands::policy::output::failure::to_doc;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// What is shown of each test.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Those that pass too.
    pub verbose: bool,
    /// What those that fail evaluated.
    pub failures: bool,
    /// Measurements by names as Go's benchmarks have them.
    pub gobench: bool,
}

/// Lines that divide.
fn line(out: &mut String) {
    out.push_str(&"-".repeat(80));
    out.push('\n');
}

/// For people.
pub fn pretty(results: &[Outcomes], style: Style) -> String {
    let mut out = String::new();
    failures(&mut out, results, style);
    let mut last: Option<&str> = None;
    let mut any = false;
    for result in results {
        if let (true, Some(measured)) = (result.passed(), &result.measured) {
            let _ = writeln!(out, "{}\t{}", bench_name(result, style.gobench), measured.line());
            any = true;
            continue;
        }
        if !style.verbose && result.passed() {
            continue;
        }
        let file = result.test.file.as_str();
        if last.is_some_and(|last| last != file) {
            out.push('\n');
        }
        last = Some(file);
        any = true;
        let _ = writeln!(out, "{file}:{}:\n{}", result.test.location.row, result.line());
        tree(&mut out, &result.cases, 0, style.verbose);
        if !result.output.is_empty() {
            let _ = writeln!(out, "\n{}\n", indented(result.output.trim()));
        }
        if let Outcome::Error(failure) = &result.outcome {
            let _ = writeln!(out, "  {failure}");
        }
    }
    if any {
        line(&mut out);
    }
    out.push_str(&counts(results));
    out
}

/// What failed tests evaluated, before all else.
fn failures(out: &mut String, results: &[Outcomes], style: Style) {
    let failed: Vec<&Outcomes> = results.iter().filter(|result| matches!(result.outcome, Outcome::Fail)).collect();
    if failed.is_empty() || !style.failures {
        return;
    }
    out.push_str("FAILURES\n");
    line(out);
    for result in failed {
        let _ = writeln!(out, "{}\n\n{}", result.line(), result.trace);
    }
    out.push_str("SUMMARY\n");
    line(out);
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn tree(out: &mut String, cases: &Cases, depth: usize, verbose: bool) {
    for (name, case) in cases {
        if case.failed || verbose {
            let _ = writeln!(out, "  {}{name}: {}", "  ".repeat(depth), case.word());
        }
        tree(out, &case.cases, depth + 1, verbose);
    }
}

/// `data.a.test_b`, or `BenchmarkDataATestB`.
fn bench_name(result: &Outcomes, gobench: bool) -> String {
    let name = format!("{}.{}", result.test.package, result.test.name);
    if !gobench {
        return name;
    }
    let title = |part: &str| {
        let mut chars = part.chars();
        chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect::<String>()
    };
    format!("Benchmark{}", name.split(['.', '_']).map(title).collect::<String>())
}

/// How many passed, failed, were skipped and ended in errors. Each case counts.
fn counts(results: &[Outcomes]) -> String {
    let (mut pass, mut fail, mut skip, mut errors) = (0, 0, 0, 0);
    for result in results {
        match &result.outcome {
            Outcome::Skip => skip += 1,
            Outcome::Error(_) => errors += 1,
            Outcome::Pass | Outcome::Fail if !result.cases.is_empty() => {
                let (good, bad) = leaves(&result.cases);
                pass += good;
                fail += bad;
            }
            Outcome::Pass => pass += 1,
            Outcome::Fail => fail += 1,
        }
    }
    let all = pass + fail + skip + errors;
    let mut out = String::new();
    for (word, n) in [("PASS", pass), ("FAIL", fail), ("SKIPPED", skip), ("ERROR", errors)] {
        if n > 0 {
            let _ = writeln!(out, "{word}: {n}/{all}");
        }
    }
    out
}

fn leaves(cases: &Cases) -> (usize, usize) {
    cases.values().fold((0, 0), |(good, bad), case| match case.cases.is_empty() {
        true if case.failed => (good, bad + 1),
        true => (good + 1, bad),
        false => {
            let (more, worse) = leaves(&case.cases);
            (good + more, bad + worse)
        }
    })
}

/// Of a test that does not pass, where coverage is asked for: all that is said.
pub fn refusal(result: &Outcomes) -> String {
    match &result.outcome {
        Outcome::Error(failure) => failure.to_string(),
        _ => {
            let mut text = format!("{}\n", result.line());
            plain_tree(&mut text, &result.cases, 0);
            text
        }
    }
}

fn plain_tree(out: &mut String, cases: &Cases, depth: usize) {
    for (name, case) in cases {
        let _ = writeln!(out, "{}{name}: {}", "  ".repeat(depth), case.word());
        plain_tree(out, &case.cases, depth + 1);
    }
}

/// As JSON.
pub fn to_json(results: &[Outcomes]) -> String {
    Doc::Array(results.iter().map(one).collect()).render()
}

fn one(result: &Outcomes) -> Doc {
    let location = Doc::object([
        ("file", Some(Doc::text(&result.test.file))),
        ("row", Some(Doc::number(result.test.location.row))),
        ("col", Some(Doc::number(result.test.location.col))),
    ]);
    let yes = |yes: bool| yes.then(|| Doc::Raw("true".to_owned()));
    let error = match &result.outcome {
        Outcome::Error(failure) => match to_doc(std::slice::from_ref(failure)) {
            Doc::Array(mut one) => one.pop(),
            other => Some(other),
        },
        _ => None,
    };
    Doc::object([
        ("location", Some(location)),
        ("package", Some(Doc::text(&result.test.package))),
        ("name", Some(Doc::text(&result.test.name))),
        ("fail", yes(matches!(result.outcome, Outcome::Fail))),
        ("error", error),
        ("skip", yes(matches!(result.outcome, Outcome::Skip))),
        ("duration", Some(Doc::number(result.duration.as_nanos()))),
        ("output", (!result.output.is_empty()).then(|| Doc::text(STANDARD.encode(&result.output)))),
        ("benchmark_result", result.measured.as_ref().map(|measured| measured.to_doc())),
        ("sub_results", cases_to_doc(&result.cases)),
    ])
}

fn cases_to_doc(cases: &Cases) -> Option<Doc> {
    let one = |(name, case): (&String, &Case)| {
        let doc = Doc::object([
            ("name", (!name.is_empty()).then(|| Doc::text(name))),
            ("fail", case.failed.then(|| Doc::Raw("true".to_owned()))),
            ("sub_results", cases_to_doc(&case.cases)),
        ]);
        (name.clone(), doc)
    };
    (!cases.is_empty()).then(|| Doc::Object(cases.iter().map(one).collect()))
}
