//! Bodies and their expressions.

use super::parser::Parser;
use super::token::{Keywords, Kind};
use crate::ast::{Body, Call, Every, Expr, ExprKind, SomeDecl, Term, TermKind, Version, With};

const EVERY_FORM: &str = "expected `x[, y] in xs { ... }` expression";

impl Parser<'_> {
    /// After its opening token; ends at its closing one.
    pub(super) fn body(&mut self, end: Kind) -> Option<Body> {
        self.enter()?;
        let body = self.query(false, end);
        self.leave();
        body
    }

    /// Expressions up to an end; with `semicolons` to the first one that none follows.
    pub(super) fn query(&mut self, semicolons: bool, end: Kind) -> Option<Body> {
        if self.at(end) {
            self.error(self.loc(), "found empty body");
            return None;
        }
        let mut body = Body::new();
        let mut height = 0;
        loop {
            let mut expr = self.literal()?;
            height = height.max(self.height);
            expr.index = u32::try_from(body.len()).unwrap_or(u32::MAX);
            body.push(expr);
            if self.at(Kind::Semicolon) {
                self.scan();
                continue;
            }
            if self.at(end) || semicolons {
                self.height = height;
                return Some(body);
            }
            if !self.s.skipped_newline {
                if self.errors.is_empty() {
                    self.illegal(&format!("expected \\n or ; or {}", end.name()));
                }
                return None;
            }
        }
    }

    /// One expression.
    pub(super) fn literal(&mut self) -> Option<Expr> {
        let from = self.loc();
        self.enter()?;
        let expr = self.bare_literal();
        self.leave();
        let mut expr = expr?;
        self.grow(self.height)?;
        expr.location = self.span(from);
        Some(expr)
    }

    fn bare_literal(&mut self) -> Option<Expr> {
        if self.keyword_as_name() {
            return self.plain(false);
        }
        let negated = self.at(Kind::Not);
        if negated {
            self.scan();
        }
        match self.kind() {
            Kind::Some | Kind::Every if negated => {
                self.illegal(&format!("illegal negation of '{}'", self.kind().name()));
                None
            }
            Kind::Some => self.some(),
            Kind::Every => self.every(),
            _ => self.plain(negated),
        }
    }

    /// A term, a call or an assignment.
    fn plain(&mut self, negated: bool) -> Option<Expr> {
        let start = self.mark();
        let mut expr = self.expr()?;
        expr.negated = negated;
        self.with_modifiers(&mut expr)?;
        let word = matches!(&expr.kind, ExprKind::Term(term) if term.as_var().is_some_and(|name| &**name == "every"));
        if word && self.options.version == Version::V0 && !self.hinting {
            let (here, height) = (self.mark(), self.height);
            self.restore(start);
            let found = self.with_all_keywords(|parser| parser.every().is_some());
            self.restore(here);
            self.height = height;
            if found {
                self.hint("`import future.keywords.every` for `every x in xs { ... }` expressions");
            }
        }
        Some(expr)
    }

    fn expr(&mut self) -> Option<Expr> {
        let from = self.loc();
        let lhs = self.infix()?;
        let height = self.height;
        if matches!(self.kind(), Kind::Assign | Kind::Unify) {
            let (name, place) = (self.kind().name(), self.loc());
            self.scan();
            let rhs = self.infix()?;
            self.height = height.max(self.height);
            let call = Call::builtin(place, name, vec![lhs, rhs]);
            return Some(Expr::new(from, ExprKind::Call(Box::new(call))));
        }
        let kind = match lhs.kind {
            TermKind::Call(call) => ExprKind::Call(call),
            _ => ExprKind::Term(Box::new(lhs)),
        };
        Some(Expr::new(from, kind))
    }

    /// `with` as often as it follows.
    fn with_modifiers(&mut self, expr: &mut Expr) -> Option<()> {
        let mut height = self.height;
        while self.at(Kind::With) {
            let from = self.loc();
            self.scan();
            if !self.at(Kind::Ident) {
                self.illegal("expected ident");
                return None;
            }
            let target = self.term()?;
            height = height.max(self.height);
            if !matches!(target.kind, TermKind::Ref(_) | TermKind::Var(_)) {
                self.illegal("expected with target path");
            }
            if !self.at(Kind::As) {
                self.illegal("expected as keyword");
                return None;
            }
            self.scan();
            let value = self.infix()?;
            height = height.max(self.height);
            expr.with.push(With { location: self.span(from), target, value });
        }
        self.height = height;
        Some(())
    }

    /// At `some`.
    fn some(&mut self) -> Option<Expr> {
        let from = self.loc();
        let start = self.mark();
        self.scan();
        if let Some(Term { kind: TermKind::Call(call), .. }) = self.infix() {
            let (key, value, domain) = self.members(*call, "expected `x in xs` or `x, y in xs` expression")?;
            let mut expr = Expr::new(from, ExprKind::Some(Box::new(SomeDecl::In { key, value, domain })));
            self.with_modifiers(&mut expr)?;
            return Some(expr);
        }
        self.restore(start);
        if self.options.version == Version::V0 && !self.hinting {
            let found = self.with_all_keywords(|parser| {
                parser.scan();
                let term = parser.infix();
                matches!(term, Some(Term { kind: TermKind::Call(call), .. }) if member_arity(&call).is_some())
            });
            self.restore(start);
            if found {
                self.hint("`import future.keywords.in` for `some x in xs` expressions");
            }
        }
        let mut vars = Vec::new();
        loop {
            self.scan();
            if !self.at(Kind::Ident) {
                self.illegal("expected var");
                return None;
            }
            vars.push(self.var());
            self.scan();
            if !self.at(Kind::Comma) {
                return Some(Expr::new(from, ExprKind::Some(Box::new(SomeDecl::Vars(vars)))));
            }
        }
    }

    /// At `every`.
    fn every(&mut self) -> Option<Expr> {
        let from = self.loc();
        self.scan();
        let Term { kind: TermKind::Call(call), .. } = self.infix()? else {
            self.illegal(EVERY_FORM);
            return None;
        };
        let domain_height = self.height;
        let (key, value, domain) = self.members(*call, EVERY_FORM)?;
        if key.as_ref().is_some_and(|key| key.as_var().is_none()) {
            self.illegal("expected key to be a variable");
            return None;
        }
        if value.as_var().is_none() {
            self.illegal("expected value to be a variable");
            return None;
        }
        if !self.at(Kind::LBrace) {
            self.illegal("missing body");
            return None;
        }
        self.scan();
        let body = self.body(Kind::RBrace)?;
        self.height = self.height.max(domain_height);
        self.scan();
        let mut expr = Expr::new(from, ExprKind::Every(Box::new(Every { key, value, domain, body })));
        self.with_modifiers(&mut expr)?;
        Some(expr)
    }

    /// The parts of `[key,] value in domain`; `form` says what was expected where the call is another one.
    fn members(&mut self, call: Call, form: &str) -> Option<(Option<Term>, Term, Term)> {
        let Some(arity) = member_arity(&call) else {
            self.illegal(form);
            return None;
        };
        let mut args = call.args.into_iter();
        let parts = match arity {
            2 => (Some(None), args.next(), args.next()),
            _ => (args.next().map(Some), args.next(), args.next()),
        };
        match (parts, args.next()) {
            ((Some(key), Some(value), Some(domain)), None) => Some((key, value, domain)),
            _ => {
                self.illegal("illegal domain");
                None
            }
        }
    }

    /// Tries something as if all future keywords had been imported; what it finds is forgotten by the caller's restore.
    fn with_all_keywords(&mut self, attempt: impl FnOnce(&mut Self) -> bool) -> bool {
        let memo = std::mem::take(&mut self.not_bodies);
        self.hinting = true;
        self.s.lexer.keywords = Keywords::ALL;
        let found = attempt(self);
        self.hinting = false;
        self.not_bodies = memo;
        found
    }
}

/// How many arguments a membership call should have, if it is one.
fn member_arity(call: &Call) -> Option<usize> {
    match call.operator.dotted()?.as_str() {
        "internal.member_2" => Some(2),
        "internal.member_3" => Some(3),
        _ => None,
    }
}
