//! Rules: heads, bodies, `else` and `default`. A statement that gives no rule and no error here is read again as an
//! expression (see `naked`).

use super::parser::Parser;
use super::token::Kind;
use crate::ast::{Body, Else, Expr, ExprKind, Head, HeadKind, Location, Ref, Rule, Term, TermKind};
use std::collections::HashSet;

/// What a head says before its kind is known.
struct Start {
    reference: Vec<Term>,
    /// Some where parentheses were written.
    args: Option<Vec<Term>>,
    key: Option<Term>,
    value: Option<Term>,
    generated_value: bool,
    assign: bool,
    contains: bool,
}

impl Parser<'_> {
    /// A rule, or as many as it has bodies in a row.
    pub(super) fn rules(&mut self) -> Option<Vec<Rule>> {
        let from = self.loc();
        self.keyword_as_name();
        let default = self.at(Kind::Default);
        if default {
            self.scan();
            self.keyword_as_name();
        }
        if !self.at(Kind::Ident) {
            return None;
        }
        let place = self.loc();
        let start = self.head(default)?;
        let place = self.span(place);
        // `f(x).y` names nothing; the reader of naked rules says so.
        start.reference.first()?.as_var()?;
        if default {
            return self.default_rule(from, place, start);
        }
        self.rule(from, place, start)
    }

    fn default_rule(&mut self, from: Location, place: Location, start: Start) -> Option<Vec<Rule>> {
        let from = self.span(from);
        let Some(value) = &start.value else {
            self.error(from, "illegal default rule (must have a value)");
            return None;
        };
        let errors = self.errors.len();
        self.check_default_value(from, value);
        self.check_default_args(from, start.args.as_deref().unwrap_or_default());
        if self.errors.len() > errors {
            return None;
        }
        let head = finish(start, place, false);
        Some(vec![Rule { default: true, ..Rule::new(from, head, truth(from), false) }])
    }

    fn rule(&mut self, from: Location, place: Location, mut start: Start) -> Option<Vec<Rule>> {
        let has_if = self.at(Kind::If);
        let plain = start.args.as_ref().is_none_or(Vec::is_empty);
        let mut keyed = start.key.is_some();
        if start.reference.len() == 2 && !start.contains {
            let last = start.reference.last()?;
            if has_if {
                // `p[x] if ..` is an object, `p.a if ..` a value.
                keyed |= plain && (!last.is_ground() || matches!(last.kind, TermKind::Ref(_)));
                if start.value.is_none() {
                    start.generated_value = true;
                    start.value = Some(Term::scalar(place, true));
                }
            } else if plain {
                // `p[x] { .. }` is a set.
                keyed = true;
                if start.value.is_none() {
                    start.key = start.reference.pop();
                }
            }
        }
        let contains = start.contains;
        let mut head = finish(start, place, has_if);
        let body = if has_if {
            self.body_after_if()?
        } else if self.at(Kind::LBrace) {
            self.braced_body()?
        } else if contains {
            return Some(vec![Rule::new(place, head, truth(from), true)]);
        } else {
            return None;
        };
        let mut elses = Vec::new();
        if self.at(Kind::Else) && !self.keyword_as_name() {
            if head.reference.len() > 1 && !head.reference.iter().skip(1).all(Term::is_ground) {
                self.error(self.loc(), "else keyword cannot be used on rules with variables in head");
                return None;
            }
            if keyed {
                self.error(self.loc(), "else keyword cannot be used on multi-value rules");
                return None;
            }
            elses = self.elses(&head)?;
        }
        let chained = elses.is_empty();
        let location = self.span(from);
        let mut rules = vec![Rule { elses, ..Rule::new(location, head.clone(), body, false) }];
        while self.at(Kind::LBrace) {
            if !chained {
                self.error(self.loc(), "expected else keyword");
                return None;
            }
            let from = self.loc();
            let body = self.braced_body()?;
            head.args = self.fresh_args(&head.args);
            head.location = self.span(from);
            rules.push(Rule::new(head.location, head.clone(), body, false));
        }
        Some(rules)
    }

    /// After the `if`, which is the current token: an expression, or else a body in braces. `if {x}` is a body, not a set.
    fn body_after_if(&mut self) -> Option<Body> {
        self.scan();
        let mark = self.mark();
        if let Some(expr) = self.literal() {
            let set = matches!(&expr.kind, ExprKind::Term(term) if matches!(term.kind, TermKind::Set(_)));
            if !set {
                return Some(vec![expr]);
            }
        }
        self.restore(mark);
        self.braced_body()
    }

    /// At the opening brace; ends after the closing one.
    fn braced_body(&mut self) -> Option<Body> {
        self.scan();
        let body = self.body(Kind::RBrace)?;
        self.scan();
        Some(body)
    }

    /// At the first `else`.
    fn elses(&mut self, head: &Head) -> Option<Vec<Else>> {
        let mut elses = Vec::new();
        while self.at(Kind::Else) {
            let from = self.loc();
            let args = self.fresh_args(&head.args);
            self.scan();
            let (mut value, mut generated_value, mut assign) = (Term::scalar(from, true), true, false);
            match self.kind() {
                Kind::LBrace | Kind::If => {}
                Kind::Assign | Kind::Unify => {
                    assign = self.at(Kind::Assign);
                    generated_value = false;
                    self.scan();
                    value = self.infix()?;
                }
                _ => {
                    self.illegal("expected else value term or rule body");
                    return None;
                }
            }
            let has_if = self.at(Kind::If);
            let generated_body = !has_if && !self.at(Kind::LBrace);
            if has_if {
                self.scan();
            }
            let body = if generated_body {
                truth(from)
            } else if self.at(Kind::LBrace) {
                self.braced_body()?
            } else if self.at(Kind::Eof) {
                self.illegal("rule body expected");
                return None;
            } else {
                vec![self.literal()?]
            };
            let location = self.span(from);
            elses.push(Else { location, args, value, generated_value, assign, has_if, body, generated_body });
            if generated_body {
                break;
            }
        }
        Some(elses)
    }

    /// Arguments for another body: each wildcard is a new one.
    fn fresh_args(&mut self, args: &[Term]) -> Vec<Term> {
        let fresh = |arg: &Term| match arg.is_wildcard() {
            true => Term::new(arg.location, TermKind::Var(self.wildcard())),
            false => arg.clone(),
        };
        args.iter().map(fresh).collect()
    }

    fn head(&mut self, default: bool) -> Option<Start> {
        let place = self.loc();
        let name = self.var();
        let Some(term) = self.finish_head(name) else {
            self.illegal("expected rule head name");
            return None;
        };
        let (reference, args) = match term.kind {
            TermKind::Ref(Ref { head, path }) => (parts(*head, path), None),
            TermKind::Call(call) => (parts(*call.operator.head, call.operator.path), Some(call.args)),
            TermKind::Var(_) => (vec![term], None),
            _ => return None,
        };
        let shown = shown(&reference);
        let mut start =
            Start { reference, args, key: None, value: None, generated_value: false, assign: false, contains: false };
        let call = start.args.as_ref().is_some_and(|args| !args.is_empty());
        match self.kind() {
            Kind::Contains => {
                let form = format!("(e.g., {shown} contains <VALUE> {{ ... }})");
                if start.args.is_some() {
                    self.illegal(&format!(
                        "the contains keyword can only be used with multi-value rule definitions {form}"
                    ));
                }
                self.scan();
                start.contains = true;
                start.key = self.infix();
                if start.key.is_none() {
                    self.illegal(&format!("expected rule key term {form}"));
                }
                return Some(start);
            }
            Kind::Unify => {
                self.scan();
                start.value = self.infix();
                if start.value.is_none() {
                    self.illegal(&format!("expected rule value term (e.g., {shown}[<nil>] = <VALUE> {{ ... }})"));
                }
            }
            Kind::Assign => {
                self.scan();
                start.assign = true;
                start.value = self.infix();
                if start.value.is_none() {
                    let form = match (call, default) {
                        (true, _) => format!("expected function value term (e.g., {shown}(...) := <VALUE> {{ ... }})"),
                        (_, true) => format!("expected default rule value term (e.g., default {shown} := <VALUE>)"),
                        _ => format!("expected rule value term (e.g., {shown} := <VALUE> {{ ... }})"),
                    };
                    self.illegal(&form);
                }
            }
            _ => {}
        }
        if start.value.is_none() && (start.reference.len() != 2 || call) {
            start.generated_value = true;
            start.value = Some(Term::scalar(self.span(place), true));
        }
        Some(start)
    }

    /// A default's value is a constant; comprehensions pass, as they are always defined.
    fn check_default_value(&mut self, place: Location, value: &Term) {
        match &value.kind {
            TermKind::Ref(_) | TermKind::Var(_) | TermKind::Call(_) => {
                self.error(place, format!("illegal default rule (value cannot contain {})", value.kind_name()));
            }
            TermKind::Array(items) | TermKind::Set(items) => {
                items.iter().for_each(|item| self.check_default_value(place, item));
            }
            TermKind::Object(items) => items.iter().for_each(|(key, value)| {
                self.check_default_value(place, key);
                self.check_default_value(place, value);
            }),
            _ => {}
        }
    }

    fn check_default_args(&mut self, place: Location, args: &[Term]) {
        let mut seen = HashSet::new();
        for arg in args {
            match arg.as_var() {
                Some(name) if seen.insert(name) => {}
                Some(name) => {
                    self.error(place, format!("illegal default rule (arguments cannot be repeated {name})"));
                }
                None => {
                    let kind = arg.kind_name();
                    self.error(place, format!("illegal default rule (arguments cannot contain {kind})"));
                }
            }
        }
    }
}

