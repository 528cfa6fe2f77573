//! What a template is cut into (`text/template/parse/lex.go`). Positions are in bytes, lines count from 1.

use crate::bytes;
use crate::text::quote;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Error,
    Bool,
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

/// Words that are no names of functions.
pub fn keyword(word: &str) -> Option<Kind> {
    Some(match word {
        "block" => Kind::Block,
        "break" => Kind::Break,
        "continue" => Kind::Continue,
        "define" => Kind::Define,
        "else" => Kind::Else,
        "end" => Kind::End,
        "if" => Kind::If,
        "nil" => Kind::Nil,
        "range" => Kind::Range,
        "template" => Kind::Template,
        "with" => Kind::With,
        _ => return None,
    })
}

#[derive(Clone, Debug)]
pub struct Item {
    pub kind: Kind,
    pub pos: usize,
    pub text: Arc<str>,
    pub line: usize,
}

impl std::fmt::Display for Item {
    /// As errors name it: the text of an error, a keyword in angles, and the start of anything else in quotes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keyword = keyword(&self.text) == Some(self.kind) || self.kind == Kind::Dot;
        match self.kind {
            Kind::Eof => f.write_str("EOF"),
            Kind::Error => f.write_str(&self.text),
            _ if keyword => write!(f, "<{}>", self.text),
            _ if bytes::bytes(&self.text).len() > 10 => {
                let start: String = bytes::characters(&self.text).into_iter().take(10).collect();
                write!(f, "{}...", quote(&start, false))
            }
            _ => f.write_str(&quote(&self.text, false)),
        }
    }
}
