//! Queries: operations, fragments and selections. The rest of the grammar is in `parser`.

use super::ast::{
    Comment, Field, FragmentDefinition, FragmentSpread, InlineFragment, OperationDefinition, QueryDocument, Selection,
    VariableDefinition,
};
use super::lexer::Kind;
use super::parser::{Parsed, Parser};

/// A query document from its text.
pub fn parse(text: &str) -> Parsed<QueryDocument> {
    let mut parser = Parser::new(text, false);
    let mut document = QueryDocument::default();
    loop {
        let token = parser.peek();
        match (token.kind, token.text.as_ref()) {
            (Kind::End, _) => return Ok(document),
            (Kind::BraceL, _) | (Kind::Name, "query" | "mutation" | "subscription") => {
                document.operations.push(operation(&mut parser)?);
            }
            (Kind::Name, "fragment") => document.fragments.push(fragment_definition(&mut parser)?),
            _ => return parser.unexpected(),
        }
    }
}

fn operation(parser: &mut Parser<'_>) -> Parsed<OperationDefinition> {
    let place = parser.place();
    if parser.kind() == Kind::BraceL {
        // The library loses the comment of such an operation.
        let selections = required_selections(parser)?;
        return Ok(OperationDefinition {
            operation: "query".to_owned(),
            selections,
            place,
            ..OperationDefinition::default()
        });
    }
    let comment = parser.comment();
    let operation = parser.next()?.text.into_owned();
    let name = if parser.kind() == Kind::Name { parser.name()? } else { String::new() };
    Ok(OperationDefinition {
        operation,
        name,
        variables: variables(parser)?,
        directives: parser.directives(false)?,
        selections: required_selections(parser)?,
        place,
        comment,
    })
}

fn variables(parser: &mut Parser<'_>) -> Parsed<Vec<VariableDefinition>> {
    let mut variables = Vec::new();
    parser.some(Kind::ParenL, Kind::ParenR, |parser| {
        let (place, comment) = (parser.place(), parser.comment());
        let variable = parser.variable()?;
        parser.expect(Kind::Colon)?;
        let of = parser.type_reference()?;
        let default = if parser.skip(Kind::Equals)? { Some(parser.literal(true)?) } else { None };
        let directives = parser.directives(false)?;
        variables.push(VariableDefinition { variable, of, default, directives, place, comment, used: false });
        Ok(())
    })?;
    Ok(variables)
}

fn required_selections(parser: &mut Parser<'_>) -> Parsed<Vec<Selection>> {
    if parser.kind() != Kind::BraceL {
        parser.expect(Kind::BraceL)?;
    }
    selections(parser)
}

fn selections(parser: &mut Parser<'_>) -> Parsed<Vec<Selection>> {
    parser.nested(|parser| {
        let mut selections = Vec::new();
        parser.some(Kind::BraceL, Kind::BraceR, |parser| {
            selections.push(if parser.kind() == Kind::Spread { spread(parser)? } else { field(parser)? });
            Ok(())
        })?;
        Ok(selections)
    })
}

fn field(parser: &mut Parser<'_>) -> Parsed<Selection> {
    let mut field = field_head(parser)?;
    if parser.kind() == Kind::BraceL {
        field.selections = selections(parser)?;
    }
    Ok(Selection::Field(field))
}

/// A field but for its selections; apart, so that recursion has small frames.
fn field_head(parser: &mut Parser<'_>) -> Parsed<Box<Field>> {
    let (place, comment) = (parser.place(), parser.comment());
    let alias = parser.name()?;
    let name = if parser.skip(Kind::Colon)? { parser.name()? } else { alias.clone() };
    let arguments = parser.arguments(false)?;
    let directives = parser.directives(false)?;
    Ok(Box::new(Field { alias, name, arguments, directives, selections: Vec::new(), place, comment }))
}

/// `...Name`, `... on Type {}` or `... {}`.
fn spread(parser: &mut Parser<'_>) -> Parsed<Selection> {
    let mut spread = spread_head(parser)?;
    if let Selection::Inline(inline) = &mut spread {
        inline.selections = required_selections(parser)?;
    }
    Ok(spread)
}

fn spread_head(parser: &mut Parser<'_>) -> Parsed<Selection> {
    let (_, comment) = parser.expect(Kind::Spread)?;
    let place = parser.place();
    if parser.kind() == Kind::Name && !parser.says("on") {
        let name = fragment_name(parser)?;
        let directives = parser.directives(false)?;
        return Ok(Selection::Spread(Box::new(FragmentSpread { name, directives, place, comment })));
    }
    let mut condition = String::new();
    if parser.says("on") {
        parser.next()?;
        condition = parser.name()?;
    }
    let directives = parser.directives(false)?;
    Ok(Selection::Inline(Box::new(InlineFragment { condition, directives, selections: Vec::new(), place, comment })))
}

fn fragment_definition(parser: &mut Parser<'_>) -> Parsed<FragmentDefinition> {
    let place = parser.place();
    let comment: Comment = parser.keyword("fragment")?;
    let name = fragment_name(parser)?;
    let variables = variables(parser)?;
    parser.keyword("on")?;
    Ok(FragmentDefinition {
        name,
        variables,
        condition: parser.name()?,
        directives: parser.directives(false)?,
        selections: required_selections(parser)?,
        place,
        comment,
    })
}

fn fragment_name(parser: &mut Parser<'_>) -> Parsed<String> {
    if parser.says("on") { parser.unexpected() } else { parser.name() }
}
