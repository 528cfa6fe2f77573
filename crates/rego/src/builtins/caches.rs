//! What builtins have made of their arguments and would make again: kept for a policy, shared by its evaluations.

use super::jsonschema::{self, Compiled};
use crate::value::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Schemas kept; beyond that all are dropped and collected anew.
const MAX_KEPT: usize = 64;

/// A schema ready to be used, or what is wrong with it.
type Schema = Arc<Result<Compiled, String>>;

/// Kept answers; none of them shows in a result.
#[derive(Debug, Default)]
pub struct Caches {
    schemas: Mutex<HashMap<Value, Schema>>,
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
}
