//! JSON whose members stand in a given order, written as Go's `json.MarshalIndent` writes it. Pure.

use sluice_rego::{Value, json};

/// A document.
#[derive(Clone, Debug)]
pub enum Doc {
    Value(Value),
    /// A number or anything else that is JSON already.
    Raw(String),
    Array(Vec<Doc>),
    Object(Vec<(String, Doc)>),
}

impl Doc {
    /// A string.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Value(Value::entering(text.as_ref()))
    }

    /// An object of what there is.
    pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Option<Doc>)>) -> Self {
        Self::Object(members.into_iter().filter_map(|(name, doc)| Some((name.to_owned(), doc?))).collect())
    }

    /// An integer.
    pub fn number(n: impl TryInto<i64>) -> Self {
        Self::Raw(n.try_into().unwrap_or(i64::MAX).to_string())
    }

    /// A double; as Go writes it where it is neither tiny nor huge.
    pub fn double(n: f64) -> Self {
        Self::Raw(if n.is_finite() { n.to_string() } else { "0".to_owned() })
    }

    /// With the members of all objects sorted.
    #[must_use]
    pub fn sorted(self) -> Self {
        match self {
            Self::Array(items) => Self::Array(items.into_iter().map(Self::sorted).collect()),
            Self::Object(mut items) => {
                items.sort_by(|(a, _), (b, _)| a.cmp(b));
                Self::Object(items.into_iter().map(|(name, item)| (name, item.sorted())).collect())
            }
            other => other,
        }
    }

    /// The text, with a line's end after it.
    pub fn render(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out.push('\n');
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Value(value) => out.push_str(&json::to_string_indented(value, &"  ".repeat(depth), "  ")),
            Self::Raw(text) => out.push_str(text),
            Self::Array(items) => {
                let members = items.iter().map(|item| (None, item));
                list(out, '[', members, ']', depth);
            }
            Self::Object(items) => {
                let members = items.iter().map(|(name, item)| (Some(name), item));
                list(out, '{', members, '}', depth);
            }
        }
    }
}

fn list<'a>(
    out: &mut String,
    open: char,
    items: impl ExactSizeIterator<Item = (Option<&'a String>, &'a Doc)>,
    close: char,
    depth: usize,
) {
    let empty = items.len() == 0;
    out.push(open);
    for (i, (name, item)) in items.enumerate() {
        out.push_str(if i == 0 { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth + 1));
        if let Some(name) = name {
            out.push_str(&json::to_string(&Value::entering(name)));
            out.push_str(": ");
        }
        item.write(out, depth + 1);
    }
    if !empty {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::Doc;
    use sluice_rego::json;

    #[test]
    fn members_keep_their_order_and_values_their_depth() {
        let value = Doc::Value(json::parse(r#"{"b": [1, "<"], "a": {}}"#).unwrap());
        let doc = Doc::object([
            ("z", Some(value)),
            ("none", None),
            ("a", Some(Doc::Array(vec![Doc::number(1), Doc::double(22.5), Doc::double(10.0)]))),
            ("e", Some(Doc::Array(Vec::new()))),
        ]);
        let wanted = "{\n  \"z\": {\n    \"a\": {},\n    \"b\": [\n      1,\n      \"\\u003c\"\n    ]\n  },\n  \"a\": [\n    1,\n    22.5,\n    10\n  ],\n  \"e\": []\n}\n";
        assert_eq!(doc.render(), wanted);
    }
}
