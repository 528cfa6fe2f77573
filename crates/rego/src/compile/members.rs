//! The order in which OPA takes the members of sets and objects, which it keeps sorted as terms: what is looked up for them
//! is looked up in that order, so that of two that fail the same one speaks.

use super::names::Global;
use crate::ast::{Name, Ref, Term, TermKind};
use crate::value::Value;

/// What a name stands for.
pub(super) enum Meaning {
    /// A variable, by the name it is compared by.
    Var(String),
    Document(Global),
}

/// A term as it is compared (OPA's `v1/ast/compare.go`: first by its kind, in this order).
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Const(Value),
    Template,
    Var(String),
    Ref(Vec<Key>),
    Array(Vec<Key>),
    Object(Vec<(Key, Key)>),
    Set(Vec<Key>),
    ArrayComp,
    ObjectComp,
    SetComp,
    Call(Vec<Key>),
}

/// The members by their keys (of a set, the members themselves), sorted.
pub(super) fn sorted<'t, T>(
    members: &'t [T],
    key: impl Fn(&T) -> &Term,
    meaning: &dyn Fn(&Name) -> Meaning,
) -> Vec<&'t T> {
    let mut sorted: Vec<(Key, &T)> = members.iter().map(|member| (of(key(member), meaning), member)).collect();
    sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
    sorted.into_iter().map(|(_, member)| member).collect()
}

fn of(term: &Term, meaning: &dyn Fn(&Name) -> Meaning) -> Key {
    let all = |items: &[Term]| -> Vec<Key> { items.iter().map(|item| of(item, meaning)).collect() };
    match &term.kind {
        TermKind::Scalar(value) => Key::Const(value.clone()),
        TermKind::Var(name) => match meaning(name) {
            Meaning::Var(name) => Key::Var(name),
            Meaning::Document(global) => Key::Ref(rooted(global)),
        },
        TermKind::Ref(r) => Key::Ref(reference(r, meaning)),
        TermKind::Array(items) => Key::Array(all(items)),
        TermKind::Set(items) => {
            let mut items = all(items);
            items.sort();
            Key::Set(items)
        }
        TermKind::Object(items) => {
            let pair = |(key, value): &(Term, Term)| (of(key, meaning), of(value, meaning));
            let mut items: Vec<(Key, Key)> = items.iter().map(pair).collect();
            items.sort();
            Key::Object(items)
        }
        TermKind::ArrayComp(_) => Key::ArrayComp,
        TermKind::ObjectComp(_) => Key::ObjectComp,
        TermKind::SetComp(_) => Key::SetComp,
        TermKind::Call(call) => {
            let mut parts = reference(&call.operator, meaning);
            parts.extend(all(&call.args));
            Key::Call(parts)
        }
        // Those that there are stay as they are written.
        TermKind::TemplateString(_) => Key::Template,
    }
}

fn reference(r: &Ref, meaning: &dyn Fn(&Name) -> Meaning) -> Vec<Key> {
    let mut parts = match of(&r.head, meaning) {
        Key::Ref(parts) => parts,
        head => vec![head],
    };
    parts.extend(r.path.iter().map(|part| of(part, meaning)));
    parts
}

fn rooted(global: Global) -> Vec<Key> {
    let (root, path) = global.parts();
    std::iter::once(Key::Var(root.to_owned())).chain(path.into_iter().map(Key::Const)).collect()
}