/// A ref's terms.
pub(super) fn parts(head: Term, path: Vec<Term>) -> Vec<Term> {
    let mut parts = vec![head];
    parts.extend(path);
    parts
}

/// A head's ref as errors show it.
pub(super) fn shown(reference: &[Term]) -> String {
    let mut terms = reference.iter().cloned();
    let head = Box::new(terms.next().unwrap_or_default());
    Ref { head, path: terms.collect() }.to_string()
}

/// A body that holds.
pub(super) fn truth(location: Location) -> Body {
    vec![Expr::new(location, ExprKind::Term(Box::new(Term::scalar(location, true))))]
}

fn finish(start: Start, location: Location, has_if: bool) -> Head {
    let Start { reference, args, key, value, generated_value, assign, contains } = start;
    Head::new(location, reference, args.unwrap_or_default(), key, value).written(
        generated_value,
        assign,
        has_if,
        contains,
    )
}

impl Head {
    /// A head whose kind follows from its parts.
    pub(super) fn new(
        location: Location,
        reference: Vec<Term>,
        args: Vec<Term>,
        key: Option<Term>,
        value: Option<Term>,
    ) -> Self {
        let kind = match &value {
            None => HeadKind::PartialSet,
            Some(_) if !args.is_empty() => HeadKind::Function,
            Some(_) if reference.iter().skip(1).all(Term::is_ground) => HeadKind::Complete,
            Some(_) => HeadKind::PartialObject,
        };
        let key = key.filter(|_| kind == HeadKind::PartialSet);
        Self {
            location,
            reference,
            args,
            key,
            value,
            generated_value: false,
            assign: false,
            kind,
            has_if: false,
            has_contains: false,
        }
    }

    fn written(self, generated_value: bool, assign: bool, has_if: bool, has_contains: bool) -> Self {
        Self { generated_value, assign, has_if, has_contains, ..self }
    }
}

impl Rule {
    /// A rule without `else` and annotations.
    pub(super) fn new(location: Location, head: Head, body: Body, generated_body: bool) -> Self {
        let (elses, annotations) = (Vec::new(), Vec::new());
        Self { location, default: false, head, body, generated_body, elses, annotations }
    }
}
