//! Numbers, strings and template strings.

use super::parser::Parser;
use super::token::Kind;
use crate::ast::{ExprKind, TemplatePart, TemplateString, Term, TermKind, Version};
use crate::bytes::entering;
use crate::number::Number;
use crate::value::Value;
use num_bigint::BigInt;

/// Larger exponents of two are refused, as their digits would take too long to write.
const MAX_EXPONENT: i64 = 30_103;

impl Parser<'_> {
    /// At the sign, the point or the digits; ends at the digits.
    pub(super) fn number(&mut self) -> Option<Term> {
        let from = self.loc();
        let mut text = String::new();
        if self.at(Kind::Sub) {
            text.push('-');
            self.scan();
            if !matches!(self.kind(), Kind::Number | Kind::Dot) {
                self.illegal("expected number");
                return None;
            }
        }
        let point = self.at(Kind::Dot);
        if point {
            text.push_str("0.");
            self.scan();
            if !self.at(Kind::Number) {
                self.illegal("expected number");
                return None;
            }
        }
        let digits = self.lit();
        let mut bytes = digits.bytes();
        if !point && bytes.next() == Some(b'0') {
            let next = bytes.next();
            let exponent = matches!(next, Some(b'e' | b'E')) && digits.len() > 2;
            if next.is_some() && next != Some(b'.') && !exponent {
                self.illegal("expected number without leading zero");
                return None;
            }
        }
        text.push_str(digits);
        if point && digits.contains('.') {
            self.illegal("invalid float");
            return None;
        }
        let Some(number) = parse_number(&text) else {
            self.error(self.loc(), "number too big");
            return None;
        };
        let location = self.span_to(from, self.s.token.end);
        Some(Term::new(location, TermKind::Scalar(Value::Number(number))))
    }

    /// At a string of either form.
    pub(super) fn string(&mut self) -> Option<Term> {
        let (location, lit) = (self.loc(), self.lit());
        match string_value(lit) {
            Some(text) => Some(Term::scalar(location, text.as_str())),
            None => {
                self.error(location, format!("illegal string literal: {lit}"));
                None
            }
        }
    }

    /// At the first part of a template string; ends at its last.
    pub(super) fn template(&mut self, raw: bool) -> Option<Term> {
        let from = self.loc();
        if self.options.version == Version::V0 {
            self.error(from, "template strings are not supported by current capabilities");
            return None;
        }
        let mut parts = Vec::new();
        let mut height = 0;
        loop {
            let (place, lit) = (self.loc(), self.lit());
            let inner = lit.strip_prefix('$').unwrap_or(lit);
            let inner = inner.get(1..inner.len().saturating_sub(1)).unwrap_or_default();
            let text = if raw { Some(inner.replace("\\{", "{")) } else { unescape(inner, true) };
            let Some(text) = text else {
                self.error(place, format!("illegal template-string part: {lit}"));
                return None;
            };
            if !text.is_empty() {
                parts.push(TemplatePart::Scalar(Term::scalar(place, &*entering(text))));
            }
            if matches!(self.kind(), Kind::TemplateEnd | Kind::RawTemplateEnd) {
                break;
            }
            parts.push(self.template_expr()?);
            height = height.max(self.height);
            if !self.at(Kind::RBrace) {
                self.error(self.loc(), "expected } to end template string expression");
                return None;
            }
            self.scan_template(raw);
        }
        self.grow(height)?;
        let location = self.span_to(from, self.s.token.end);
        Some(Term::new(location, TermKind::TemplateString(Box::new(TemplateString { raw, parts }))))
    }

    fn template_expr(&mut self) -> Option<TemplatePart> {
        let comments = self.comments.len();
        self.scan();
        let comments = self.comments.len() - comments;
        let Some(expr) = self.literal() else {
            self.error(self.loc(), "invalid template-string expression");
            return None;
        };
        let operator = expr.operator();
        let wrong = match (&expr.kind, operator.as_deref()) {
            _ if expr.negated => Some("negation ('not') in"),
            (_, Some("eq")) => Some("unification ('=') in"),
            (_, Some("assign")) => Some("assignment (':=') in"),
            (ExprKind::Every(_), _) => Some("'every' in"),
            (ExprKind::Some(_), _) => Some("'some' in"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.error(expr.location, format!("unexpected {wrong} template-string expression"));
            return None;
        }
        match expr.kind {
            ExprKind::Term(term) if comments == 0 && matches!(term.kind, TermKind::Scalar(_)) => {
                Some(TemplatePart::Scalar(*term))
            }
            _ => Some(TemplatePart::Expr(expr)),
        }
    }
}

/// The value of a string of either form, with its quotes.
pub(super) fn string_value(lit: &str) -> Option<String> {
    let inner = lit.get(1..lit.len().saturating_sub(1))?;
    let text = if lit.starts_with('`') { Some(inner.to_owned()) } else { unescape(inner, false) };
    text.map(|text| entering(text).into_owned())
}

/// A number of Rego's grammar. None beyond the limit of its exponent.
fn parse_number(text: &str) -> Option<Number> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    // Many digits only count where their value is not plainly beyond any limit.
    let exponent: i64 = exponent.trim_start_matches('+').parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let zero = mantissa.bytes().all(|b| !b.is_ascii_digit() || b == b'0');
    let digits = i64::try_from(whole.len()).ok()?;
    if !zero && (exponent.abs() > MAX_EXPONENT || exponent + digits > MAX_EXPONENT + 32) {
        return None;
    }
    if zero {
        // Its text is kept too, `-0` say, but for exponents that no number has here.
        return Some(Number::parse(text).unwrap_or_default());
    }
    let fractions = i64::try_from(fraction.len()).ok()?;
    if let Some(number) = Number::parse(text) {
        return Some(number);
    }
    // Beyond the range of doubles, but an integer.
    let zeros = usize::try_from(exponent - fractions).ok()?;
    let all = format!("{whole}{fraction}{}", "0".repeat(zeros));
    all.parse::<BigInt>().ok().map(Number::from_big)
}

/// The value of a string between its quotes, by JSON's rules (and `\{` in a template).
fn unescape(inner: &str, template: bool) -> Option<String> {
    if !inner.contains('\\') {
        return Some(inner.to_owned());
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if u32::from(c) < 0x20 {
            return None;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            c @ ('"' | '\\' | '/') => out.push(c),
            '{' if template => out.push('{'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let unit = hex4(&mut chars)?;
                out.push(code_point(unit, &mut chars));
            }
            _ => return None,
        }
    }
    Some(out)
}

fn hex4(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let digits = chars.as_str().get(..4)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    *chars = chars.as_str().get(4..)?.chars();
    u32::from_str_radix(digits, 16).ok()
}

/// A code unit of UTF-16, with its other half if that follows; half a pair alone is the replacement character.
fn code_point(unit: u32, chars: &mut std::str::Chars<'_>) -> char {
    if (0xd800..0xdc00).contains(&unit) {
        let mut ahead = chars.clone();
        if ahead.next() == Some('\\')
            && ahead.next() == Some('u')
            && let Some(low) = hex4(&mut ahead).filter(|low| (0xdc00..0xe000).contains(low))
        {
            *chars = ahead;
            return char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).unwrap_or('\u{fffd}');
        }
    }
    char::from_u32(unit).unwrap_or('\u{fffd}')
}
