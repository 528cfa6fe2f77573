//! Refs that are wrong and have been told of. To name their variables as they were written, OPA writes those names into the
//! ref itself (`rewriteVarsInRef` of `v1/ast/compile.go`), of which it knows nothing when it comes there again, as it does
//! in comprehensions to find their types: they are other variables then.

use super::body::Checker;
use crate::ast::Name;
use crate::compile::ir::{Ref, Root, Slot, Term};
use crate::types::Type;
use std::collections::HashMap;

/// What has been told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// By their place in memory: with the other variables.
    refs: HashMap<*const Ref, Ref>,
    /// The other variables by their names.
    others: HashMap<Name, Slot>,
}

impl Told {
    /// Of how many refs.
    pub(super) fn len(&self) -> usize {
        self.refs.len()
    }

    /// A ref that has been told of, with the other variables.
    pub(super) fn again(&self, r: &Ref) -> Option<&Ref> {
        self.refs.get(&std::ptr::from_ref(r))
    }
}

impl Checker<'_> {
    /// Notes that a ref has been told of.
    pub(super) fn tell(&mut self, r: &Ref) {
        let place = std::ptr::from_ref(r);
        if self.told.refs.contains_key(&place) {
            return;
        }
        let mut other = r.clone();
        if let Root::Var(slot) = &mut other.root {
            self.rename(slot);
        }
        other.path.iter_mut().for_each(|part| self.rename_in(part));
        self.told.refs.insert(place, other);
    }

    fn rename_in(&mut self, term: &mut Term) {
        match term {
            Term::Var(slot) => self.rename(slot),
            Term::Array(items) | Term::Set(items) => items.iter_mut().for_each(|item| self.rename_in(item)),
            Term::Object(items) => items.iter_mut().for_each(|(key, value)| {
                self.rename_in(key);
                self.rename_in(value);
            }),
            Term::Const(_) | Term::Ref(_) | Term::Comp(_) => {}
        }
    }

    fn rename(&mut self, slot: &mut Slot) {
        let Some(name) = self.names.get(*slot).filter(|_| self.places.declared.contains(*slot)).cloned() else {
            return;
        };
        let slots = &mut self.slots;
        *slot = *self.told.others.entry(name).or_insert_with(|| {
            slots.push(Type::Unknown);
            slots.len() - 1
        });
    }
}
