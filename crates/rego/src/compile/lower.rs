//! From syntax to the compiled form: names become slots, and calls and refs within terms become expressions before the one
//! that uses them (before its `not` too, so that `not f(input.x)` is undefined where `input.x` is).

use super::ir::{Callee, Comp, Expr, ExprKind, Ref, Root, Slot, Term};
use super::names::{Global, Names};
use super::stages::Stage;
use super::tree::Tree;
use crate::ast::{self, Location, Name, Source, TermKind};
use crate::error::{Code, Error};
use crate::value::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Names declared in one body (or by arguments).
#[derive(Default)]
struct Scope {
    declared: HashMap<Name, (Slot, How)>,
    /// Declared further on: until then the name is nobody's.
    later: HashSet<Name>,
    /// Used before being declared.
    seen: HashSet<Name>,
    /// By `some`, and where; not used yet.
    unused: Vec<(Name, Location)>,
    /// How many errors there were before it.
    errors: usize,
}

/// How a name was declared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    Argument,
    Assigned,
    /// By `some` or `every`.
    Declared,
}

/// Gives `rego.metadata.NAME` by its name.
type Metadata<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// Lowers one rule or query.
pub struct Lower<'a> {
    pub tree: &'a Tree,
    pub names: &'a Names,
    pub source: &'a Source,
    pub slots: Vec<Name>,
    pub errors: Vec<(Stage, Error)>,
    /// What `rego.metadata.chain` and `rego.metadata.rule` give here.
    metadata: Option<Metadata<'a>>,
    /// Whether this is a query's, not a rule's.
    query: bool,
    scopes: Vec<Scope>,
    free: HashMap<Name, Slot>,
}

impl<'a> Lower<'a> {
    /// Nothing lowered yet.
    pub fn new(tree: &'a Tree, names: &'a Names, source: &'a Source) -> Self {
        let (slots, errors, scopes, free) = (Vec::new(), Vec::new(), Vec::new(), HashMap::new());
        Self { tree, names, source, slots, errors, metadata: None, query: false, scopes, free }
    }

