//! Terms: constants, names, refs, calls and template strings.

use super::place::Place;
use super::writer::{Comments, Halt, Writer, Written, split};
use crate::ast::{Call, Ref, TemplatePart, TemplateString, Term, TermKind};
use crate::parse;
use crate::text;
use crate::value::Value;

impl<'a> Writer<'a> {
    /// Where a term seems to stand.
    pub(super) fn place(&self, term: &Term) -> Place<'a> {
        self.pin.unwrap_or_else(|| self.places.term(term))
    }

    /// A term; as it stands where its comments cannot be kept otherwise.
    pub(super) fn term(&mut self, term: &'a Term, comments: Comments<'a>) -> Written<'a> {
        self.term_at(term, self.place(term), comments)
    }

    /// The same of a term that seems to stand elsewhere than its parts.
    pub(super) fn term_at(&mut self, term: &'a Term, place: Place<'a>, comments: Comments<'a>) -> Written<'a> {
        let start = self.out.len();
        match self.operand(term, place, false, comments) {
            Err(mut halt) if !comments.is_empty() => {
                self.out.truncate(start);
                halt.left = self.verbatim(place, comments);
                Err(halt)
            }
            written => written,
        }
    }

    /// A term that is in parentheses if it is an operation and `parens` wants them.
    pub(super) fn operand(
        &mut self,
        term: &'a Term,
        place: Place<'a>,
        parens: bool,
        comments: Comments<'a>,
    ) -> Written<'a> {
        let mut comments = self.comments_to(place.row, comments).map_err(Halt::lost)?;
        if !self.line.open {
            self.start_line();
        }
        match &term.kind {
            TermKind::Scalar(Value::String(text)) => self.string(text, place),
            TermKind::Scalar(Value::Number(_)) => {
                let text = self.number(term);
                self.put(&text);
            }
            TermKind::Scalar(value) => self.put(&value.to_string()),
            TermKind::Var(_) => {
                let name = self.name(term);
                self.put(&name);
            }
            TermKind::Ref(r) => comments = self.reference(&r.head, &r.path, comments).map_err(Halt::lost)?,
            TermKind::Call(call) => comments = self.nested_call(call, parens, comments).map_err(Halt::lost)?,
            TermKind::TemplateString(template) => comments = self.template(template, comments).map_err(Halt::lost)?,
            _ => comments = self.collection(term, place, comments).map_err(Halt::lost)?,
        }
        if !self.line.open {
            self.start_line();
        }
        Ok(comments)
    }

    /// As written, where that is the string; what stands at its place may be more than it.
    fn string(&mut self, text: &str, place: Place<'a>) {
        let written = place.text;
        let own = match written.as_bytes() {
            [b'`', ..] => Some(written),
            [.., b'"'] => written.find('"').and_then(|i| written.get(i..)),
            [.., b'`'] => written.find('`').and_then(|i| written.get(i..)),
            _ => None,
        };
        match own.filter(|own| parse::string_literal(own).as_deref() == Some(text)) {
            Some(own) => self.put(own),
            None => self.put(&quoted(text)),
        }
    }

    /// The same where OPA writes no parentheses; those that the text needs are written all the same.
    pub(super) fn fenced(&mut self, term: &'a Term, fence: bool, comments: Comments<'a>) -> Written<'a> {
        if !fence {
            return self.term(term, comments);
        }
        self.put("(");
        let written = self.term(term, comments);
        self.put(")");
        written
    }

    /// A number's own digits.
    fn number(&self, term: &Term) -> String {
        let written = self.source.at(term.location);
        if written.starts_with('-') || written.starts_with('.') {
            return parse::tokens(written).concat();
        }
        if written.is_empty() { term.to_string() } else { written.to_owned() }
    }

    /// A variable's name.
    pub(super) fn name(&self, term: &Term) -> String {
        match term.as_var() {
            Some(name) if !name.starts_with('$') => name.to_string(),
            Some(name) if self.style.repeated.contains(name) => format!("_{}", name.trim_start_matches('$')),
            _ => "_".to_owned(),
        }
    }

    /// `head.path[..]`.
    pub(super) fn reference(&mut self, head: &'a Term, path: &'a [Term], comments: Comments<'a>) -> Written<'a> {
        let place = self.place(head);
        let mut comments = self.operand(head, place, true, comments).map_err(Halt::lost)?;
        for part in path {
            match &part.kind {
                TermKind::Scalar(Value::String(text)) => {
                    let written = self.place(part).text;
                    self.path_name(text, written);
                }
                TermKind::Var(_) => {
                    let name = self.name(part);
                    self.put(&format!("[{name}]"));
                }
                _ => {
                    self.put("[");
                    comments = match self.term(part, comments) {
                        Ok(left) => left,
                        Err(halt) => {
                            // The bracket must not become a part of the comment.
                            self.put("\n");
                            halt.left
                        }
                    };
                    self.put("]");
                }
            }
        }
        Ok(comments)
    }

    /// `.name` where that can be written, else `["name"]`.
    pub(super) fn path_name(&mut self, name: &str, written: &str) {
        let keyword = self.style.keywords.iter().any(|word| &**word == name);
        if is_identifier(name) && !(keyword && written.starts_with('"')) {
            self.put(".");
            self.put(name);
        } else {
            self.put(&format!("[{}]", quoted(name)));
        }
    }

    fn nested_call(&mut self, call: &'a Call, parens: bool, comments: Comments<'a>) -> Written<'a> {
        let Some(Operator { sign, arity, .. }) = infix(call).filter(|operator| operator.precedence > 0) else {
            // An equation within a term can only be written as a call.
            return self.plain_call(call, comments);
        };
        if sign == "in" {
            if call.args.len() != arity {
                self.arity_error(call, sign, arity);
                return Ok(comments);
            }
            return self.members(parens || arity == 3, call.args.iter(), comments);
        }
        if call.args.len() != arity {
            self.arity_error(call, sign, arity);
            return Ok(comments);
        }
        let [left, right] = call.args.as_slice() else { return Ok(comments) };
        if parens {
            self.put("(");
        }
        let comments = self.operand(left, self.place(left), true, comments)?;
        self.put(&format!(" {sign} "));
        let comments = self.operand(right, self.place(right), true, comments)?;
        if parens {
            self.put(")");
        }
        Ok(comments)
    }

    /// Operands, the last of which is the domain.
    pub(super) fn members(
        &mut self,
        parens: bool,
        operands: impl ExactSizeIterator<Item = &'a Term>,
        comments: Comments<'a>,
    ) -> Written<'a> {
        if parens {
            self.put("(");
        }
        let count = operands.len();
        let mut written = Ok(comments);
        for (i, operand) in operands.enumerate() {
            match i {
                0 => {}
                i if i + 1 == count => self.put(" in "),
                _ => self.put(", "),
            }
            // `a in b in c` needs no parentheses, `a in (b in c)` does.
            let fence = i > 0 || count > 2 || !is_membership(operand);
            written = written.and_then(|comments| self.operand(operand, self.place(operand), fence, comments));
            if written.is_err() {
                break;
            }
        }
        if parens {
            self.put(")");
        }
        written.map_err(Halt::lost)
    }

    /// `operator(args)`.
    pub(super) fn plain_call(&mut self, call: &'a Call, comments: Comments<'a>) -> Written<'a> {
        let Ref { head, path } = &call.operator;
        let comments = self.reference(head, path, comments)?;
        self.put("(");
        let place = self.pin.unwrap_or_else(|| Place::of(call.location, self.source));
        let close = place.closing_row(b'(', b')');
        let written = self.list(&call.args, place.row, close, comments);
        self.put(")");
        written
    }

    fn template(&mut self, template: &'a TemplateString, comments: Comments<'a>) -> Written<'a> {
        let quote = if template.raw { "`" } else { "\"" };
        self.put("$");
        self.put(quote);
        let mut comments = comments;
        for (i, part) in template.parts.iter().enumerate() {
            match part {
                TemplatePart::Scalar(term) => match term.as_str() {
                    Some(text) if template.raw => {
                        let text = braces_escaped(text);
                        self.put(&text);
                    }
                    Some(text) => {
                        let text = quoted(text);
                        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
                        let inner = braces_escaped(inner);
                        self.put(&inner);
                    }
                    None => {
                        let text = if matches!(term.kind, TermKind::Scalar(Value::Number(_))) {
                            self.number(term)
                        } else {
                            term.to_string()
                        };
                        self.put(&text);
                    }
                },
                TemplatePart::Expr(expr) => {
                    self.put("{");
                    self.up();
                    if self.line.comment.is_some() {
                        self.end_line();
                        self.start_line();
                    } else {
                        let row = self.pin.map_or(i64::from(expr.location.row), |pin| pin.row);
                        let (above, _, _) = split(comments, row);
                        if !above.is_empty() {
                            self.put(" ");
                            self.line.open = true;
                            self.comment_lines(above);
                            comments = comments.get(above.len()..).unwrap_or_default();
                        }
                    }
                    comments = self.expr(expr, comments)?;
                    if let Some(next) = template.parts.get(i + 1) {
                        let location = match next {
                            TemplatePart::Scalar(term) => term.location,
                            TemplatePart::Expr(expr) => expr.location,
                        };
                        let row = self.pin.map_or(i64::from(location.row), |pin| pin.row);
                        let (above, _, _) = split(comments, row);
                        if !above.is_empty() {
                            self.end_line();
                            self.comment_lines(above);
                            comments = comments.get(above.len()..).unwrap_or_default();
                            self.start_line();
                        }
                    }
                    self.put("}");
                    self.down();
                }
            }
        }
        self.put(quote);
        Ok(comments)
    }
}

