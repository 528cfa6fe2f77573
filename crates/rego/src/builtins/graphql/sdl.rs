//! Schemas: types, their extensions, directives and the schema itself. The rest of the grammar is in `parser`.

use super::ast::{
    ArgumentDefinition, Comment, Comments, Definition, DefinitionKind, DirectiveDefinition, EnumValue, FieldDefinition,
    Literal, OperationType, SchemaDefinition, SchemaDocument,
};
use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use std::sync::Arc;

/// Where a directive may stand.
const LOCATIONS: &[&str] = &[
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
];

/// A schema document from its text.
pub fn parse(text: &str) -> Parsed<SchemaDocument> {
    document(Parser::new(text, false), false)
}

/// The prelude: its types are built in.
pub fn parse_prelude(text: &str) -> Parsed<SchemaDocument> {
    document(Parser::new(text, true), true)
}

/// A description's text and the comments before it.
#[derive(Default)]
struct Description {
    text: String,
    comment: Comment,
}

fn document(mut parser: Parser<'_>, built_in: bool) -> Parsed<SchemaDocument> {
    let mut document = SchemaDocument::default();
    while parser.kind() != Kind::End {
        let described = description(&mut parser)?;
        let token = parser.peek();
        if token.kind != Kind::Name {
            return parser.unexpected();
        }
        match token.text.as_ref() {
            "schema" => document.schema.push(schema(&mut parser, described)?),
            "directive" => document.directives.push(Arc::new(directive(&mut parser, described)?)),
            "extend" => {
                if !described.text.is_empty() {
                    return parser.unexpected_last();
                }
                let comment = parser.keyword("extend")?;
                if parser.says("schema") {
                    document.schema_extensions.push(schema_extension(&mut parser, comment)?);
                } else {
                    let kind = definition_kind(&mut parser)?;
                    document.extensions.push(Arc::new(extension(&mut parser, kind, comment, built_in)?));
                }
            }
            _ => {
                let kind = definition_kind(&mut parser)?;
                let mut definition = definition(&mut parser, kind)?;
                definition.built_in = built_in;
                definition.description = described.text;
                definition.comments.before_description = described.comment;
                document.definitions.push(Arc::new(definition));
            }
        }
    }
    document.comment = parser.comment();
    Ok(document)
}

/// A description, if the next token is a string.
fn description(parser: &mut Parser<'_>) -> Parsed<Description> {
    if !matches!(parser.kind(), Kind::String | Kind::BlockString) {
        return Ok(Description::default());
    }
    let comment = parser.comment();
    Ok(Description { text: parser.next()?.text.into_owned(), comment })
}

/// What the next word defines or extends; the word stays.
fn definition_kind(parser: &mut Parser<'_>) -> Parsed<DefinitionKind> {
    Ok(match parser.peek().text.as_ref() {
        "scalar" => DefinitionKind::Scalar,
        "type" => DefinitionKind::Object,
        "interface" => DefinitionKind::Interface,
        "union" => DefinitionKind::Union,
        "enum" => DefinitionKind::Enum,
        "input" => DefinitionKind::InputObject,
        _ => return parser.unexpected(),
    })
}

fn word(kind: &DefinitionKind) -> &'static str {
    match kind {
        DefinitionKind::Scalar | DefinitionKind::Other(_) => "scalar",
        DefinitionKind::Object => "type",
        DefinitionKind::Interface => "interface",
        DefinitionKind::Union => "union",
        DefinitionKind::Enum => "enum",
        DefinitionKind::InputObject => "input",
    }
}

fn definition(parser: &mut Parser<'_>, kind: DefinitionKind) -> Parsed<Definition> {
    let comment = parser.keyword(word(&kind))?;
    let implements = matches!(kind, DefinitionKind::Object | DefinitionKind::Interface);
    let mut definition = head(parser, kind, implements, true)?;
    definition.comments.after_description = comment;
    body(parser, &mut definition)?;
    Ok(definition)
}

/// `extend` and a definition that adds something.
fn extension(parser: &mut Parser<'_>, kind: DefinitionKind, comment: Comment, built_in: bool) -> Parsed<Definition> {
    parser.keyword(word(&kind))?;
    // The library lets no interface be extended by interfaces, and the directives of an input have variables.
    let implements = kind == DefinitionKind::Object;
    let constant = kind != DefinitionKind::InputObject;
    let mut definition = head(parser, kind, implements, constant)?;
    definition.comments.after_description = comment;
    definition.built_in = built_in;
    body(parser, &mut definition)?;
    let Definition { interfaces, directives, fields, types, values, .. } = &definition;
    if interfaces.is_empty() && directives.is_empty() && fields.is_empty() && types.is_empty() && values.is_empty() {
        return parser.unexpected();
    }
    Ok(definition)
}

/// Name, interfaces and directives.
fn head(parser: &mut Parser<'_>, kind: DefinitionKind, implements: bool, constant: bool) -> Parsed<Definition> {
    let place = parser.place();
    let name = parser.name()?;
    let mut definition = Definition::new(kind, name, place);
    if implements && parser.says("implements") {
        parser.next()?;
        definition.interfaces = names(parser, Kind::Amp)?;
    }
    definition.directives = parser.directives(constant)?;
    Ok(definition)
}

