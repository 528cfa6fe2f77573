//! From syntax to the compiled form: names become slots, and calls and refs within terms become expressions before the one
//! that uses them (before its `not` too, so that `not f(input.x)` is undefined where `input.x` is).

use super::calls::Used;
use super::ir::{Callee, Comp, Expr, ExprKind, Head, Places, Ref, Root, Slot, Term, With};
use super::members;
use super::names::{Global, Names};
use super::safety;
use super::scope::{How, Scope};
use super::stage::{Errors, Stage};
use super::tree::Tree;
use crate::ast::{self, Location, Name, Source, TermKind};
use crate::error::{Code, Error};
use crate::value::Value;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Gives `rego.metadata.NAME` by its name.
type Metadata<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// Lowers one rule or query.
pub struct Lower<'a> {
    pub tree: &'a Tree,
    pub names: &'a Names,
    pub source: &'a Source,
    pub slots: Vec<Name>,
    pub errors: Errors,
    /// Whatever nothing uses is an error.
    pub strict: bool,
    /// Deprecated builtins are errors.
    pub v1: bool,
    /// Of a query, where `==` is a call like others.
    pub query: bool,
    /// What `rego.metadata.chain` and `rego.metadata.rule` give here.
    pub(super) metadata: Option<Metadata<'a>>,
    pub(super) scopes: Vec<Scope>,
    pub(super) free: HashMap<Name, Slot>,
    /// Within a negated expression, but not in a call or a body inside it: what is looked up for it binds nothing.
    negated: bool,
    /// What is looked up for the expression that is being lowered: after the calls in it, as in OPA.
    pub(super) paths: Vec<Expr>,
    /// Of the expression that was lowered last, where it stands if not where it was written.
    pub(super) place: Option<Location>,
    pub places: Places,
    /// Arguments that something used, when strict.
    pub used_args: HashSet<Name>,
}

impl<'a> Lower<'a> {
    /// Nothing lowered yet.
    pub fn new(tree: &'a Tree, names: &'a Names, source: &'a Source) -> Self {
        let (slots, errors, scopes, free) = (Vec::new(), Errors::default(), Vec::new(), HashMap::new());
        let (strict, v1, query) = (false, false, false);
        let (places, used_args) = (Places::default(), HashSet::new());
        Self {
            tree,
            names,
            source,
            slots,
            errors,
            strict,
            v1,
            query,
            metadata: None,
            scopes,
            free,
            negated: false,
            paths: Vec::new(),
            place: None,
            places,
            used_args,
        }
    }

