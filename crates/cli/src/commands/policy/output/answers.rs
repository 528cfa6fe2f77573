//! A query's answers in each of the formats. Pure.

use super::coverage::Report;
use super::doc::Doc;
use super::failure::{Failure, summary, to_doc};
use super::metrics::{self, Numbers, Spread};
use super::profile;
use super::table::table;
use crate::commands::policy::args::EvalFormat;
use sluice_rego::query::ExpressionValue;
use sluice_rego::{Answer, Bindings, Value, json};

/// All that an evaluation came to.
#[derive(Debug, Default)]
pub struct Output {
    pub errors: Vec<Failure>,
    /// An error ended the evaluation; those of builtins alone do not.
    pub failed: bool,
    pub result: Vec<Answer>,
    pub metrics: Option<Numbers>,
    pub aggregated: Option<Spread>,
    pub profile: Vec<profile::Line>,
    pub coverage: Option<Report>,
    /// What the evaluation did, for people.
    pub explanation: String,
}

/// What goes to standard output and to standard error.
pub fn render(output: &Output, format: EvalFormat) -> (String, String) {
    let failed = !output.errors.is_empty();
    let errors = || (String::new(), format!("{}\n", summary(&output.errors, "")));
    let lines = |line: fn(&Answer) -> String| (output.result.iter().map(line).collect::<String>(), String::new());
    match format {
        EvalFormat::Json => (document(output, false).render(), String::new()),
        EvalFormat::Discard => (document(output, true).sorted().render(), String::new()),
        EvalFormat::Pretty => pretty(output),
        EvalFormat::Values | EvalFormat::Bindings | EvalFormat::Raw if failed => errors(),
        EvalFormat::Values => lines(|answer| {
            Doc::Array(answer.expressions.iter().map(|shown| Doc::Value(shown.value.clone())).collect()).render()
        }),
        EvalFormat::Bindings => lines(|answer| bindings(&answer.bindings).render()),
        EvalFormat::Raw => lines(raw),
    }
}

/// As JSON; what is discarded is only said to be there.
fn document(output: &Output, discard: bool) -> Doc {
    let result = (!output.result.is_empty()).then(|| match discard {
        true => Doc::text("discarded"),
        false => Doc::Array(output.result.iter().map(answer).collect()),
    });
    let members = [
        ("errors", (!output.errors.is_empty()).then(|| to_doc(&output.errors))),
        ("result", result),
        ("metrics", output.metrics.as_ref().map(metrics::to_doc)),
        ("aggregated_metrics", output.aggregated.as_ref().map(metrics::spread_to_doc)),
        ("profile", (!output.profile.is_empty()).then(|| profile::to_doc(&output.profile))),
        ("coverage", output.coverage.as_ref().map(Report::to_doc)),
    ];
    Doc::object(members)
}

fn answer(answer: &Answer) -> Doc {
    let expression = |shown: &ExpressionValue| {
        let location = Doc::object([
            ("row", Some(Doc::number(shown.location.row))),
            ("col", Some(Doc::number(shown.location.col))),
        ]);
        Doc::object([
            ("value", Some(Doc::Value(shown.value.clone()))),
            ("text", Some(Doc::text(&shown.text))),
            ("location", Some(location)),
        ])
    };
    Doc::object([
        ("expressions", Some(Doc::Array(answer.expressions.iter().map(expression).collect()))),
        ("bindings", (!answer.bindings.is_empty()).then(|| bindings(&answer.bindings))),
    ])
}

fn bindings(bindings: &Bindings) -> Doc {
    Doc::Object(bindings.iter().map(|(name, value)| (name.clone(), Doc::Value(value.clone()))).collect())
}

/// The values of one answer in a line; strings as they are.
fn raw(answer: &Answer) -> String {
    let text = |shown: &ExpressionValue| match &shown.value {
        Value::String(text) => text.to_string(),
        other => json::to_string(other),
    };
    format!("{}\n", answer.expressions.iter().map(text).collect::<Vec<_>>().join(" "))
}

fn pretty(output: &Output) -> (String, String) {
    let mut out = output.explanation.clone();
    let mut err = String::new();
    if !output.errors.is_empty() {
        err = format!("{}\n", summary(&output.errors, ""));
    } else if output.result.is_empty() {
        out.push_str("undefined\n");
    } else {
        out.push_str(&results(&output.result));
    }
    if let Some(numbers) = &output.metrics {
        out.push_str(&metrics::to_table(numbers));
    }
    if !output.profile.is_empty() {
        out.push_str(&profile::to_table(&output.profile));
    }
    if let Some(spread) = &output.aggregated {
        out.push_str(&metrics::spread_to_table(spread));
    }
    if let Some(coverage) = &output.coverage {
        let row = vec!["Overall Coverage".to_owned(), format!("{:.2}", coverage.coverage())];
        out.push_str(&table(&[], &[row], &[]));
    }
    (out, err)
}

/// One value alone where that says all, else a table of variables and expressions.
fn results(answers: &[Answer]) -> String {
    let Some(first) = answers.first() else { return String::new() };
    let is_bool = |shown: &ExpressionValue| matches!(shown.value, Value::Bool(_));
    if answers.len() == 1 && first.bindings.is_empty() {
        match first.expressions.as_slice() {
            [only] => return Doc::Value(only.value.clone()).render(),
            [one, ..] if first.expressions.iter().all(is_bool) => return Doc::Value(one.value.clone()).render(),
            _ => {}
        }
    }
    let names: Vec<&String> = first.bindings.keys().collect();
    let shown: Vec<usize> = (0..first.expressions.len())
        .filter(|i| first.bindings.is_empty() || first.expressions.get(*i).is_some_and(|shown| !is_bool(shown)))
        .collect();
    let texts = shown.iter().filter_map(|i| first.expressions.get(*i)).map(|shown| shown.text.to_string());
    let header: Vec<String> = names.iter().map(|name| (*name).clone()).chain(texts).collect();
    let row = |answer: &Answer| {
        let variables = names.iter().map(|name| answer.bindings.get(*name));
        let values = shown.iter().map(|i| answer.expressions.get(*i).map(|shown| &shown.value));
        variables.chain(values).map(|value| value.map_or_else(|| "null".to_owned(), json::to_string)).collect()
    };
    table(&header, &answers.iter().map(row).collect::<Vec<_>>(), &[])
}
