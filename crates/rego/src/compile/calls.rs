//! Calls: what is called, and with how many arguments.

use super::ir::{Callee, ExprKind, Ref, Root, Term};
use super::lower::Lower;
use super::names::Global;
use super::stage::Stage;
use super::typing::{Checker, Documents};
use crate::ast::{self, Location, TermKind};
use crate::error::{Code, Error};
use crate::hints;
use crate::types::{self, Type};
use crate::value::Value;

/// Where a call stands.
pub enum Used {
    /// An expression of its own at a place; its result may be among its arguments.
    Alone(Location),
    /// Its value, at a place, is used.
    Value(Location),
    /// Its value, at a place, is a variable's.
    As(Term, Location),
}

impl Lower<'_> {
    /// A call, after what it needs.
    pub(super) fn call(&mut self, call: &ast::Call, used: Used, out: &mut Vec<super::ir::Expr>) -> ExprKind {
        self.then_paths(out, |lower, out| lower.plain_call(call, used, out))
    }

    fn plain_call(&mut self, call: &ast::Call, used: Used, out: &mut Vec<super::ir::Expr>) -> ExprKind {
        if let Some(value) =
            self.metadata.and_then(|find| find(self.builtin_named(&call.operator)?.strip_prefix("rego.metadata.")?))
        {
            return match call.args.as_slice() {
                [] => ExprKind::Holds(Term::Const(value)),
                [output, ..] => ExprKind::Eq(self.term(output, true, out), Term::Const(value)),
            };
        }
        if !matches!(used, Used::Alone(_))
            && let Some(head) = call.operator.head.as_var()
            && self.is_local(head)
        {
            let message = format!("called function {} shadowed", call.operator);
            self.error(Stage::Locals, Code::Compile, message, call.location);
        }
        if !matches!(used, Used::Alone(_)) && self.builtin_named(&call.operator).as_deref() == Some("print") {
            self.error(Stage::Values, Code::Type, format!("{call} used as value"), call.location);
        }
        let place = match used {
            Used::Alone(place) | Used::Value(place) | Used::As(_, place) => place,
        };
        let callee = self.callee(&call.operator);
        self.mention_operator(&call.operator);
        let mut args: Vec<Term> = Vec::with_capacity(call.args.len());
        for (i, arg) in call.args.iter().enumerate() {
            let lowered = self.term(arg, true, out);
            // A comprehension comes before what is looked up for the arguments after it.
            let early = matches!(lowered, Term::Comp(_)) && i + 1 < call.args.len();
            let before = early || matches!(lowered, Term::Ref(_));
            args.push(if before { Term::Var(self.hoist(lowered, arg.location)) } else { lowered });
        }
        let callee = match callee {
            Ok(callee) => callee,
            Err(Some(path)) => return self.document(path, args, (call, place), matches!(used, Used::Alone(_))),
            Err(_) => {
                self.undefined(call, place);
                return ExprKind::Holds(Term::Const(Value::Bool(false)));
            }
        };
        if let (Callee::Builtin(builtin), true) = (&callee, self.v1)
            && types::builtin(builtin.name).is_some_and(|declared| declared.deprecated)
        {
            let message = format!("deprecated built-in function calls in expression: {}", builtin.name);
            self.error(Stage::Deprecated, Code::Type, message, place);
        }
        let arity = super::arity(&callee, self.tree);
        let result = match used {
            Used::Alone(_) if args.len() == arity + 1 => {
                self.places.given.push(place);
                args.pop()
            }
            Used::Alone(_) | Used::Value(_) => None,
            Used::As(ref term, _) => Some(term.clone()),
        };
        if args.len() != arity {
            self.arity(&callee, (call, place), (arity, &args), !matches!(used, Used::Alone(_)));
        }
        ExprKind::Call { callee, args, out: result }
    }

    /// A call of a document: a function without arguments, until it is known whether it is one.
    fn document(
        &mut self,
        path: Vec<Value>,
        mut args: Vec<Term>,
        (call, place): (&ast::Call, Location),
        alone: bool,
    ) -> ExprKind {
        let result = if alone { args.pop() } else { None };
        if !args.is_empty() {
            self.wrong_number(&path, (0, call.args.len()), place);
            return ExprKind::Holds(Term::Const(Value::Bool(false)));
        }
        self.places.documents.push((place, path.clone()));
        let path = path.into_iter().map(Term::Const).collect();
        let document = Term::Ref(Box::new(Ref { root: Root::Data, path, location: call.location }));
        match result {
            Some(result) => ExprKind::Eq(document, result),
            None => ExprKind::Holds(document),
        }
    }

    /// A function of the policy called with more or fewer arguments than it has.
    fn wrong_number(&mut self, path: &[Value], (arity, got): (usize, usize), place: Location) {
        let name = super::check::shown(path);
        let plural = if got == 1 { "" } else { "s" };
        let message = format!("function {name} has arity {arity}, got {got} argument{plural}");
        self.error(Stage::Functions, Code::Type, message, place);
    }

    /// The name of a builtin or operator, unless a rule or an import hides those that begin with its name: all are names as
    /// others are (OPA's `resolveAllRefs`).
    pub(super) fn builtin_named(&self, operator: &ast::Ref) -> Option<String> {
        let hidden = operator.head.as_var().is_some_and(|head| self.global(head).is_some());
        operator.dotted().filter(|_| !hidden)
    }

    /// Notes that a body calls what it has not declared.
    pub(super) fn mention_operator(&mut self, operator: &ast::Ref) {
        if let Some(head) = operator.head.as_var() {
            self.mention(head);
        }
    }

    /// What a call's operator names; else the path of a rule that is no function.
    pub(super) fn callee(&self, operator: &ast::Ref) -> Result<Callee, Option<Vec<Value>>> {
        let head = operator.head.as_var().ok_or(None)?;
        if self.is_local(head) {
            return Err(None);
        }
        if let Some(global) = self.global(head) {
            let Global::Data(mut path) = global else { return Err(None) };
            for term in &operator.path {
                match &term.kind {
                    TermKind::Scalar(value) => path.push(value.clone()),
                    _ => return Err(None),
                }
            }
            return match self.tree.function(&path) {
                Some(node) => Ok(Callee::Function(node)),
                None if self.tree.find(&path).is_some_and(|node| self.tree.nodes[node].ruled) => Err(Some(path)),
                None => Err(None),
            };
        }
        super::builtin(&operator.dotted().ok_or(None)?, self.tree).ok_or(None)
    }

    /// A call of what is not there.
    fn undefined(&mut self, call: &ast::Call, place: Location) {
        let operator = &call.operator;
        let wanted = self.errors.wants_hint(Stage::Functions, self.source.index);
        let global = operator.head.as_var().filter(|head| !self.is_local(head));
        let global = global.and_then(|head| self.global(head));
        let (shown, hint) = match global {
            Some(global) if operator.path.iter().all(|part| matches!(part.kind, TermKind::Scalar(_))) => {
                let (root, mut path) = global.parts();
                path.extend(operator.path.iter().filter_map(|part| match &part.kind {
                    TermKind::Scalar(part) => Some(part.clone()),
                    _ => None,
                }));
                let hint = if wanted && root == "data" { self.functions_beside(&path) } else { None };
                (ast::Ref::shown(root, &path), hint)
            }
            _ if !wanted => (operator.to_string(), None),
            _ => {
                let wrong = operator.dotted().unwrap_or_default();
                let own = self.functions_of(&self.names.package);
                let mut known: Vec<&str> = own.iter().map(String::as_str).collect();
                known.extend(self.tree.hosts.iter().map(|host| &*host.name));
                for name in types::names() {
                    if super::builtin(name, self.tree).is_some() {
                        known.push(name);
                    }
                }
                let hint = hints::did_you_mean(&wrong, known.into_iter());
                (operator.to_string(), hint)
            }
        };
        let error = Error::at(Code::Type, format!("undefined function {shown}"), place, self.source);
        self.errors.push(Stage::Functions, error.with_hint(hint));
    }

    /// The function meant by a path whose last part is wrong.
    fn functions_beside(&self, path: &[Value]) -> Option<String> {
        let (last, package) = path.split_last()?;
        let known = self.functions_of(package);
        hints::did_you_mean(last.as_str()?, known.iter().map(String::as_str))
    }

    /// The names of a package's functions.
    fn functions_of(&self, package: &[Value]) -> Vec<String> {
        let Some(node) = self.tree.find(package) else { return Vec::new() };
        let children = self.tree.nodes[node].children.iter();
        let functions = children.filter(|(_, child)| self.tree.nodes[**child].arity.is_some());
        functions.filter_map(|(name, _)| name.as_str().map(str::to_owned)).collect()
    }

    /// A call with the wrong number of arguments.
    fn arity(
        &mut self,
        callee: &Callee,
        (call, place): (&ast::Call, Location),
        (arity, args): (usize, &[Term]),
        valued: bool,
    ) {
        let got = call.args.len();
        let declared = match callee {
            Callee::Function(node) => {
                self.wrong_number(&self.tree.nodes[*node].path.clone(), (arity, got), place);
                return;
            }
            Callee::Builtin(builtin) => self.tree.builtin_type(builtin.name),
            Callee::Host(host) => self.tree.host_type(*host),
            Callee::Walk => self.tree.builtin_type("walk"),
        };
        let documents = Documents::new(self.tree);
        let mut checker = Checker::new(self.tree, &documents, None, (&self.slots, &self.places), true);
        let mut have: Vec<Type> = Vec::new();
        for (at, arg) in call.args.iter().enumerate() {
            have.push(match args.get(at) {
                Some(Term::Comp(comp)) => checker.alone(comp),
                _ => self.early(arg),
            });
        }
        have.extend(valued.then_some(Type::Unknown));
        let message = format!("{}: arity mismatch", call.operator);
        let mut error = Error::at(Code::Type, message, place, self.source);
        if let Some(function) = declared {
            let have = format!("have: {}", types::arguments(&have));
            error = error.with_details(vec![have, format!("want: {}", function.wanted(false))]);
        }
        self.errors.push(Stage::Functions, error);
    }

    /// The type of a term as far as it shows before any rule is checked.
    fn early(&self, term: &ast::Term) -> Type {
        let global = |name: &ast::Name| match !self.is_local(name) && self.global(name).is_some() {
            true => Type::any(),
            false => Type::Unknown,
        };
        match &term.kind {
            TermKind::Scalar(value) => Type::of_value(value),
            TermKind::Var(name) => global(name),
            TermKind::Ref(r) => r.head.as_var().map(global).unwrap_or_default(),
            TermKind::Array(items) => Type::of_items(items.iter().map(|item| self.early(item)).collect()),
            TermKind::Set(items) => {
                let of = items.iter().fold(Type::Unknown, |of, item| of.or(&self.early(item)));
                Type::set(if of == Type::Unknown { Type::any() } else { of })
            }
            TermKind::Object(items) => {
                let (mut fixed, mut dynamic) = (Vec::new(), items.is_empty().then(|| (Type::any(), Type::any())));
                for (key, value) in items {
                    match &key.kind {
                        TermKind::Scalar(key) => fixed.push((key.clone(), self.early(value))),
                        _ => dynamic = Some((self.early(key), self.early(value))),
                    }
                }
                Type::object(fixed, dynamic)
            }
            TermKind::ArrayComp(c) => Type::array(Vec::new(), self.early(&c.head)),
            TermKind::SetComp(c) => Type::set(self.early(&c.head)),
            TermKind::ObjectComp(c) => Type::object(Vec::new(), Some((self.early(&c.key), self.early(&c.value)))),
            TermKind::Call(_) | TermKind::TemplateString(_) => Type::Unknown,
        }
    }
}
