//! Refs: whether what they look up can be there.

use super::body::{Checker, constant};
use super::message::{self, Lookup, Wrong};
use crate::compile::ir::{NodeId, Ref, Root, Term};
use crate::compile::tree::ROOT;
use crate::types::Type;
use crate::value::Value;

impl Checker<'_> {
    /// The type of what a ref leads to; unknown if that cannot be.
    pub(super) fn of_ref(&self, r: &Ref) -> Type {
        let r = self.told.again(r).unwrap_or(r);
        match r.root {
            Root::Var(slot) if self.scalar(slot) => Type::Unknown,
            Root::Var(slot) => select(self.slots.get(slot).cloned().unwrap_or_default(), &r.path),
            Root::Input => select(self.documents.input.clone(), &r.path),
            Root::Data => self.of_data(&r.path),
        }
    }

    /// Whether a ref's root stands for a scalar as written, of which OPA only says that nothing matches it.
    fn scalar(&self, slot: usize) -> bool {
        matches!(self.texts.get(&slot), Some(Term::Const(value)) if !matches!(value, Value::Array(_) | Value::Object(_) | Value::Set(_)))
    }

    pub(super) fn of_data(&self, path: &[Term]) -> Type {
        let mut node = ROOT;
        if !self.documents.known(node) {
            return Type::any();
        }
        for (at, part) in path.iter().enumerate() {
            let child = match part {
                Term::Const(key) => self.documents.child(self.tree, node, key),
                _ => None,
            };
            let leaf = self.documents.at(node);
            match child {
                Some(child) => node = child,
                None if *leaf != Type::Unknown => return select(leaf.clone(), &path[at..]),
                None if !matches!(part, Term::Const(_)) => {
                    return select(self.documents.extent(self.tree, node).values.clone(), &path[at + 1..]);
                }
                None => return Type::any(),
            }
        }
        self.documents.extent(self.tree, node).of.clone()
    }

    /// What is wrong with a ref; notes what it says of variables in its path.
    pub(super) fn reference(&mut self, r: &Ref) -> Option<Wrong> {
        let again = self.told.again(r).cloned();
        let r = again.as_ref().unwrap_or(r);
        match r.root {
            Root::Var(slot) if self.scalar(slot) => self.members(r, 0, Type::any()),
            Root::Var(slot) => {
                if self.of(&Term::Var(slot)) == Type::Unknown {
                    self.put(slot, Type::any());
                }
                self.members(r, 0, self.of(&Term::Var(slot)))
            }
            Root::Input => self.members(r, 0, self.documents.input.clone()),
            Root::Data => {
                if let Type::Function(function) = self.of_data(&r.path) {
                    let generated = |term: &Term| matches!(term, Term::Var(slot) if self.names.get(*slot).is_none_or(|name| !name.starts_with('$')));
                    let shown = match r.path.split_last() {
                        Some((last, before)) if generated(last) => self.shown(r, before.len()),
                        _ => self.shown(r, r.path.len()),
                    };
                    return Some(message::not_called(&shown, &self.shown(r, r.path.len()), &Type::Function(function)));
                }
                if self.documents.known(ROOT) { self.packages(r) } else { self.members(r, 0, Type::any()) }
            }
        }
    }

    /// From the root downwards, as far as there are packages.
    fn packages(&mut self, r: &Ref) -> Option<Wrong> {
        let mut node = ROOT;
        for (at, part) in r.path.iter().enumerate() {
            if at < 2 && !matches!(part, Term::Var(_) | Term::Const(Value::String(_))) {
                let have = Some(self.of(part));
                return Some(self.lookup(r, at, have, Type::String, self.documents.keys(self.tree, node)));
            }
            if let Term::Var(slot) = part {
                let keys = self.documents.extent(self.tree, node).keys.clone();
                match self.of(part) {
                    Type::Unknown => self.put(*slot, keys),
                    known if !keys.unifies(&known) => {
                        let one_of = self.documents.keys(self.tree, node);
                        return Some(self.lookup(r, at, Some(known), keys, one_of));
                    }
                    _ => {}
                }
            }
            let child: Option<NodeId> = match part {
                Term::Const(key) => self.documents.child(self.tree, node, key),
                _ => None,
            };
            match child {
                None => return self.members(r, 0, Type::any()),
                Some(child) if *self.documents.at(child) != Type::Unknown => {
                    return self.members(r, at + 1, self.documents.at(child).clone());
                }
                Some(child) => node = child,
            }
        }
        None
    }

    /// From a place in the path on, into a value of a type.
    fn members(&mut self, r: &Ref, from: usize, mut of: Type) -> Option<Wrong> {
        for (at, part) in r.path.iter().enumerate().skip(from) {
            let keys = of.keys();
            if keys == Type::Unknown {
                return Some(message::no_members(&self.shown(r, r.path.len()), &self.shown(r, at), &of));
            }
            of = match part {
                Term::Const(key) => match of.select(key) {
                    Type::Unknown => return Some(self.lookup(r, at, None, keys, one_of(&of))),
                    member => member,
                },
                Term::Array(_) | Term::Object(_) | Term::Set(_) => {
                    if !self.fits(part, &keys, false) {
                        let have = Some(self.of(part));
                        return Some(self.lookup(r, at, have, keys, Vec::new()));
                    }
                    of.values()
                }
                Term::Var(_) | Term::Ref(_) | Term::Comp(_) => {
                    match (self.of(part), part) {
                        (Type::Unknown, Term::Var(slot)) => self.put(*slot, keys),
                        (Type::Unknown, _) => {}
                        (known, _) if !known.unifies(&keys) => {
                            return Some(self.lookup(r, at, Some(known), keys, one_of(&of)));
                        }
                        _ => {}
                    }
                    of.values()
                }
            };
        }
        None
    }

    fn lookup(&self, r: &Ref, at: usize, have: Option<Type>, want: Type, one_of: Vec<Value>) -> Wrong {
        let (whole, before) = (self.shown(r, r.path.len()), self.shown(r, at));
        let part = r.path.get(at).map(|part| self.shown_term(part)).unwrap_or_default();
        message::no_member(&Lookup { whole, before, part, have, want, one_of })
    }

    /// A ref with so many parts of its path as it was written, with the names it stands for.
    pub(super) fn shown(&self, r: &Ref, parts: usize) -> String {
        let mut text = match r.root {
            Root::Data => "data".to_owned(),
            Root::Input => "input".to_owned(),
            Root::Var(slot) => self.shown_term(&Term::Var(slot)),
        };
        for part in r.path.iter().take(parts) {
            match part {
                Term::Const(Value::String(name)) if crate::ast::is_identifier(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                // As it is, even a quote in it, unless something else has to be escaped (OPA's `Ref.AppendText`).
                Term::Const(Value::String(name)) if !name.contains(|c: char| c == '\\' || c.is_control()) => {
                    text.push_str("[\"");
                    text.push_str(name);
                    text.push_str("\"]");
                }
                part => {
                    text.push('[');
                    text.push_str(&self.shown_term(part));
                    text.push(']');
                }
            }
        }
        text
    }

    fn shown_term(&self, term: &Term) -> String {
        let list = |items: &[Term]| items.iter().map(|item| self.shown_term(item)).collect::<Vec<_>>().join(", ");
        match term {
            Term::Const(value) => value.to_string(),
            Term::Var(slot) => match (self.names.get(*slot), self.texts.get(slot)) {
                (_, Some(term)) if !matches!(term, Term::Var(_)) => self.shown_term(term),
                (Some(name), _) if name.starts_with('$') => "_".to_owned(),
                (Some(name), _) if !name.is_empty() => name.to_string(),
                _ => "__local__".to_owned(),
            },
            Term::Array(items) => format!("[{}]", list(items)),
            Term::Set(items) => format!("{{{}}}", list(items)),
            Term::Object(items) => {
                let pair =
                    |(key, value): &(Term, Term)| format!("{}: {}", self.shown_term(key), self.shown_term(value));
                format!("{{{}}}", items.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
            Term::Ref(r) => self.shown(r, r.path.len()),
            Term::Comp(_) => constant(term).map_or_else(|| "...".to_owned(), |value| value.to_string()),
        }
    }
}

/// What a path leads to within a type.
fn select(of: Type, path: &[Term]) -> Type {
    let step = |of: Type, part: &Term| match (of, part) {
        (Type::Unknown, _) => Type::Unknown,
        (of, Term::Const(key)) => of.select(key),
        (of, _) => of.values(),
    };
    path.iter().fold(of, step)
}

/// The keys that a type is known to have.
fn one_of(of: &Type) -> Vec<Value> {
    let mut keys: Vec<Value> = match of {
        Type::Object(object) => object.fixed.iter().map(|(key, _)| key.clone()).collect(),
        Type::Any(any) => any.of.iter().flat_map(one_of).collect(),
        _ => Vec::new(),
    };
    keys.sort();
    keys.dedup();
    keys
}
