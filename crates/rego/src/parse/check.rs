//! What V1 requires of a rule beyond its grammar.

use super::module::is_keyword;
use crate::ast::{HeadKind, Location, Rule, Source, Version};
use crate::error::{Code, Error};

/// Adds what is wrong with a rule and with each of its `else`s.
pub(super) fn check_v1(rule: &Rule, source: &Source, errors: &mut Vec<Error>) {
    let head = &rule.head;
    let sort = if head.kind == HeadKind::Function { "function" } else { "rule" };
    let named = head.reference.len() < 2 && is_keyword(head.name(), Version::V1);
    let mut check = |location: Location, wrong: [(bool, String); 4]| {
        for (_, message) in wrong.into_iter().filter(|(wrong, _)| *wrong) {
            errors.push(Error::at(Code::Parse, message, location, source));
        }
    };
    let name = || format!("{} keyword cannot be used for rule name", head.name());
    let value = || format!("{sort} must have value assignment and/or body declaration");
    let body = || format!("`if` keyword is required before {sort} body");
    let set = || "`contains` keyword is required for partial set rules".to_owned();
    check(
        rule.location,
        [
            (named, name()),
            (rule.generated_body && head.generated_value, value()),
            (!rule.generated_body && !head.has_if && !rule.default, body()),
            (head.kind == HeadKind::PartialSet && !head.has_contains, set()),
        ],
    );
    for other in &rule.elses {
        check(
            other.location,
            [
                (named, name()),
                (other.generated_body && other.generated_value, value()),
                (!other.generated_body && !other.has_if, body()),
                (false, String::new()),
            ],
        );
    }
}
