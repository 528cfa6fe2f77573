//! Builtins that reach outside the evaluation: known by name, so that a policy that uses them compiles, and refused when
//! they are called, in lenient mode too. A host that wants one gives its own.

use super::{Builtin, BuiltinError, Outcome, impure};

pub const ALL: &[Builtin] = &[
    impure("http.send", 1, |_, _| refuse("http.send")),
    impure("net.lookup_ip_addr", 1, |_, _| refuse("net.lookup_ip_addr")),
    impure("opa.runtime", 0, |_, _| refuse("opa.runtime")),
];

fn refuse(name: &str) -> Outcome {
    Err(BuiltinError::Halt(format!("{name} is refused: it reaches outside the evaluation")))
}
