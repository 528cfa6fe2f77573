//! Rego with the semantics of the Open Policy Agent 1.15: parse, compile once, evaluate many times, explain. No I/O, no
//! clock and no knowledge of any policy; what reaches outside is given by the host or refused by name.

pub mod ast;
pub mod builtins;
pub mod compile;
pub mod engine;
pub mod error;
pub mod eval;
pub mod format;
mod globsect;
mod gofloat;
mod gofmt;
mod goregex;
mod gourl;
pub mod hints;
pub mod json;
pub mod limits;
pub mod number;
pub mod parse;
pub mod query;
mod shared;
mod text;
pub mod trace;
pub mod types;
pub mod value;
pub mod why;
mod wide;
pub mod yaml;

pub use engine::{Bindings, Compiled, Engine, QueryOptions};
pub use error::{Code, Error};
pub use eval::Reason;
pub use limits::{Cancel, Deadline, Limits};
pub use number::Number;
pub use query::{Answer, Partly, Prepared, QueryScope};
pub use shared::Shared;
pub use trace::{Happening, Tracer};
pub use value::Value;