    /// Within a rule, whose annotations these calls give.
    pub fn with_metadata(mut self, metadata: Metadata<'a>) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// For a query: there `==` is a call like others.
    pub fn of_query(mut self) -> Self {
        self.query = true;
        self
    }

    /// Enters the scope of arguments.
    pub fn enter(&mut self) {
        self.scopes.push(Scope { errors: self.errors.len(), ..Scope::default() });
    }

    /// Leaves a scope.
    pub fn leave(&mut self) {
        let Some(Scope { unused, errors, .. }) = self.scopes.pop() else { return };
        // What is wrong with other declarations is told first.
        if self.errors.iter().skip(errors).any(|(stage, _)| *stage == Stage::Locals) {
            return;
        }
        for (name, location) in unused {
            self.error(Stage::Locals, Code::Compile, format!("declared var {name} unused"), location);
        }
    }

    /// Enters the scope of a body and lowers it; the scope stays for what the body's value needs.
    pub fn body(&mut self, body: &[ast::Expr]) -> Vec<Expr> {
        let mut later = HashSet::new();
        for expr in body {
            super::declared::names(expr, &mut later);
        }
        self.scopes.push(Scope { later, errors: self.errors.len(), ..Scope::default() });
        let mut out = Vec::new();
        for expr in body {
            self.expr(expr, &mut out);
        }
        out
    }

    /// The variables of a query, after its body: those with names, each once.
    pub fn query_vars(&self) -> Vec<(Name, Slot)> {
        let declared = self.scopes.iter().flat_map(|scope| &scope.declared).map(|(name, (slot, _))| (name, slot));
        let mut vars: Vec<_> = declared
            .chain(&self.free)
            .filter(|(name, _)| !name.starts_with('$'))
            .map(|(name, slot)| (name.clone(), *slot))
            .collect();
        vars.sort();
        vars
    }

    /// Records an error.
    pub fn error(&mut self, stage: Stage, code: Code, message: impl Into<String>, location: Location) {
        self.errors.push((stage, Error::at(code, message, location, self.source)));
    }

    /// A slot without a name.
    pub fn fresh(&mut self) -> Slot {
        self.slots.push(Arc::from(""));
        self.slots.len() - 1
    }

    /// Declares a name in the innermost scope.
    pub fn declare(&mut self, name: &Name, how: How) -> Slot {
        if let Some((slot, _)) = self.scopes.last().and_then(|scope| scope.declared.get(name)) {
            return *slot;
        }
        self.slots.push(name.clone());
        let slot = self.slots.len() - 1;
        if let Some(scope) = self.scopes.last_mut() {
            scope.declared.insert(name.clone(), (slot, how));
        }
        slot
    }

    /// Why a name cannot be declared in the innermost scope.
    fn declared_above(&self, name: &Name) -> Option<String> {
        let (last, outer) = self.scopes.split_last()?;
        // Arguments are of the body's own scope.
        let argument = outer.last().filter(|_| outer.len() == 1).and_then(|scope| scope.declared.get(name));
        match last.declared.get(name).or(argument.filter(|(_, how)| *how == How::Argument)) {
            Some((_, How::Argument)) => Some(format!("arg {name} redeclared")),
            Some((_, How::Assigned)) => Some(format!("var {name} assigned above")),
            Some((_, How::Declared)) => Some(format!("var {name} declared above")),
            None if last.seen.contains(name) => Some(format!("var {name} referenced above")),
            None => None,
        }
    }

    /// Declares each variable of a pattern.
    pub fn declare_pattern(&mut self, term: &ast::Term, how: How) {
        self.declare_but(&HashSet::new(), term, how);
    }

    /// Declares each variable of a pattern, but for those of some names.
    fn declare_but(&mut self, taken: &HashSet<Name>, term: &ast::Term, how: How) {
        super::declared::pattern(term, &mut |name| {
            if name.starts_with('$') || taken.contains(name) {
                return;
            }
            if how != How::Argument
                && let Some(message) = self.declared_above(name)
            {
                self.error(Stage::Locals, Code::Compile, message, term.location);
            }
            self.declare(name, how);
        });
    }

    /// The arguments of `print`, to which nobody listens: what they declare and name counts all the same.
    fn mention(&mut self, call: &ast::Call) {
        let (before, free) = (self.errors.len(), self.free.clone());
        let mut unheard = Vec::new();
        for arg in &call.args {
            self.term(arg, false, &mut unheard);
        }
        self.free = free;
        let mut found = self.errors.split_off(before);
        found.retain(|(stage, _)| *stage == Stage::Locals);
        self.errors.append(&mut found);
    }

    /// Whether a name was declared or used before, or leads outside.
    fn known(&self, name: &Name) -> bool {
        self.scopes.iter().any(|scope| scope.declared.contains_key(name))
            || self.free.contains_key(name)
            || self.names.global(name).is_some()
    }

    /// What a name means here: a slot, or what it leads to outside.
    fn name(&mut self, name: &Name) -> Result<Slot, Global> {
        let mut hidden = false;
        for scope in self.scopes.iter_mut().rev() {
            if let Some((slot, _)) = scope.declared.get(name) {
                scope.unused.retain(|(unused, _)| unused != name);
                return Ok(*slot);
            }
            hidden |= scope.later.contains(name);
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.seen.insert(name.clone());
        }
        if !hidden && let Some(global) = self.names.global(name) {
            return Err(global);
        }
        if let Some(slot) = self.free.get(name) {
            return Ok(*slot);
        }
        self.slots.push(name.clone());
        self.free.insert(name.clone(), self.slots.len() - 1);
        Ok(self.slots.len() - 1)
    }

    /// An expression, after what it needs.
    fn expr(&mut self, expr: &ast::Expr, out: &mut Vec<Expr>) {
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
        for modifier in &expr.with {
            if let Some(lowered) = self.with(modifier, out) {
                with.push(lowered);
            }
        }
        if !declares {
            self.plain(expr, &mut body);
        }
        out.push(Expr { location: expr.location, kind: ExprKind::With { with, body } });
    }

    /// An expression without its `with`.
    fn plain(&mut self, expr: &ast::Expr, out: &mut Vec<Expr>) {
        let Some(kind) = self.kind(expr, out) else { return };
        let mut lowered = Expr { location: expr.location, kind };
        if expr.negated {
            lowered = Expr { location: expr.location, kind: ExprKind::Not(Box::new(lowered)) };
        }
        out.push(lowered);
    }

    fn kind(&mut self, expr: &ast::Expr, out: &mut Vec<Expr>) -> Option<ExprKind> {
        match &expr.kind {
            ast::ExprKind::Term(term) => Some(match &term.kind {
                TermKind::Call(call) if call.operator.dotted().as_deref() == Some("print") => self.print(call, out),
                TermKind::Call(call) => self.call(call, None, out),
                _ => ExprKind::Holds(self.term(term, true, out)),
            }),
            ast::ExprKind::Call(call) => {
                let name = call.operator.dotted();
                match (name.as_deref(), call.args.as_slice()) {
                    (Some("print"), _) => Some(self.print(call, out)),
                    (Some("assign"), [left, right]) => {
                        let right = self.side(right, out);
                        super::declared::unassignable(left, &mut |term, what| {
                            self.error(Stage::Locals, Code::Compile, format!("cannot assign to {what}"), term.location);
                        });
                        self.declare_pattern(left, How::Assigned);
                        Some(self.equal(left, right, expr.location, out))
                    }
                    // Within a negation calls come before it, so that `not f(x) = 1` is undefined where the call is.
                    (Some("eq"), [left, right]) if expr.negated => {
                        Some(ExprKind::Eq(self.term(left, true, out), self.term(right, true, out)))
                    }
                    // Paths stay inside it: `not input.x == 1` is true where there is none. Once all is known to be
                    // bound, this is an equation.
                    (Some("equal"), [left, right])
                        if !self.query
                            && let Some(callee) = super::builtin("equal", self.tree) =>
                    {
                        let args = vec![self.term(left, true, out), self.term(right, true, out)];
                        Some(ExprKind::Call { callee, args, out: None })
                    }
                    (Some("eq"), [left, right]) => {
                        if let (TermKind::Call(_), false) = (&left.kind, matches!(right.kind, TermKind::Call(_))) {
                            let left = self.side(left, out);
                            return Some(self.equal(right, left, expr.location, out));
                        }
                        let right = self.side(right, out);
                        Some(self.equal(left, right, expr.location, out))
                    }
                    _ => Some(self.call(call, None, out)),
                }
            }
            ast::ExprKind::Some(some) => match &**some {
                ast::SomeDecl::Vars(vars) => {
                    for var in vars {
                        let before = self.errors.len();
                        self.declare_pattern(var, How::Declared);
                        if before < self.errors.len() {
                            break;
                        }
                        if let (Some(name), Some(scope)) = (var.as_var(), self.scopes.last_mut()) {
                            scope.unused.push((name.clone(), var.location));
                        }
                    }
                    None
                }
                ast::SomeDecl::In { key, value, domain } => {
                    // What the domain names is not declared: `some x in x` looks into the x that there is.
                    let mut taken = HashSet::new();
                    super::declared::used(domain, &mut |name| {
                        taken.insert(name.clone());
                    });
                    let domain = self.term(domain, true, out);
                    for pattern in key.iter().chain([value]) {
                        self.declare_but(&taken, pattern, How::Declared);
                    }
                    let key = match key {
                        Some(key) => self.term(key, false, out),
                        None => Term::Var(self.fresh()),
                    };
                    let (root, mut path) = self.root(domain, expr.location, out);
                    path.push(key);
                    let value = self.term(value, true, out);
                    Some(ExprKind::Eq(Term::Ref(Box::new(Ref { root, path })), value))
                }
            },
            ast::ExprKind::Every(every) => {
                let domain = self.term(&every.domain, false, out);
                self.enter();
                let key = every
                    .key
                    .as_ref()
                    .and_then(ast::Term::as_var)
                    .cloned()
                    .map(|name| self.declare(&name, How::Declared));
                let value = match every.value.as_var().cloned() {
                    Some(name) => self.declare(&name, How::Declared),
                    None => self.fresh(),
                };
                let place = every.body.first().map_or(expr.location, |first| first.location);
                if let Some(scope) = self.scopes.last_mut() {
                    let names = every.key.iter().chain([&every.value]).filter_map(|term| term.as_var());
                    scope.unused.extend(names.filter(|name| !name.starts_with('$')).map(|name| (name.clone(), place)));
                }
                let body = self.body(&every.body);
                self.leave();
                self.leave();
                Some(ExprKind::Every { key, value, domain, body })
            }
        }
    }

    /// `print`. As in OPA, its operands are not looked at where nobody listens.
    fn print(&mut self, call: &ast::Call, out: &mut Vec<Expr>) -> ExprKind {
        if !self.tree.prints {
            self.mention(call);
            return ExprKind::Holds(Term::Const(Value::Bool(true)));
        }
        let operand = |arg: &ast::Term| match &arg.kind {
            TermKind::Scalar(_) => ast::TemplatePart::Scalar(arg.clone()),
            _ => ast::TemplatePart::Expr(ast::Expr::new(arg.location, ast::ExprKind::Term(Box::new(arg.clone())))),
        };
        ExprKind::Print(call.args.iter().map(|arg| self.template_part(&operand(arg), out)).collect())
    }

    /// A call.
    pub fn call(&mut self, call: &ast::Call, result: Option<Term>, out: &mut Vec<Expr>) -> ExprKind {
        if let Some(value) =
            self.metadata.and_then(|find| find(call.operator.dotted()?.strip_prefix("rego.metadata.")?))
        {
            return match call.args.as_slice() {
                [] => ExprKind::Holds(Term::Const(value)),
                [output, ..] => ExprKind::Eq(self.term(output, true, out), Term::Const(value)),
            };
        }
        let callee = self.callee(&call.operator);
        let mut args: Vec<Term> = Vec::with_capacity(call.args.len());
        for (i, arg) in call.args.iter().enumerate() {
            let lowered = self.term(arg, true, out);
            // A comprehension comes before what is looked up for the arguments after it.
            let early = matches!(lowered, Term::Comp(_)) && i + 1 < call.args.len();
            args.push(if early { Term::Var(self.hoist(lowered, call.location, out)) } else { lowered });
        }
        // Paths are looked up after calls.
        for arg in &mut args {
            if matches!(arg, Term::Ref(_)) {
                let path = std::mem::replace(arg, Term::Const(Value::Null));
                *arg = Term::Var(self.hoist(path, call.location, out));
            }
        }
        let callee = match callee {
            Ok(callee) => callee,
            Err(Some(path)) if args.is_empty() => {
                let path = path.into_iter().map(Term::Const).collect();
                return ExprKind::Holds(Term::Ref(Box::new(Ref { root: Root::Data, path })));
            }
            Err(_) => {
                self.error(
                    Stage::Functions,
                    Code::Type,
                    format!("undefined function {}", call.operator),
                    call.location,
                );
                return ExprKind::Holds(Term::Const(Value::Bool(false)));
            }
        };
        let arity = super::arity(&callee, self.tree);
        let mut result = result;
        if args.len() == arity + 1 && result.is_none() {
            result = args.pop();
        }
        if args.len() != arity {
            let got = args.len() + usize::from(result.is_some());
            let message = match &callee {
                Callee::Function(node) => {
                    let name = super::check::shown(&self.tree.nodes[*node].path);
                    format!("function {name} has arity {arity}, got {got} argument{}", if got == 1 { "" } else { "s" })
                }
                _ => format!("{}: arity mismatch", call.operator),
            };
            self.error(Stage::Functions, Code::Type, message, call.location);
        }
        ExprKind::Call { callee, args, out: result }
    }

    /// What a call's operator names; else the path of a rule that is no function.
    pub fn callee(&mut self, operator: &ast::Ref) -> Result<Callee, Option<Vec<Value>>> {
        let head = operator.head.as_var().ok_or(None)?;
        let local = self.scopes.iter().any(|scope| scope.declared.contains_key(head));
        if !local && let Some(Global::Data(mut path)) = self.names.global(head) {
            for term in &operator.path {
                match &term.kind {
                    TermKind::Scalar(value) => path.push(value.clone()),
                    _ => return Err(None),
                }
            }
            match self.tree.function(&path) {
                Some(node) => return Ok(Callee::Function(node)),
                None if self.tree.find(&path).is_some_and(|node| self.tree.nodes[node].defined()) => {
                    return Err(Some(path));
                }
                None => {}
            }
        }
        super::builtin(&operator.dotted().ok_or(None)?, self.tree).ok_or(None)
    }

    /// A term. Refs, where they may not stand (`top` is false), and calls become variables.
    pub fn term(&mut self, term: &ast::Term, top: bool, out: &mut Vec<Expr>) -> Term {
        let location = term.location;
        match &term.kind {
            TermKind::Scalar(value) => Term::Const(value.clone()),
            TermKind::Var(name) => match self.name(name) {
                Ok(slot) => Term::Var(slot),
                Err(global) => {
                    let (root, path) = rooted(global);
                    self.place(Ref { root, path }, top, location, out)
                }
            },
            TermKind::Ref(r) => {
                let head = self.term(&r.head, true, out);
                let (root, mut path) = self.root(head, location, out);
                for part in &r.path {
                    path.push(self.term(part, false, out));
                }
                self.place(Ref { root, path }, top, location, out)
            }
            TermKind::Array(items) => Term::Array(items.iter().map(|item| self.term(item, false, out)).collect()),
            TermKind::Set(items) => Term::Set(items.iter().map(|item| self.term(item, false, out)).collect()),
            TermKind::Object(items) => Term::Object(
                items.iter().map(|(key, value)| (self.term(key, false, out), self.term(value, false, out))).collect(),
            ),
            TermKind::Call(call) => {
                let slot = self.fresh();
                let kind = match self.call(call, Some(Term::Var(slot)), out) {
                    ExprKind::Holds(term) => ExprKind::Eq(Term::Var(slot), term),
                    other => other,
                };
                out.push(Expr { location, kind });
                Term::Var(slot)
            }
            TermKind::ArrayComp(c) => {
                let mut body = self.body(&c.body);
                let head = self.term(&c.head, false, &mut body);
                self.leave();
                Term::Comp(Box::new(Comp::Array(head, body)))
            }
            TermKind::SetComp(c) => {
                let mut body = self.body(&c.body);
                let head = self.term(&c.head, false, &mut body);
                self.leave();
                Term::Comp(Box::new(Comp::Set(head, body)))
            }
            TermKind::ObjectComp(c) => {
                let mut body = self.body(&c.body);
                let key = self.term(&c.key, false, &mut body);
                let value = self.term(&c.value, false, &mut body);
                self.leave();
                Term::Comp(Box::new(Comp::Object(key, value, body)))
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

    /// A part of a template: what it can be is a set, empty where it is undefined.
    fn template_part(&mut self, part: &ast::TemplatePart, out: &mut Vec<Expr>) -> Term {
        match part {
            ast::TemplatePart::Scalar(term) => self.term(term, false, out),
            ast::TemplatePart::Expr(expr) => {
                let term = match &expr.kind {
                    ast::ExprKind::Term(term) => (**term).clone(),
                    ast::ExprKind::Call(call) => ast::Term::new(expr.location, TermKind::Call((**call).clone())),
                    _ => return Term::Set(Vec::new()),
                };
                let location = expr.location;
                if term.as_var().is_none() {
                    let mut unknown = Vec::new();
                    super::declared::used(&term, &mut |name| {
                        if !self.known(name) && !unknown.contains(name) {
                            unknown.push(name.clone());
                        }
                    });
                    for name in unknown {
                        let name = if name.starts_with('$') { "_" } else { &*name };
                        let message = format!("var {name} is undeclared");
                        self.error(Stage::Templates, Code::Compile, message, term.location);
                    }
                }
                let name: Name = Arc::from("$template");
                let assign = ast::Call::builtin(location, "assign", vec![ast::Term::var(location, "$template"), term]);
                let mut assign = ast::Expr::new(location, ast::ExprKind::Call(Box::new(assign)));
                assign.with.clone_from(&expr.with);
                self.enter();
                let slot = self.declare(&name, How::Declared);
                let body = self.body(std::slice::from_ref(&assign));
                // What a template names is named in the body around it.
                let seen = self.scopes.last_mut().map(|scope| std::mem::take(&mut scope.seen)).unwrap_or_default();
                self.leave();
                self.leave();
                if let Some(scope) = self.scopes.last_mut() {
                    scope.seen.extend(seen);
                }
                Term::Comp(Box::new(Comp::Set(Term::Var(slot), body)))
            }
        }
    }

    /// A ref where it may stand, else a variable equal to it.
    fn place(&mut self, r: Ref, top: bool, location: Location, out: &mut Vec<Expr>) -> Term {
        let term = Term::Ref(Box::new(r));
        if top { term } else { Term::Var(self.hoist(term, location, out)) }
    }

    /// A variable equal to a term.
    fn hoist(&mut self, term: Term, location: Location, out: &mut Vec<Expr>) -> Slot {
        let slot = self.fresh();
        out.push(Expr { location, kind: ExprKind::Eq(Term::Var(slot), term) });
        slot
    }

    /// What a ref into a term begins with.
    fn root(&mut self, head: Term, location: Location, out: &mut Vec<Expr>) -> (Root, Vec<Term>) {
        match head {
            Term::Ref(r) => (r.root, r.path),
            Term::Var(slot) => (Root::Var(slot), Vec::new()),
            other => (Root::Var(self.hoist(other, location, out)), Vec::new()),
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
