//! GraphQL documents as data: queries, schemas, and here what both have. An AST object in Rego has the same fields, under
//! names of the library's. Knows neither text nor values.

mod query;
mod schema;

pub use query::*;
pub use schema::*;

use super::fault::Place;

/// The comments before a node; empty where there are none.
pub type Comment = Vec<String>;

/// `@name(...)`.
#[derive(Clone, Debug, Default)]
pub struct Directive {
    pub name: String,
    pub arguments: Vec<Argument>,
    pub place: Option<Place>,
    /// Said by an AST object.
    pub location: String,
}

/// An argument that is given.
#[derive(Clone, Debug, Default)]
pub struct Argument {
    pub name: String,
    /// Only an AST object has none.
    pub value: Option<Literal>,
    pub place: Option<Place>,
    pub comment: Comment,
}

/// What a literal is; AST objects have the number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LiteralKind {
    #[default]
    Variable,
    Int,
    Float,
    String,
    Block,
    Boolean,
    Null,
    Enum,
    List,
    Object,
}

/// A value in a document.
#[derive(Clone, Debug, Default)]
pub struct Literal {
    /// The text; empty for lists and objects.
    pub raw: String,
    pub children: Vec<Child>,
    pub kind: LiteralKind,
    pub place: Option<Place>,
    pub comment: Comment,
    /// Said by an AST object.
    pub has_default: bool,
}

/// An item of a list, or a field of an object, which has a name.
#[derive(Clone, Debug, Default)]
pub struct Child {
    pub name: String,
    /// Only an AST object has none.
    pub value: Option<Literal>,
    pub place: Option<Place>,
    pub comment: Comment,
}

/// A type as it is written: a name, or a list of the type in `item`.
#[derive(Clone, Debug, Default)]
pub struct Type {
    pub named: String,
    pub item: Option<Box<Type>>,
    pub non_null: bool,
    pub place: Option<Place>,
}

impl Type {
    /// The name within all lists.
    pub fn name(&self) -> &str {
        let mut of = self;
        while let (true, Some(item)) = (of.named.is_empty(), &of.item) {
            of = item;
        }
        &of.named
    }

    /// Whether a value of this type may stand where `other` is expected.
    pub fn is_compatible(&self, other: &Self) -> bool {
        let items = match (&self.item, &other.item) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(item), Some(other)) => item.is_compatible(other),
        };
        items && self.named == other.named && (self.non_null || !other.non_null)
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.item {
            Some(item) if self.named.is_empty() => write!(f, "[{item}]")?,
            _ => f.write_str(&self.named)?,
        }
        f.write_str(if self.non_null { "!" } else { "" })
    }
}

/// The argument of a name.
pub fn argument<'a>(arguments: &'a [Argument], name: &str) -> Option<&'a Argument> {
    arguments.iter().find(|argument| argument.name == name)
}
