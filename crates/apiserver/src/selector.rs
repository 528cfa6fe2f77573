//! Label and field selectors: which objects of a collection are meant. Pure.

use crate::error::ApiError;
use serde_json::Value;

/// A label and a field selector, both of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
    Greater(String, i64),
    Less(String, i64),
}

impl Selector {
    /// Reads the `labelSelector` and `fieldSelector` of a query.
    ///
    /// # Errors
    /// 400 if either is malformed.
    pub fn parse(labels: Option<&str>, fields: Option<&str>) -> Result<Self, ApiError> {
        Ok(Self {
            labels: parse_labels(labels.unwrap_or_default())?,
            fields: parse_fields(fields.unwrap_or_default())?,
        })
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether the object is selected.
    pub fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|r| r.holds(object))
            && self.fields.iter().all(|(path, equal, wanted)| (field(object, path) == *wanted) == *equal)
    }
}

impl Requirement {
    fn holds(&self, object: &Value) -> bool {
        let label = |key: &str| object.get("metadata")?.get("labels")?.get(key)?.as_str();
        let number = |key: &str| label(key).and_then(|v| v.parse::<i64>().ok());
        match self {
            Self::In(key, values) => label(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Self::NotIn(key, values) => label(key).is_none_or(|v| values.iter().all(|w| w != v)),
            Self::Exists(key) => label(key).is_some(),
            Self::Missing(key) => label(key).is_none(),
            Self::Greater(key, bound) => number(key).is_some_and(|n| n > *bound),
            Self::Less(key, bound) => number(key).is_some_and(|n| n < *bound),
        }
    }
}

/// The name that a field selector asks for, if it asks for exactly one.
pub fn selected_name(fields: &str) -> Option<String> {
    let parsed = parse_fields(fields).ok()?;
    parsed.into_iter().find(|(path, equal, _)| path == "metadata.name" && *equal).map(|(_, _, name)| name)
}

/// A field by its dotted path, as the text that selectors compare; what is missing is empty.
fn field(object: &Value, path: &str) -> String {
    let mut at = object;
    for part in path.split('.') {
        let Some(next) = at.get(part) else { return String::new() };
        at = next;
    }
    match at {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn parse_fields(text: &str) -> Result<Vec<(String, bool, String)>, ApiError> {
    let mut fields = Vec::new();
    for term in text.split(',').map(str::trim).filter(|t| !t.is_empty()) {
        let (path, equal, value) = if let Some((path, value)) = term.split_once("!=") {
            (path, false, value)
        } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
            (path, true, value)
        } else {
            return Err(ApiError::bad_request(format!(
                "unable to parse field selector `{term}`: write it as path=value or path!=value"
            )));
        };
        fields.push((path.trim().to_owned(), equal, value.trim().to_owned()));
    }
    Ok(fields)
}

/// Splits at commas that are not within parentheses.
fn terms(text: &str) -> Vec<&str> {
    let (mut terms, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms.into_iter().map(str::trim).filter(|t| !t.is_empty()).collect()
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, ApiError> {
    terms(text).into_iter().map(parse_label).collect()
}

fn parse_label(term: &str) -> Result<Requirement, ApiError> {
    let malformed =
        || ApiError::bad_request(format!("unable to parse requirement: label selector `{term}` is malformed"));
    let key = |text: &str| {
        let key = text.trim();
        let clean = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        if clean { Ok(key.to_owned()) } else { Err(malformed()) }
    };
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_| malformed());
    if let Some((left, values)) = term.split_once('(') {
        let values = values.strip_suffix(')').ok_or_else(malformed)?;
        let values: Vec<String> = values.split(',').map(|v| v.trim().to_owned()).collect();
        return match left.trim().rsplit_once(char::is_whitespace) {
            Some((name, "in")) => Ok(Requirement::In(key(name)?, values)),
            Some((name, "notin")) => Ok(Requirement::NotIn(key(name)?, values)),
            _ => Err(malformed()),
        };
    }
    if let Some(name) = term.strip_prefix('!') {
        return Ok(Requirement::Missing(key(name)?));
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((name, value)) = term.split_once("!=") {
        return Ok(Requirement::NotIn(key(name)?, one(value)));
    }
    if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(Requirement::In(key(name)?, one(value)));
    }
    if let Some((name, value)) = term.split_once('>') {
        return Ok(Requirement::Greater(key(name)?, number(value)?));
    }
    if let Some((name, value)) = term.split_once('<') {
        return Ok(Requirement::Less(key(name)?, number(value)?));
    }
    Ok(Requirement::Exists(key(term)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn table_of_selectors() {
        let object = json!({
            "metadata": {"name": "n", "labels": {"a": "1", "tekton.dev/pipeline": "p"}},
            "involvedObject": {"kind": "Pod"}, "status": {"ready": true}
        });
        let cases = [
            ("", "", true),
            ("a=1", "", true),
            ("a==1,tekton.dev/pipeline=p", "", true),
            ("a!=1", "", false),
            ("b!=1", "", true),
            ("a in (1,2)", "", true),
            ("a notin (1, 2)", "", false),
            ("b notin (1)", "", true),
            ("a", "", true),
            ("!a", "", false),
            ("a>0", "", true),
            ("a<1", "", false),
            ("", "metadata.name=n", true),
            ("", "metadata.name!=n", false),
            ("", "involvedObject.kind=Pod,metadata.name=n", true),
            ("", "involvedObject.uid=", true),
            ("", "status.ready=true", true),
        ];
        for (labels, fields, selected) in cases {
            let selector = Selector::parse(Some(labels), Some(fields)).unwrap();
            assert_eq!(selector.matches(&object), selected, "{labels} {fields}");
        }
        for bad in ["a in 1", "a in (1", "=x", "a>b", "a b"] {
            assert!(Selector::parse(Some(bad), None).is_err(), "{bad}");
        }
        assert!(Selector::parse(None, Some("metadata.name")).is_err());
    }
}
