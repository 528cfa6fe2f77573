//! Reads modules and queries. Knows syntax only: what names mean, and whether a variable is safe, is the compiler's. Any text
//! gives a result or errors: nesting is bounded, and so is the time (about linear in the text).

mod annotations;
mod body;
mod check;
mod collection;
mod lexer;
mod literal;
mod module;
mod naked;
mod parser;
mod rule;
mod term;
mod token;
mod yaml;

use crate::ast::{Body, Location, Module, Source, Version};
use crate::error::{Code, Error};
use lexer::Lexer;
use module::Statement;
pub(crate) use module::is_keyword;
use parser::Parser;
use token::{Keywords, Kind};

pub use parser::MAX_DEPTH;

/// How a text is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The dialect.
    pub version: Version,
    /// All future keywords are known without an import (of use in V0 only).
    pub all_future_keywords: bool,
    /// Read annotations; without, they are comments.
    pub annotations: bool,
}

/// The longest text that is read, in bytes.
pub const MAX_TEXT: usize = 256 << 20;

/// A source from bytes of any kind; an error where they are not UTF-8.
pub fn source_from_bytes(index: u32, name: &str, bytes: &[u8]) -> Result<Source, Error> {
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(Source::new(index, name, text)),
        Err(error) => &bytes[..error.valid_up_to()],
    };
    let before = Source::new(index, name, std::str::from_utf8(valid).unwrap_or_default());
    let row = before.text.matches('\n').count() + 1;
    let col = before.text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let location = Location { file: index, row: narrow(row), col: narrow(col), offset: narrow(valid.len()), len: 1 };
    Err(Error::at(Code::Parse, "illegal utf-8 character", location, &before))
}

/// Reads a module.
pub fn parse_module(source: &Source, options: &Options) -> Result<Module, Vec<Error>> {
    let mut parser = start(source, options)?;
    let statements = parser.statements(true);
    if !parser.errors.is_empty() {
        return Err(parser.into_errors());
    }
    let blocks = match options.annotations {
        true => annotations::blocks(&parser.comments, source)?,
        false => Vec::new(),
    };
    let (mut module, placed) = module::assemble(parser, statements)?;
    annotations::attach(&mut module, blocks, &placed)?;
    Ok(module)
}

/// Reads a query: a body.
pub fn parse_query(source: &Source, options: &Options) -> Result<Body, Vec<Error>> {
    let mut parser = start(source, options)?;
    let statements = parser.statements(false);
    if !parser.errors.is_empty() {
        return Err(parser.into_errors());
    }
    let mut body = Body::new();
    for statement in statements {
        match statement {
            Statement::Body(exprs) => body.extend(exprs),
            other => {
                let message = format!("expected body but got {}", other.type_name());
                return Err(vec![Error::at(Code::Parse, message, other.location(), source)]);
            }
        }
    }
    for (index, expr) in body.iter_mut().enumerate() {
        expr.index = u32::try_from(index).unwrap_or(u32::MAX);
    }
    Ok(body)
}

/// The value of a string in quotes or backticks, if a text is just that.
pub(crate) fn string_literal(text: &str) -> Option<String> {
    let mut faults = Vec::new();
    let token = Lexer::new(text, Keywords::default()).scan(text, &mut faults);
    if token.kind != Kind::String || token.end != text.len() || !faults.is_empty() {
        return None;
    }
    literal::string_value(text)
}

/// The tokens of a part of a module, without whitespace and comments.
pub(crate) fn tokens(text: &str) -> Vec<&str> {
    pieces(text, |kind| !matches!(kind, Kind::Whitespace | Kind::Comment))
}

/// The comments of a part of a module, each with its `#`.
pub(crate) fn comments(text: &str) -> Vec<&str> {
    pieces(text, |kind| kind == Kind::Comment)
}

fn pieces(text: &str, wanted: impl Fn(Kind) -> bool) -> Vec<&str> {
    let mut lexer = Lexer::new(text, Keywords::default());
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    // Of each template string that is open: whether it is raw, and the braces open in its expression.
    let mut templates: Vec<(bool, usize)> = Vec::new();
    loop {
        let mut token = lexer.scan(text, &mut faults);
        if let (Kind::RBrace, Some((raw, 0))) = (token.kind, templates.last().copied()) {
            templates.pop();
            token = lexer.scan_template(text, raw, token, &mut faults);
        }
        match (token.kind, templates.last_mut()) {
            (Kind::Eof, _) => return out,
            (Kind::TemplatePart, _) => templates.push((false, 0)),
            (Kind::RawTemplatePart, _) => templates.push((true, 0)),
            (Kind::LBrace, Some((_, open))) => *open += 1,
            (Kind::RBrace, Some((_, open))) => *open -= 1,
            _ => {}
        }
        if wanted(token.kind) {
            out.extend(text.get(token.offset..token.end));
        }
    }
}

/// The first names of a path, as written, of a text that starts with one.
pub(crate) fn path_tokens(text: &str, count: usize) -> Vec<&str> {
    let mut lexer = Lexer::new(text, Keywords::default());
    let (mut out, mut faults) = (Vec::new(), Vec::new());
    while out.len() < count {
        let token = lexer.scan(text, &mut faults);
        match token.kind {
            Kind::Eof => break,
            Kind::Whitespace | Kind::Comment | Kind::Dot | Kind::LBrack | Kind::RBrack => {}
            _ => out.extend(text.get(token.offset..token.end)),
        }
    }
    out
}

/// The words that are keywords in a dialect without any import.
pub(crate) fn keywords(v1: bool) -> Vec<&'static str> {
    let future = if v1 { token::FUTURE.as_slice() } else { &[] };
    module::KEYWORDS.iter().chain(future).copied().collect()
}

fn start<'a>(source: &'a Source, options: &Options) -> Result<Parser<'a>, Vec<Error>> {
    if source.text.len() > MAX_TEXT {
        let message = format!("text of {} bytes: at most {MAX_TEXT} are read", source.text.len());
        return Err(vec![Error::at(Code::Parse, message, Location::default(), source)]);
    }
    let all = options.all_future_keywords || options.version.is_v1();
    Ok(Parser::new(source, *options, if all { Keywords::ALL } else { Keywords::default() }))
}
