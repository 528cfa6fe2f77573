//! Tokens and keywords.

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Illegal,
    Eof,
    Whitespace,
    Comment,
    Ident,
    Package,
    Import,
    As,
    Default,
    Else,
    Not,
    Some,
    With,
    Null,
    True,
    False,
    In,
    Every,
    Contains,
    If,
    Number,
    String,
    /// `$"a {`, `} b {`: text before an expression.
    TemplatePart,
    /// `} c"` and `$"abc"`: the last text.
    TemplateEnd,
    RawTemplatePart,
    RawTemplateEnd,
    LBrack,
    RBrack,
    LBrace,
    RBrace,
    LParen,
    RParen,
    Comma,
    Colon,
    Add,
    Sub,
    Mul,
    Quo,
    Rem,
    And,
    Or,
    Unify,
    Equal,
    Assign,
    Neq,
    Gt,
    Lt,
    Gte,
    Lte,
    Dot,
    Semicolon,
}

impl Kind {
    /// As errors name it; of an operator, the name of its builtin.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Illegal => "illegal",
            Self::Eof => "eof",
            Self::Whitespace => "whitespace",
            Self::Comment => "comment",
            Self::Ident => "identifier",
            Self::Package => "package",
            Self::Import => "import",
            Self::As => "as",
            Self::Default => "default",
            Self::Else => "else",
            Self::Not => "not",
            Self::Some => "some",
            Self::With => "with",
            Self::Null => "null",
            Self::True => "true",
            Self::False => "false",
            Self::In => "in",
            Self::Every => "every",
            Self::Contains => "contains",
            Self::If => "if",
            Self::Number => "number",
            Self::String => "string",
            Self::TemplatePart => "template-string-part",
            Self::TemplateEnd => "template-string-end",
            Self::RawTemplatePart => "raw-template-string-part",
            Self::RawTemplateEnd => "raw-template-string-end",
            Self::LBrack => "[",
            Self::RBrack => "]",
            Self::LBrace => "{",
            Self::RBrace => "}",
            Self::LParen => "(",
            Self::RParen => ")",
            Self::Comma => ",",
            Self::Colon => ":",
            Self::Add => "plus",
            Self::Sub => "minus",
            Self::Mul => "mul",
            Self::Quo => "div",
            Self::Rem => "rem",
            Self::And => "and",
            Self::Or => "or",
            Self::Unify => "eq",
            Self::Equal => "equal",
            Self::Assign => "assign",
            Self::Neq => "neq",
            Self::Gt => "gt",
            Self::Lt => "lt",
            Self::Gte => "gte",
            Self::Lte => "lte",
            Self::Dot => ".",
            Self::Semicolon => ";",
        }
    }

    /// Whether it is a word of the language. A keyword may still be a part of a ref.
    pub(super) fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Package
                | Self::Import
                | Self::As
                | Self::Default
                | Self::Else
                | Self::Not
                | Self::Some
                | Self::With
                | Self::Null
                | Self::True
                | Self::False
                | Self::In
                | Self::Every
                | Self::Contains
                | Self::If
        )
    }

    /// How tightly an infix operator binds, `in` aside; from 1.
    pub(super) fn precedence(self) -> Option<u8> {
        match self {
            Self::Equal | Self::Neq | Self::Lt | Self::Gt | Self::Lte | Self::Gte => Some(1),
            Self::Or => Some(2),
            Self::And => Some(3),
            Self::Add | Self::Sub => Some(4),
            Self::Mul | Self::Quo | Self::Rem => Some(5),
            _ => None,
        }
    }
}

/// A token: what it is, where it starts and ends (bytes), its row and column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub offset: usize,
    pub end: usize,
    pub row: u32,
    pub col: u32,
}

/// Which of the keywords that came after the first Rego are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keywords(u8);

/// The names of those keywords, sorted.
pub(super) const FUTURE: [&str; 4] = ["contains", "every", "if", "in"];

impl Keywords {
    /// All of them.
    pub(super) const ALL: Self = Self(0b1111);

    /// Adds one; `every` brings `in` with it.
    pub(super) fn add(&mut self, name: &str) {
        if let Some(bit) = FUTURE.iter().position(|known| *known == name) {
            self.0 |= 1 << bit;
        }
        if name == "every" {
            self.add("in");
        }
    }

    fn has(self, bit: u8) -> bool {
        self.0 & (1 << bit) != 0
    }

    /// What a word is.
    pub(super) fn kind(self, word: &str) -> Kind {
        match word {
            "package" => Kind::Package,
            "import" => Kind::Import,
            "as" => Kind::As,
            "default" => Kind::Default,
            "else" => Kind::Else,
            "not" => Kind::Not,
            "some" => Kind::Some,
            "with" => Kind::With,
            "null" => Kind::Null,
            "true" => Kind::True,
            "false" => Kind::False,
            "contains" if self.has(0) => Kind::Contains,
            "every" if self.has(1) => Kind::Every,
            "if" if self.has(2) => Kind::If,
            "in" if self.has(3) => Kind::In,
            _ => Kind::Ident,
        }
    }
}