/// An infix operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub sign: &'static str,
    pub arity: usize,
    /// How tightly it binds.
    pub precedence: u8,
}

/// The operator of a call that is of one.
pub(super) fn infix(call: &Call) -> Option<Operator> {
    let name = call.operator.dotted()?;
    let (sign, arity, precedence) = match name.as_str() {
        "eq" => ("=", 2, 0),
        "assign" => (":=", 2, 0),
        "internal.member_2" => ("in", 2, 1),
        "internal.member_3" => ("in", 3, 1),
        "gt" => (">", 2, 2),
        "gte" => (">=", 2, 2),
        "lt" => ("<", 2, 2),
        "lte" => ("<=", 2, 2),
        "neq" => ("!=", 2, 2),
        "equal" => ("==", 2, 2),
        "or" => ("|", 2, 3),
        "and" => ("&", 2, 4),
        "plus" => ("+", 2, 5),
        "minus" => ("-", 2, 5),
        "mul" => ("*", 2, 6),
        "div" => ("/", 2, 6),
        "rem" => ("%", 2, 6),
        _ => return None,
    };
    Some(Operator { sign, arity, precedence })
}

/// The operator of a term that is an operation.
pub(super) fn operation(term: &Term) -> Option<Operator> {
    match &term.kind {
        TermKind::Call(call) => infix(call),
        _ => None,
    }
}

/// Whether a term is `x in xs`, which OPA never puts in parentheses.
pub(super) fn is_membership(term: &Term) -> bool {
    operation(term).is_some_and(|operator| operator.sign == "in" && operator.arity == 2)
}

/// Whether a name can follow a dot.
fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A string in quotes as Go writes it, or as JSON does where Rego does not know Go's escapes.
pub(super) fn quoted(text: &str) -> String {
    let go = text::quote(text, false);
    match parse::string_literal(&go) {
        Some(read) if read == text => go,
        _ => serde_json::Value::from(&*crate::bytes::shown(text)).to_string(),
    }
}

/// With a backslash before each brace that has none.
fn braces_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last = None;
    for c in text.chars() {
        if c == '{' && last != Some('\\') {
            out.push('\\');
        }
        out.push(c);
        last = Some(c);
    }
    out
}
