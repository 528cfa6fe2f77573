//! Bodies and their expressions.

use super::place::Place;
use super::term::{Operator, infix, is_membership, operation};
use super::writer::{Comments, Halt, Writer, Written};
use crate::ast::{Body, Call, Every, Expr, ExprKind, Location, SomeDecl, Term, With};
use crate::error::{Code, Error};

impl<'a> Writer<'a> {
    /// Where an expression seems to stand.
    pub(super) fn expr_place(&self, expr: &Expr) -> Place<'a> {
        self.located(expr.location)
    }

    fn located(&self, location: Location) -> Place<'a> {
        self.pin.unwrap_or_else(|| Place::of(location, self.source))
    }

    /// Expressions, each in lines of its own.
    pub(super) fn body(&mut self, body: &'a Body, comments: Comments<'a>) -> Written<'a> {
        let mut comments = match body.first() {
            Some(first) => self.comments_to(self.expr_place(first).row, comments)?,
            None => comments,
        };
        let mut last: Option<i64> = None;
        for expr in body {
            let place = self.expr_place(expr);
            if last.is_some_and(|last| place.row > last + 1) {
                self.blank_line();
            }
            self.start_line();
            comments = match self.expr(expr, comments) {
                Ok(left) => left,
                Err(halt) => halt.left,
            };
            self.end_line();
            last = Some(place.row + place.height());
        }
        Ok(comments)
    }

    /// One expression.
    pub(super) fn expr(&mut self, expr: &'a Expr, comments: Comments<'a>) -> Written<'a> {
        let place = self.expr_place(expr);
        let mut comments = self.comments_to(place.row, comments)?;
        if !self.line.open {
            self.start_line();
        }
        if expr.negated {
            self.put("not ");
        }
        comments = match &expr.kind {
            ExprKind::Some(decl) => self.some(decl, place.row, comments).map_err(Halt::lost)?,
            ExprKind::Every(every) => self.every(every, place, comments)?,
            ExprKind::Call(call) => self.call(call, comments)?,
            ExprKind::Term(term) => self.term(term, comments)?,
        };
        self.with(&expr.with, comments)
    }

    fn with(&mut self, with: &'a [With], comments: Comments<'a>) -> Written<'a> {
        let mut comments = comments;
        let mut last = None;
        let mut indented = false;
        for with in with {
            let row = self.located(with.location).row;
            comments = if last.is_none_or(|last| last == row) {
                self.put(" ");
                self.one_with(with, row, comments)?
            } else {
                if !indented {
                    indented = true;
                    self.up();
                }
                self.end_line();
                self.start_line();
                self.one_with(with, row, comments)?
            };
            last = Some(row);
        }
        if indented {
            self.down();
        }
        Ok(comments)
    }

    fn one_with(&mut self, with: &'a With, row: i64, comments: Comments<'a>) -> Written<'a> {
        let comments = self.comments_to(row, comments).map_err(Halt::lost)?;
        self.put("with ");
        let comments = self.term(&with.target, comments).map_err(Halt::lost)?;
        self.put(" as ");
        self.term(&with.value, comments).map_err(Halt::lost)
    }

    fn some(&mut self, decl: &'a SomeDecl, row: i64, comments: Comments<'a>) -> Written<'a> {
        let mut comments = self.comments_to(row, comments)?;
        self.put("some ");
        match decl {
            SomeDecl::In { key: None, value, domain } => self.members(false, [value, domain].into_iter(), comments),
            SomeDecl::In { key: Some(key), value, domain } => {
                self.members(false, [key, value, domain].into_iter(), comments)
            }
            SomeDecl::Vars(vars) => {
                let mut row = row;
                for (i, var) in vars.iter().enumerate() {
                    let own = self.place(var).row;
                    if own > row {
                        self.end_line();
                        self.start_line();
                        self.put("\t");
                        row = own;
                    } else if i > 0 {
                        self.put(" ");
                    }
                    comments = self.term(var, comments)?;
                    if i + 1 < vars.len() {
                        self.put(",");
                    }
                }
                Ok(comments)
            }
        }
    }

    fn every(&mut self, every: &'a Every, place: Place<'a>, comments: Comments<'a>) -> Written<'a> {
        let Every { key, value, domain, body } = every;
        let mut comments = self.comments_to(place.row, comments).map_err(Halt::lost)?;
        self.put("every ");
        if let Some(key) = key {
            comments = self.term(key, comments).map_err(Halt::lost)?;
            self.put(", ");
        }
        comments = self.term(value, comments).map_err(Halt::lost)?;
        self.put(" in ");
        comments = self.fenced(domain, is_membership(domain), comments).map_err(Halt::lost)?;
        self.put(" {");
        // The word itself is all that OPA sees of the place, so that comments before the brace come after it.
        let word = self.pin.unwrap_or(Place { text: "every", ..place });
        comments = match self.comprehension_body(b'{', b'}', body, place.row, word, comments) {
            Ok(left) => left,
            Err(halt) => halt.left,
        };
        if let [only] = body.as_slice()
            && self.expr_place(only).row == place.row
        {
            self.put(" ");
        }
        self.put("}");
        Ok(comments)
    }

    /// A call that is an expression.
    fn call(&mut self, call: &'a Call, comments: Comments<'a>) -> Written<'a> {
        let Some(Operator { sign, arity, precedence }) = infix(call) else {
            return self.plain_call(call, comments);
        };
        if sign == "in" {
            if call.args.len() != arity {
                self.arity_error(call, sign, arity);
                return Ok(comments);
            }
            return self.members(false, call.args.iter(), comments);
        }
        let (out, left, right) = match call.args.as_slice() {
            [left, right] => (None, left, right),
            [left, right, out] => (Some(out), left, right),
            _ => {
                self.arity_error(call, sign, arity);
                return self.plain_call(call, comments);
            }
        };
        let mut comments = comments;
        if let Some(out) = out {
            comments = self.term(out, comments).map_err(Halt::lost)?;
            self.put(" = ");
        }
        let looser = |term: &Term, by: u8| operation(term).is_some_and(|inner| inner.precedence < precedence + by);
        let fence = precedence > 0 && looser(left, 0);
        comments = self.fenced(left, fence, comments).map_err(Halt::lost)?;
        self.put(&format!(" {sign} "));
        let fence = precedence > 0 && looser(right, 1);
        let written = self.fenced(right, fence, comments);
        if out.is_some() { written.map_err(Halt::lost) } else { written }
    }

    /// An operator was called by name with too few or too many arguments.
    pub(super) fn arity_error(&mut self, call: &Call, sign: &str, arity: usize) {
        let name = call.operator.dotted().unwrap_or_default();
        let want: &[&str] = match sign {
            "in" if arity == 3 => &["any", "any", "any"],
            "=" | ":=" | ">" | ">=" | "<" | "<=" | "!=" | "==" | "in" => &["any", "any"],
            "-" => &["any<number, set[any]>", "any<number, set[any]>"],
            "&" | "|" => &["set[any]", "set[any]"],
            _ => &["number", "number"],
        };
        let have: Vec<&str> = call.args.iter().map(|arg| arg.kind_name()).collect();
        let (have, want) = (have.join(","), want.join(","));
        let message = format!("{name}: arity mismatch\n\thave: ({have})\n\twant: ({want})");
        self.errors.push(Error::at(Code::Type, message, call.location, self.source));
    }
}
