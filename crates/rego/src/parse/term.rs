//! Terms and the operators between them. Each function leaves the parser at the token after what it read and the nesting of
//! that in `height`; one that gives none has said why.

use super::parser::{MAX_PATH, Parser};
use super::token::Kind;
use crate::ast::{Call, Parens, Ref, Term, TermKind};

impl Parser<'_> {
    /// A term with operators, where `k, v in xs` may stand.
    pub(super) fn infix(&mut self) -> Option<Term> {
        self.enter()?;
        let term = self.membership(None, true);
        self.leave();
        term
    }

    /// A term with operators as an item of a list.
    pub(super) fn infix_in_list(&mut self) -> Option<Term> {
        self.enter()?;
        let term = self.membership(None, false);
        self.leave();
        term
    }

    /// The same, where its first operand has just been read.
    pub(super) fn infix_from(&mut self, first: Term) -> Option<Term> {
        self.membership(Some(first), false)
    }

    /// `in`, the loosest operator.
    fn membership(&mut self, first: Option<Term>, pairs: bool) -> Option<Term> {
        let mut lhs = self.binary(first, 1)?;
        loop {
            let height = self.height;
            if pairs && self.at(Kind::Comma) {
                let mark = self.mark();
                self.scan();
                let middle = self.binary(None, 1);
                let height = height.max(self.height);
                if let Some(middle) = middle.filter(|_| self.at(Kind::In)) {
                    let place = self.loc();
                    self.scan();
                    if let Some(rhs) = self.binary(None, 1) {
                        self.grow(height.max(self.height))?;
                        let location = self.span(lhs.location);
                        let call = Call::builtin(place, "internal.member_3", vec![lhs, middle, rhs]);
                        lhs = Term::new(location, TermKind::Call(Box::new(call)));
                        if self.at(Kind::In) {
                            continue;
                        }
                        return Some(lhs);
                    }
                }
                self.restore(mark);
            }
            self.keyword_as_name();
            if self.at(Kind::In) {
                let place = self.loc();
                self.scan();
                if let Some(rhs) = self.binary(None, 1) {
                    self.grow(height.max(self.height))?;
                    let location = self.span(lhs.location);
                    let call = Call::builtin(place, "internal.member_2", vec![lhs, rhs]);
                    lhs = Term::new(location, TermKind::Call(Box::new(call)));
                    if self.at(Kind::In) {
                        continue;
                    }
                    return Some(lhs);
                }
            }
            self.height = height;
            return Some(lhs);
        }
    }

    /// Operators that bind at least as tightly as `min`, all from the left.
    fn binary(&mut self, first: Option<Term>, min: u8) -> Option<Term> {
        let mut lhs = match first {
            Some(term) => term,
            None => self.term()?,
        };
        let mut height = self.height;
        let mut max = u8::MAX;
        while let Some(precedence) = self.kind().precedence().filter(|p| (min..=max).contains(p)) {
            let (name, place) = (self.kind().name(), self.loc());
            self.scan();
            match self.binary(None, precedence + 1) {
                Some(rhs) => {
                    self.grow(height.max(self.height))?;
                    height = self.height;
                    max = precedence;
                    let location = self.span(lhs.location);
                    lhs = Term::new(location, TermKind::Call(Box::new(Call::builtin(place, name, vec![lhs, rhs]))));
                }
                // The error is noted; looser operators may still follow.
                None => max = precedence - 1,
            }
        }
        self.height = height;
        Some(lhs)
    }

    /// A term without operators.
    pub(super) fn term(&mut self) -> Option<Term> {
        self.enter()?;
        let term = self.operand().and_then(|term| self.finish(term));
        self.leave();
        term
    }

    /// What a term starts with, up to its last token, which remains the current one.
    fn operand(&mut self) -> Option<Term> {
        let location = self.loc();
        self.height = 1;
        match self.kind() {
            Kind::Null => Some(Term::new(location, TermKind::default())),
            Kind::True => Some(Term::scalar(location, true)),
            Kind::False => Some(Term::scalar(location, false)),
            Kind::Sub | Kind::Dot | Kind::Number => self.number(),
            Kind::String => self.string(),
            Kind::TemplatePart | Kind::TemplateEnd => self.template(false),
            Kind::RawTemplatePart | Kind::RawTemplateEnd => self.template(true),
            Kind::Ident | Kind::Contains => Some(self.var()),
            Kind::LBrack => self.array(),
            Kind::LBrace => self.set_or_object(),
            Kind::LParen => {
                self.scan();
                let term = self.infix()?;
                if !self.at(Kind::RParen) {
                    self.error(self.loc(), "non-terminated expression");
                    return None;
                }
                let end = self.span_to(location, self.s.token.end).len.saturating_add(location.offset);
                self.parens.push(Parens { term: term.location, start: location.offset, end });
                Some(term)
            }
            _ => {
                self.illegal("");
                None
            }
        }
    }

    /// The current token as a variable.
    pub(super) fn var(&mut self) -> Term {
        let location = self.loc();
        let name = if self.lit() == "_" { self.wildcard() } else { self.lit().into() };
        self.height = 1;
        Term::new(location, TermKind::Var(name))
    }

    /// What directly follows an operand: a path or arguments.
    fn finish(&mut self, head: Term) -> Option<Term> {
        self.scan_space();
        match self.kind() {
            Kind::LParen | Kind::Dot | Kind::LBrack => self.reference(head),
            Kind::Whitespace => {
                self.scan();
                Some(root(head))
            }
            _ => Some(root(head)),
        }
    }

    /// The same of a rule's head, where `p [x]` is `p[x]` but no operator can stand directly after the name.
    pub(super) fn finish_head(&mut self, head: Term) -> Option<Term> {
        self.scan_space();
        if self.kind().precedence().is_some() {
            self.illegal("");
        }
        if self.at(Kind::Whitespace) {
            self.scan();
        }
        match self.kind() {
            Kind::LParen | Kind::Dot | Kind::LBrack => self.reference(head),
            _ => Some(root(head)),
        }
    }

    /// A path or arguments after a head, at their first token.
    fn reference(&mut self, head: Term) -> Option<Term> {
        if matches!(head.kind, TermKind::Scalar(_) | TermKind::Ref(_) | TermKind::TemplateString(_)) {
            self.error(head.location, format!("illegal ref (head cannot be {})", head.kind_name()));
        }
        let from = head.location;
        let mut height = self.height;
        let mut head = head;
        let mut path: Vec<Term> = Vec::new();
        loop {
            if path.len() > MAX_PATH {
                self.error(from, format!("a ref of more than {MAX_PATH} parts"));
                return None;
            }
            match self.kind() {
                Kind::Dot => {
                    self.scan_space();
                    if !self.is_name() {
                        self.illegal("expected identifier");
                        return None;
                    }
                    path.push(Term::scalar(self.loc(), self.lit()));
                    self.scan_space();
                }
                Kind::LBrack => {
                    self.scan();
                    let part = self.infix()?;
                    height = height.max(self.height);
                    if !self.at(Kind::RBrack) {
                        self.illegal("expected [");
                        return None;
                    }
                    path.push(part);
                    self.scan_space();
                }
                Kind::LParen => {
                    let operator = Ref { head: Box::new(head), path: std::mem::take(&mut path) };
                    head = self.call(operator, from, height)?;
                    height = self.height;
                    if !matches!(self.kind(), Kind::Dot | Kind::LBrack) {
                        if self.at(Kind::Whitespace) {
                            self.scan();
                        }
                        return Some(head);
                    }
                }
                other => {
                    if other == Kind::Whitespace {
                        self.scan();
                    }
                    self.grow(height)?;
                    let location = self.span(from);
                    return Some(Term::new(location, TermKind::Ref(Ref { head: Box::new(head), path })));
                }
            }
        }
    }

    /// Arguments, at their parenthesis.
    fn call(&mut self, operator: Ref, from: crate::ast::Location, height: usize) -> Option<Term> {
        let place = self.span_to(from, self.s.token.offset);
        self.scan();
        let mut args = Vec::new();
        let mut height = height;
        if !self.at(Kind::RParen) {
            let first = self.infix_in_list()?;
            args = self.list_after(Kind::RParen, vec![first])?;
            height = height.max(self.height);
        }
        let location = self.span_to(from, self.s.token.end);
        self.scan_space();
        self.grow(height)?;
        let is_set = args.is_empty() && operator.path.is_empty();
        if is_set && operator.head.as_var().is_some_and(|name| &**name == "set") {
            return Some(Term::new(location, TermKind::Set(args)));
        }
        Some(Term::new(location, TermKind::Call(Box::new(Call { location: place, operator, args }))))
    }
}

/// `input` and `data` alone are refs.
fn root(head: Term) -> Term {
    match head.as_var().map(|name| &**name) {
        Some("input" | "data") => {
            Term::new(head.location, TermKind::Ref(Ref { head: Box::new(head), path: Vec::new() }))
        }
        _ => head,
    }
}
