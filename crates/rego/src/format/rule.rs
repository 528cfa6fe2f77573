//! Rules: heads, bodies and `else`.

use super::place::Place;
use super::writer::{Comments, Halt, Writer, Written};
use crate::ast::{Body, Else, ExprKind, Head, Location, Rule, Term, TermKind};
use crate::parse;
use crate::value::Value;

/// A rule, or one `else` of it.
struct Clause<'a> {
    place: Place<'a>,
    head: Place<'a>,
    /// Its body is at the clause's own place whatever was written: an `else` without braces.
    pinned: bool,
    body: &'a Body,
    keyed: bool,
    args: bool,
    /// A set rule of old has no `if`.
    plain_set: bool,
    elses: &'a [Else],
}

/// A head's value and how it is shown.
struct Shown<'a> {
    value: &'a Term,
    assign: bool,
    /// Made up for a rule whose head has none, or as good as that.
    implied: bool,
    keyed: bool,
    bare: bool,
}

impl<'a> Writer<'a> {
    /// A rule; `chained` where it is a further body of the rule before.
    pub(super) fn rule(&mut self, rule: &'a Rule, chained: bool, comments: Comments<'a>) -> Written<'a> {
        let head = &rule.head;
        let place = Place::of(rule.location, self.source);
        let clause = Clause {
            place,
            head: Place::of(head.location, self.source),
            pinned: false,
            body: &rule.body,
            keyed: key(rule).is_some(),
            args: !head.args.is_empty(),
            plain_set: !self.style.contains && head.value.is_none(),
            elses: &rule.elses,
        };
        self.start_line();
        if rule.default {
            self.put("default ");
        }
        let fixed = self.begin(&clause);
        let pin = chained.then_some(clause.head);
        let written = self.head(rule, pin, fixed, comments);
        self.clause(clause, fixed, written)
    }

    /// Whether the clause is a plain constant, so that no body is shown.
    fn begin(&mut self, clause: &Clause<'a>) -> bool {
        let fixed = is_truth(clause.body) && clause.elses.is_empty();
        self.line.last_comment = fixed;
        fixed
    }

    /// All after the head.
    fn clause(&mut self, clause: Clause<'a>, fixed: bool, head: Written<'a>) -> Written<'a> {
        let (mut comments, halted) = match head {
            Ok(left) => (left, false),
            Err(halt) => (halt.left, true),
        };
        if fixed {
            self.end_line();
            return Ok(comments);
        }
        self.line.last_comment = true;
        let pin = clause.pinned.then_some(clause.place);
        if (self.style.v1 || self.style.ifs) && !clause.plain_set {
            self.put(" if");
            if let [only] = clause.body.as_slice() {
                let row = if clause.pinned { clause.place.row } else { only.location.row.into() };
                if row == clause.head.row {
                    self.put(" ");
                    comments = self.pinned(pin, |w| w.expr(only, comments))?;
                    self.end_line();
                    return self.next_else(&clause, comments);
                }
            }
        }
        if halted && !comments.is_empty() {
            self.put(" { ");
        } else {
            self.put(" {");
            self.end_line();
        }
        self.up();
        comments = match self.pinned(pin, |w| w.body(clause.body, comments)) {
            Ok(left) => left,
            Err(halt) => halt.left,
        };
        let close = match (clause.args, clause.keyed) {
            (true, _) => clause.place.closing_row_behind((b'(', b')'), b'{', b'}'),
            (_, true) => clause.place.closing_row_behind((b'[', b']'), b'{', b'}'),
            _ => clause.place.closing_row(b'{', b'}'),
        };
        comments = self.comments_to(close, comments).map_err(Halt::lost)?;
        self.down();
        self.start_line();
        self.put("}");
        self.next_else(&clause, comments)
    }

    fn next_else(&mut self, clause: &Clause<'a>, comments: Comments<'a>) -> Written<'a> {
        let Some((other, elses)) = clause.elses.split_first() else { return Ok(comments) };
        let end = elses.last().unwrap_or(other).location;
        let len = (end.offset.saturating_add(end.len)).saturating_sub(other.location.offset);
        let place = Place::of(Location { len, ..other.location }, self.source);
        // As in OPA, `else` goes on in the line only where something stood before it in its own.
        let below = usize::try_from(place.row - clause.place.row).unwrap_or(0);
        let line = clause.place.text.split('\n').nth(below).filter(|_| below > 0);
        let inline = line.is_some_and(|line| !line.trim().starts_with("else"));
        let above = comments.first().is_some_and(|comment| i64::from(comment.location.row) < place.row);
        let above = above || self.line.comment.is_some();
        if inline && !above {
            self.put(" ");
        } else {
            self.blank_line();
            self.start_line();
        }
        let comments = self.comments_to(place.row, comments).map_err(Halt::lost)?;
        if above && !inline {
            self.start_line();
        }
        let next = Clause {
            place,
            head: place,
            pinned: self.is_bare(other),
            body: &other.body,
            keyed: false,
            args: false,
            plain_set: false,
            elses,
        };
        let fixed = self.begin(&next);
        let written = self.else_head(other, place, fixed, comments);
        self.clause(next, fixed, written)
    }

    /// Whether the body of an `else` has no braces: OPA then takes all of it to stand where the `else` does.
    fn is_bare(&self, other: &Else) -> bool {
        let value = other.value.location;
        let start = if other.generated_value { other.location.offset } else { value.offset.saturating_add(value.len) };
        let Some(first) = other.body.first().filter(|_| !other.generated_body) else { return false };
        let before = self.source.text.get(start as usize..first.location.offset as usize).unwrap_or_default();
        parse::tokens(before).last() != Some(&"{")
    }

    fn else_head(&mut self, other: &'a Else, place: Place<'a>, fixed: bool, comments: Comments<'a>) -> Written<'a> {
        let comments = self.comments_to(place.row, comments).map_err(Halt::lost)?;
        self.put("else");
        let end = other.value.location.offset.saturating_add(other.value.location.len) as usize;
        let head = self.source.text.get(other.location.offset as usize..end).unwrap_or(place.text);
        let head = if other.generated_value { place } else { Place { text: head, ..place } };
        let shown = Shown { value: &other.value, assign: other.assign, implied: false, keyed: false, bare: true };
        self.value(shown, Some(head), fixed, false, comments)
    }

    fn head(&mut self, rule: &'a Rule, pin: Option<Place<'a>>, fixed: bool, comments: Comments<'a>) -> Written<'a> {
        let head = &rule.head;
        let place = Place::of(head.location, self.source);
        let mut comments = comments;
        match head.reference.as_slice() {
            [name, key] if !self.style.ref_heads => {
                let row = i64::from(key.location.row);
                if comments.first().is_some_and(|comment| i64::from(comment.location.row) == row) {
                    return Ok(self.verbatim(place, comments));
                }
                let name = self.name(name);
                self.put(&name);
                self.put("[");
                self.old_key(key);
                self.put("]");
            }
            [first, path @ ..] => comments = self.reference(first, path, comments).map_err(Halt::lost)?,
            [] => {}
        }
        if !head.args.is_empty() {
            self.put("(");
            let close = place.closing_row(b'(', b')');
            let written = self.pinned(pin, |w| w.list(&head.args, place.row, close, comments));
            self.put(")");
            comments = written?;
        }
        let Some(value) = &head.value else {
            let Some(key) = &head.key else { return Ok(comments) };
            self.put(if self.style.contains { " contains " } else { "[" });
            comments = self.pinned(pin, |w| w.term(key, comments))?;
            if !self.style.contains {
                self.put("]");
            }
            return Ok(comments);
        };
        let naked = rule.generated_body && head.generated_value || self.is_naked_call(rule);
        let old = head.has_if && head.generated_value && head.reference.len() == 2 && head.args.is_empty();
        let shown = Shown {
            value,
            assign: head.assign,
            implied: naked || old || pin.is_some(),
            keyed: key(rule).is_some(),
            bare: head.args.is_empty(),
        };
        // A value that was made up has no place.
        let made_up = head.generated_value.then_some(if old { place } else { Place { row: 1, ..place } });
        let at = pin.or(made_up);
        self.value(shown, at, fixed, rule.default, comments)
    }

    /// `f(x)`, a function that is true: its value was not written but made up.
    fn is_naked_call(&self, rule: &Rule) -> bool {
        let made_up = rule.head.value.as_ref().is_some_and(|value| value.location == rule.head.location);
        rule.generated_body && made_up
    }

    fn value(
        &mut self,
        shown: Shown<'a>,
        at: Option<Place<'a>>,
        fixed: bool,
        default: bool,
        comments: Comments<'a>,
    ) -> Written<'a> {
        let Shown { value, assign, implied, keyed, bare } = shown;
        let truth = is_true(value);
        if truth && !keyed && !fixed && !default {
            return Ok(comments);
        }
        let constant = self.style.v1 && fixed && !keyed && bare;
        if implied && truth && !constant {
            return Ok(comments);
        }
        self.put(if assign || self.style.v1 { " := " } else { " = " });
        let place = at.unwrap_or_else(|| self.place(value));
        self.term_at(value, place, comments)
    }

    /// A key in brackets, whatever it is.
    fn old_key(&mut self, key: &'a Term) {
        match &key.kind {
            TermKind::Scalar(Value::String(text)) => {
                let text = super::term::quoted(text);
                self.put(&text);
            }
            // Without comments nothing can stop.
            _ => drop(self.term(key, &[])),
        }
    }
}

