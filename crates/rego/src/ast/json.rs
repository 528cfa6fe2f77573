//! Modules as JSON in OPA's form, without locations but those of comments: what `opa parse` and `rego.parse_module` give.

use super::{
    Annotations, Body, Call, Comment, Else, Expr, ExprKind, Head, HeadKind, Module, Name, Ref, Rule, SomeDecl,
    TemplatePart, Term, TermKind,
};
use crate::number::Number;
use crate::value::Value;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value as Json, json};

/// A module.
pub fn module(module: &Module) -> Value {
    exact(&tree(module))
}

/// With numbers, which `tree` has as texts, as numbers of any size.
fn exact(tree: &Json) -> Value {
    match tree {
        Json::Array(items) => Value::array(items.iter().map(exact)),
        Json::Object(map) => match (map.get("type"), map.get("value")) {
            (Some(Json::String(kind)), Some(Json::String(text))) if kind == "number" => {
                let number = Number::parse(text).map_or(Value::Null, Value::Number);
                Value::object([("type".into(), kind.as_str().into()), ("value".into(), number)])
            }
            _ => {
                // What annotations hold is their own.
                let inner = |key: &str, item| if key == "annotations" { Value::from_json(item) } else { exact(item) };
                Value::object(map.iter().map(|(key, item)| (Value::entering(key), inner(key, item))))
            }
        },
        other => Value::from_json(other),
    }
}

/// A module, the values of numbers as texts.
pub(crate) fn tree(module: &Module) -> Json {
    let mut out = Map::new();
    let path =
        std::iter::once(typed("var", "data")).chain(module.package.path.iter().map(|part| typed("string", &**part)));
    out.insert("package".into(), json!({ "path": path.collect::<Json>() }));
    let imports: Vec<Json> = module
        .imports
        .iter()
        .map(|import| {
            let mut out = Map::new();
            out.insert("path".into(), json!({ "type": "ref", "value": names(&import.path) }));
            if let Some(alias) = &import.alias {
                out.insert("alias".into(), json!(**alias));
            }
            out.into()
        })
        .collect();
    if !imports.is_empty() {
        out.insert("imports".into(), imports.into());
    }
    if !module.annotations.is_empty() {
        out.insert("annotations".into(), module.annotations.iter().map(annotations).collect());
    }
    if !module.comments.is_empty() {
        out.insert("comments".into(), module.comments.iter().map(|found| comment(found, module)).collect());
    }
    if !module.rules.is_empty() {
        out.insert("rules".into(), module.rules.iter().map(|found| rule(found, module)).collect());
    }
    out.into()
}

/// A comment, its text in base64 as Go has bytes.
fn comment(comment: &Comment, module: &Module) -> Json {
    json!({
        "Location": { "file": &*module.source.name, "row": comment.location.row, "col": comment.location.col },
        "Text": BASE64_STANDARD.encode(comment.text.as_bytes()),
    })
}

/// A rule with its `else`s, one within the other.
fn rule(rule: &Rule, module: &Module) -> Json {
    let mut out = Map::new();
    if !rule.annotations.is_empty() {
        let found = rule.annotations.iter().filter_map(|i| module.annotations.get(*i));
        out.insert("annotations".into(), found.map(annotations).collect());
    }
    out.insert("body".into(), body(&rule.body));
    if rule.default {
        out.insert("default".into(), true.into());
    }
    out.insert("head".into(), head(&rule.head));
    let chain = rule.elses.iter().rev().fold(None, |inner, next| Some(other(&rule.head, next, inner)));
    if let Some(chain) = chain {
        out.insert("else".into(), chain);
    }
    out.into()
}

fn other(of: &Head, other: &Else, inner: Option<Json>) -> Json {
    let own = Head {
        args: other.args.clone(),
        value: Some(other.value.clone()),
        assign: other.assign || (other.generated_value && of.assign),
        ..of.clone()
    };
    let mut out = json!({ "head": head(&own), "body": body(&other.body) });
    if let Some(inner) = inner {
        out["else"] = inner;
    }
    out
}

fn head(head: &Head) -> Json {
    let mut out = Map::new();
    let bare = head.args.is_empty();
    let old = if head.has_if { !(head.generated_value && bare) } else { bare };
    if head.reference.len() == 1 || (head.reference.len() == 2 && !head.has_contains && old) {
        out.insert("name".into(), head.name().into());
    }
    if !head.args.is_empty() {
        out.insert("args".into(), terms(&head.args));
    }
    let key = match head.kind {
        HeadKind::PartialObject | HeadKind::Complete if head.reference.len() == 2 => {
            // A head without `if` is one of the days when `p[x]` had only a key.
            head.reference
                .last()
                .filter(|last| !head.has_if || !last.is_ground() || matches!(last.kind, TermKind::Ref(_)))
        }
        _ => head.key.as_ref(),
    };
    if let Some(key) = key {
        out.insert("key".into(), term(key));
    }
    if let Some(value) = &head.value {
        out.insert("value".into(), term(value));
    }
    if head.assign {
        out.insert("assign".into(), true.into());
    }
    out.insert("ref".into(), terms(&head.reference));
    out.into()
}

