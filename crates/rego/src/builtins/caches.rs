//! What builtins have made of their arguments and would make again: kept for a policy, shared by its evaluations.

use super::graphql;
use super::jsonschema::{self, Compiled};
use crate::value::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Schemas kept; beyond that all are dropped and collected anew.
const MAX_KEPT: usize = 64;

/// GraphQL schemas kept, as many as OPA keeps: they can be large.
const MAX_GRAPHQL: usize = 10;

/// A schema ready to be used, or what is wrong with it.
type Schema = Arc<Result<Compiled, String>>;

/// Kept answers; none of them shows in a result.
#[derive(Debug, Default)]
pub struct Caches {
    schemas: Mutex<HashMap<Value, Schema>>,
    graphql: Mutex<HashMap<Value, Arc<graphql::Ready>>>,
}

impl Caches {
    /// A JSON schema, compiled.
    pub(super) fn schema(&self, schema: &Value) -> Schema {
        if let Some(known) = self.schemas.lock().unwrap_or_else(PoisonError::into_inner).get(schema) {
            return known.clone();
        }
        let compiled = Arc::new(jsonschema::compiled(schema));
        let mut kept = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(schema.clone(), compiled.clone());
        compiled
    }
    /// A GraphQL schema that was kept, by its text or AST object.
    pub(super) fn graphql(&self, schema: &Value) -> Option<Arc<graphql::Ready>> {
        self.graphql.lock().unwrap_or_else(PoisonError::into_inner).get(schema).cloned()
    }

    /// Keeps a valid GraphQL schema.
    pub(super) fn keep_graphql(&self, schema: &Value, ready: Arc<graphql::Ready>) {
        let mut kept = self.graphql.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_GRAPHQL {
            kept.clear();
        }
        kept.insert(schema.clone(), ready);
    }
}