/// Of a rule that OPA reads as one with a key, that key.
pub(super) fn key(rule: &Rule) -> Option<&Term> {
    let head = &rule.head;
    if head.key.is_some() || head.reference.len() != 2 || !head.args.is_empty() || rule.default {
        return head.key.as_ref();
    }
    let last = head.reference.last()?;
    (!head.has_if || !last.is_ground() || matches!(last.kind, TermKind::Ref(_))).then_some(last)
}

fn is_true(term: &Term) -> bool {
    matches!(&term.kind, TermKind::Scalar(Value::Bool(true)))
}

/// Whether a body is just `true`.
pub(super) fn is_truth(body: &Body) -> bool {
    matches!(body.as_slice(), [only] if !only.negated
        && only.with.is_empty()
        && matches!(&only.kind, ExprKind::Term(term) if is_true(term)))
}

/// Whether rules like this one may stand in lines directly below one another.
pub(super) fn is_one_liner(writer: &Writer<'_>, rule: &Rule) -> bool {
    let style = &writer.style;
    rule.body.len() <= 1 && !rule.default && (style.v1 || style.ifs) && (style.contains || rule.head.value.is_some())
}

/// Whether a head's ref has more to it than a name and a key.
pub(super) fn is_ref_head(head: &Head) -> bool {
    head.reference.len() > 2 || (head.reference.len() == 2 && head.key.is_some() && head.value.is_none())
}