/// Fields, members or values.
fn body(parser: &mut Parser<'_>, definition: &mut Definition) -> Parsed<()> {
    match definition.kind {
        DefinitionKind::Scalar | DefinitionKind::Other(_) => {}
        DefinitionKind::Union => {
            if parser.skip(Kind::Equals)? {
                definition.types = names(parser, Kind::Pipe)?;
            }
        }
        DefinitionKind::Enum => {
            let values = &mut definition.values;
            definition.comments.end = parser.some(Kind::BraceL, Kind::BraceR, |parser| {
                values.push(enum_value(parser)?);
                Ok(())
            })?;
        }
        DefinitionKind::Object | DefinitionKind::Interface | DefinitionKind::InputObject => {
            let input = definition.kind == DefinitionKind::InputObject;
            let fields = &mut definition.fields;
            definition.comments.end = parser.some(Kind::BraceL, Kind::BraceR, |parser| {
                fields.push(field(parser, input)?);
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Names between separators, which may stand before the first, too.
fn names(parser: &mut Parser<'_>, separator: Kind) -> Parsed<Vec<String>> {
    parser.skip(separator)?;
    let mut names = vec![parser.name()?];
    while parser.skip(separator)? {
        names.push(parser.name()?);
    }
    Ok(names)
}

/// A description and the comments around it; those before an empty one are lost.
fn described(parser: &mut Parser<'_>) -> Parsed<(String, Comments)> {
    let Description { text, mut comment } = description(parser)?;
    if text.is_empty() {
        comment.clear();
    }
    let comments =
        Comments { before_description: comment, after_description: parser.comment_ahead(), end: Comment::new() };
    Ok((text, comments))
}

fn default(parser: &mut Parser<'_>) -> Parsed<Option<Literal>> {
    Ok(if parser.skip(Kind::Equals)? { Some(parser.literal(true)?) } else { None })
}

/// A field: of an input object with a default, of others with arguments.
fn field(parser: &mut Parser<'_>, input: bool) -> Parsed<FieldDefinition> {
    let place = parser.place();
    let (description, comments) = described(parser)?;
    let name = parser.name()?;
    let arguments = if input { Vec::new() } else { argument_definitions(parser)? };
    parser.expect(Kind::Colon)?;
    let of = parser.type_reference()?;
    let default = if input { default(parser)? } else { None };
    let directives = parser.directives(true)?;
    Ok(FieldDefinition { description, name, arguments, default, of, directives, place, comments })
}

fn argument_definitions(parser: &mut Parser<'_>) -> Parsed<Vec<ArgumentDefinition>> {
    let mut arguments = Vec::new();
    parser.some(Kind::ParenL, Kind::ParenR, |parser| {
        let place = parser.place();
        let (description, comments) = described(parser)?;
        let name = parser.name()?;
        parser.expect(Kind::Colon)?;
        let of = parser.type_reference()?;
        let default = default(parser)?;
        let directives = parser.directives(true)?;
        arguments.push(ArgumentDefinition { description, name, default, of, directives, place, comments });
        Ok(())
    })?;
    Ok(arguments)
}

fn enum_value(parser: &mut Parser<'_>) -> Parsed<EnumValue> {
    let (description, comments) = described(parser)?;
    let name = parser.name()?;
    Ok(EnumValue { description, name, directives: parser.directives(true)?, comments })
}

fn schema(parser: &mut Parser<'_>, described: Description) -> Parsed<SchemaDefinition> {
    let comment = parser.keyword("schema")?;
    let mut schema = schema_body(parser, comment)?;
    schema.description = described.text;
    schema.comments.before_description = described.comment;
    Ok(schema)
}

fn schema_extension(parser: &mut Parser<'_>, comment: Comment) -> Parsed<SchemaDefinition> {
    parser.keyword("schema")?;
    let schema = schema_body(parser, comment)?;
    if schema.directives.is_empty() && schema.operations.is_empty() {
        return parser.unexpected();
    }
    Ok(schema)
}

fn schema_body(parser: &mut Parser<'_>, comment: Comment) -> Parsed<SchemaDefinition> {
    let place = parser.place();
    let directives = parser.directives(true)?;
    let mut operations = Vec::new();
    let end = parser.some(Kind::BraceL, Kind::BraceR, |parser| {
        let (place, comment) = (parser.place(), parser.comment());
        let token = parser.peek();
        if token.kind != Kind::Invalid && !matches!(token.text.as_ref(), "query" | "mutation" | "subscription") {
            return parser.unexpected();
        }
        let operation = parser.next()?.text.into_owned();
        parser.expect(Kind::Colon)?;
        operations.push(OperationType { operation, of: parser.name()?, place, comment });
        Ok(())
    })?;
    let comments = Comments { before_description: Comment::new(), after_description: comment, end };
    Ok(SchemaDefinition { description: String::new(), directives, operations, place, comments })
}

fn directive(parser: &mut Parser<'_>, described: Description) -> Parsed<DirectiveDefinition> {
    let comment = parser.keyword("directive")?;
    parser.expect(Kind::At)?;
    let place = parser.place();
    let name = parser.name()?;
    let arguments = argument_definitions(parser)?;
    let repeatable = parser.kind() == Kind::Name && parser.says("repeatable");
    if repeatable {
        parser.next()?;
    }
    parser.keyword("on")?;
    parser.skip(Kind::Pipe)?;
    let mut locations = vec![location(parser)?];
    while parser.skip(Kind::Pipe)? {
        locations.push(location(parser)?);
    }
    let comments = Comments { before_description: described.comment, after_description: comment, end: Comment::new() };
    Ok(DirectiveDefinition { description: described.text, name, arguments, locations, repeatable, place, comments })
}

fn location(parser: &mut Parser<'_>) -> Parsed<String> {
    let name = parser.name()?;
    if LOCATIONS.contains(&name.as_str()) { Ok(name) } else { parser.unexpected_last() }
}
