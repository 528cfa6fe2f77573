//! Rego with the semantics of the Open Policy Agent 1.15, without I/O. How it is used:

#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod compile;
mod eval;
mod globsect;
mod gofloat;
mod gofmt;
mod goregex;
mod gourl;
mod hints;
mod shared;
mod text;
mod wide;

pub mod ast;
pub mod builtins;
pub mod bytes;
pub mod engine;
pub mod error;
pub mod format;
pub mod json;
pub mod limits;
pub mod number;
pub mod parse;
pub mod query;
pub mod trace;
pub mod types;
pub mod value;
pub mod why;
pub mod yaml;

pub use engine::{Bindings, Compiled, Engine, QueryOptions};
pub use error::{Code, Error};
pub use eval::Reason;
pub use limits::{Budget, Cancel, Deadline, Limits};
pub use number::Number;
pub use query::{Answer, Partly, Prepared, QueryScope};
pub use shared::Shared;
pub use trace::{Happening, Tracer};
pub use value::Value;
