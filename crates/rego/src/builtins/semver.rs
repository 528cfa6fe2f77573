//! `semver.*`: semantic versions as OPA reads them, a `v` before them allowed.

use super::{Builtin, Outcome, args, pure, some};
use crate::text::quote;
use crate::value::Value;
use std::cmp::Ordering;

pub const ALL: &[Builtin] = &[
    pure("semver.is_valid", 1, |a, _| some(args::string(a, 1).is_ok_and(|text| Version::parse(text).is_some()))),
    pure("semver.compare", 2, |a, _| compare(a)),
];

struct Version<'a> {
    numbers: [i64; 3],
    pre_release: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, metadata) = text.split_once('+').unwrap_or((text, ""));
        let (text, pre_release) = text.split_once('-').unwrap_or((text, ""));
        let mut parts = text.split('.').map(|part| part.parse::<i64>().ok());
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        let valid = parts.next().is_none() && identifiers(metadata) && identifiers(pre_release);
        valid.then_some(Self { numbers, pre_release })
    }
}

/// Dot-separated, or nothing at all.
fn identifiers(text: &str) -> bool {
    let valid = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text.is_empty() || text.split('.').all(valid)
}

fn compare(a: &[Value]) -> Outcome {
    let (first, second) = (args::string(a, 1)?, args::string(a, 2)?);
    let parse = |position: usize, text| {
        Version::parse(text).ok_or_else(|| {
            args::failed(format!("operand {position}: string {} is not a valid SemVer", quote(text, false)))
        })
    };
    let (first, second) = (parse(1, first)?, parse(2, second)?);
    let order = first.numbers.cmp(&second.numbers);
    some(match order.then_with(|| pre_release(first.pre_release, second.pre_release)) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    })
}

/// None is above any; then identifier by identifier, numbers below words.
fn pre_release(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let number = |text: &str| text.parse::<i64>().unwrap_or(i64::MAX);
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (digits(a), digits(b)) {
                (true, true) => number(a).cmp(&number(b)),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}
