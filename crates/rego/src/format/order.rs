//! How terms compare, where the layout needs it.

use crate::ast::{Term, TermKind, json};
use serde_json::{Map, Value as Json};
use std::cmp::Ordering;
use std::collections::HashSet;

/// Members of a set without those that repeat another one.
pub(super) fn distinct(items: &[Term]) -> impl Iterator<Item = &Term> {
    let mut seen = HashSet::new();
    items.iter().filter(move |item| {
        let mut key = json::term(item);
        plain_numbers(&mut key);
        seen.insert(key.to_string())
    })
}

/// Whole numbers without a fraction: `1.0` is `1`.
fn plain_numbers(found: &mut Json) {
    match found {
        Json::Array(items) => items.iter_mut().for_each(plain_numbers),
        Json::Object(fields) => {
            plain_number(fields);
            fields.values_mut().for_each(plain_numbers);
        }
        _ => {}
    }
}

/// The same of one term, if it is a number.
pub(super) fn plain_number(term: &mut Map<String, Json>) {
    if let (Some(Json::String(kind)), Some(Json::String(text))) = (term.get("type"), term.get("value"))
        && kind == "number"
        && let Some(value) = text.parse::<f64>().ok().filter(|value| value.fract() == 0.0 && value.abs() < 9e15)
    {
        term.insert("value".into(), format!("{value:.0}").into());
    }
}

/// OPA's order of constants and names; of what is neither only that it is last, and some order.
pub(super) fn compare(a: &Term, b: &Term) -> Ordering {
    match (&a.kind, &b.kind) {
        (TermKind::Scalar(a), TermKind::Scalar(b)) => a.cmp(b),
        (TermKind::Var(a), TermKind::Var(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)).then_with(|| a.to_string().cmp(&b.to_string())),
    }
}

fn rank(term: &Term) -> u8 {
    match &term.kind {
        TermKind::Scalar(_) => 0,
        TermKind::Var(_) => 1,
        TermKind::Ref(_) => 2,
        TermKind::Array(_) => 3,
        TermKind::Object(_) => 4,
        TermKind::Set(_) => 5,
        TermKind::ArrayComp(_) => 6,
        TermKind::ObjectComp(_) => 7,
        TermKind::SetComp(_) => 8,
        TermKind::Call(_) => 9,
        TermKind::TemplateString(_) => 10,
    }
}
