//! What is known while a template is read: tokens ahead, variables and lines (`text/template/parse/parse.go`).

use super::lexer::Lexer;
use super::node::Templates;
use super::token::{Item, Kind};
use super::{BuiltinError, Context, args};
use std::sync::Arc;

pub(super) type Parsed<T> = Result<T, BuiltinError>;

/// The name of the whole.
pub const MAIN: &str = "template";

pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    pub(super) context: &'a mut Context,
    pub(super) templates: Templates,
    pub(super) tree: Tree,
    pub(super) blocks: usize,
    pub(super) parens: usize,
}

/// What is known while a tree is read.
pub(super) struct Tree {
    /// Tokens that were put back; the last comes first.
    pub(super) ahead: Vec<Item>,
    /// Of the last token that was read anew, which is the line that errors name.
    pub(super) line: usize,
    pub(super) variables: Vec<Arc<str>>,
    /// Where the action at hand began; 0 outside of actions.
    pub(super) action_line: usize,
    pub(super) ranges: usize,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { ahead: Vec::new(), line: 0, variables: vec!["$".into()], action_line: 0, ranges: 0 }
    }
}

impl Parser<'_> {
    pub(super) fn error<T>(&self, text: impl AsRef<str>) -> Parsed<T> {
        Err(args::failed(format!("template: {MAIN}:{}: {}", self.tree.line, text.as_ref())))
    }

    pub(super) fn next(&mut self) -> Parsed<Item> {
        if let Some(item) = self.tree.ahead.pop() {
            return Ok(item);
        }
        let item = self.lexer.next_item();
        self.context.work(1)?;
        self.tree.line = item.line;
        Ok(item)
    }

    pub(super) fn back(&mut self, item: Item) {
        self.tree.ahead.push(item);
    }

    pub(super) fn peek(&mut self) -> Parsed<Item> {
        let item = self.next()?;
        self.back(item.clone());
        Ok(item)
    }

    pub(super) fn next_solid(&mut self) -> Parsed<Item> {
        loop {
            let item = self.next()?;
            if item.kind != Kind::Space {
                return Ok(item);
            }
        }
    }

    pub(super) fn peek_solid(&mut self) -> Parsed<Item> {
        let item = self.next_solid()?;
        self.back(item.clone());
        Ok(item)
    }

    pub(super) fn unexpected<T>(&self, item: &Item, place: &str) -> Parsed<T> {
        if item.kind != Kind::Error {
            return self.error(format!("unexpected {item} in {place}"));
        }
        let started = self.tree.action_line;
        if started == 0 || started == item.line {
            return self.error(item.to_string());
        }
        let within = if item.text.ends_with(" action") { "" } else { " in action" };
        self.error(format!("{item}{within} started at {MAIN}:{started}"))
    }

    pub(super) fn expect(&mut self, kind: Kind, place: &str) -> Parsed<Item> {
        let item = self.next_solid()?;
        if item.kind == kind { Ok(item) } else { self.unexpected(&item, place) }
    }
}
