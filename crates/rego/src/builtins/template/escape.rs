//! `print`, and what escapes it for HTML and JavaScript (`text/template/funcs.go`).

use super::super::{bounds, sprintf};
use super::Context;
use super::functions::{Called, cost};
use super::value::Go;
use crate::bytes;
use crate::text;

pub(super) fn append(out: &mut String, value: &Go, context: &mut Context) -> Called<()> {
    let before = out.len();
    context.work(cost(value))?;
    sprintf::Argument::write(value, out, 'v', crate::gofmt::Flags::default());
    context.work(out.len() - before)?;
    Ok(bounds::text(out.len())?)
}

/// `fmt.Sprint`: spaces between two that are no texts.
pub(super) fn print(values: &[Go], context: &mut Context) -> Called<String> {
    let mut out = String::new();
    let mut after_text = true;
    for value in values {
        let text = value.text().is_some();
        out.push_str(if text || after_text { "" } else { " " });
        append(&mut out, value, context)?;
        after_text = text;
    }
    Ok(bytes::joined(out))
}

/// The arguments of a function that escapes (`evalArgs`).
pub(super) fn escaped(values: &[Go], context: &mut Context) -> Called<String> {
    let shown = |value: &Go| if value.is_nil() { Go::from("<no value>".to_owned()) } else { value.clone() };
    print(&values.iter().map(shown).collect::<Vec<_>>(), context)
}

pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut escape = |c: char| match c {
        '\\' | '\'' | '"' => out.extend(['\\', c]),
        '<' | '>' | '&' | '=' | '\0'..=' ' if c != ' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
        c if c.is_ascii() || text::printable(c) => out.push(c),
        c => out.push_str(&format!("\\u{:04X}", u32::from(c))),
    };
    for chunk in bytes::bytes(text).utf8_chunks() {
        chunk.valid().chars().for_each(&mut escape);
        chunk.invalid().iter().for_each(|_| escape(char::REPLACEMENT_CHARACTER));
    }
    out
}
