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

use super::{Builtin, BuiltinError, Caches, Context, args, bounds, pure, some};
use crate::value::Value;
use ast::{QueryDocument, SchemaDocument};
use fault::{Fault, sentence};
use schema::{Refusal, Schema};
use std::sync::{Arc, OnceLock};
use work::{Stop, Work};

pub const ALL: &[Builtin] = &[
    pure("graphql.parse", 2, |a, context| {
        let (query, schema) = verified(a, context)?;
        some(Value::array([encode::query(&query), schema.shown()]))
    }),
    pure("graphql.parse_and_verify", 2, |a, context| {
        let (valid, query, schema) = match verified(a, context) {
            Ok((query, schema)) => (true, encode::query(&query), schema.shown()),
            Err(error) => (decided(error)?, Value::object([]), Value::object([])),
        };
        some(Value::array([valid.into(), query, schema]))
    }),
    pure("graphql.parse_query", 1, |a, context| {
        readable(a, context)?;
        let document = query::parse(args::string(a, 1)?).map_err(refused)?;
        some(encode::query(&document))
    }),
    pure("graphql.parse_schema", 1, |a, context| {
        readable(a, context)?;
        let document = sdl::parse(args::string(a, 1)?).map_err(refused)?;
        some(encode::schema(&document))
    }),
    pure("graphql.is_valid", 2, |a, context| some(answer(verified(a, context))?)),
    pure("graphql.schema_is_valid", 1, |a, context| {
        readable(a, context)?;
        let caches = context.caches.clone();
        let outcome = bounded(context, |work| ready(args::value(a, 1), 0, &caches, work));
        some(answer(outcome)?)
    }),
];

/// A valid schema, kept for other calls.
#[derive(Debug)]
pub struct Ready {
    document: SchemaDocument,
    shown: OnceLock<Value>,
    schema: Schema,
    /// What it took to build it, which every call pays: answers do not depend on what is kept.
    steps: u64,
}

impl Ready {
    /// Its AST object.
    fn shown(&self) -> Value {
        self.shown.get_or_init(|| encode::schema(&self.document)).clone()
    }
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
            Stop::Limit(text) => Self::Limit(args::beyond(text)),
            Stop::Malformed(text) => Self::Refused(args::failed(text)),
            Stop::FaultsAbound => Self::Refused(args::failed("too many faults")),
        }
    }
}

/// A refusal says no.
fn decided(error: Error) -> Result<bool, BuiltinError> {
    match error {
        Error::Refused(BuiltinError::Halt(text)) => Err(args::beyond(text)),
        Error::Refused(_) => Ok(false),
        Error::Limit(error) => Err(error),
    }
}

/// Whether there is an outcome.
fn answer<T>(outcome: Result<T, Error>) -> Result<bool, BuiltinError> {
    outcome.map_or_else(decided, |_| Ok(true))
}

/// Documents given as texts are bounded.
fn readable(a: &[Value], context: &mut Context) -> Result<(), BuiltinError> {
    a.iter().filter_map(Value::as_str).try_for_each(|text| bounds::source(text, context))
}

fn refused(fault: Fault) -> BuiltinError {
    let text = sentence(&fault.text());
    if fault.message == parser::TOO_DEEP { args::beyond(text) } else { args::failed(text) }
}

/// A query and a schema that it is valid for.
fn verified(a: &[Value], context: &mut Context) -> Result<(QueryDocument, Arc<Ready>), Error> {
    readable(a, context).map_err(Error::Limit)?;
    let query = query_of(args::value(a, 1))?;
    let caches = context.caches.clone();
    bounded(context, |work| {
        let schema = ready(args::value(a, 2), 1, &caches, work)?;
        check(&schema.schema, &query, work)?;
        Ok((query, schema))
    })
}

/// Takes the steps of some work from the evaluation's.
fn bounded<T>(context: &mut Context, run: impl FnOnce(&mut Work) -> Result<T, Error>) -> Result<T, Error> {
    let mut work = Work::default();
    let outcome = run(&mut work);
    context.spend(work.spent()).map_err(Error::Limit)?;
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

/// A schema that was kept, or is built and kept.
fn ready(value: &Value, position: usize, caches: &Caches, work: &mut Work) -> Result<Arc<Ready>, Error> {
    if let Some(kept) = caches.graphql(value) {
        work.spend(usize::try_from(kept.steps).unwrap_or(usize::MAX))?;
        return Ok(kept);
    }
    let document = match value {
        Value::String(text) => sdl::parse(text).map_err(|fault| Error::Refused(refused(fault)))?,
        Value::Object(_) => decode::schema(value).map_err(|why| Error::Refused(args::failed(why)))?,
        other => return Err(Error::Refused(args::wrong_type(position, other, &["string", "object"]))),
    };
    let schema = schema::build(document.clone(), work).map_err(|refusal| match refusal {
        Refusal::Invalid(fault) => {
            let text = format!("Error in gqlparser SchemaDocument to Schema conversion: {}", fault.text());
            Error::Refused(args::failed(text))
        }
        Refusal::Stopped(stop) => stop.into(),
    })?;
    let ready = Arc::new(Ready { document, shown: OnceLock::new(), schema, steps: work.spent() });
    caches.keep_graphql(value, ready.clone());
    Ok(ready)
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
