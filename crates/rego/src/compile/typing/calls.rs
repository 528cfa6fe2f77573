//! Calls: whether their arguments fit, what they tell of variables, and functions replaced by others.

use super::body::{Checker, constant};
use super::message::{self, Wrong};
use crate::ast::Location;
use crate::compile::ir::{Callee, CalleeKey, Ref, Root, Term, With};
use crate::types::{Function, Type};
use crate::value::Value;
use std::sync::Arc;

/// What is known of what is called.
enum Called {
    Function(Arc<Function>),
    /// It is wrong itself, and what is said of its calls would only follow from it.
    Anything,
    Nothing,
}

impl<'a> Checker<'a> {
    /// A call. Its result is an argument as others are where it was given as one; else it is put into a variable of its
    /// own, which then equals what takes it.
    pub(super) fn call(
        &mut self,
        callee: &Callee,
        args: &'a [Term],
        out: Option<&'a Term>,
        location: Location,
    ) -> Option<Wrong> {
        let generated = |slot: usize| self.names.get(slot).is_none_or(|name| name.is_empty());
        let alone = matches!(out, Some(Term::Var(slot)) if generated(*slot) && self.slots[*slot] == Type::Unknown);
        let Some(taken) = out.filter(|_| !alone && !self.places.given.contains(&location)) else {
            if let Some(Term::Comp(comp)) = out {
                self.apart(&[comp]);
            }
            let all: Vec<&Term> = args.iter().chain(out).collect();
            return self.arguments(callee, &all);
        };
        let result = self.local(Type::Unknown);
        let all: Vec<&Term> = args.iter().chain([&result]).collect();
        if let Some(wrong) = self.arguments(callee, &all) {
            self.fail(wrong, location);
        }
        let mut inner = if let Term::Comp(comp) = taken { self.closures(&[comp]) } else { Vec::new() };
        let known = !inner.is_empty();
        self.errors.append(&mut inner);
        if let Some(wrong) = self.equation(taken, &result).filter(|wrong| !(known && wrong.from_unknown)) {
            let place = self.places.equations.iter().find(|(call, _)| *call == location);
            self.fail(wrong, place.map_or(location, |(_, place)| *place));
        }
        None
    }

    /// Whether a ref is what a call names.
    pub(super) fn calls(&self, called: &Ref, location: Location) -> bool {
        let same = |path: &[Value]| called.path.iter().map(constant).eq(path.iter().cloned().map(Some));
        called.root == Root::Data && self.places.documents.iter().any(|(place, path)| *place == location && same(path))
    }

    /// A call of a document, which is wrong unless nothing is known of it.
    pub(super) fn document(&self, called: &Ref) -> Option<Wrong> {
        let anything = self.of_data(&called.path).is_any();
        (!anything).then(|| message::undefined(&self.shown(called, called.path.len())))
    }

    /// The arguments of a call, with its result if it has one.
    fn arguments(&mut self, callee: &Callee, args: &[&Term]) -> Option<Wrong> {
        let function = match self.function(callee) {
            Called::Function(function) => function,
            Called::Anything => return None,
            Called::Nothing => return Some(message::undefined(&self.called(callee))),
        };
        let wanted: Vec<&Type> =
            function.args.iter().chain([&function.result].into_iter().filter(|of| **of != Type::Unknown)).collect();
        let what = if args.len() > wanted.len() && function.variadic == Type::Unknown {
            "too many arguments"
        } else if args.len() < function.args.len() {
            "too few arguments"
        } else if args
            .iter()
            .enumerate()
            .all(|(at, arg)| self.fits(arg, wanted.get(at).unwrap_or(&&function.variadic), false))
        {
            return None;
        } else {
            "invalid argument(s)"
        };
        let have: Vec<Type> = args.iter().map(|arg| self.of(arg)).collect();
        Some(message::arguments(&self.called(callee), what, &have, &function))
    }

    /// The first of an expression's `with`s that is wrong, and its place.
    pub(super) fn replacements(&self, with: &[With], location: Location) -> Option<(Wrong, Location)> {
        let replaced = with.iter().filter(|with| matches!(with, With::CallOther(..)));
        let mut places = self.places.replaced.iter().filter(|(of, _)| *of == location).map(|(_, place)| *place);
        replaced.map(|with| (with, places.next().unwrap_or(location))).find_map(|(with, place)| {
            let wrong = self.replacement(with)?;
            Some((wrong, place))
        })
    }

    /// A function replaced by another that has other arguments.
    fn replacement(&self, with: &With) -> Option<Wrong> {
        let With::CallOther(key, other) = with else { return None };
        let (name, target) = match key {
            CalleeKey::Builtin(name) => ((*name).to_owned(), self.tree.builtin_type(name)?),
            CalleeKey::Host(host) => (self.called(&Callee::Host(*host)), self.tree.host_type(*host)?),
            CalleeKey::Function(node) => match self.function(&Callee::Function(*node)) {
                Called::Function(function) => (self.called(&Callee::Function(*node)), function),
                Called::Anything | Called::Nothing => return None,
            },
        };
        let Called::Function(other) = self.function(other) else { return None };
        let (a, b) = (Type::Function(target.clone()), Type::Function(other.clone()));
        if a.unifies(&b) {
            return None;
        }
        Some(message::replaced(&name, &other, &target))
    }

    fn function(&self, callee: &Callee) -> Called {
        let found = match callee {
            Callee::Builtin(builtin) => self.tree.builtin_type(builtin.name),
            Callee::Host(host) => self.tree.host_type(*host),
            Callee::Walk => self.tree.builtin_type("walk"),
            Callee::Function(node) => {
                let path: Vec<Term> = self.tree.nodes[*node].path.iter().cloned().map(Term::Const).collect();
                match self.of_data(&path) {
                    Type::Function(function) => Some(function),
                    of if of.is_any() => return Called::Anything,
                    _ => None,
                }
            }
        };
        found.map_or(Called::Nothing, Called::Function)
    }

    fn called(&self, callee: &Callee) -> String {
        match callee {
            Callee::Builtin(builtin) => builtin.name.to_owned(),
            Callee::Host(host) => self.tree.hosts.get(*host).map(|host| host.name.to_string()).unwrap_or_default(),
            Callee::Walk => "walk".to_owned(),
            Callee::Function(node) => crate::compile::check::shown(&self.tree.nodes[*node].path),
        }
    }
}
