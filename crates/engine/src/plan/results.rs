//! Results of a TaskRun: file contents to typed values.

use serde_json::Value;
use sluice_api::tekton::substitution::Scope;
use sluice_api::tekton::{ParamValue, RunResult, TaskResult};
use std::collections::BTreeMap;

/// Declared results that were written, in the order of their declaration; or the message for what does not fit.
pub fn read(
    declared: &[TaskResult],
    written: &BTreeMap<String, String>,
    steps: &BTreeMap<String, Vec<RunResult>>,
) -> Result<Vec<RunResult>, String> {
    let mut scope = Scope::default();
    for (step, results) in steps {
        for result in results {
            scope.set_value(&format!("steps.{step}.results.{}", result.name), &result.value);
        }
    }
    let mut results = Vec::new();
    let mut wrong = Vec::new();
    for result in declared {
        let type_ = if result.type_.is_empty() { "string" } else { &result.type_ };
        // A value that is declared is made of step results; else the Task's own file holds it.
        let value = match (&result.value, written.get(&result.name)) {
            (Some(value), _) => {
                let value = scope.apply_value(value);
                if matches!(&value, ParamValue::String(text) if text.contains("$(steps.")) {
                    continue;
                }
                value
            }
            (None, Some(text)) => typed(text, type_),
            (None, None) => continue,
        };
        if value.type_name() != type_ {
            wrong.push(format!(
                " \"{}\": task result is expected to be \"{type_}\" type but was initialized to a different type \"{}\"",
                result.name,
                value.type_name()
            ));
            continue;
        }
        results.push(RunResult { name: result.name.clone(), type_: type_.to_owned(), value });
    }
    if !wrong.is_empty() {
        return Err(format!(
            "Provided results don't match declared results; may be invalid JSON or missing result declaration: {}",
            wrong.join(",")
        ));
    }
    let missing = missing_keys(declared, &results);
    if missing.is_empty() {
        Ok(results)
    } else {
        Err(format!("missing keys for these results which are required in TaskResult's properties map[{missing}]"))
    }
}

/// A file's content as the declared type; text where it is not that.
pub fn typed(text: &str, type_: &str) -> ParamValue {
    if matches!(type_, "array" | "object")
        && let Ok(value @ (Value::Array(_) | Value::Object(_))) = serde_json::from_str::<Value>(text)
        && let Ok(value) = serde_json::from_value::<ParamValue>(value)
    {
        return value;
    }
    ParamValue::String(text.to_owned())
}

fn missing_keys(declared: &[TaskResult], results: &[RunResult]) -> String {
    let mut all = Vec::new();
    for result in results {
        let ParamValue::Object(fields) = &result.value else { continue };
        let properties = declared.iter().find(|d| d.name == result.name).and_then(|d| d.properties.as_ref());
        let required = properties.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key);
        let missing: Vec<&str> = required.filter(|key| !fields.contains_key(*key)).map(String::as_str).collect();
        if !missing.is_empty() {
            all.push(format!("{}:[{}]", result.name, missing.join(" ")));
        }
    }
    all.join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn types_what_was_written() {
        let declared: Vec<TaskResult> = serde_json::from_value(json!([{"name": "s"}, {"name": "a", "type": "array"},
            {"name": "o", "type": "object", "properties": {"k": {}}}, {"name": "absent"},
            {"name": "up", "value": "$(steps.one.results.r)"}, {"name": "none", "value": "$(steps.one.results.other)"}])).unwrap();
        let written = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let steps = [(
            "one".to_owned(),
            vec![RunResult { name: "r".into(), type_: "string".into(), value: ParamValue::String("v".into()) }],
        )]
        .into();
        let good = read(&declared, &written(&[("s", "[1"), ("a", r#"["x"]"#), ("o", r#"{"k":"v"}"#)]), &steps).unwrap();
        assert_eq!(
            serde_json::to_value(good).unwrap(),
            json!([{"name": "s", "type": "string", "value": "[1"},
            {"name": "a", "type": "array", "value": ["x"]}, {"name": "o", "type": "object", "value": {"k": "v"}},
            {"name": "up", "type": "string", "value": "v"}])
        );
        let table = [
            (
                ("a", "text"),
                "\"a\": task result is expected to be \"array\" type but was initialized to a different type \"string\"",
            ),
            (("o", "{\"x\":\"y\"}"), "properties map[o:[k]]"),
            (("o", "[1,2]"), "different type \"string\""),
        ];
        for (pair, want) in table {
            let error = read(&declared, &written(&[pair]), &BTreeMap::new()).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }
}
