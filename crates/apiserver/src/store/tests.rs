//! Tests of the store's semantics.
