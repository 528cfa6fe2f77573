//! References between schemas of one document: base addresses by `$id`, JSON pointers, and what may not be loaded.

use crate::shared::Shared;
use crate::value::Value;
use std::collections::BTreeMap;

/// Nesting that is refused, in schemas and in documents.
pub(super) const DEPTH: usize = 200;

/// The document and the schemas in it that have an address, their `$ref` made absolute.
#[derive(Debug, Default)]
pub(super) struct Pool {
    by_address: BTreeMap<String, Value>,
}

impl Pool {
    /// Of a whole document, found by the empty address.
    pub(super) fn of(document: &Value) -> Result<(Self, Value), String> {
        let mut pool = Self::default();
        let document = pool.absolute(document, "", DEPTH)?;
        pool.by_address.insert(String::new(), document.clone());
        Ok((pool, document))
    }

    fn absolute(&mut self, node: &Value, base: &str, depth: usize) -> Result<Value, String> {
        let depth = depth.checked_sub(1).ok_or("schema is nested too deeply")?;
        match node {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.absolute(item, base, depth));
                Ok(Value::Array(Shared::from(items.collect::<Result<Vec<_>, _>>()?)))
            }
            Value::Object(map) => self.absolute_object(map, base, depth),
            scalar => Ok(scalar.clone()),
        }
    }

    fn absolute_object(&mut self, map: &BTreeMap<Value, Value>, base: &str, depth: usize) -> Result<Value, String> {
        let id = map.get(&"id".into()).or_else(|| map.get(&"$id".into())).and_then(Value::as_str);
        let base = id.map_or_else(|| base.to_owned(), |id| resolve(base, id));
        let named = id.is_some() && !base.is_empty();
        // Taken, and filled in below.
        if named && self.by_address.insert(base.clone(), Value::Null).is_some() {
            return Err(format!("Reference already exists: \"{base}\""));
        }
        let mut out = BTreeMap::new();
        for (key, item) in map {
            let item = match (key.as_str(), item) {
                (Some("$ref"), Value::String(reference)) => Value::string(resolve(&base, reference)),
                // Literal values, not schemas.
                (Some("const" | "enum"), item) => item.clone(),
                // Their keys are names of properties, whatever they are called.
                (Some("properties" | "dependencies" | "patternProperties"), Value::Object(children)) => {
                    let mut inner = BTreeMap::new();
                    for (name, child) in children.iter() {
                        inner.insert(name.clone(), self.absolute(child, &base, depth)?);
                    }
                    Value::Object(Shared::from(inner))
                }
                (_, item) => self.absolute(item, &base, depth)?,
            };
            out.insert(key.clone(), item);
        }
        let value = Value::Object(Shared::from(out));
        if named {
            self.by_address.insert(base, value.clone());
        }
        Ok(value)
    }

    /// The schema at an absolute reference.
    pub(super) fn get(&self, reference: &str) -> Result<Value, String> {
        if let Some(found) = self.by_address.get(reference) {
            return Ok(found.clone());
        }
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        match self.by_address.get(address).or_else(|| self.by_address.get(&format!("{address}#"))) {
            Some(document) => pointed(document, &decoded(fragment)),
            None if address.contains("://") => Err(format!("remote reference loading disabled: {reference}")),
            None => Err(format!("Reference {reference} must be canonical")),
        }
    }
}

/// A reference as seen from a base address.
fn resolve(base: &str, reference: &str) -> String {
    let base = base.split('#').next().unwrap_or_default();
    if reference.is_empty() || reference.starts_with('#') {
        return if reference == "#" && base.is_empty() { String::new() } else { format!("{base}{reference}") };
    }
    let scheme = reference.split_once(':').map(|(scheme, _)| scheme);
    if scheme.is_some_and(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))) {
        return reference.to_owned();
    }
    let after_scheme = base.find("://").map_or(0, |at| at + 3);
    let path = base.get(after_scheme..).unwrap_or_default().find('/').map_or(base.len(), |at| after_scheme + at);
    let root = base.get(..path).unwrap_or_default();
    if reference.starts_with('/') {
        return format!("{root}{reference}");
    }
    let folder = base.get(path..).and_then(|path| path.rfind('/').and_then(|at| path.get(..=at)));
    match folder {
        Some(folder) => format!("{root}{folder}{reference}"),
        None => format!("{root}/{reference}"),
    }
}

/// Percent escapes undone.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = (*byte == b'%').then(|| after.get(..2)).flatten();
        match escaped.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The value that a JSON pointer names.
fn pointed(document: &Value, pointer: &str) -> Result<Value, String> {
    if pointer.is_empty() {
        return Ok(document.clone());
    }
    let Some(tokens) = pointer.strip_prefix('/') else {
        return Err("JSON pointer must be empty or start with a \"/\"".to_owned());
    };
    let mut node = document;
    for token in tokens.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        node = match node {
            Value::Object(map) => {
                map.get(&Value::string(&token)).ok_or_else(|| format!("Object has no key '{token}'"))?
            }
            Value::Array(items) => {
                let index: usize = token.parse().map_err(|_| format!("Invalid array index '{token}'"))?;
                let bounds = || format!("Out of bound array[0,{}] index '{index}'", items.len());
                items.get(index).ok_or_else(bounds)?
            }
            _ => return Err(format!("Invalid token reference '{token}'")),
        };
    }
    Ok(node.clone())
}
