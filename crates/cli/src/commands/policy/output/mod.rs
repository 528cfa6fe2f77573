//! What the commands print: JSON, tables and errors in OPA's form. Pure.

pub mod answers;
pub mod coverage;
pub mod diff;
pub mod doc;
pub mod explain;
pub mod failure;
pub mod hints;
pub mod measured;
pub mod metrics;
pub mod profile;
pub mod syntax;
pub mod table;
