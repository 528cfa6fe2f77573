//! `$(...)` variables: how a reference is read, and how a table of values is put in its place. Knows nothing of which
//! variables exist; unknown references stay as they are, as upstream leaves them to the shell.

use super::ParamValue;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// One `$(...)` found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Byte range in the text, `$(` and `)` included.
    pub start: usize,
    pub end: usize,
    /// `a.b.c`, where each `["x"]` or `['x']` counts as `.x`; without index.
    pub path: Vec<String>,
    /// `[*]`, or `[3]`.
    pub index: Option<Index>,
}

/// What follows the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    Star,
    At(usize),
}

impl Reference {
    /// The path with dots, the key of a [`Scope`].
    pub fn key(&self) -> String {
        self.path.join(".")
    }

    /// Whether the text is this reference and nothing else.
    pub fn is_whole(&self, text: &str) -> bool {
        self.start == 0 && self.end == text.len()
    }
}

/// All references in a text, in order. What is not well formed is no reference (`$(date)` of a shell script is one,
/// of one component, that no scope knows).
pub fn references(text: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find("$(") {
        let start = at + offset;
        match parse_body(&text[start + 2..]) {
            Some((path, index, used)) => {
                let end = start + 2 + used;
                found.push(Reference { start, end, path, index });
                at = end;
            }
            None => at = start + 2,
        }
    }
    found
}

/// Reads `a.b["c"][0])`; gives the components, the index, and how many bytes that took.
fn parse_body(text: &str) -> Option<(Vec<String>, Option<Index>, usize)> {
    let bytes = text.as_bytes();
    let mut path = vec![];
    let mut at = word(bytes, 0)?;
    path.push(text[..at].to_owned());
    loop {
        match *bytes.get(at)? {
            b')' => return Some((path, None, at + 1)),
            b'.' => {
                let end = word(bytes, at + 1)?;
                path.push(text[at + 1..end].to_owned());
                at = end;
            }
            b'[' => match *bytes.get(at + 1)? {
                quote @ (b'"' | b'\'') => {
                    let length = bytes[at + 2..].iter().position(|b| *b == quote || *b == b'\n')?;
                    let end = at + 2 + length;
                    if length == 0 || bytes[end] != quote || *bytes.get(end + 1)? != b']' {
                        return None;
                    }
                    path.push(text[at + 2..end].to_owned());
                    at = end + 2;
                }
                _ => {
                    let length = bytes[at..].iter().position(|b| *b == b']')?;
                    let index = match &text[at + 1..at + length] {
                        "*" => Index::Star,
                        digits => Index::At(digits.parse().ok()?),
                    };
                    at += length + 1;
                    if bytes.get(at) != Some(&b')') {
                        return None;
                    }
                    return Some((path, Some(index), at + 1));
                }
            },
            _ => return None,
        }
    }
}

fn word(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/')) {
        at += 1;
    }
    (at > from).then_some(at)
}

/// Values by variable.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    strings: HashMap<String, String>,
    arrays: HashMap<String, Vec<String>>,
    objects: HashMap<String, BTreeMap<String, String>>,
}

impl Scope {
    /// Sets a string variable, e.g. `context.taskRun.name`.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.strings.insert(key.into(), value.into());
    }

    /// Sets a variable of any type; an object's keys become variables as well.
    pub fn set_value(&mut self, key: &str, value: &ParamValue) {
        self.remove(key);
        match value {
            ParamValue::String(s) => self.set(key, s.clone()),
            ParamValue::Array(items) => {
                self.arrays.insert(key.to_owned(), items.clone());
            }
            ParamValue::Object(fields) => {
                for (name, value) in fields {
                    self.set(format!("{key}.{name}"), value.clone());
                }
                self.objects.insert(key.to_owned(), fields.clone());
            }
        }
    }

    /// Forgets a variable: references to it stay as they are.
    pub fn remove(&mut self, key: &str) {
        self.strings.remove(key);
        self.arrays.remove(key);
        if let Some(fields) = self.objects.remove(key) {
            for name in fields.keys() {
                self.strings.remove(&format!("{key}.{name}"));
            }
        }
    }

    /// The value of a whole reference, of whatever type.
    pub fn value(&self, reference: &Reference) -> Option<ParamValue> {
        let key = reference.key();
        match reference.index {
            None => self.strings.get(&key).cloned().map(ParamValue::String),
            Some(Index::At(i)) => self.arrays.get(&key)?.get(i).cloned().map(ParamValue::String),
            Some(Index::Star) => match self.arrays.get(&key) {
                Some(items) => Some(ParamValue::Array(items.clone())),
                None => self.objects.get(&key).cloned().map(ParamValue::Object),
            },
        }
    }

    /// The text with every known reference replaced.
    pub fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for reference in references(text) {
            if let Some(ParamValue::String(value)) = self.value(&reference) {
                out.push_str(&text[at..reference.start]);
                out.push_str(&value);
                at = reference.end;
            }
        }
        out.push_str(&text[at..]);
        out
    }

    /// A list with every known reference replaced; an element that is one whole array becomes its elements.
    pub fn apply_list(&self, items: &[String]) -> Vec<String> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match self.whole(item) {
                Some(ParamValue::Array(values)) => out.extend(values),
                _ => out.push(self.apply(item)),
            }
        }
        out
    }

    /// A param's value with every known reference replaced; a string that is one whole array or object becomes that.
    pub fn apply_value(&self, value: &ParamValue) -> ParamValue {
        match value {
            ParamValue::String(text) => match self.whole(text) {
                Some(value @ (ParamValue::Array(_) | ParamValue::Object(_))) => value,
                _ => ParamValue::String(self.apply(text)),
            },
            ParamValue::Array(items) => ParamValue::Array(self.apply_list(items)),
            ParamValue::Object(fields) => {
                ParamValue::Object(fields.iter().map(|(k, v)| (k.clone(), self.apply(v))).collect())
            }
        }
    }

    /// Replaces in every string below `value`, but not under the keys in `skip` (definitions, descriptions).
    pub fn apply_json(&self, value: &mut Value, skip: &[&str]) {
        match value {
            Value::String(text) if text.contains("$(") => *text = self.apply(text),
            Value::Array(items) => {
                let mut out = Vec::with_capacity(items.len());
                for mut item in std::mem::take(items) {
                    if let Value::String(text) = &item
                        && let Some(ParamValue::Array(values)) = self.whole(text)
                    {
                        out.extend(values.into_iter().map(Value::String));
                        continue;
                    }
                    self.apply_json(&mut item, skip);
                    out.push(item);
                }
                *items = out;
            }
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    if !skip.contains(&key.as_str()) {
                        self.apply_json(value, skip);
                    }
                }
            }
            _ => {}
        }
    }

    fn whole(&self, text: &str) -> Option<ParamValue> {
        if !text.starts_with("$(") {
            return None;
        }
        let found = references(text);
        let reference = found.first().filter(|r| r.is_whole(text))?;
        self.value(reference)
    }
}

