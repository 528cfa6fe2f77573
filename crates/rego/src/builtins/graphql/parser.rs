//! Reading tokens with one of lookahead, and what queries and schemas have in common: names, literals, arguments,
//! directives and types. Stops at the first fault; nesting is bounded.

use super::ast::{Argument, Child, Comment, Directive, Literal, LiteralKind, Type};
use super::fault::{Fault, Place};
use super::lexer::{Kind, Lexer, Token};
use crate::text::quote;

/// Selections, literals and types may be nested this deep together. OPA has no bound; written documents stay far below, and a thread's stack holds it several times.
pub const MAX_DEPTH: usize = 100;
/// What is said of a document that is nested more deeply.
pub const TOO_DEEP: &str = "Nested too deeply";

/// What reading gives.
pub type Parsed<T> = Result<T, Fault>;

/// The lookahead and the comments before it.
struct Ahead<'a> {
    token: Token<'a>,
    comment: Comment,
}

/// Where parsing stands.
pub struct Parser<'a> {
    lexer: Lexer<'a>,
    ahead: Option<Ahead<'a>>,
    /// The token taken last.
    last: Option<Token<'a>>,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Before the first token.
    pub fn new(text: &'a str, prelude: bool) -> Self {
        Self { lexer: Lexer::new(text, prelude), ahead: None, last: None, depth: 0 }
    }

    /// The next token, which stays.
    pub fn peek(&mut self) -> &Token<'a> {
        let lexer = &mut self.lexer;
        &self
            .ahead
            .get_or_insert_with(|| {
                let mut comment = Comment::new();
                let mut token = lexer.read();
                while token.kind == Kind::Comment {
                    comment.push(token.text.into_owned());
                    token = lexer.read();
                }
                Ahead { token, comment }
            })
            .token
    }

    /// The kind of the next token.
    pub fn kind(&mut self) -> Kind {
        self.peek().kind
    }

    /// The place of the next token.
    pub fn place(&mut self) -> Option<Place> {
        Some(self.peek().place)
    }

    /// Whether the next token has a text. A string with the text of a keyword counts, as it does in the library.
    pub fn says(&mut self, text: &str) -> bool {
        self.peek().text == text
    }

    /// The comments before the next token, if that has been looked at already.
    pub fn comment(&self) -> Comment {
        self.ahead.as_ref().map(|ahead| ahead.comment.clone()).unwrap_or_default()
    }

    /// The comments before the next token.
    pub fn comment_ahead(&mut self) -> Comment {
        self.peek();
        self.comment()
    }

    /// Takes the next token.
    pub fn next(&mut self) -> Parsed<Token<'a>> {
        let token = self.peek().clone();
        self.ahead = None;
        if token.kind == Kind::Invalid {
            return Err(Fault::new(token.place, token.text));
        }
        self.last = Some(token.clone());
        Ok(token)
    }

    /// Takes the next token if it is of a kind.
    pub fn skip(&mut self, kind: Kind) -> Parsed<bool> {
        let found = self.kind() == kind;
        if found {
            self.next()?;
        }
        Ok(found)
    }

    /// Takes a token of a kind; also the comments before it.
    pub fn expect(&mut self, kind: Kind) -> Parsed<(Token<'a>, Comment)> {
        let token = self.peek();
        if token.kind != kind {
            let message = format!("Expected {}, found {}", kind.shown(), token.kind.shown());
            return Err(Fault::new(token.place, message));
        }
        let comment = self.comment();
        Ok((self.next()?, comment))
    }

    /// Takes a keyword; the comments before it.
    pub fn keyword(&mut self, word: &str) -> Parsed<Comment> {
        let token = self.peek();
        if token.kind != Kind::Name || token.text != word {
            let message = format!("Expected {}, found {}", quote(word, false), shown(token));
            return Err(Fault::new(token.place, message));
        }
        let comment = self.comment();
        self.next()?;
        Ok(comment)
    }

    /// The fault of a next token that has no place here.
    pub fn unexpected<T>(&mut self) -> Parsed<T> {
        Err(unexpected(self.peek()))
    }

    /// The fault of the token taken last.
    pub fn unexpected_last<T>(&mut self) -> Parsed<T> {
        match &self.last {
            Some(token) => Err(unexpected(token)),
            None => self.unexpected(),
        }
    }

    /// What stands between two brackets, any number of it; nothing if there is no opening bracket.
    pub fn many(&mut self, open: Kind, close: Kind, mut each: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        if self.skip(open)? {
            while self.kind() != close {
                each(self)?;
            }
            self.next()?;
        }
        Ok(())
    }

    /// What stands between two brackets, at least one, and the comments before the closing one.
    pub fn some(&mut self, open: Kind, close: Kind, mut each: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<Comment> {
        if !self.skip(open)? {
            return Ok(Comment::new());
        }
        if self.kind() == close {
            let token = self.peek();
            let message = format!("expected at least one definition, found {}", token.kind.shown());
            return Err(Fault::new(token.place, message));
        }
        while self.kind() != close {
            each(self)?;
        }
        let comment = self.comment();
        self.next()?;
        Ok(comment)
    }

    /// One level deeper.
    pub fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault::new(self.peek().place, TOO_DEEP));
        }
        self.depth += 1;
        let found = inner(self)?;
        self.depth -= 1;
        Ok(found)
    }

    /// A name.
    pub fn name(&mut self) -> Parsed<String> {
        Ok(self.expect(Kind::Name)?.0.text.into_owned())
    }

    /// `$name`.
    pub fn variable(&mut self) -> Parsed<String> {
        self.expect(Kind::Dollar)?;
        self.name()
    }

    /// A literal; a constant one has no variables.
    pub fn literal(&mut self, constant: bool) -> Parsed<Literal> {
        let token = self.peek();
        let place = Some(token.place);
        let kind = match token.kind {
            Kind::BracketL => return self.nested(|parser| parser.list(constant)),
            Kind::BraceL => return self.nested(|parser| parser.object(constant)),
            Kind::Dollar if !constant => {
                let raw = self.variable()?;
                return Ok(Literal { raw, kind: LiteralKind::Variable, place, ..Literal::default() });
            }
            Kind::Int => LiteralKind::Int,
            Kind::Float => LiteralKind::Float,
            Kind::String => LiteralKind::String,
            Kind::BlockString => LiteralKind::Block,
            Kind::Name => match token.text.as_ref() {
                "true" | "false" => LiteralKind::Boolean,
                "null" => LiteralKind::Null,
                _ => LiteralKind::Enum,
            },
            _ => return self.unexpected(),
        };
        let raw = self.next()?.text.into_owned();
        Ok(Literal { raw, kind, place, ..Literal::default() })
    }

    fn list(&mut self, constant: bool) -> Parsed<Literal> {
        let (place, comment) = (self.place(), self.comment());
        let mut children = Vec::new();
        self.many(Kind::BracketL, Kind::BracketR, |parser| {
            children.push(Child { value: Some(parser.literal(constant)?), ..Child::default() });
            Ok(())
        })?;
        Ok(Literal { children, kind: LiteralKind::List, place, comment, ..Literal::default() })
    }

    fn object(&mut self, constant: bool) -> Parsed<Literal> {
        let (place, comment) = (self.place(), self.comment());
        let mut children = Vec::new();
        self.many(Kind::BraceL, Kind::BraceR, |parser| {
            let (place, comment) = (parser.place(), parser.comment());
            let name = parser.name()?;
            parser.expect(Kind::Colon)?;
            children.push(Child { name, value: Some(parser.literal(constant)?), place, comment });
            Ok(())
        })?;
        Ok(Literal { children, kind: LiteralKind::Object, place, comment, ..Literal::default() })
    }

    /// `(name: literal, ...)` or nothing.
    pub fn arguments(&mut self, constant: bool) -> Parsed<Vec<Argument>> {
        let mut arguments = Vec::new();
        self.some(Kind::ParenL, Kind::ParenR, |parser| {
            let (place, comment) = (parser.place(), parser.comment());
            let name = parser.name()?;
            parser.expect(Kind::Colon)?;
            arguments.push(Argument { name, value: Some(parser.literal(constant)?), place, comment });
            Ok(())
        })?;
        Ok(arguments)
    }

    /// `@name(...) ...` or nothing.
    pub fn directives(&mut self, constant: bool) -> Parsed<Vec<Directive>> {
        let mut directives = Vec::new();
        while self.skip(Kind::At)? {
            let place = self.place();
            let name = self.name()?;
            directives.push(Directive { name, arguments: self.arguments(constant)?, place, location: String::new() });
        }
        Ok(directives)
    }

    /// A type.
    pub fn type_reference(&mut self) -> Parsed<Type> {
        let mut of = Type::default();
        if self.skip(Kind::BracketL)? {
            of.place = self.place();
            of.item = Some(Box::new(self.nested(Self::type_reference)?));
            self.expect(Kind::BracketR)?;
        } else {
            of.place = self.place();
            of.named = self.name()?;
        }
        of.non_null = self.skip(Kind::Bang)?;
        Ok(of)
    }
}

fn unexpected(token: &Token<'_>) -> Fault {
    Fault::new(token.place, format!("Unexpected {}", shown(token)))
}

fn shown(token: &Token<'_>) -> String {
    match token.kind {
        Kind::Invalid => token.kind.shown().to_owned(),
        kind if token.text.is_empty() => kind.shown().to_owned(),
        kind => format!("{} {}", kind.shown(), quote(&token.text, false)),
    }
}
