//! Arrays, objects, sets, comprehensions and lists of arguments. What stood in one line stays in one line.

use super::order;
use super::place::Place;
use super::term::operation;
use super::writer::{Comments, Halt, Writer, Written};
use crate::ast::{Body, Comprehension, Location, ObjectComprehension, Term, TermKind};
use crate::parse;

/// An item of a collection: a term, or a key and a value.
#[derive(Clone, Copy)]
struct Item<'a> {
    term: &'a Term,
    value: Option<&'a Term>,
}

impl<'a> Writer<'a> {
    pub(super) fn collection(&mut self, term: &'a Term, place: Place<'a>, comments: Comments<'a>) -> Written<'a> {
        match &term.kind {
            TermKind::Array(items) => self.bracketed("[", "]", |w| {
                let items = items.iter().map(|term| Item { term, value: None }).collect();
                w.items(items, place.row, place.closing_row(b'[', b']'), comments)
            }),
            TermKind::Set(items) if items.is_empty() => {
                self.put("set()");
                self.comments_to(place.closing_row(b'(', b')'), comments).map_err(Halt::lost)
            }
            TermKind::Set(items) => self.bracketed("{", "}", |w| {
                let items = w.ordered(order::distinct(items).map(|term| Item { term, value: None }).collect());
                w.items(items, place.row, place.closing_row(b'{', b'}'), comments)
            }),
            TermKind::Object(items) => self.bracketed("{", "}", |w| {
                let items = items.iter().map(|(term, value)| Item { term, value: Some(value) }).collect();
                let items = w.ordered(items);
                w.items(items, place.row, place.closing_row(b'{', b'}'), comments)
            }),
            TermKind::ArrayComp(comp) => {
                self.bracketed("[", "]", |w| w.comprehension((b'[', b']'), comp, place, comments))
            }
            TermKind::SetComp(comp) => {
                self.bracketed("{", "}", |w| w.comprehension((b'{', b'}'), comp, place, comments))
            }
            TermKind::ObjectComp(comp) => self.bracketed("{", "}", |w| w.object_comprehension(comp, place, comments)),
            _ => Ok(comments),
        }
    }

    fn bracketed(&mut self, open: &str, close: &str, write: impl FnOnce(&mut Self) -> Written<'a>) -> Written<'a> {
        self.put(open);
        let written = write(self);
        self.put(close);
        written
    }

    /// Whether there are variables in a text with names that OPA's compiler makes up: where they stand says nothing.
    fn has_generated(&self, location: Location) -> bool {
        let text = self.source.at(location);
        text.contains("__local") && parse::tokens(text).iter().any(|token| token.starts_with("__local"))
    }

    /// Items that all seem to stand at one place are sorted by what they are.
    fn ordered(&self, mut items: Vec<Item<'a>>) -> Vec<Item<'a>> {
        if self.pin.is_some() {
            items.sort_by(|a, b| order::compare(a.term, b.term));
        }
        items
    }

    /// Arguments.
    pub(super) fn list(&mut self, items: &'a [Term], row: i64, close: i64, comments: Comments<'a>) -> Written<'a> {
        self.items(items.iter().map(|term| Item { term, value: None }).collect(), row, close, comments)
    }

    fn items(&mut self, items: Vec<Item<'a>>, row: i64, close: i64, comments: Comments<'a>) -> Written<'a> {
        let made = items.iter().any(|item| item.value.is_none() && self.has_generated(item.term.location));
        let lines = if made { vec![items.as_slice()] } else { lines(&items, row, |item| self.place(item.term).row) };
        let many = lines.len() > 1;
        if many {
            // A comment behind the opening bracket goes behind the first items.
            self.line.delay = true;
            self.end_line();
            self.up();
            self.start_line();
        }
        let mut comments = comments;
        for (i, line) in lines.iter().enumerate() {
            if i > 0 {
                self.put(",");
                self.end_line();
                self.start_line();
            }
            for (i, item) in line.iter().enumerate() {
                if i > 0 {
                    self.put(", ");
                }
                comments = self.item(*item, comments).map_err(Halt::lost)?;
            }
        }
        if many {
            self.put(",");
            self.end_line();
            comments = self.comments_to(close, comments).map_err(Halt::lost)?;
            self.down();
            self.start_line();
        }
        Ok(comments)
    }

    fn item(&mut self, item: Item<'a>, comments: Comments<'a>) -> Written<'a> {
        let comments = match item.value {
            None => return self.item_term(item.term, comments),
            Some(_) => self.item_term(item.term, comments).map_err(Halt::lost)?,
        };
        self.put(": ");
        match item.value {
            Some(value) => self.item_term(value, comments),
            None => Ok(comments),
        }
    }

