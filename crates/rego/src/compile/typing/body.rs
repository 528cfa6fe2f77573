//! Bodies: each expression against what is known of its variables, which it adds to.

use super::documents::Documents;
use super::message::{self, Wrong};
use super::slots_of;
use super::told::Told;
use crate::ast::{Location, Name, Source};
use crate::compile::ir::{Callee, Comp, Expr, ExprKind, Head, Places, Ref, Slot, Term, With};
use crate::compile::tree::Tree;
use crate::error::Error;
use crate::types::Type;
use std::collections::HashMap;

/// Comprehensions in comprehensions that are checked more than once: each would multiply the work.
const MAX_DEPTH: usize = 6;

/// What is known of a comprehension.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected {
    pub of: Type,
    /// It stands for a variable that has its value, as OPA puts those within other terms into variables.
    pub variable: bool,
}

/// Checks one clause of a rule, or a query.
#[derive(Debug)]
pub struct Checker<'a> {
    pub(super) tree: &'a Tree,
    pub(super) documents: &'a Documents,
    source: Option<&'a Source>,
    pub(super) names: &'a [Name],
    pub(super) places: &'a Places,
    /// Types of variables; `Unknown` until something tells.
    pub(super) slots: Vec<Type>,
    /// What to put back where a comprehension ends.
    undo: Vec<(Slot, Type)>,
    /// Of comprehensions that were checked already, by their place in memory.
    pub(super) comps: HashMap<*const Comp, Collected>,
    pub(super) told: Told,
    /// What variables without a name stand for.
    pub(super) texts: HashMap<Slot, &'a Term>,
    /// `==` is taken as `=`, as OPA does in rules.
    unify_equal: bool,
    /// Bodies of comprehensions around what is checked.
    depth: usize,
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
        Self::again(tree, documents, source, (names, places), unify_equal, Self::unknown(tree, names, places))
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
        Self {
            tree,
            documents,
            source,
            names,
            places,
            slots,
            undo: Vec::new(),
            comps: HashMap::new(),
            told: Told::default(),
            texts: HashMap::new(),
            unify_equal,
            depth: 0,
            errors: Vec::new(),
        }
    }

    /// The types of variables of which nothing is known: one that nobody declared is for OPA the builtin of its name.
    pub fn unknown(tree: &Tree, names: &[Name], places: &Places) -> Vec<Type> {
        let named = |name: &Name| !name.is_empty() && !name.starts_with('$');
        let of = |(slot, name): (Slot, &Name)| match named(name) && !places.declared.contains(slot) {
            true => tree.builtin_type(name).map_or(Type::Unknown, Type::Function),
            false => Type::Unknown,
        };
        names.iter().enumerate().map(of).collect()
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

    /// A variable of the checker's own.
    pub(super) fn local(&mut self, of: Type) -> Term {
        self.slots.push(of);
        Term::Var(self.slots.len() - 1)
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
                body.iter().for_each(|inner| self.expr(inner, (with, expr.location)));
            }
            _ => self.plain(expr, with),
        }
    }

    fn plain(&mut self, expr: &'a Expr, with: (&'a [With], Location)) {
        let (stay, apart) = self.collections(expr);
        self.apart(&apart);
        let mut inner = self.closures(&stay);
        let (mut refs, mark) = (Vec::new(), self.undo.len());
        each_ref(expr, &mut |r| {
            if let Some(wrong) = self.reference(r) {
                self.tell(r);
                refs.push((wrong, r.location));
            }
        });
        let known = !inner.is_empty() || !refs.is_empty();
        self.errors.append(&mut inner);
        refs.into_iter().for_each(|(wrong, location)| self.fail(wrong, location));
        if self.undo.len() > mark && self.depth < MAX_DEPTH {
            // What refs tell of variables, comprehensions beside them know from here on.
            self.closures(&stay);
        }
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
            ExprKind::Eq(Term::Ref(called), _) | ExprKind::Holds(Term::Ref(called))
                if self.calls(called, expr.location) =>
            {
                self.document(called)
            }
            ExprKind::Eq(a, b) => self.equation(a, b),
            ExprKind::Call { callee: Callee::Builtin(builtin), args, out: None }
                if builtin.name == "equal" && self.unify_equal && args.len() == 2 =>
            {
                self.equation(&args[0], &args[1])
            }
            ExprKind::Call { callee, args, out } => self.call(callee, args, out.as_ref(), expr.location),
            _ => None,
        };
        // What is wrong only because something within is wrong is not said twice.
        if let Some(wrong) = wrong.filter(|wrong| !(known && wrong.from_unknown)) {
            self.fail(wrong, expr.location);
        }
    }

    pub(super) fn fail(&mut self, wrong: Wrong, location: Location) {
        self.errors.push(wrong.error(location, self.source));
    }

    /// The comprehensions of an expression that stay there, and those that OPA puts into variables before: all but sides of
    /// equations, expressions by themselves and whatever an `every` says of each.
    fn collections(&self, expr: &'a Expr) -> (Vec<&'a Comp>, Vec<&'a Comp>) {
        let (mut stay, mut apart) = (Vec::new(), Vec::new());
        let direct = matches!(expr.kind, ExprKind::Eq(..) | ExprKind::Holds(_));
        each_term(expr, &mut |term| match term {
            Term::Comp(comp) if direct => stay.push(&**comp),
            term => each_comp(term, &mut |comp| match expr.kind {
                ExprKind::Every { .. } => stay.push(comp),
                _ => apart.push(comp),
            }),
        });
        (stay, apart)
    }

    /// Checks comprehensions that stand for variables.
    pub(super) fn apart(&mut self, comps: &[&'a Comp]) {
        for comp in comps {
            let mut found = self.collection(comp, true);
            let of = self.collected(comp);
            if found.is_empty() && of.unknown() {
                self.fail(message::no_match(&Type::Unknown, &of), comp.location);
                self.comps.insert(std::ptr::from_ref(*comp), Collected { of: Type::Unknown, variable: true });
            }
            self.errors.append(&mut found);
        }
    }

    /// Checks comprehensions; what is wrong in the last that is.
    pub(super) fn closures(&mut self, comps: &[&'a Comp]) -> Vec<Error> {
        let mut wrong = Vec::new();
        for comp in comps {
            let found = self.collection(comp, false);
            if !found.is_empty() {
                wrong = found;
            }
        }
        wrong
    }

    /// Checks a comprehension and, as OPA does, those inside it once more by themselves: for all that they know of
    /// variables that it has told of.
    fn collection(&mut self, comp: &'a Comp, variable: bool) -> Vec<Error> {
        let mut wrong = self.comprehension(comp, variable);
        if wrong.is_empty() && self.depth < MAX_DEPTH {
            self.depth += 1;
            let mut inside = Vec::new();
            comp.body
                .iter()
                .for_each(|expr| each_term(expr, &mut |term| each_comp(term, &mut |comp| inside.push(comp))));
            wrong = self.closures(&inside);
            self.depth -= 1;
        }
        wrong
    }

    /// The type of a comprehension alone.
    pub fn alone(&mut self, comp: &'a Comp) -> Type {
        self.comprehension(comp, false);
        self.collected(comp)
    }

    /// Checks a comprehension and keeps its type.
    fn comprehension(&mut self, comp: &'a Comp, variable: bool) -> Vec<Error> {
        let told = self.told.len();
        let (wrong, mut of) = self.looked_into(comp);
        if self.told.len() > told {
            // What is told of is wrong no more when OPA looks for the type.
            (_, of) = self.looked_into(comp);
        }
        self.comps.insert(std::ptr::from_ref(comp), Collected { of, variable });
        wrong
    }

    /// What is wrong in a comprehension, and its type if nothing is.
    fn looked_into(&mut self, comp: &'a Comp) -> (Vec<Error>, Type) {
        let mark = self.undo.len();
        let outer = std::mem::take(&mut self.errors);
        self.depth += 1;
        self.body(&comp.body);
        self.depth -= 1;
        let wrong = std::mem::replace(&mut self.errors, outer);
        let of = match &comp.head {
            _ if !wrong.is_empty() => Type::Unknown,
            Head::Array(head) => Type::array(Vec::new(), self.of(head)),
            Head::Set(head) => Type::set(self.of(head)),
            Head::Object(key, value) => Type::object(Vec::new(), Some((self.of(key), self.of(value)))),
        };
        self.undo_to(mark);
        (wrong, of)
    }

    /// The type of a comprehension that was checked.
    fn collected(&self, comp: &Comp) -> Type {
        self.comps.get(&std::ptr::from_ref(comp)).map(|found| found.of.clone()).unwrap_or_default()
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
                        // Whichever of them; OPA knows only of the last by the names of its variables.
                        None => {
                            let (keys, values) = dynamic.unwrap_or_default();
                            dynamic = Some((self.of(key).or(&keys), self.of(value).or(&values)));
                        }
                    }
                }
                if items.is_empty() {
                    dynamic = Some((Type::any(), Type::any()));
                }
                Type::object(fixed, dynamic)
            }
            Term::Ref(r) => self.of_ref(r),
            Term::Comp(comp) => self.collected(comp),
        }
    }

    pub(super) fn equation(&mut self, a: &Term, b: &Term) -> Option<Wrong> {
        let (left, right) = (self.of(a), self.of(b));
        if self.unify(a, &left, b, &right) { None } else { Some(message::no_match(&left, &right)) }
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
        ExprKind::Call { args, out, .. } => {
            args.iter().chain(out.iter().filter(|out| !matches!(out, Term::Comp(_)))).for_each(each)
        }
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
