//! A step's environment: the image's, then envFrom, then env, each over the one before; `$(NAME)` in values as in
//! Kubernetes.

use super::{CONFIG_ERROR, PrepareError};
use crate::objects::{CONFIG_MAP, Key, Kind, Objects, SECRET};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sluice_api::tekton::Step;
use std::collections::{BTreeMap, HashMap};
use tokio::sync::Mutex;

/// Reads ConfigMaps and Secrets of one namespace, each at most once.
pub(super) struct Reader<'a> {
    objects: &'a Objects,
    namespace: &'a str,
    seen: Mutex<HashMap<(&'static str, String), Option<Value>>>,
}

impl<'a> Reader<'a> {
    pub fn new(objects: &'a Objects, namespace: &'a str) -> Self {
        Self { objects, namespace, seen: Mutex::default() }
    }

    async fn get(&self, kind: Kind, name: &str) -> Result<Option<Value>, PrepareError> {
        let slot = (kind.kind, name.to_owned());
        let mut seen = self.seen.lock().await;
        if let Some(found) = seen.get(&slot) {
            return Ok(found.clone());
        }
        let found = self.objects.get(kind, &Key::new(self.namespace, name)).await?;
        seen.insert(slot, found.clone());
        Ok(found)
    }

    /// All environment of a step, in order, each name once.
    pub async fn environment(
        &self,
        step: &Step,
        image: &[(String, String)],
        template: Option<&Value>,
    ) -> Result<Vec<(String, String)>, PrepareError> {
        let mut env = Env::default();
        for (name, value) in image {
            env.set(name, value.clone());
        }
        for source in &step.env_from {
            let prefix = source.get("prefix").and_then(Value::as_str).unwrap_or_default();
            for (field, kind) in [("configMapRef", CONFIG_MAP), ("secretRef", SECRET)] {
                if let Some(reference) = source.get(field) {
                    for (name, value) in self.all(kind, reference, &step.name).await? {
                        env.set(&format!("{prefix}{name}"), value);
                    }
                }
            }
        }
        for variable in &step.env {
            match &variable.value_from {
                None => env.set(&variable.name, env.expand(&variable.value)),
                Some(source) => {
                    if let Some(value) = self.one(source, &step.name, &variable.name).await? {
                        env.set(&variable.name, value);
                    }
                }
            }
        }
        for variable in template.and_then(|t| t.get("env")).and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| variable.get(key).and_then(Value::as_str).unwrap_or_default();
            env.set(text("name"), env.expand(text("value")));
        }
        Ok(env.into_vec())
    }

    async fn all(&self, kind: Kind, reference: &Value, step: &str) -> Result<BTreeMap<String, String>, PrepareError> {
        let name = reference.get("name").and_then(Value::as_str).unwrap_or_default();
        match self.get(kind, name).await? {
            Some(object) => Ok(texts(kind, &object)),
            None if optional(reference) => Ok(BTreeMap::new()),
            None => Err(absent(kind, name, step)),
        }
    }

    async fn one(&self, source: &Value, step: &str, variable: &str) -> Result<Option<String>, PrepareError> {
        for (field, kind) in [("configMapKeyRef", CONFIG_MAP), ("secretKeyRef", SECRET)] {
            let Some(reference) = source.get(field) else { continue };
            let text = |k: &str| reference.get(k).and_then(Value::as_str).unwrap_or_default();
            let found = match self.get(kind, text("name")).await? {
                Some(object) => texts(kind, &object).remove(text("key")),
                None if optional(reference) => return Ok(None),
                None => return Err(absent(kind, text("name"), step)),
            };
            return match found {
                Some(value) => Ok(Some(value)),
                None if optional(reference) => Ok(None),
                None => Err(PrepareError::new(
                    CONFIG_ERROR,
                    format!(
                        "step `{step}`: couldn't find key `{}` in {} `{}`; add it or mark the variable `{variable}` optional",
                        text("key"),
                        kind.kind,
                        text("name")
                    ),
                )),
            };
        }
        Err(PrepareError::new(
            CONFIG_ERROR,
            format!("step `{step}`: `{variable}` has a valueFrom that is not supported"),
        ))
    }
}

fn absent(kind: Kind, name: &str, step: &str) -> PrepareError {
    PrepareError::new(
        CONFIG_ERROR,
        format!("step `{step}`: {} `{name}` not found; create it in the run's namespace", kind.kind),
    )
}

pub(super) fn optional(reference: &Value) -> bool {
    reference.get("optional").and_then(Value::as_bool) == Some(true)
}

/// The data of a ConfigMap or Secret as text; what is not text is left out, as an environment cannot hold it.
fn texts(kind: Kind, object: &Value) -> BTreeMap<String, String> {
    let fields = object.get("data").and_then(Value::as_object).into_iter().flatten();
    fields
        .filter_map(|(key, value)| {
            let text = value.as_str()?;
            let text = match kind {
                SECRET => String::from_utf8(STANDARD.decode(text).ok()?).ok()?,
                _ => text.to_owned(),
            };
            Some((key.clone(), text))
        })
        .collect()
}

/// Names in the order of their first appearance.
#[derive(Default)]
pub(super) struct Env {
    order: Vec<String>,
    values: HashMap<String, String>,
}

impl Env {
    fn set(&mut self, name: &str, value: String) {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return;
        }
        if self.values.insert(name.to_owned(), value).is_none() {
            self.order.push(name.to_owned());
        }
    }

    fn expand(&self, text: &str) -> String {
        expand(text, |name| self.values.get(name).map(String::as_str))
    }

    fn into_vec(mut self) -> Vec<(String, String)> {
        let values = &mut self.values;
        self.order.into_iter().filter_map(|name| values.remove(&name).map(|value| (name, value))).collect()
    }
}

/// `$(NAME)` becomes its value if it is set, `$$` one dollar; all else stays.
pub(super) fn expand<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
            match value(name) {
                Some(value) => out.push_str(value),
                None => {
                    out.push_str("$(");
                    out.push_str(name);
                    out.push(')');
                }
            }
            rest = tail;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_as_kubernetes_does() {
        let table = [("$(A)-$(B)", "1-$(B)"), ("$$(A)", "$(A)"), ("$A $", "$A $"), ("$(A", "$(A"), ("$$$(A)", "$1")];
        for (text, want) in table {
            assert_eq!(expand(text, |name| (name == "A").then_some("1")), want, "{text}");
        }
    }
}
