//! `is_*` and `type_name`.

use super::{Builtin, args, pure, some};
use crate::value::Value;

pub const ALL: &[Builtin] = &[
    pure("is_array", 1, |a, _| some(matches!(args::value(a, 1), Value::Array(_)))),
    pure("is_boolean", 1, |a, _| some(matches!(args::value(a, 1), Value::Bool(_)))),
    pure("is_null", 1, |a, _| some(matches!(args::value(a, 1), Value::Null))),
    pure("is_number", 1, |a, _| some(matches!(args::value(a, 1), Value::Number(_)))),
    pure("is_object", 1, |a, _| some(matches!(args::value(a, 1), Value::Object(_)))),
    pure("is_set", 1, |a, _| some(matches!(args::value(a, 1), Value::Set(_)))),
    pure("is_string", 1, |a, _| some(matches!(args::value(a, 1), Value::String(_)))),
    pure("type_name", 1, |a, _| some(args::value(a, 1).type_name())),
];
