//! Which other tasks a pipeline task takes results from, and therefore runs after (upstream's PipelineTaskResultRefs).
//! Reads `$(tasks.NAME.results.RESULT)` by upstream's own pattern, which knows no brackets but an index.

use serde_json::Value;
use sluice_api::tekton::{ParamValue, PipelineTask};

/// Names of the tasks referred to, in the order of the references; a name may come more than once.
pub(super) fn of_task(task: &PipelineTask) -> Vec<String> {
    let mut found = Finder::default();
    task.params.iter().for_each(|param| found.param(&param.value));
    if let Some(matrix) = &task.matrix {
        let include = list(matrix, "include").flat_map(|include| list(include, "params"));
        for param in list(matrix, "params").chain(include) {
            let value = param.get("value").cloned().and_then(|value| serde_json::from_value(value).ok());
            found.param(&value.unwrap_or_default());
        }
    }
    for when in &task.when {
        found.text(&when.input);
        found.text(&when.cel);
        when.values.iter().for_each(|value| found.text(value));
    }
    if let Some(spec) = &task.task_spec {
        for step in &spec.spec.steps {
            if let Ok(step) = serde_json::to_value(step) {
                found.container(&step);
            }
        }
        spec.spec.sidecars.iter().for_each(|sidecar| found.container(sidecar));
    }
    found.0
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

#[derive(Default)]
struct Finder(Vec<String>);

impl Finder {
    fn param(&mut self, value: &ParamValue) {
        match value {
            ParamValue::String(text) => self.text(text),
            ParamValue::Array(items) => items.iter().for_each(|item| self.text(item)),
            ParamValue::Object(fields) => fields.values().for_each(|field| self.text(field)),
        }
    }

    /// The fields of a step or sidecar that upstream looks at.
    fn container(&mut self, container: &Value) {
        let mut text = |value: Option<&Value>| self.text(value.and_then(Value::as_str).unwrap_or_default());
        for key in ["name", "image", "imagePullPolicy", "script", "workingDir"] {
            text(container.get(key));
        }
        for key in ["command", "args"] {
            list(container, key).for_each(|item| text(Some(item)));
        }
        for env in list(container, "env") {
            text(env.get("value"));
            for source in ["secretKeyRef", "configMapKeyRef"] {
                let source = env.pointer(&format!("/valueFrom/{source}"));
                text(source.and_then(|source| source.get("key")));
                text(source.and_then(|source| source.get("name")));
            }
        }
    }

    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(start) = rest.find("$(") {
            rest = &rest[start + 2..];
            if let Some(reference) = variable(rest) {
                self.0.extend(task_of(reference).map(str::to_owned));
                rest = &rest[reference.len()..];
            }
        }
    }
}

/// The variable at the start of the text, up to its closing parenthesis.
fn variable(text: &str) -> Option<&str> {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let word = text.bytes().take_while(|b| is_word(*b)).count();
    let mut end = word;
    if let Some(index) = text[word..].strip_prefix('[') {
        let digits = index.bytes().take_while(u8::is_ascii_digit).count();
        let inner = if index.starts_with('*') { 1 } else { digits };
        if inner == 0 || !index[inner..].starts_with(']') {
            return None;
        }
        end = word + inner + 2;
    }
    (word > 0 && text[end..].starts_with(')')).then(|| &text[..end])
}

/// The task of a result reference.
fn task_of(variable: &str) -> Option<&str> {
    let parts: Vec<&str> = variable.split('.').collect();
    match parts.as_slice() {
        ["tasks" | "finally", task, "results", _] | ["tasks" | "finally", task, "results", _, _] => Some(task),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_results_wherever_upstream_looks() {
        let task: PipelineTask = serde_json::from_value(json!({
            "name": "t",
            "params": [{"name": "p", "value": "$(params.x) $(tasks.a.results.r) $(tasks.b.results.r[*])"},
                       {"name": "q", "value": ["$(tasks.c.results.o.key)", "$(tasks.c.results.o.key.more)"]}],
            "matrix": {"params": [{"name": "m", "value": ["$(tasks.d.results.r[0])"]}],
                       "include": [{"params": [{"name": "i", "value": "$(finally.e.results.r)"}]}]},
            "when": [{"input": "$(tasks.f.results.r)", "operator": "in", "values": ["$(tasks.g.status)"]}],
            "taskSpec": {"steps": [{"name": "s", "script": "x=$(date) $(tasks.h.results.r)",
                                    "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"key": "$(tasks.i.results.r)", "name": "n"}}}]}]},
        })).unwrap();
        assert_eq!(of_task(&task), ["a", "b", "c", "d", "e", "f", "h", "i"]);
    }

    #[test]
    fn broken_references_are_none_and_do_not_panic() {
        for text in [
            "$(",
            "$()",
            "$(tasks.a.results.r",
            "$(tasks.a.results.r[)",
            "$(tasks.a.results.r[x])",
            "$(é)",
            "$(tasks.a.results[\"r\"])",
        ] {
            let mut found = Finder::default();
            found.text(text);
            assert!(found.0.is_empty(), "{text}");
        }
    }
}
