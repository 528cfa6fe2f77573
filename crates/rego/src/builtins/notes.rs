//! Notes for whoever watches an evaluation: always true, and nothing is kept of them here.

use super::{Builtin, args, pure, some};

pub const ALL: &[Builtin] = &[
    pure("trace", 1, |a, _| {
        args::string(a, 1)?;
        some(true)
    }),
    pure("internal.print", 1, |_, _| some(true)),
    pure("internal.test_case", 1, |_, _| some(true)),
];
