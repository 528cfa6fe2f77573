//! A report as text: json, yaml, appstudio (TEST_OUTPUT) and summary; the format `text` is in `text`. Pure: no terminal,
//! no file.

use crate::report::{Component, Finding, Report};
use crate::text;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The formats of ec that are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
    Text,
    Summary,
    Appstudio,
    PolicyInput,
}

/// What to show besides violations.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub successes: bool,
    pub warnings: bool,
    /// Titles, descriptions and solutions in json and yaml, as ec's `--info`.
    pub info: bool,
}

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("\"{0}\" is not a valid report format; use json, yaml, text, summary, appstudio or policy-input")]
    Format(String),
    #[error("the report cannot be written as {0}: {1}")]
    Encode(&'static str, String),
}

impl std::str::FromStr for Format {
    type Err = RenderError;

    fn from_str(name: &str) -> Result<Self, RenderError> {
        Ok(match name {
            "json" => Self::Json,
            "yaml" => Self::Yaml,
            "text" => Self::Text,
            "summary" => Self::Summary,
            "appstudio" | "hacbs" => Self::Appstudio,
            "policy-input" => Self::PolicyInput,
            other => return Err(RenderError::Format(other.to_owned())),
        })
    }
}

/// The report in a format, ended by a newline.
pub fn render(report: &Report, format: Format, options: Options) -> Result<String, RenderError> {
    let encode = |kind: &'static str| move |error: serde_json::Error| RenderError::Encode(kind, error.to_string());
    let mut out = match format {
        Format::Json => serde_json::to_string(&shown(report, options)).map_err(encode("json"))?,
        Format::Yaml => {
            let value = serde_json::to_value(shown(report, options)).map_err(encode("yaml"))?;
            serde_saphyr::to_string(&value).map_err(|error| RenderError::Encode("yaml", error.to_string()))?
        }
        Format::Text => text::text(report, options),
        Format::Summary => serde_json::to_string(&summary(report)).map_err(encode("summary"))?,
        Format::Appstudio => serde_json::to_string(&report.test_output()).map_err(encode("appstudio"))?,
        Format::PolicyInput => {
            let inputs = report.components.iter().filter_map(|component| component.policy_input.as_ref());
            inputs.map(Value::to_string).collect::<Vec<_>>().join("\n")
        }
    };
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Ok(out)
}

/// The report without what was not asked for. Dependencies between rules are for the verdict, not for readers.
fn shown(report: &Report, options: Options) -> Report {
    let mut report = report.clone();
    for component in &mut report.components {
        if !options.successes {
            component.successes.clear();
        }
        let lists = [&mut component.violations, &mut component.warnings, &mut component.successes];
        for finding in lists.into_iter().flatten() {
            finding.metadata.remove("depends_on");
            if !options.info {
                finding.metadata.retain(|key, _| ["code", "effective_on", "term"].contains(&key.as_str()));
            }
        }
    }
    report
}

fn summary(report: &Report) -> Value {
    let component = |component: &Component| {
        json!({
            "name": component.component.name,
            "success": component.success,
            "violations": condensed(&component.violations),
            "warnings": condensed(&component.warnings),
            "successes": condensed(&component.successes),
            "total_violations": component.violations.len(),
            "total_warnings": component.warnings.len(),
            "total_successes": component.success_count,
        })
    };
    json!({
        "components": report.components.iter().map(component).collect::<Vec<_>>(),
        "success": report.success,
        "key": report.key,
    })
}

/// The first message of each code, and how many more there are.
fn condensed(findings: &[Finding]) -> BTreeMap<&str, Vec<String>> {
    let mut by_code: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for finding in findings {
        by_code.entry(finding.code()).or_default().push(&finding.message);
    }
    let short = |(code, messages): (_, Vec<&str>)| {
        let mut lines: Vec<String> = messages.iter().take(1).map(ToString::to_string).collect();
        if messages.len() > 1 {
            lines.push(format!("There are {} more \"{code}\" messages", messages.len() - 1));
        }
        (code, lines)
    };
    by_code.into_iter().map(short).collect()
}
