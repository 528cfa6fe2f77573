//! Bodies: each expression against what is known of its variables, which it adds to.

use super::documents::Documents;
use super::message::{self, Wrong};
use super::slots_of;
use crate::ast::{Location, Name, Source};
use crate::compile::ir::{Callee, CalleeKey, Comp, Expr, ExprKind, Places, Ref, Slot, Term, With};
use crate::compile::tree::Tree;
use crate::error::Error;
use crate::types::{Function, Type};
use std::collections::HashMap;
use std::sync::Arc;

/// Checks one clause of a rule, or a query.
#[derive(Debug)]
pub struct Checker<'a> {
    pub(super) tree: &'a Tree,
    pub(super) documents: &'a Documents,
    source: Option<&'a Source>,
    pub(super) names: &'a [Name],
    places: &'a Places,
    /// Types of variables; `Unknown` until something tells.
    pub(super) slots: Vec<Type>,
    /// What to put back where a comprehension ends.
    undo: Vec<(Slot, Type)>,
    /// Of comprehensions that were checked already, by their place in memory.
    pub(super) comps: HashMap<*const Comp, Type>,
    /// What variables without a name stand for.
    pub(super) texts: HashMap<Slot, &'a Term>,
    /// `==` is taken as `=`, as OPA does in rules.
    unify_equal: bool,
    pub errors: Vec<Error>,
}

impl<'a> Checker<'a> {
    /// Nothing checked yet.
    pub fn new(
        tree: &'a Tree,
        documents: &'a Documents,
        source: Option<&'a Source>,
        (names, places): (&'a [Name], &'a Places),
        unify_equal: bool,
    ) -> Self {
        Self::again(tree, documents, source, (names, places), unify_equal, vec![Type::Unknown; names.len()])
    }

    /// As `new`, with what another checker gave back: each of very many clauses has few of their variables.
    pub fn again(
        tree: &'a Tree,
        documents: &'a Documents,
        source: Option<&'a Source>,
        (names, places): (&'a [Name], &'a Places),
        unify_equal: bool,
        slots: Vec<Type>,
    ) -> Self {
        let (undo, comps, texts, errors) = (Vec::new(), HashMap::new(), HashMap::new(), Vec::new());
        Self { tree, documents, source, names, places, slots, undo, comps, texts, unify_equal, errors }
    }

    /// Forgets what is known of variables, and gives their places back.
    pub fn give_back(mut self) -> Vec<Type> {
        self.undo_to(0);
        self.slots
    }

