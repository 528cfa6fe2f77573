//! Annotations as the values that `rego.metadata.rule` and `rego.metadata.chain` give.

use super::{Annotations, Ref};
use crate::value::Value;
use serde_json::{Map, Value as Json, json};

impl Annotations {
    /// As JSON without what is empty. Custom values that JSON has no form for (sets) cannot occur.
    pub fn to_json(&self) -> Json {
        let mut out = Map::new();
        let mut put = |name: &str, value: Json, empty: bool| {
            if !empty {
                out.insert(name.to_owned(), value);
            }
        };
        put("scope", self.scope.as_str().into(), false);
        put("title", self.title.as_str().into(), self.title.is_empty());
        put("description", self.description.as_str().into(), self.description.is_empty());
        put("entrypoint", true.into(), !self.entrypoint);
        put("organizations", json!(self.organizations), self.organizations.is_empty());
        let related = self.related_resources.iter().map(|resource| {
            let mut out = json!({ "ref": resource.reference });
            if !resource.description.is_empty() {
                out["description"] = resource.description.as_str().into();
            }
            out
        });
        put("related_resources", related.collect(), self.related_resources.is_empty());
        let authors = self.authors.iter().map(|author| {
            let mut out = json!({ "name": author.name });
            if !author.email.is_empty() {
                out["email"] = author.email.as_str().into();
            }
            out
        });
        put("authors", authors.collect(), self.authors.is_empty());
        let schemas = self.schemas.iter().map(|schema| {
            let mut out = json!({ "path": path(&schema.path) });
            if let Some(found) = &schema.schema {
                out["schema"] = path(found);
            }
            if let Some(found) = &schema.definition {
                out["definition"] = plain(found);
            }
            out
        });
        put("schemas", schemas.collect(), self.schemas.is_empty());
        let custom = self.custom.iter().flatten().map(|(key, value)| (key.clone(), plain(value)));
        put("custom", Json::Object(custom.collect()), self.custom.as_ref().is_none_or(|custom| custom.is_empty()));
        out.into()
    }

    /// As a value of Rego.
    pub fn to_value(&self) -> Value {
        Value::from_json(&self.to_json())
    }
}

/// A ref's parts as plain values.
fn path(found: &Ref) -> Json {
    std::iter::once(&*found.head)
        .chain(&found.path)
        .map(|part| match (part.as_var(), part.as_str()) {
            (Some(name), _) => json!(**name),
            (_, Some(text)) => json!(text),
            _ => json!(part.to_string()),
        })
        .collect()
}

/// A value as plain JSON.
fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => serde_json::from_str(&n.to_string()).unwrap_or_default(),
        Value::String(text) => (*crate::bytes::shown(text)).into(),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Set(items) => items.iter().map(plain).collect(),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| (key.as_str().unwrap_or_default().to_owned(), plain(value)));
            Json::Object(pairs.collect())
        }
    }
}