    /// A union in parentheses keeps them, as it could be taken for a comprehension.
    fn item_term(&mut self, term: &'a Term, comments: Comments<'a>) -> Written<'a> {
        let union = operation(term).is_some_and(|operator| operator.sign == "|");
        self.fenced(term, union && self.place(term).in_parens(), comments)
    }

    fn comprehension(
        &mut self,
        (open, close): (u8, u8),
        comp: &'a Comprehension,
        place: Place<'a>,
        comments: Comments<'a>,
    ) -> Written<'a> {
        let at = self.place(&comp.head);
        self.comprehension_head(open, close, &comp.head, at, &comp.body, place, comments)
    }

    fn object_comprehension(
        &mut self,
        comp: &'a ObjectComprehension,
        place: Place<'a>,
        comments: Comments<'a>,
    ) -> Written<'a> {
        let at = self.place(&comp.key);
        if at.row - place.row > 1 {
            self.end_line();
            self.start_line();
        }
        let comments = self.term(&comp.key, comments).map_err(Halt::lost)?;
        self.put(": ");
        // The value stays in its key's line.
        self.comprehension_head(b'{', b'}', &comp.value, at, &comp.body, place, comments)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a comprehension and their places")]
    fn comprehension_head(
        &mut self,
        open: u8,
        close: u8,
        head: &'a Term,
        at: Place<'a>,
        body: &'a Body,
        place: Place<'a>,
        comments: Comments<'a>,
    ) -> Written<'a> {
        if at.row - place.row >= 1 {
            self.end_line();
            self.start_line();
        }
        let comments = self.operand(head, at, true, comments).map_err(Halt::lost)?;
        self.put(" |");
        self.comprehension_body(open, close, body, at.row, place, comments)
    }

    /// A body up to its closing bracket, which is the caller's; `row` is that of what stands before it.
    pub(super) fn comprehension_body(
        &mut self,
        open: u8,
        close: u8,
        body: &'a Body,
        row: i64,
        place: Place<'a>,
        comments: Comments<'a>,
    ) -> Written<'a> {
        let Some(first) = body.first() else { return Ok(comments) };
        let rows: Vec<i64> = body.iter().map(|expr| self.expr_place(expr).row).collect();
        let single = lines(&rows, row, |row| *row).len() == 1;
        let single = single || body.iter().any(|expr| self.has_generated(expr.location));
        if self.expr_place(first).row > row || !single {
            self.end_line();
            self.up();
            let written = self
                .body(body, comments)
                .and_then(|left| self.comments_to(place.closing_row(open, close), left).map_err(Halt::lost));
            self.down();
            self.start_line();
            return written;
        }
        self.put(" ");
        let mut comments = comments;
        for (i, expr) in body.iter().enumerate() {
            if i > 0 {
                self.put("; ");
            }
            comments = self.expr(expr, comments)?;
        }
        self.comments_to(place.closing_row(open, close), comments).map_err(Halt::lost)
    }
}

/// Items by the line in which they start; the first ones are with what stands before them.
fn lines<T>(items: &[T], row: i64, of: impl Fn(&T) -> i64) -> Vec<&[T]> {
    let mut out = Vec::new();
    let (mut start, mut last) = (0, row);
    for (i, item) in items.iter().enumerate() {
        let row = of(item);
        if row > last && i > 0 {
            out.push(items.get(start..i).unwrap_or_default());
            start = i;
        }
        last = row;
    }
    out.push(items.get(start..).unwrap_or_default());
    out
}