    /// Within a rule, whose annotations these calls give.
    pub fn with_metadata(mut self, metadata: Metadata<'a>) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Enters the scope of a body and lowers it; the scope stays for what the body's value needs.
    pub fn body(&mut self, body: &[ast::Expr]) -> Vec<Expr> {
        let mut own = HashSet::new();
        for expr in body {
            super::declared::names(expr, &mut own);
        }
        self.scopes.push(Scope { own, ..Scope::default() });
        let mut out = Vec::new();
        for expr in body {
            self.expr(expr, &mut out);
        }
        out
    }

    /// Records an error.
    pub fn error(&mut self, stage: Stage, code: Code, message: impl Into<String>, location: Location) {
        self.errors.push(stage, Error::at(code, message, location, self.source));
    }

    /// A slot without a name.
    pub(super) fn fresh(&mut self) -> Slot {
        self.slots.push(Arc::from(""));
        self.slots.len() - 1
    }

    /// An expression, after what it needs.
    fn expr(&mut self, expr: &ast::Expr, out: &mut Vec<Expr>) {
        if !self.tree.prints
            && let Some(call) = self.print_call(expr)
        {
            self.idle_print(call, &expr.with);
            out.push(Expr { location: expr.location, kind: ExprKind::Holds(Term::Const(Value::Bool(true))) });
            return;
        }
        if expr.with.is_empty() {
            self.plain(expr, out);
            return;
        }
        let (mut with, mut body) = (Vec::new(), Vec::new());
        // What `some` declares is known to the replacements, what is assigned is not.
        let declares = matches!(&expr.kind, ast::ExprKind::Some(_));
        if declares {
            self.plain(expr, &mut body);
        }
        self.then_paths(out, |lower, out| {
            let mut modifiers = expr.with.iter();
            for modifier in &mut modifiers {
                // Only what is wrong with the first of them is told.
                let Some(lowered) = lower.with(modifier, out) else { break };
                if let With::CallOther(..) = lowered {
                    lower.places.replaced.push((expr.location, modifier.location));
                }
                with.push(lowered);
            }
            lower.locals_only(|lower| modifiers.for_each(|modifier| _ = lower.with(modifier, out)));
        });
        if !declares {
            self.plain(expr, &mut body);
        }
        if !super::declared::assigns(expr) {
            expr.with.iter().for_each(|with| self.mention_target(with));
        }
        out.push(Expr { location: expr.location, kind: ExprKind::With { with, body } });
    }

    /// An expression without its `with`.
    fn plain(&mut self, expr: &ast::Expr, out: &mut Vec<Expr>) {
        let around = std::mem::replace(&mut self.negated, expr.negated);
        let kind = self.then_paths(out, |lower, out| lower.kind(expr, out));
        self.negated = around;
        let Some(kind) = kind else { return };
        let location = self.place.take().unwrap_or(expr.location);
        if location != expr.location {
            self.places.equations.push((location, expr.location));
        }
        let mut lowered = Expr { location, kind };
        if expr.negated {
            lowered = Expr { location: expr.location, kind: ExprKind::Not(Box::new(lowered)) };
        }
        out.push(lowered);
    }

    fn kind(&mut self, expr: &ast::Expr, out: &mut Vec<Expr>) -> Option<ExprKind> {
        match &expr.kind {
            _ if self.tree.prints
                && let Some(call) = self.print_call(expr) =>
            {
                Some(self.print(call, out))
            }
            ast::ExprKind::Term(term) => Some(match &term.kind {
                TermKind::Call(call) => self.call(call, Used::Alone(expr.location), out),
                _ => ExprKind::Holds(self.term(term, true, out)),
            }),
            ast::ExprKind::Call(call) => {
                let name = self.builtin_named(&call.operator);
                match (name.as_deref(), call.args.as_slice()) {
                    (Some("assign"), [left, right]) => {
                        if expr.negated {
                            let message = "cannot assign vars inside negated expression";
                            self.error(Stage::Locals, Code::Compile, message, expr.location);
                            return None;
                        }
                        let right = self.side(right, expr.negated, out);
                        super::declared::assignable(left, &mut |term| {
                            let message = format!("cannot assign to {}", term.kind_name());
                            self.error(Stage::Locals, Code::Compile, message, term.location);
                        });
                        self.declare_pattern(left, How::Assigned);
                        let pattern = self.other_side(left, out);
                        let kind = self.equal(pattern, right, out);
                        if self.strict {
                            self.assigned(left, expr.location);
                        }
                        Some(kind)
                    }
                    // Paths stay inside it: `not input.x == 1` is true where there is none. Once all is known to be
                    // bound, this is an equation.
                    (Some("equal"), [left, right]) if !self.query => {
                        self.mention_operator(&call.operator);
                        let callee = Callee::Builtin(&super::EQUATION);
                        let args = vec![self.term(left, true, out), self.term(right, true, out)];
                        Some(ExprKind::Call { callee, args, out: None })
                    }
                    (Some("eq"), [left, right]) => {
                        self.mention_operator(&call.operator);
                        let called =
                            |term: &ast::Term| matches!(term.kind, TermKind::Call(_) | TermKind::TemplateString(_));
                        if called(left) && !called(right) {
                            let call = self.side(left, expr.negated, out);
                            let other = self.other_side(right, out);
                            return Some(self.equal(other, call, out));
                        }
                        let left = self.other_side(left, out);
                        let right = self.side(right, expr.negated, out);
                        Some(self.equal(left, right, out))
                    }
                    _ => Some(self.call(call, Used::Alone(expr.location), out)),
                }
            }
            ast::ExprKind::Some(some) => match &**some {
                ast::SomeDecl::Vars(vars) => {
                    for var in vars {
                        // Only what is wrong with the first of them is told.
                        if var.as_var().is_some_and(|name| self.declared_above(name).is_some()) {
                            self.declare_pattern(var, How::Declared);
                            break;
                        }
                        self.declare_pattern(var, How::Declared);
                        if let (Some(name), Some(scope)) = (var.as_var(), self.scopes.last_mut()) {
                            scope.unused.push((name.clone(), expr.location, How::Declared));
                        }
                    }
                    None
                }
                ast::SomeDecl::In { key, value, domain } => {
                    // What the domain names is not declared: `some x in x` looks into the x that there is.
                    let taken = super::declared::used(domain);
                    let mut names = BTreeSet::new();
                    key.iter().chain([value]).for_each(|term| {
                        super::declared::pattern(term, &mut |name| {
                            names.extend((!name.starts_with('$') && !taken.contains(name)).then(|| name.clone()));
                        });
                    });
                    for name in &names {
                        // Only what is wrong with the first of them by name is told; the rest is as if it were not there.
                        if let Some(message) = self.declared_above(name) {
                            self.error(Stage::Locals, Code::Compile, message, expr.location);
                            return None;
                        }
                        self.declare(name, How::Declared);
                    }
                    let lowered = self.term(domain, true, out);
                    let key = match key {
                        Some(key) => self.term(key, false, out),
                        None => Term::Var(self.fresh()),
                    };
                    let (root, mut path) = self.root(lowered, expr.location, out);
                    path.push(key);
                    let value = self.term(value, true, out);
                    Some(ExprKind::Eq(value, Term::Ref(Box::new(Ref { root, path, location: domain.location }))))
                }
            },
            ast::ExprKind::Every(every) => {
                let domain = self.term(&every.domain, true, out);
                let domain = Term::Var(self.hoist(domain, every.domain.location));
                self.enter();
                let key =
                    every.key.as_ref().and_then(ast::Term::as_var).cloned().map(|name| self.declare(&name, How::Each));
                let value = match every.value.as_var().cloned() {
                    Some(name) => {
                        if !name.starts_with('$')
                            && let Some(message) = self.declared_above(&name)
                        {
                            self.error(Stage::Locals, Code::Compile, message, expr.location);
                        }
                        self.declare(&name, How::Each)
                    }
                    None => self.fresh(),
                };
                let first = every.body.first().map_or(expr.location, |first| first.location);
                for name in every.key.iter().chain([&every.value]).filter_map(ast::Term::as_var) {
                    if let Some(scope) = self.scopes.last_mut().filter(|_| !name.starts_with('$')) {
                        scope.unused.push((name.clone(), first, How::Declared));
                    }
                }
                let body = self.body(&every.body);
                self.leave();
                self.leave();
                Some(ExprKind::Every { key, value, domain, body })
            }
        }
    }

    /// The call of `print` that an expression is.
    fn print_call<'e>(&self, expr: &'e ast::Expr) -> Option<&'e ast::Call> {
        let call = match &expr.kind {
            ast::ExprKind::Call(call) => call,
            ast::ExprKind::Term(term) => match &term.kind {
                TermKind::Call(call) => call,
                _ => return None,
            },
            _ => return None,
        };
        let named = call.operator.path.is_empty() && call.operator.head.as_var().is_some_and(|head| &**head == "print");
        (named && self.builtin_named(&call.operator).is_some()).then_some(&**call)
    }

    /// A `print` to which nobody listens: as in OPA there is nothing of it, but names in it count as used.
    fn idle_print(&mut self, call: &ast::Call, with: &[ast::With]) {
        let free = self.free.clone();
        self.locals_only(|lower| {
            lower.then_paths(&mut Vec::new(), |lower, out| {
                for term in call.args.iter().chain(with.iter().map(|with| &with.value)) {
                    lower.term(term, false, out);
                }
            });
        });
        with.iter().for_each(|with| self.mention_target(with));
        self.free = free;
    }

    /// Does something of whose errors only those of declarations are kept.
    fn locals_only(&mut self, what: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.errors);
        what(self);
        let mut found = std::mem::replace(&mut self.errors, before);
        found.keep(Stage::Locals);
        self.errors.append(&mut found);
    }

    fn print(&mut self, call: &ast::Call, out: &mut Vec<Expr>) -> ExprKind {
        let operand = |arg: &ast::Term| match &arg.kind {
            TermKind::Scalar(_) => ast::TemplatePart::Scalar(arg.clone()),
            _ => ast::TemplatePart::Expr(ast::Expr::new(arg.location, ast::ExprKind::Term(Box::new(arg.clone())))),
        };
        ExprKind::Print(call.args.iter().map(|arg| self.template_part(&operand(arg), out)).collect())
    }

    /// A term. Refs, where they may not stand (`top` is false), and calls become variables.
    pub(super) fn term(&mut self, term: &ast::Term, top: bool, out: &mut Vec<Expr>) -> Term {
        let location = term.location;
        match &term.kind {
            TermKind::Scalar(value) => Term::Const(value.clone()),
            TermKind::Var(name) => match self.name(name) {
                Ok(slot) => Term::Var(slot),
                Err(global) => {
                    let (root, path) = rooted(global);
                    self.place(Ref { root, path, location }, top, location)
                }
            },
            // `data` or `input` alone, which may be a variable.
            TermKind::Ref(r) if r.path.is_empty() => self.term(&r.head, top, out),
            TermKind::Ref(r) => {
                let (root, mut path) = self.affirmed(|lower| {
                    lower.then_paths(out, |lower, out| {
                        let head = lower.term(&r.head, true, out);
                        lower.root(head, location, out)
                    })
                });
                for part in &r.path {
                    path.push(self.term(part, false, out));
                }
                self.place(Ref { root, path, location }, top, location)
            }
            TermKind::Array(items) => Term::Array(items.iter().map(|item| self.term(item, false, out)).collect()),
            TermKind::Set(items) => {
                let items = members::sorted(items, |item| item, &|name| self.meaning(name));
                Term::Set(items.into_iter().map(|item| self.term(item, false, out)).collect())
            }
            TermKind::Object(items) => {
                let items = members::sorted(items, |(key, _)| key, &|name| self.meaning(name));
                let mut pair =
                    |(key, value): &(ast::Term, ast::Term)| (self.term(key, false, out), self.term(value, false, out));
                Term::Object(items.into_iter().map(&mut pair).collect())
            }
            TermKind::Call(call) => {
                let slot = self.fresh();
                let kind = match self.affirmed(|lower| lower.call(call, Used::As(Term::Var(slot), location), out)) {
                    ExprKind::Holds(term) => ExprKind::Eq(Term::Var(slot), term),
                    other => other,
                };
                out.push(Expr { location, kind });
                Term::Var(slot)
            }
            TermKind::ArrayComp(c) => {
                let mut body = self.body(&c.body);
                let head = self.affirmed(|lower| lower.value(&c.head, &mut body));
                self.leave();
                Term::Comp(Box::new(Comp { location, head: Head::Array(head), body }))
            }
            TermKind::SetComp(c) => {
                let mut body = self.body(&c.body);
                let head = self.affirmed(|lower| lower.value(&c.head, &mut body));
                self.leave();
                Term::Comp(Box::new(Comp { location, head: Head::Set(head), body }))
            }
            TermKind::ObjectComp(c) => {
                let mut body = self.body(&c.body);
                // Calls of both come before what either looks up.
                let (key, value) = self.affirmed(|lower| {
                    lower.then_paths(&mut body, |lower, out| (lower.head(&c.key, out), lower.head(&c.value, out)))
                });
                self.leave();
                Term::Comp(Box::new(Comp { location, head: Head::Object(key, value), body }))
            }
            TermKind::TemplateString(template) => {
                let mut parts = Vec::new();
                for part in &template.parts {
                    parts.push(self.template_part(part, out));
                }
                let slot = self.fresh();
                let callee = Callee::Builtin(&super::template::TEMPLATE);
                let kind = ExprKind::Call { callee, args: vec![Term::Array(parts)], out: Some(Term::Var(slot)) };
                out.push(Expr { location, kind });
                Term::Var(slot)
            }
        }
    }

    /// A ref where it may stand, else a variable equal to it.
    fn place(&mut self, r: Ref, top: bool, location: Location) -> Term {
        let term = Term::Ref(Box::new(r));
        if top { term } else { Term::Var(self.hoist(term, location)) }
    }

    /// A variable equal to a term.
    pub(super) fn hoist(&mut self, term: Term, location: Location) -> Slot {
        let slot = self.fresh();
        if let (true, Some(name)) = (self.negated, self.slots.get_mut(slot)) {
            *name = Arc::from(safety::IDLE);
        }
        self.paths.push(Expr { location, kind: ExprKind::Eq(Term::Var(slot), term) });
        slot
    }

    /// Does something, after which comes what is looked up for it.
    pub(super) fn then_paths<T>(
        &mut self,
        out: &mut Vec<Expr>,
        what: impl FnOnce(&mut Self, &mut Vec<Expr>) -> T,
    ) -> T {
        let around = std::mem::take(&mut self.paths);
        let done = what(self, out);
        out.append(&mut self.paths);
        self.paths = around;
        done
    }

    /// A term of a head, after what it needs. As in OPA, one that looks something up or collects is put into a variable.
    pub fn value(&mut self, term: &ast::Term, out: &mut Vec<Expr>) -> Term {
        self.then_paths(out, |lower, out| lower.head(term, out))
    }

    /// The same, before what it looks up.
    pub(super) fn head(&mut self, term: &ast::Term, out: &mut Vec<Expr>) -> Term {
        let before = self.paths.len();
        let lowered = self.term(term, true, out);
        let simple = self.paths.len() == before && !matches!(lowered, Term::Ref(_)) && !lowered.collects();
        if simple { lowered } else { Term::Var(self.hoist(lowered, term.location)) }
    }

    /// Does something that is not negated, though an expression around it may be.
    pub(super) fn affirmed<T>(&mut self, what: impl FnOnce(&mut Self) -> T) -> T {
        let around = std::mem::replace(&mut self.negated, false);
        let done = what(self);
        self.negated = around;
        done
    }

    /// Once it is known what is bound: the names of variables, without those that only told how they bind.
    pub fn named(&mut self) {
        self.slots.iter_mut().filter(|name| &***name == safety::IDLE).for_each(|name| *name = Arc::from(""));
    }

    /// What a ref into a term begins with.
    fn root(&mut self, head: Term, location: Location, out: &mut Vec<Expr>) -> (Root, Vec<Term>) {
        match head {
            Term::Ref(r) => (r.root, r.path),
            Term::Var(slot) => (Root::Var(slot), Vec::new()),
            other => {
                let slot = self.hoist(other, location);
                out.append(&mut self.paths);
                (Root::Var(slot), Vec::new())
            }
        }
    }
}

/// A name's meaning as the beginning of a ref.
fn rooted(global: Global) -> (Root, Vec<Term>) {
    match global {
        Global::Data(path) => (Root::Data, path.into_iter().map(Term::Const).collect()),
        Global::Input(path) => (Root::Input, path.into_iter().map(Term::Const).collect()),
    }
}