    fn undo_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            if let Some((slot, before)) = self.undo.pop() {
                self.slots[slot] = before;
            }
        }
    }

    /// Notes the type of a variable.
    pub(super) fn put(&mut self, slot: Slot, of: Type) {
        if let Some(at) = self.slots.get_mut(slot) {
            self.undo.push((slot, std::mem::replace(at, of)));
        }
    }

    /// Variables of arguments of which no body tells a type.
    pub fn unbound_are_any(&mut self, arg: &Term) {
        slots_of(arg, &mut |slot| {
            if self.slots.get(slot) == Some(&Type::Unknown) {
                self.put(slot, Type::any());
            }
        });
    }

    /// Checks a body.
    pub fn body(&mut self, body: &'a [Expr]) {
        body.iter().for_each(|expr| self.expr(expr, (&[], Location::default())));
    }

    fn expr(&mut self, expr: &'a Expr, with: (&'a [With], Location)) {
        match &expr.kind {
            ExprKind::Not(inner) => self.expr(inner, with),
            ExprKind::With { with, body } => {
                for with in with {
                    if let With::Input(_, value) | With::Data(_, _, value) | With::CallValue(_, value) = with {
                        self.within(value);
                    }
                }
                body.iter().for_each(|inner| self.expr(inner, (with, expr.location)));
            }
            _ => self.plain(expr, with),
        }
    }

    fn plain(&mut self, expr: &'a Expr, with: (&'a [With], Location)) {
        let mut inner = Vec::new();
        each_term(expr, &mut |term| {
            let wrong = self.closures(term);
            if !wrong.is_empty() {
                inner = wrong;
            }
        });
        let mut refs = Vec::new();
        each_ref(expr, &mut |r| refs.extend(self.reference(r).map(|wrong| (wrong, r.location))));
        let known = !inner.is_empty() || !refs.is_empty();
        self.errors.append(&mut inner);
        refs.into_iter().for_each(|(wrong, location)| self.fail(wrong, location));
        if let ExprKind::Eq(Term::Var(slot), term) = &expr.kind
            && self.names.get(*slot).is_some_and(|name| name.is_empty())
        {
            self.texts.insert(*slot, term);
        }
        if let Some((wrong, location)) = self.replacements(with.0, with.1) {
            if !(known && wrong.from_unknown) {
                self.fail(wrong, location);
            }
            return;
        }
        let wrong = match &expr.kind {
            ExprKind::Eq(a, b) => self.equation(a, b),
            ExprKind::Call { callee: Callee::Builtin(builtin), args, out: None }
                if builtin.name == "equal" && self.unify_equal && args.len() == 2 =>
            {
                self.equation(&args[0], &args[1])
            }
            ExprKind::Call { callee, args, out } => self.call(callee, args, out.as_ref(), expr.location),
            // A variable that something iterates over is of a type, though of any.
            ExprKind::Every { domain: domain @ Term::Var(_), .. } if self.of(domain).unknown() => {
                self.fits(domain, &Type::any(), false);
                None
            }
            _ => None,
        };
        // What is wrong only because something within is wrong is not said twice.
        if let Some(wrong) = wrong.filter(|wrong| !(known && wrong.from_unknown)) {
            self.fail(wrong, expr.location);
        }
    }

    fn fail(&mut self, wrong: Wrong, location: Location) {
        self.errors.push(wrong.error(location, self.source));
    }

    /// Checks what stands in a term that a body gives.
    pub fn within(&mut self, term: &'a Term) {
        let wrong = self.closures(term);
        self.errors.extend(wrong);
    }

    /// Checks the comprehensions of a term; what is wrong in the last that is.
    fn closures(&mut self, term: &'a Term) -> Vec<Error> {
        let mut wrong = Vec::new();
        each_comp(term, &mut |comp| {
            let found = self.comprehension(comp);
            if !found.is_empty() {
                wrong = found;
            }
        });
        wrong
    }

    /// Checks a comprehension and keeps its type.
    fn comprehension(&mut self, comp: &'a Comp) -> Vec<Error> {
        let (Comp::Array(_, body) | Comp::Set(_, body) | Comp::Object(_, _, body)) = comp;
        let mark = self.undo.len();
        let outer = std::mem::take(&mut self.errors);
        self.body(body);
        match comp {
            Comp::Array(head, _) | Comp::Set(head, _) => self.within(head),
            Comp::Object(key, value, _) => {
                self.within(key);
                self.within(value);
            }
        }
        let wrong = std::mem::replace(&mut self.errors, outer);
        let of = match comp {
            _ if !wrong.is_empty() => Type::Unknown,
            Comp::Array(head, _) => Type::array(Vec::new(), self.of(head)),
            Comp::Set(head, _) => Type::set(self.of(head)),
            Comp::Object(key, value, _) => Type::object(Vec::new(), Some((self.of(key), self.of(value)))),
        };
        self.undo_to(mark);
        self.comps.insert(std::ptr::from_ref(comp), of);
        wrong
    }

    /// The type of a term.
    pub fn of(&self, term: &Term) -> Type {
        match term {
            Term::Const(value) => Type::of_value(value),
            Term::Var(slot) => self.slots.get(*slot).cloned().unwrap_or_default(),
            Term::Array(items) => Type::of_items(items.iter().map(|item| self.of(item)).collect()),
            Term::Set(items) => {
                let of = items.iter().fold(Type::Unknown, |of, item| of.or(&self.of(item)));
                Type::set(if of == Type::Unknown { Type::any() } else { of })
            }
            Term::Object(items) => {
                let (mut fixed, mut dynamic) = (Vec::new(), None);
                for (key, value) in items {
                    match constant(key) {
                        Some(key) => fixed.push((key, self.of(value))),
                        None => dynamic = Some((self.of(key), self.of(value))),
                    }
                }
                if items.is_empty() {
                    dynamic = Some((Type::any(), Type::any()));
                }
                Type::object(fixed, dynamic)
            }
            Term::Ref(r) => self.of_ref(r),
            Term::Comp(comp) => self.comps.get(&std::ptr::from_ref(&**comp)).cloned().unwrap_or_default(),
        }
    }

    fn equation(&mut self, a: &Term, b: &Term) -> Option<Wrong> {
        let (left, right) = (self.of(a), self.of(b));
        if self.unify(a, &left, b, &right) { None } else { Some(message::no_match(&left, &right)) }
    }

    fn call(&mut self, callee: &Callee, args: &[Term], out: Option<&Term>, location: Location) -> Option<Wrong> {
        let function = self.function(callee);
        let mut wrong = None;
        if let Some(function) = &function {
            let mut fits = args.iter().zip(&function.args).all(|(arg, of)| self.fits(arg, of, false));
            let given = out.filter(|_| self.places.given.contains(&location));
            fits = fits && given.is_none_or(|out| self.fits(out, &function.result, false));
            if !fits {
                let mut have: Vec<Type> = args.iter().map(|arg| self.of(arg)).collect();
                have.extend(out.map(|_| given.map(|out| self.of(out)).unwrap_or_default()));
                wrong = Some(message::arguments(&self.called(callee), "invalid argument(s)", &have, function));
            }
        }
        let Some(out) = out.filter(|_| !self.places.given.contains(&location)) else { return wrong };
        match function.filter(|function| wrong.is_none() && function.result != Type::Unknown) {
            Some(function) => {
                let of = self.of(out);
                let fits = match of.unknown() {
                    true => self.fits(out, &function.result, false),
                    false => of.unifies(&function.result),
                };
                if !fits {
                    self.fail(message::no_match(&of, &function.result), location);
                }
            }
            // A variable of the policy is then anything; what only the compiler knows stays unknown.
            None => {
                let generated = |slot: Slot| self.names.get(slot).is_none_or(|name| name.is_empty());
                if !matches!(out, Term::Var(slot) if generated(*slot)) && self.of(out).unknown() {
                    self.fits(out, &Type::any(), false);
                }
            }
        }
        wrong
    }

    /// The first of an expression's `with`s that is wrong, and its place.
    fn replacements(&self, with: &[With], location: Location) -> Option<(Wrong, Location)> {
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
            CalleeKey::Function(node) => (self.called(&Callee::Function(*node)), self.user_function(*node)?),
        };
        let other = self.function(other)?;
        let (a, b) = (Type::Function(target.clone()), Type::Function(other.clone()));
        if a.unifies(&b) {
            return None;
        }
        Some(message::replaced(&name, &other, &target))
    }

    fn function(&self, callee: &Callee) -> Option<Arc<Function>> {
        match callee {
            Callee::Builtin(builtin) => self.tree.builtin_type(builtin.name),
            Callee::Host(host) => self.tree.host_type(*host),
            Callee::Walk => self.tree.builtin_type("walk"),
            Callee::Function(node) => self.user_function(*node),
        }
    }

    fn user_function(&self, node: usize) -> Option<Arc<Function>> {
        match self.documents.at(node) {
            Type::Function(function) => Some(function.clone()),
            _ => None,
        }
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

/// A term's value, if it is constant.
pub(super) fn constant(term: &Term) -> Option<crate::Value> {
    use crate::Value;
    match term {
        Term::Const(value) => Some(value.clone()),
        Term::Array(items) => Some(Value::array(items.iter().map(constant).collect::<Option<Vec<_>>>()?)),
        Term::Set(items) => Some(Value::set(items.iter().map(constant).collect::<Option<Vec<_>>>()?)),
        Term::Object(items) => {
            let pair = |(key, value): &(Term, Term)| Some((constant(key)?, constant(value)?));
            Some(Value::object(items.iter().map(pair).collect::<Option<Vec<_>>>()?))
        }
        Term::Var(_) | Term::Ref(_) | Term::Comp(_) => None,
    }
}

/// The terms of an expression; of `every`, those of its body too, whose calls are not checked.
fn each_term<'a>(expr: &'a Expr, each: &mut dyn FnMut(&'a Term)) {
    match &expr.kind {
        ExprKind::Holds(term) => each(term),
        ExprKind::Eq(a, b) => {
            each(a);
            each(b);
        }
        ExprKind::Call { args, out, .. } => args.iter().chain(out).for_each(each),
        ExprKind::Print(parts) => parts.iter().for_each(each),
        ExprKind::Not(inner) => each_term(inner, each),
        ExprKind::Every { domain, body, .. } => {
            each(domain);
            body.iter().for_each(|expr| each_term(expr, each));
        }
        ExprKind::With { body, .. } => body.iter().for_each(|expr| each_term(expr, each)),
    }
}

fn each_ref<'a>(expr: &'a Expr, each: &mut dyn FnMut(&'a Ref)) {
    each_term(expr, &mut |term| {
        if let Term::Ref(r) = term {
            each(r);
        }
    });
}

/// The comprehensions of a term, not those within them.
fn each_comp<'a>(term: &'a Term, each: &mut dyn FnMut(&'a Comp)) {
    match term {
        Term::Const(_) | Term::Var(_) => {}
        Term::Array(items) | Term::Set(items) => items.iter().for_each(|item| each_comp(item, each)),
        Term::Object(items) => items.iter().for_each(|(key, value)| {
            each_comp(key, each);
            each_comp(value, each);
        }),
        Term::Ref(r) => r.path.iter().for_each(|part| each_comp(part, each)),
        Term::Comp(comp) => each(comp),
    }
}
