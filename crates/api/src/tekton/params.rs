//! Params that a run gives against those that a definition declares: what is missing or of the wrong type, and the
//! values that hold, defaults included. Texts are upstream's, since clients match on them.

use super::substitution::{Index, Scope, references};
use super::{Param, ParamSpec, ParamValue};
use std::collections::{BTreeMap, BTreeSet};

/// Why the params of a run do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    #[error("missing values for these params which have no default values: [{}]", .0.join(" "))]
    Missing(Vec<String>),
    #[error("param types don't match the user-specified type: [{}]", .0.join(" "))]
    Types(Vec<String>),
    #[error("missing keys for these params which are required in ParamSpec's properties map[{}]", keys(.0))]
    Keys(BTreeMap<String, Vec<String>>),
    #[error("non-existent param references:[{}]", .0.join(" "))]
    Index(Vec<String>),
    #[error("param `{name}` value: {value} is not in the enum list")]
    Enum { name: String, value: String },
}

fn keys(missing: &BTreeMap<String, Vec<String>>) -> String {
    missing.iter().map(|(name, keys)| format!("{name}:[{}]", keys.join(" "))).collect::<Vec<_>>().join(" ")
}

/// Checks presence, types, object keys and enums. Params that are not declared are allowed, as upstream allows them.
///
/// # Errors
/// The first kind of problem found, with all params that have it.
pub fn check(declared: &[ParamSpec], given: &[Param]) -> Result<(), ParamsError> {
    let value = |name: &str| given.iter().find(|p| p.name == name).map(|p| &p.value);
    let missing: Vec<String> =
        declared.iter().filter(|d| d.default.is_none() && value(&d.name).is_none()).map(|d| d.name.clone()).collect();
    if !missing.is_empty() {
        return Err(ParamsError::Missing(missing));
    }
    let wrong: Vec<String> = declared
        .iter()
        .filter(|d| value(&d.name).is_some_and(|v| v.type_name() != declared_type(d)))
        .map(|d| d.name.clone())
        .collect();
    if !wrong.is_empty() {
        return Err(ParamsError::Types(wrong));
    }
    let mut incomplete = BTreeMap::new();
    for spec in declared.iter().filter(|d| declared_type(d) == "object") {
        let Some(ParamValue::Object(fields)) = value_of(spec, value(&spec.name)) else { continue };
        let required = spec.properties.as_ref().and_then(|p| p.as_object());
        let lacking: Vec<String> = required
            .into_iter()
            .flatten()
            .map(|(key, _)| key.clone())
            .filter(|key| !fields.contains_key(key))
            .collect();
        if !lacking.is_empty() {
            incomplete.insert(spec.name.clone(), lacking);
        }
    }
    if !incomplete.is_empty() {
        return Err(ParamsError::Keys(incomplete));
    }
    for spec in declared.iter().filter(|d| !d.enum_.is_empty()) {
        if let Some(ParamValue::String(text)) = value_of(spec, value(&spec.name))
            && !spec.enum_.contains(&text)
        {
            return Err(ParamsError::Enum { name: spec.name.clone(), value: text });
        }
    }
    Ok(())
}

/// `string`, `array` or `object`; inferred where it is not written.
pub fn declared_type(spec: &ParamSpec) -> &str {
    match (&*spec.type_, &spec.default, &spec.properties) {
        ("", Some(default), _) => default.type_name(),
        ("", None, Some(_)) => "object",
        ("", None, None) => "string",
        (written, ..) => written,
    }
}

/// The given value, an object's missing keys from its default; else the default.
fn value_of(spec: &ParamSpec, given: Option<&ParamValue>) -> Option<ParamValue> {
    match (given, &spec.default) {
        (Some(ParamValue::Object(fields)), Some(ParamValue::Object(defaults))) => {
            let mut merged = defaults.clone();
            merged.extend(fields.clone());
            Some(ParamValue::Object(merged))
        }
        (Some(value), _) => Some(value.clone()),
        (None, default) => default.clone(),
    }
}

/// The values that hold for the declared params, by name.
pub fn effective(declared: &[ParamSpec], given: &[Param]) -> BTreeMap<String, ParamValue> {
    let value = |name: &str| given.iter().find(|p| p.name == name).map(|p| &p.value);
    declared.iter().filter_map(|d| Some((d.name.clone(), value_of(d, value(&d.name))?))).collect()
}

/// Puts params into a scope, under each prefix that names them.
pub fn into_scope(scope: &mut Scope, values: &BTreeMap<String, ParamValue>) {
    for (name, value) in values {
        scope.set_value(&format!("params.{name}"), value);
        scope.set_value(&format!("inputs.params.{name}"), value);
    }
}

/// References such as `$(params.list[7])` to elements that the lists do not have.
///
/// # Errors
/// All such references.
pub fn check_indexes<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    values: &BTreeMap<String, ParamValue>,
) -> Result<(), ParamsError> {
    let mut outside = BTreeSet::new();
    for text in texts {
        for reference in references(text) {
            if let (Some(Index::At(index)), Some("params"), Some(name)) =
                (reference.index, reference.path.first().map(String::as_str), reference.path.get(1))
                && let Some(ParamValue::Array(items)) = values.get(name)
                && index >= items.len()
            {
                outside.insert(text[reference.start..reference.end].to_owned());
            }
        }
    }
    if outside.is_empty() { Ok(()) } else { Err(ParamsError::Index(outside.into_iter().collect())) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn declared(value: serde_json::Value) -> Vec<ParamSpec> {
        serde_json::from_value(value).unwrap()
    }

    fn given(value: serde_json::Value) -> Vec<Param> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn says_what_does_not_fit() {
        let specs = declared(json!([{"name": "a"}, {"name": "b", "default": ["x"]},
            {"name": "o", "properties": {"k": {}, "l": {}}, "default": {"k": "v"}}]));
        let table = [
            (json!([]), "missing values for these params which have no default values: [a]"),
            (json!([{"name": "a", "value": ["x"]}]), "param types don't match the user-specified type: [a]"),
            (
                json!([{"name": "a", "value": "x"}]),
                "missing keys for these params which are required in ParamSpec's properties map[o:[l]]",
            ),
        ];
        for (params, want) in table {
            assert_eq!(check(&specs, &given(params)).unwrap_err().to_string(), want);
        }
        let params = given(
            json!([{"name": "a", "value": 5}, {"name": "o", "value": {"l": "2"}}, {"name": "extra", "value": "x"}]),
        );
        assert_eq!(check(&specs, &params), Ok(()));
        let values = effective(&specs, &params);
        assert_eq!(values["a"], ParamValue::String("5".into()));
        assert_eq!(values["o"], ParamValue::Object([("k".into(), "v".into()), ("l".into(), "2".into())].into()));
        assert_eq!(values["b"], ParamValue::Array(vec!["x".into()]));
        assert!(!values.contains_key("extra"));
        assert_eq!(check_indexes(["$(params.b[0])", "$(params.a)"], &values), Ok(()));
        assert_eq!(
            check_indexes(["x $(params.b[1])"], &values).unwrap_err().to_string(),
            "non-existent param references:[$(params.b[1])]"
        );
    }
}