/// A body.
pub fn body(body: &Body) -> Json {
    body.iter().map(expr).collect()
}

fn expr(expr: &Expr) -> Json {
    let mut out = Map::new();
    out.insert("index".into(), expr.index.into());
    if expr.negated {
        out.insert("negated".into(), true.into());
    }
    let kind = match &expr.kind {
        ExprKind::Term(found) => term(found),
        ExprKind::Call(found) => call(found),
        ExprKind::Some(found) => json!({ "symbols": symbols(found) }),
        ExprKind::Every(found) => json!({
            "key": found.key.as_ref().map(term),
            "value": term(&found.value),
            "domain": term(&found.domain),
            "body": body(&found.body),
        }),
    };
    out.insert("terms".into(), kind);
    if !expr.with.is_empty() {
        let with = expr.with.iter().map(|with| json!({ "target": term(&with.target), "value": term(&with.value) }));
        out.insert("with".into(), with.collect());
    }
    out.into()
}

fn symbols(decl: &SomeDecl) -> Json {
    match decl {
        SomeDecl::Vars(vars) => terms(vars),
        SomeDecl::In { key, value, domain } => {
            let name = if key.is_some() { "member_3" } else { "member_2" };
            let operator = typed("ref", json!([typed("var", "internal"), typed("string", name)]));
            let args = key.iter().chain([value, domain]).map(term);
            json!([typed("call", std::iter::once(operator).chain(args).collect::<Json>())])
        }
    }
}

/// A term: its type and value.
pub fn term(found: &Term) -> Json {
    let value = match &found.kind {
        TermKind::Scalar(value) => constant(value),
        TermKind::Var(name) => return typed("var", &**name),
        TermKind::Ref(found) => reference(found),
        TermKind::Array(items) | TermKind::Set(items) => terms(items),
        TermKind::Object(items) => items.iter().map(|(key, value)| json!([term(key), term(value)])).collect(),
        TermKind::Call(found) => call(found),
        TermKind::ArrayComp(c) | TermKind::SetComp(c) => json!({ "term": term(&c.head), "body": body(&c.body) }),
        TermKind::ObjectComp(c) => json!({ "key": term(&c.key), "value": term(&c.value), "body": body(&c.body) }),
        TermKind::TemplateString(found) => {
            let parts = found.parts.iter().map(|part| match part {
                TemplatePart::Scalar(found) => term(found),
                TemplatePart::Expr(found) => expr(found),
            });
            let parts = if found.parts.is_empty() { Json::Null } else { parts.collect() };
            json!({ "parts": parts, "multi_line": found.raw })
        }
    };
    typed(found.kind_name(), value)
}

fn terms(items: &[Term]) -> Json {
    items.iter().map(term).collect()
}

fn call(call: &Call) -> Json {
    let operator = typed("ref", reference(&call.operator));
    std::iter::once(operator).chain(call.args.iter().map(term)).collect()
}

fn reference(found: &Ref) -> Json {
    std::iter::once(&*found.head).chain(&found.path).map(term).collect()
}

/// A path of names: the first a variable.
fn names(path: &[Name]) -> Json {
    let kinds = std::iter::once("var").chain(std::iter::repeat("string"));
    path.iter().zip(kinds).map(|(name, kind)| typed(kind, &**name)).collect()
}

/// A constant's value; collections among them as terms.
fn constant(value: &Value) -> Json {
    let typed_constant = |value: &Value| typed(value.type_name(), constant(value));
    match value {
        Value::Null => json!({}),
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => n.to_string().into(),
        Value::String(text) => (*crate::bytes::shown(text)).into(),
        Value::Array(items) => items.iter().map(typed_constant).collect(),
        Value::Set(items) => items.iter().map(typed_constant).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| json!([typed_constant(k), typed_constant(v)])).collect(),
    }
}

fn typed(kind: &str, value: impl Into<Json>) -> Json {
    let value: Json = value.into();
    json!({ "type": kind, "value": value })
}

/// Annotations without what is empty.
fn annotations(found: &Annotations) -> Json {
    let mut out = found.to_json();
    for (schema, found) in out["schemas"].as_array_mut().into_iter().flatten().zip(&found.schemas) {
        schema["path"] = reference(&found.path);
        if let Some(found) = &found.schema {
            schema["schema"] = reference(found);
        }
    }
    if let Some(out) = out.as_object_mut().filter(|_| found.schemas.is_empty()) {
        out.remove("schemas");
    }
    out
}
