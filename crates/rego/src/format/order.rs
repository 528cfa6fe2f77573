//! How terms compare, where the layout needs it.

use crate::ast::{Term, TermKind, json};
use std::cmp::Ordering;
use std::collections::HashSet;

/// Members of a set without those that repeat another one.
pub(super) fn distinct(items: &[Term]) -> impl Iterator<Item = &Term> {
    let mut seen = HashSet::new();
    items.iter().filter(move |item| match &item.kind {
        TermKind::Scalar(value) => seen.insert(Ok(value.clone())),
        _ => seen.insert(Err(json::term(item).to_string())),
    })
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