/// Calls `found` with every string below `value`, but not under the keys in `skip`.
pub fn each_string(value: &Value, skip: &[&str], found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| each_string(item, skip, found)),
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !skip.contains(&key.as_str()))
            .for_each(|(_, value)| each_string(value, skip, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope.set("context.taskRun.name", "run");
        scope.set_value("params.s", &ParamValue::String("text".into()));
        scope.set_value("params.dotted.name", &ParamValue::String("dot".into()));
        scope.set_value("params.a", &ParamValue::Array(vec!["x".into(), "y z".into()]));
        scope.set_value("params.empty", &ParamValue::Array(vec![]));
        scope.set_value("params.o", &ParamValue::Object([("k".to_owned(), "v".to_owned())].into()));
        scope
    }

    #[test]
    fn replaces_what_is_known_and_nothing_else() {
        let table = [
            ("$(params.s)", "text"),
            ("<$(params.s)-$(params[\"s\"])-$(params['s'])>", "<text-text-text>"),
            ("$(params[\"dotted.name\"])", "dot"),
            ("$(params.a[1])!", "y z!"),
            ("$(params.a[7])", "$(params.a[7])"),
            ("$(params.o.k) $(params.o[\"k\"])", "v v"),
            ("$(context.taskRun.name)", "run"),
            ("$(params.unknown) $(date +%s) $(( 1 + 2 )) $(", "$(params.unknown) $(date +%s) $(( 1 + 2 )) $("),
            ("$$(params.s)", "$text"),
            ("$(echo $(params.s))", "$(echo text)"),
            ("$(params.a[*])", "$(params.a[*])"),
            ("$(params.s", "$(params.s"),
            ("é$(params.s)é", "étexté"),
        ];
        for (text, want) in table {
            assert_eq!(scope().apply(text), want);
        }
    }

    #[test]
    fn arrays_and_objects_replace_whole_elements() {
        let list =
            ["-a".to_owned(), "$(params.a[*])".to_owned(), "$(params.empty[*])".to_owned(), "$(params.s)".to_owned()];
        assert_eq!(scope().apply_list(&list), ["-a", "x", "y z", "text"]);
        let whole = |s: &str| scope().apply_value(&ParamValue::String(s.into()));
        assert_eq!(whole("$(params.a[*])"), ParamValue::Array(vec!["x".into(), "y z".into()]));
        assert_eq!(whole("$(params.o[*])"), ParamValue::Object([("k".to_owned(), "v".to_owned())].into()));
        assert_eq!(whole("x$(params.a[*])"), ParamValue::String("x$(params.a[*])".into()));
        let mut tree = json!({"args": ["$(params.a[*])", "$(params.s)"], "description": "$(params.s)", "n": 1});
        scope().apply_json(&mut tree, &["description"]);
        assert_eq!(tree, json!({"args": ["x", "y z", "text"], "description": "$(params.s)", "n": 1}));
    }

    #[test]
    fn values_are_not_read_again() {
        let mut scope = scope();
        scope.set("params.evil", "$(params.s)");
        assert_eq!(scope.apply("$(params.evil)"), "$(params.s)");
    }
}
