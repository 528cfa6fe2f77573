//! What the checker says, in OPA's words.

use crate::ast::{Location, Source};
use crate::error::{Code, Error};
use crate::hints;
use crate::types::{self, Function, Type};
use crate::value::Value;

/// Something wrong, before its place is known.
#[derive(Debug)]
pub(super) struct Wrong {
    message: String,
    details: Vec<String>,
    hint: Option<String>,
    /// A type that is not known has part in it.
    pub from_unknown: bool,
}

impl Wrong {
    pub(super) fn error(self, location: Location, source: Option<&Source>) -> Error {
        let error = match source {
            Some(source) => Error::at(Code::Type, self.message, location, source),
            None => Error::new(Code::Type, self.message),
        };
        error.with_details(self.details).with_hint(self.hint)
    }
}

/// Two terms that can never be equal.
pub(super) fn no_match(left: &Type, right: &Type) -> Wrong {
    let details = vec![format!("left  : {left}"), format!("right : {right}")];
    let from_unknown = left.unknown() || right.unknown();
    Wrong { message: "match error".to_owned(), details, hint: None, from_unknown }
}

/// A call of what is no function.
pub(super) fn undefined(name: &str) -> Wrong {
    Wrong { message: format!("undefined function {name}"), details: Vec::new(), hint: None, from_unknown: false }
}

/// Arguments that a function does not take.
pub(super) fn arguments(name: &str, what: &str, have: &[Type], function: &Function) -> Wrong {
    let details = vec![format!("have: {}", types::arguments(have)), format!("want: {}", function.wanted(true))];
    let from_unknown = have.iter().any(Type::unknown);
    Wrong { message: format!("{name}: {what}"), details, hint: None, from_unknown }
}

/// A function that cannot stand for another.
pub(super) fn replaced(name: &str, other: &Function, target: &Function) -> Wrong {
    let have = types::arguments(&other.args);
    let details = vec![format!("have: {have}"), format!("want: {}", target.wanted(false))];
    let from_unknown = other.args.iter().any(Type::unknown);
    Wrong { message: format!("{name}: arity mismatch"), details, hint: None, from_unknown }
}

/// A function that stands where a value should.
pub(super) fn not_called(name: &str, whole: &str, of: &Type) -> Wrong {
    let details = vec![whole.to_owned(), "^".repeat(whole.len()), format!("have: {of}")];
    let message = format!("function {name} used as reference, not called");
    Wrong { message, details, hint: None, from_unknown: false }
}

/// A lookup into what has no members.
pub(super) fn no_members(whole: &str, before: &str, of: &Type) -> Wrong {
    let details = vec![whole.to_owned(), "^".repeat(before.len()), format!("have: {of}")];
    let message = match of {
        Type::Function(_) => format!("function {whole} used as reference, not called"),
        _ => format!("undefined ref: {whole}"),
    };
    Wrong { message, details, hint: None, from_unknown: false }
}

/// A lookup of what is not there.
pub(super) struct Lookup {
    /// The ref, and what of it stands before the part that is wrong.
    pub whole: String,
    pub before: String,
    pub part: String,
    /// Of a part that is not constant.
    pub have: Option<Type>,
    pub want: Type,
    pub one_of: Vec<Value>,
}

pub(super) fn no_member(lookup: &Lookup) -> Wrong {
    let Lookup { whole, before, part, have, want, one_of } = lookup;
    let pad = " ".repeat(before.len() + 1);
    let have = match have {
        Some(of) => format!("{pad}have (type): {of}"),
        None => format!("{pad}have: {part}"),
    };
    let shown: Vec<String> = one_of.iter().map(ToString::to_string).collect();
    let want = match shown.is_empty() {
        true => format!("{pad}want (type): {want}"),
        false => format!("{pad}want (one of): [{}]", shown.join(" ")),
    };
    let known = one_of.iter().filter_map(Value::as_str);
    let hint = part.strip_prefix('"').and_then(|part| hints::did_you_mean(part.strip_suffix('"')?, known));
    let details = vec![whole.clone(), format!("{pad}^"), have, want];
    Wrong { message: format!("undefined ref: {whole}"), details, hint, from_unknown: false }
}
