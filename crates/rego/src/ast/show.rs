//! Syntax as text, in the one form in which OPA's errors show it.

use super::{Call, Import, Location, Ref, Term, TermKind};
use crate::value::Value;
use std::fmt::{self, Display, Formatter, Write};

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            TermKind::Scalar(value) => scalar(value, f),
            TermKind::Var(name) if name.starts_with('$') => f.write_char('_'),
            TermKind::Var(name) => f.write_str(name),
            TermKind::Ref(r) => r.fmt(f),
            TermKind::Array(items) => list(f, "[", items, "]"),
            TermKind::Set(items) if items.is_empty() => f.write_str("set()"),
            TermKind::Set(items) => list(f, "{", items, "}"),
            TermKind::Object(items) => {
                f.write_char('{')?;
                for (i, (key, value)) in items.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_char('}')
            }
            TermKind::Call(call) => call.fmt(f),
            TermKind::ArrayComp(c) => write!(f, "[{} | ...]", c.head),
            TermKind::SetComp(c) => write!(f, "{{{} | ...}}", c.head),
            TermKind::ObjectComp(c) => write!(f, "{{{}: {} | ...}}", c.key, c.value),
            TermKind::TemplateString(_) => f.write_str("$\"...\""),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.operator.fmt(f)?;
        list(f, "(", &self.args, ")")
    }
}

impl Ref {
    /// A path of keys from `input` or `data`, as it is written.
    pub fn shown(root: &str, path: &[Value]) -> String {
        let path = path.iter().map(|key| Term::new(Location::default(), TermKind::Scalar(key.clone()))).collect();
        Self { head: Box::new(Term::var(Location::default(), root)), path }.to_string()
    }
}

impl Display for Import {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("import ")?;
        for (at, part) in self.path.iter().enumerate() {
            match at {
                0 => f.write_str(part)?,
                _ if is_identifier(part) => write!(f, ".{part}")?,
                _ => write!(f, "[{}]", serde_json::Value::from(&**part))?,
            }
        }
        self.alias.iter().try_for_each(|alias| write!(f, " as {alias}"))
    }
}

impl Display for Ref {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)?;
        path(f, &self.path)
    }
}

/// The path of a ref: `.name` where it can be written so, else in brackets.
fn path(f: &mut Formatter<'_>, terms: &[Term]) -> fmt::Result {
    for term in terms {
        match term.as_str() {
            Some(name) if is_identifier(name) => write!(f, ".{name}")?,
            _ => write!(f, "[{term}]")?,
        }
    }
    Ok(())
}

/// Whether a name can follow a dot: keywords are shown in brackets.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    !crate::parse::is_keyword(name, super::Version::V1)
        && bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn list(f: &mut Formatter<'_>, open: &str, items: &[Term], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
    }
    f.write_str(close)
}

fn scalar(value: &Value, f: &mut Formatter<'_>) -> fmt::Result {
    match value {
        Value::Null => f.write_str("null"),
        Value::Bool(b) => b.fmt(f),
        Value::Number(n) => n.fmt(f),
        Value::String(text) => f.write_str(&crate::text::quote(text, false)),
        Value::Array(items) => constants(f, "[", items.iter(), "]"),
        Value::Set(items) if items.is_empty() => f.write_str("set()"),
        Value::Set(items) => constants(f, "{", items.iter(), "}"),
        Value::Object(map) => {
            f.write_char('{')?;
            for (i, (key, value)) in map.iter().enumerate() {
                f.write_str(if i == 0 { "" } else { ", " })?;
                scalar(key, f)?;
                f.write_str(": ")?;
                scalar(value, f)?;
            }
            f.write_char('}')
        }
    }
}

fn constants<'a>(
    f: &mut Formatter<'_>,
    open: &str,
    items: impl Iterator<Item = &'a Value>,
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.enumerate() {
        f.write_str(if i == 0 { "" } else { ", " })?;
        scalar(item, f)?;
    }
    f.write_str(close)
}
