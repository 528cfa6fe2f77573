//! Arrays, sets, objects and comprehensions. `[a | b]` is a comprehension if what follows the bar reads as a body, else a
//! union; where a text fails as a body is remembered, so that nesting such cases takes no exponential time.

use super::parser::Parser;
use super::token::Kind;
use crate::ast::{Body, Comprehension, ObjectComprehension, Term, TermKind};
use std::collections::HashMap;

/// The outcome of an attempt to read a body after a bar.
enum Attempt {
    Body(Body),
    /// Not a body; the parser is back at the bar.
    Back,
    Failed,
}

impl Parser<'_> {
    /// At `[`; ends at `]`.
    pub(super) fn array(&mut self) -> Option<Term> {
        let from = self.loc();
        self.scan();
        if self.at(Kind::RBrack) {
            self.height = 1;
            return self.collection(from, TermKind::Array(Vec::new()));
        }
        // A comma may lead, for what was written long ago.
        let plain = self.leading_comma();
        let mut first = self.term()?;
        let height = self.height;
        if !matches!(self.kind(), Kind::RBrack | Kind::Comma) {
            if self.at(Kind::Or) && !plain {
                match self.attempt_body(Kind::RBrack, false) {
                    Attempt::Body(body) => {
                        self.grow(height.max(self.height))?;
                        return self
                            .collection(from, TermKind::ArrayComp(Box::new(Comprehension { head: first, body })));
                    }
                    Attempt::Back => {}
                    Attempt::Failed => return None,
                }
            }
            self.height = height;
            first = self.infix_from(first)?;
        }
        let items = self.list_after(Kind::RBrack, vec![first])?;
        self.grow(self.height)?;
        self.collection(from, TermKind::Array(items))
    }

    /// At `{`; ends at `}`.
    pub(super) fn set_or_object(&mut self) -> Option<Term> {
        let from = self.loc();
        self.scan();
        if self.at(Kind::RBrace) {
            self.height = 1;
            return self.collection(from, TermKind::Object(Vec::new()));
        }
        let plain = self.leading_comma();
        let mut first = self.term()?;
        let height = self.height;
        if !matches!(self.kind(), Kind::RBrace | Kind::Comma | Kind::Colon) {
            let bar = self.at(Kind::Or) && !plain;
            if bar {
                match self.attempt_body(Kind::RBrace, false) {
                    Attempt::Body(body) => {
                        self.grow(height.max(self.height))?;
                        return self.collection(from, TermKind::SetComp(Box::new(Comprehension { head: first, body })));
                    }
                    Attempt::Back => {}
                    Attempt::Failed => return None,
                }
            }
            self.height = height;
            first = self.infix_from(first)?;
            if !bar && !matches!(self.kind(), Kind::RBrace | Kind::Comma | Kind::Colon) {
                self.illegal("non-terminated set");
                return None;
            }
            if bar && self.at(Kind::Colon) {
                self.illegal("expected \",\" or \"}\"");
                return None;
            }
        }
        let kind = if self.at(Kind::Colon) {
            self.object(first, plain)?
        } else {
            TermKind::Set(self.list_after(Kind::RBrace, vec![first])?)
        };
        self.grow(self.height)?;
        self.collection(from, kind)
    }

    /// The rest of an object, at its first colon.
    fn object(&mut self, key: Term, plain: bool) -> Option<TermKind> {
        let key_height = self.height;
        self.scan();
        let mark = self.mark();
        let mut value = self.term()?;
        let height = key_height.max(self.height);
        match self.kind() {
            Kind::RBrace | Kind::Comma if !plain => {
                self.height = height;
                if let Some(pairs) = self.pairs_after(vec![(key, value)]) {
                    return Some(TermKind::Object(last_of_each(pairs)));
                }
                self.restore(mark);
                self.illegal("non-terminated object");
                return None;
            }
            Kind::Or if !plain => {
                if let Attempt::Body(body) = self.attempt_body(Kind::RBrace, true) {
                    self.height = height.max(self.height);
                    return Some(TermKind::ObjectComp(Box::new(ObjectComprehension { key, value, body })));
                }
            }
            _ => {}
        }
        self.height = height;
        value = self.infix_from(value)?;
        if matches!(self.kind(), Kind::RBrace | Kind::Comma) {
            return self.pairs_after(vec![(key, value)]).map(last_of_each).map(TermKind::Object);
        }
        self.illegal("non-terminated object");
        None
    }

    fn leading_comma(&mut self) -> bool {
        let there = self.at(Kind::Comma);
        if there {
            self.scan();
        }
        there
    }

    fn collection(&mut self, from: crate::ast::Location, kind: TermKind) -> Option<Term> {
        Some(Term::new(self.span_to(from, self.s.token.end), kind))
    }

    /// A body after a bar, if it is one. Where it is not, that is final unless a comma follows (or `always`).
    fn attempt_body(&mut self, end: Kind, always: bool) -> Attempt {
        let mark = self.mark();
        let bar = self.s.token.offset;
        if !self.not_bodies.contains(&bar) {
            self.scan();
            if let Some(body) = self.body(end) {
                return Attempt::Body(body);
            }
            if !always && !self.at(Kind::Comma) {
                return Attempt::Failed;
            }
            self.not_bodies.insert(bar);
        }
        self.restore(mark);
        Attempt::Back
    }

    /// The items after the last of those given, up to the end, which remains the current token.
    pub(super) fn list_after(&mut self, end: Kind, mut items: Vec<Term>) -> Option<Vec<Term>> {
        let mut height = self.height;
        while self.another(end)? {
            items.push(self.infix_in_list()?);
            height = height.max(self.height);
        }
        self.height = height;
        Some(items)
    }

    /// The same of the pairs of an object.
    fn pairs_after(&mut self, mut pairs: Vec<(Term, Term)>) -> Option<Vec<(Term, Term)>> {
        let mut height = self.height;
        while self.another(Kind::RBrace)? {
            let key = self.infix_in_list()?;
            height = height.max(self.height);
            if !self.at(Kind::Colon) {
                self.illegal("expected \":\"");
                return None;
            }
            self.scan();
            pairs.push((key, self.infix_in_list()?));
            height = height.max(self.height);
        }
        self.height = height;
        Some(pairs)
    }

    /// After an item: whether another one follows.
    fn another(&mut self, end: Kind) -> Option<bool> {
        if self.at(Kind::Comma) {
            self.scan();
            return Some(!self.at(end));
        }
        if self.at(end) {
            return Some(false);
        }
        self.illegal(&format!("expected \",\" or \"{}\"", end.name()));
        None
    }
}

/// Of pairs with the same constant or variable as key only the last counts, at the place of the first.
fn last_of_each(pairs: Vec<(Term, Term)>) -> Vec<(Term, Term)> {
    let mut places = HashMap::new();
    let mut out: Vec<(Term, Term)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let same = match &key.kind {
            TermKind::Scalar(value) => Some(Ok(value.clone())),
            TermKind::Var(name) => Some(Err(name.clone())),
            _ => None,
        };
        let place = same.map_or(out.len(), |same| *places.entry(same).or_insert(out.len()));
        match out.get_mut(place) {
            Some(pair) => pair.1 = value,
            None => out.push((key, value)),
        }
    }
    out
}
