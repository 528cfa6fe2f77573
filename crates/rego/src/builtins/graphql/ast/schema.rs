//! Schemas: what they define and extend.

use super::{Comment, Directive, Literal, Type};
use crate::builtins::graphql::fault::Place;
use std::sync::Arc;

/// A schema as it is written. Definitions are shared, as every schema has those of the prelude.
#[derive(Clone, Debug, Default)]
pub struct SchemaDocument {
    pub schema: Vec<SchemaDefinition>,
    pub schema_extensions: Vec<SchemaDefinition>,
    pub directives: Vec<Arc<DirectiveDefinition>>,
    pub definitions: Vec<Arc<Definition>>,
    pub extensions: Vec<Arc<Definition>>,
    pub comment: Comment,
}

/// The comments around a definition.
#[derive(Clone, Debug, Default)]
pub struct Comments {
    pub before_description: Comment,
    pub after_description: Comment,
    pub end: Comment,
}

/// `schema { ... }` or its extension.
#[derive(Clone, Debug, Default)]
pub struct SchemaDefinition {
    pub description: String,
    pub directives: Vec<Directive>,
    pub operations: Vec<OperationType>,
    pub place: Option<Place>,
    pub comments: Comments,
}

/// `query: Query` in a schema definition.
#[derive(Clone, Debug, Default)]
pub struct OperationType {
    pub operation: String,
    pub of: String,
    pub place: Option<Place>,
    pub comment: Comment,
}

/// What a type definition defines. `Other` comes from AST objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefinitionKind {
    Scalar,
    Object,
    Interface,
    Union,
    Enum,
    InputObject,
    Other(String),
}

impl DefinitionKind {
    /// By its name.
    pub fn parse(text: &str) -> Self {
        match text {
            "SCALAR" => Self::Scalar,
            "OBJECT" => Self::Object,
            "INTERFACE" => Self::Interface,
            "UNION" => Self::Union,
            "ENUM" => Self::Enum,
            "INPUT_OBJECT" => Self::InputObject,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Its name, which is that of the directives' location too.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Scalar => "SCALAR",
            Self::Object => "OBJECT",
            Self::Interface => "INTERFACE",
            Self::Union => "UNION",
            Self::Enum => "ENUM",
            Self::InputObject => "INPUT_OBJECT",
            Self::Other(text) => text,
        }
    }
}

/// A type's definition or extension, of any kind.
#[derive(Clone, Debug)]
pub struct Definition {
    pub kind: DefinitionKind,
    pub description: String,
    pub name: String,
    pub directives: Vec<Directive>,
    pub interfaces: Vec<String>,
    pub fields: Vec<FieldDefinition>,
    /// A union's members.
    pub types: Vec<String>,
    pub values: Vec<EnumValue>,
    pub place: Option<Place>,
    pub built_in: bool,
    pub comments: Comments,
}

impl Definition {
    /// With nothing in it.
    pub fn new(kind: DefinitionKind, name: String, place: Option<Place>) -> Self {
        Self {
            kind,
            description: String::new(),
            name,
            directives: Vec::new(),
            interfaces: Vec::new(),
            fields: Vec::new(),
            types: Vec::new(),
            values: Vec::new(),
            place,
            built_in: false,
            comments: Comments::default(),
        }
    }

    /// The field of a name.
    pub fn field(&self, name: &str) -> Option<&FieldDefinition> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// A scalar or an enum.
    pub fn is_leaf(&self) -> bool {
        matches!(self.kind, DefinitionKind::Scalar | DefinitionKind::Enum)
    }

    /// An interface or a union.
    pub fn is_abstract(&self) -> bool {
        matches!(self.kind, DefinitionKind::Interface | DefinitionKind::Union)
    }

    /// One that has fields to select.
    pub fn is_composite(&self) -> bool {
        self.kind == DefinitionKind::Object || self.is_abstract()
    }

    /// One that a variable or an argument may have.
    pub fn is_input(&self) -> bool {
        self.kind == DefinitionKind::InputObject || self.is_leaf()
    }
}

/// A field of an object, an interface or an input object.
#[derive(Clone, Debug, Default)]
pub struct FieldDefinition {
    pub description: String,
    pub name: String,
    pub arguments: Vec<ArgumentDefinition>,
    pub default: Option<Literal>,
    pub of: Type,
    pub directives: Vec<Directive>,
    pub place: Option<Place>,
    pub comments: Comments,
}

/// An argument of a field or a directive.
#[derive(Clone, Debug, Default)]
pub struct ArgumentDefinition {
    pub description: String,
    pub name: String,
    pub default: Option<Literal>,
    pub of: Type,
    pub directives: Vec<Directive>,
    pub place: Option<Place>,
    pub comments: Comments,
}

/// A value of an enum.
#[derive(Clone, Debug, Default)]
pub struct EnumValue {
    pub description: String,
    pub name: String,
    pub directives: Vec<Directive>,
    pub comments: Comments,
}

/// `directive @name(...) on ...`.
#[derive(Clone, Debug, Default)]
pub struct DirectiveDefinition {
    pub description: String,
    pub name: String,
    pub arguments: Vec<ArgumentDefinition>,
    pub locations: Vec<String>,
    pub repeatable: bool,
    pub place: Option<Place>,
    pub comments: Comments,
}

/// The definition of the argument of a name.
pub fn argument_definition<'a>(arguments: &'a [ArgumentDefinition], name: &str) -> Option<&'a ArgumentDefinition> {
    arguments.iter().find(|argument| argument.name == name)
}
