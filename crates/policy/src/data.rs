//! The data document that rules see: the data files merged, and what the policy itself adds. Two sources may not say
//! different things under one name. Pure.

use crate::source::File;
use serde_json::{Map, Value, json};
use sluice_api::konflux::PolicySource;

/// Data that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("data file `{file}` is not valid {kind}: {reason}")]
    Syntax { file: String, kind: &'static str, reason: String },
    #[error("data file `{file}` does not hold an object; its keys become data.KEY")]
    NotAnObject { file: String },
    #[error("data file `{file}` says something else of `{path}` than an earlier one; keep one of them")]
    Conflict { file: String, path: String },
    #[error("policy `spec.sources[].ruleData` is not an object")]
    RuleData,
}

/// Merges data files with the rule data of the source and the configuration of this validation.
pub fn build(
    files: &[File],
    source: &PolicySource,
    extra_rule_data: &Map<String, Value>,
    at: jiff::Timestamp,
    public_key: &str,
) -> Result<Value, DataError> {
    let mut data = Map::new();
    for file in files {
        let value = read(file)?;
        let Value::Object(map) = value else { return Err(DataError::NotAnObject { file: file.name.clone() }) };
        merge(&mut data, map, "", &file.name)?;
    }
    let mut rule_data = match &source.rule_data {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map.clone(),
        Some(_) => return Err(DataError::RuleData),
    };
    rule_data.extend(extra_rule_data.clone());
    let own = json!({
        "config": {
            "policy": {"when_ns": i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)},
            "default_sigstore_opts": {
                "certificate_identity": "", "certificate_identity_regexp": "",
                "certificate_oidc_issuer": "", "certificate_oidc_issuer_regexp": "",
                "ignore_rekor": true, "public_key": public_key, "rekor_url": "",
            },
        },
        "rule_data__configuration__": rule_data,
    });
    if let Value::Object(own) = own {
        for (key, value) in own {
            // A data source may neither set the clock nor speak for the policy's author.
            if data.insert(key.clone(), value).is_some() {
                return Err(DataError::Conflict { file: "the policy itself".into(), path: key });
            }
        }
    }
    Ok(Value::Object(data))
}

fn read(file: &File) -> Result<Value, DataError> {
    let (kind, parsed) = if file.name.ends_with(".json") {
        ("JSON", serde_json::from_slice(&file.bytes).map_err(|error| error.to_string()))
    } else {
        let text = std::str::from_utf8(&file.bytes).map_err(|error| error.to_string());
        ("YAML", text.and_then(|text| serde_saphyr::from_str(text).map_err(|error| error.to_string())))
    };
    parsed.map_err(|reason| DataError::Syntax { file: file.name.clone(), kind, reason })
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>, path: &str, file: &str) -> Result<(), DataError> {
    for (key, value) in from {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (into.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new, &path, file)?,
            (Some(old), new) if *old == new => {}
            (Some(_), _) => return Err(DataError::Conflict { file: file.to_owned(), path }),
            (None, new) => {
                into.insert(key, new);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(name: &str, text: &str) -> File {
        File { name: name.into(), bytes: text.into() }
    }

    fn built(files: &[File]) -> Result<Value, DataError> {
        let source = PolicySource { rule_data: Some(json!({"a": 1})), ..PolicySource::default() };
        let extra = Map::from_iter([("b".to_owned(), json!("2"))]);
        build(files, &source, &extra, "1970-01-01T00:00:02Z".parse().unwrap(), "PEM")
    }

    #[test]
    fn files_are_merged_and_the_policy_adds_its_own() {
        let data = built(&[file("a.json", r#"{"x": {"y": 1}}"#), file("b.yaml", "x:\n  z: [2]\n")]).unwrap();
        assert_eq!(data["x"], json!({"y": 1, "z": [2]}));
        assert_eq!(data["config"]["policy"]["when_ns"], 2_000_000_000);
        assert_eq!(data["rule_data__configuration__"], json!({"a": 1, "b": "2"}));
    }

    #[test]
    fn contradictions_and_usurpers_are_refused() {
        for (files, want) in [
            (vec![file("a.json", r#"{"x": 1}"#), file("b.json", r#"{"x": 2}"#)], "`x`"),
            (vec![file("a.json", r#"{"config": {"policy": {"when_ns": 1}}}"#)], "`config`"),
            (vec![file("a.json", r#"{"rule_data__configuration__": {}}"#)], "`rule_data__configuration__`"),
            (vec![file("a.json", "[]")], "does not hold an object"),
            (vec![file("a.json", "{")], "not valid JSON"),
            (vec![file("a.yml", "x: [")], "not valid YAML"),
        ] {
            let error = built(&files).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
