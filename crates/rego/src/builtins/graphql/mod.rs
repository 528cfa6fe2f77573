//! `graphql.*`: queries and schemas to AST objects, and queries checked against schemas, as the library under OPA does
//! it, with its errors. Each argument is a document's text or its AST object. Bounded: nesting and the steps of validation.

mod ast;
mod decode;
mod definitions;
mod encode;
mod fault;
mod lexer;
mod parser;
mod prelude;
mod query;
mod rules;
mod schema;
mod sdl;
mod suggest;
#[cfg(test)]
mod tests;
mod walk;
mod work;

use super::{Builtin, BuiltinError, Context, Outcome, args, pure, some};
use crate::value::Value;
use ast::{QueryDocument, SchemaDocument};
use fault::{Fault, sentence};
use schema::{Refusal, Schema};
use work::{Stop, Work};

pub const ALL: &[Builtin] = &[
    pure("graphql.parse", 2, |a, context| {
        let (query, schema) = verified(a, context)?;
        some(Value::array([query, schema]))
    }),
    pure("graphql.parse_and_verify", 2, |a, context| {
        let (valid, query, schema) = match verified(a, context) {
            Ok((query, schema)) => (true, query, schema),
            Err(error) => (decided(error)?, Value::object([]), Value::object([])),
        };
        some(Value::array([valid.into(), query, schema]))
    }),
    pure("graphql.parse_query", 1, |a, _| {
        let document = query::parse(args::string(a, 1)?).map_err(refused)?;
        some(encode::query(&document))
    }),
    pure("graphql.parse_schema", 1, |a, _| {
        let document = sdl::parse(args::string(a, 1)?).map_err(refused)?;
        some(encode::schema(&document))
    }),
    pure("graphql.is_valid", 2, is_valid),
    pure("graphql.schema_is_valid", 1, schema_is_valid),
];

fn is_valid(a: &[Value], context: &mut Context) -> Outcome {
    let outcome = query_of(args::value(a, 1)).and_then(|query| {
        let schema = schema_of(args::value(a, 2))?;
        bounded(context, |work| {
            let schema = build(schema, work)?;
            check(&schema, &query, work)
        })
    });
    some(match outcome {
        Ok(()) => true,
        Err(error) => decided(error)?,
    })
}

fn schema_is_valid(a: &[Value], context: &mut Context) -> Outcome {
    let outcome =
        schema_of(args::value(a, 1)).and_then(|schema| bounded(context, |work| build(schema, work).map(|_| ())));
    some(match outcome {
        Ok(()) => true,
        Err(error) => decided(error)?,
    })
}

/// Why a document is refused; a `Limit` says that there is no answer.
enum Error {
    Refused(BuiltinError),
    Limit(BuiltinError),
}

impl From<Error> for BuiltinError {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(error) | Error::Limit(error) => error,
        }
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Limit(text) => Self::Limit(args::failed(text)),
            Stop::Malformed(text) => Self::Refused(args::failed(text)),
            Stop::FaultsAbound => Self::Refused(args::failed("too many faults")),
        }
    }
}

/// A refusal says no.
fn decided(error: Error) -> Result<bool, BuiltinError> {
    match error {
        Error::Refused(_) => Ok(false),
        Error::Limit(error) => Err(error),
    }
}

fn refused(fault: Fault) -> BuiltinError {
    args::failed(sentence(&fault.text()))
}

/// The AST objects of a query and of a schema that it is valid for.
fn verified(a: &[Value], context: &mut Context) -> Result<(Value, Value), Error> {
    let query = query_of(args::value(a, 1))?;
    let document = schema_of(args::value(a, 2))?;
    let shown = encode::schema(&document);
    bounded(context, |work| {
        let schema = build(document, work)?;
        check(&schema, &query, work)
    })?;
    Ok((encode::query(&query), shown))
}

/// Takes the steps of some work from the evaluation's.
fn bounded(context: &mut Context, run: impl FnOnce(&mut Work) -> Result<(), Error>) -> Result<(), Error> {
    let mut work = Work::default();
    let outcome = run(&mut work);
    context.spend(work.spent(), "the evaluation's steps are used up by GraphQL").map_err(Error::Limit)?;
    outcome
}

fn query_of(value: &Value) -> Result<QueryDocument, Error> {
    match value {
        Value::String(text) => query::parse(text).map_err(|fault| Error::Refused(refused(fault))),
        Value::Object(_) => decode::query(value).map_err(|why| Error::Refused(args::failed(why))),
        // OPA counts from 0 here.
        other => Err(Error::Refused(args::wrong_type(0, other, &["string", "object"]))),
    }
}

fn schema_of(value: &Value) -> Result<SchemaDocument, Error> {
    match value {
        Value::String(text) => sdl::parse(text).map_err(|fault| Error::Refused(refused(fault))),
        Value::Object(_) => decode::schema(value).map_err(|why| Error::Refused(args::failed(why))),
        other => Err(Error::Refused(args::wrong_type(1, other, &["string", "object"]))),
    }
}

fn build(document: SchemaDocument, work: &mut Work) -> Result<Schema, Error> {
    schema::build(document, work).map_err(|refusal| match refusal {
        Refusal::Invalid(fault) => {
            let text = format!("Error in gqlparser SchemaDocument to Schema conversion: {}", fault.text());
            Error::Refused(args::failed(text))
        }
        Refusal::Stopped(stop) => stop.into(),
    })
}

/// All faults of a query in one error.
fn check(schema: &Schema, query: &QueryDocument, work: &mut Work) -> Result<(), Error> {
    let faults = walk::validate(schema, query, work)?;
    if faults.is_empty() {
        return Ok(());
    }
    let lines: String = faults.iter().map(|fault| fault.text() + "\n").collect();
    Err(Error::Refused(args::failed(sentence(&lines))))
}
