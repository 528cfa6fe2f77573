//! What an expression tells of the variables in its terms.

use super::body::{Checker, Collected, constant};
use crate::compile::ir::Term;
use crate::types::Type;

impl Checker<'_> {
    /// Whether two terms can be equal; notes what that says of their variables.
    pub(super) fn unify(&mut self, a: &Term, of_a: &Type, b: &Term, of_b: &Type) -> bool {
        match (of_a.unknown(), of_b.unknown()) {
            (true, false) => return self.fits(a, of_b, false),
            (false, true) => return self.fits(b, of_a, false),
            (false, false) => return of_a.unifies(of_b),
            (true, true) => {}
        }
        match (a, b) {
            (Term::Array(_) | Term::Object(_), b) if self.variable(b) => self.same(a, b),
            (a, Term::Array(_) | Term::Object(_)) if self.variable(a) => self.same(b, a),
            (a, b) if self.variable(a) && self.variable(b) => self.same(a, b),
            (Term::Array(a), Term::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.unify(a, &self.of(a), b, &self.of(b)))
            }
            (Term::Object(a), Term::Object(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, value)| {
                        let other = b.iter().find(|(other, _)| same_key(key, other));
                        other.is_some_and(|(_, other)| self.unify(value, &self.of(value), other, &self.of(other)))
                    })
            }
            _ => false,
        }
    }

    /// A variable, or what OPA puts into one.
    fn variable(&self, term: &Term) -> bool {
        match term {
            Term::Var(_) => true,
            Term::Comp(comp) => self.comps.get(&std::ptr::from_ref(&**comp)).is_some_and(|found| found.variable),
            _ => false,
        }
    }

    /// Nothing is known of either.
    fn same(&mut self, a: &Term, b: &Term) -> bool {
        self.fits(a, &Type::any(), false) && self.fits(b, &self.of(a), false)
    }

    /// Whether a term can be of a type; its variables are then of it too. With `union` it is one of several that they
    /// can be of.
    pub(super) fn fits(&mut self, term: &Term, of: &Type, union: bool) -> bool {
        let members = match (term, of) {
            (Term::Array(_) | Term::Object(_) | Term::Set(_), Type::Any(any)) => &any.of,
            (Term::Array(items), Type::Array(array)) => {
                return (items.len() == array.fixed.len() || array.dynamic != Type::Unknown)
                    && items
                        .iter()
                        .enumerate()
                        .all(|(at, item)| self.fits(item, array.fixed.get(at).unwrap_or(&array.dynamic), union));
            }
            (Term::Object(items), Type::Object(object)) => {
                let open = object.dynamic.as_ref().is_some_and(|(_, value)| *value != Type::Unknown);
                return (items.len() == object.fixed.len() || open)
                    && items.iter().all(|(key, value)| match constant(key) {
                        Some(key) => match of.select(&key) {
                            Type::Unknown => false,
                            member => self.fits(value, &member, union),
                        },
                        None => {
                            self.fits(value, &Type::any(), union);
                            true
                        }
                    });
            }
            (Term::Set(items), Type::Set(set)) => return items.iter().all(|item| self.fits(item, &set.of, union)),
            (Term::Array(_) | Term::Object(_) | Term::Set(_), _) => return false,
            (Term::Var(slot), of) => {
                let known = self.of(term);
                if union {
                    self.put(*slot, known.or(of));
                } else if known != Type::Unknown {
                    return known.unifies(of);
                } else {
                    self.put(*slot, of.clone());
                }
                return true;
            }
            (Term::Comp(comp), of) => {
                let Some(known) = self.comps.get_mut(&std::ptr::from_ref(&**comp)) else { return false };
                match known {
                    Collected { of: known, variable: true } if union => *known = known.or(of),
                    Collected { of: known @ Type::Unknown, variable: true } => *known = of.clone(),
                    Collected { of: known, .. } => return known.unifies(of),
                }
                return true;
            }
            (Term::Const(_) | Term::Ref(_), of) => return self.of(term).unifies(of),
        };
        if members.is_empty() {
            let any = Type::any();
            match term {
                Term::Array(items) | Term::Set(items) => items.iter().for_each(|item| {
                    self.fits(item, &any, true);
                }),
                Term::Object(items) => items.iter().for_each(|(key, value)| {
                    self.fits(key, &any, true);
                    self.fits(value, &any, true);
                }),
                _ => {}
            }
            return true;
        }
        let mut fits = false;
        for of in members {
            // Each is looked at: its variables can be of any of them.
            fits |= self.fits(term, of, true);
        }
        fits
    }
}

/// Whether two keys are the same term.
fn same_key(a: &Term, b: &Term) -> bool {
    match (a, b) {
        (Term::Var(a), Term::Var(b)) => a == b,
        _ => constant(a).is_some_and(|a| constant(b).as_ref() == Some(&a)),
    }
}
