//! GraphQL documents as data: queries and schemas. An AST object in Rego has the same fields under the same names, in
//! capitals. Knows neither text nor values.

use super::fault::Place;
use std::sync::Arc;

/// The comments before a node; empty where there are none.
pub type Comment = Vec<String>;

/// Operations and fragments.
#[derive(Clone, Debug, Default)]
pub struct QueryDocument {
    pub operations: Vec<OperationDefinition>,
    pub fragments: Vec<FragmentDefinition>,
    pub comment: Comment,
}

#[derive(Clone, Debug, Default)]
pub struct OperationDefinition {
    /// `query`, `mutation` or `subscription`; anything in an AST object.
    pub operation: String,
    pub name: String,
    pub variables: Vec<VariableDefinition>,
    pub directives: Vec<Directive>,
    pub selections: Vec<Selection>,
    pub place: Option<Place>,
    pub comment: Comment,
}

#[derive(Clone, Debug)]
pub struct VariableDefinition {
    pub variable: String,
    pub of: Type,
    pub default: Option<Literal>,
    pub directives: Vec<Directive>,
    pub place: Option<Place>,
    pub comment: Comment,
    /// Said by an AST object.
    pub used: bool,
}

#[derive(Clone, Debug, Default)]
pub struct FragmentDefinition {
    pub name: String,
    pub variables: Vec<VariableDefinition>,
    pub condition: String,
    pub directives: Vec<Directive>,
    pub selections: Vec<Selection>,
    pub place: Option<Place>,
    pub comment: Comment,
}

#[derive(Clone, Debug)]
pub enum Selection {
    Field(Field),
    Spread(FragmentSpread),
    Inline(InlineFragment),
}

#[derive(Clone, Debug, Default)]
pub struct Field {
    pub alias: String,
    pub name: String,
    pub arguments: Vec<Argument>,
    pub directives: Vec<Directive>,
    pub selections: Vec<Selection>,
    pub place: Option<Place>,
    pub comment: Comment,
}

impl Field {
    /// The name of the field in the answer.
    pub fn response_name(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }
}

#[derive(Clone, Debug, Default)]
pub struct FragmentSpread {
    pub name: String,
    pub directives: Vec<Directive>,
    pub place: Option<Place>,
    pub comment: Comment,
}

#[derive(Clone, Debug, Default)]
pub struct InlineFragment {
    /// Empty where it stands for the type around it.
    pub condition: String,
    pub directives: Vec<Directive>,
    pub selections: Vec<Selection>,
    pub place: Option<Place>,
    pub comment: Comment,
}

#[derive(Clone, Debug, Default)]
pub struct Directive {
    pub name: String,
    pub arguments: Vec<Argument>,
    pub place: Option<Place>,
    /// Said by an AST object.
    pub location: String,
}

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

#[derive(Clone, Debug, Default)]
pub struct EnumValue {
    pub description: String,
    pub name: String,
    pub directives: Vec<Directive>,
    pub comments: Comments,
}

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

/// The argument of a name.
pub fn argument<'a>(arguments: &'a [Argument], name: &str) -> Option<&'a Argument> {
    arguments.iter().find(|argument| argument.name == name)
}

/// The definition of the argument of a name.
pub fn argument_definition<'a>(arguments: &'a [ArgumentDefinition], name: &str) -> Option<&'a ArgumentDefinition> {
    arguments.iter().find(|argument| argument.name == name)
}
