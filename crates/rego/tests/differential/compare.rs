//! Whether two answers to a request are the same.

use super::excuses;
use super::features::{self, Features};
use super::oracle::Oracle;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// What is different: of the modules, or of the query at an index.
#[derive(Debug)]
pub struct Difference {
    pub query: Option<usize>,
    /// The kind of difference, without names and values: a smaller case has to keep it.
    pub kind: String,
}

/// How often each excuse was given.
pub type Excused = BTreeMap<&'static str, usize>;

/// Two answers that differ: to the modules, or to the query at an index.
pub struct Case<'a> {
    pub request: &'a Json,
    pub query: Option<usize>,
    /// Errors of builtins are errors, and the query may reach rules: those without have one order.
    pub strict: bool,
    pub features: Features,
    /// OPA's errors, and this crate's; empty where there is a result.
    pub opa: &'a [Json],
    pub ours: &'a [Json],
    /// Where both have one: OPA's, and this crate's.
    pub results: Option<(&'a [Json], &'a [Json])>,
}

/// How an answer's part ended.
enum Outcome<'a> {
    Result(&'a [Json]),
    Errors(&'a [Json]),
    /// A limit of time or steps, or a panic of OPA: nothing to compare with.
    Unknown,
}

/// The first difference of an answer to what OPA answers, if it is none of the answers that it may give.
pub fn settled(
    oracle: &mut Oracle,
    request: &Json,
    opa: &Json,
    ours: &Json,
    excused: &mut Excused,
) -> Option<Difference> {
    difference(request, opa, ours, excused)?;
    let mut again = |opa: Json| difference(request, &opa, ours, &mut Excused::new());
    let found: Option<Vec<Difference>> = oracle.anew(request).map(&mut again).collect();
    found?.pop()
}

/// The first difference of two answers that has no excuse.
pub fn difference(request: &Json, opa: &Json, ours: &Json, excused: &mut Excused) -> Option<Difference> {
    let whole = match (outcome(opa), outcome(ours)) {
        (Outcome::Unknown, _) => return None,
        (Outcome::Result(_), Outcome::Result(_)) => None,
        both => Some(both),
    };
    if let Some(both) = whole {
        return unexcused(request, None, both, excused);
    }
    let (opa, ours) = (opa["queries"].as_array()?, ours["queries"].as_array()?);
    let mut pairs = opa.iter().zip(ours).enumerate();
    pairs.find_map(|(i, (opa, ours))| unexcused(request, Some(i), (outcome(opa), outcome(ours)), excused))
}

/// The difference of two outcomes, unless there is an excuse for it.
fn unexcused(
    request: &Json,
    query: Option<usize>,
    both: (Outcome<'_>, Outcome<'_>),
    excused: &mut Excused,
) -> Option<Difference> {
    let (kind, opa, ours, results) = match both {
        (Outcome::Unknown, _) | (_, Outcome::Unknown) => return None,
        (Outcome::Result(opa), Outcome::Result(ours)) if sorted(opa) == sorted(ours) => return None,
        (Outcome::Result(opa), Outcome::Result(ours)) => ("result".to_owned(), &[][..], &[][..], Some((opa, ours))),
        (opa, ours) => {
            let (opa, ours) = (opa.errors(), ours.errors());
            (of_errors(opa, ours)?, opa, ours, None)
        }
    };
    let strict = query.is_some_and(|query| {
        let query = &request["queries"][query];
        query["strict"] == Json::Bool(true) && query["query"].as_str().is_some_and(|text| text.contains("data"))
    });
    let case = Case { request, query, strict, features: features::of(request, query), opa, ours, results };
    if let Some(why) = excuses::find(&case) {
        *excused.entry(why).or_default() += 1;
        return None;
    }
    Some(Difference { query, kind })
}

/// The kind of difference between lists of errors, one of which may be empty.
fn of_errors(opa: &[Json], ours: &[Json]) -> Option<String> {
    let (opa_codes, our_codes) = (codes(opa), codes(ours));
    if opa_codes != our_codes {
        return Some(format!("OPA {opa_codes:?}, here {our_codes:?}"));
    }
    let (opa, ours) = (&without_follow_ups(opa), &without_follow_ups(ours));
    // The words of errors of syntax are this crate's own. Of a recursion, any of its cycles may be told; of a conflict,
    // that of the member or that of the whole.
    let any = ["rego_parse_error", "rego_recursion_error", "eval_conflict_error"];
    if any.iter().any(|code| opa_codes.contains(*code)) {
        return None;
    }
    let texts = |errors: &[Json]| -> BTreeSet<String> {
        // A hint to import a keyword hangs on whether OPA has moved what the head has into the body.
        let plain = |text: String| text.split(" (hint: `import").next().unwrap_or_default().to_owned();
        let texts = messages(errors).into_iter().map(plain);
        // Which keys without names are unsafe depends on what is taken apart before.
        texts.filter(|text| text != "var _ is unsafe" || errors.len() == 1).collect()
    };
    let is_unsafe = opa_codes.contains("rego_unsafe_var_error");
    if !same_texts(&texts(opa), &texts(ours)) {
        return Some(format!("messages of {opa_codes:?}"));
    }
    // OPA has no place for errors inside templates.
    if is_unsafe || opa.iter().any(|error| error.get("row").is_none()) {
        return None;
    }
    (places(opa, None) != places(ours, None)).then(|| format!("places of {opa_codes:?}"))
}

/// Without what follows from other errors as the order of a map of Go has it: where one clause of a function is wrong, OPA
/// knows the function or not.
pub fn without_follow_ups(errors: &[Json]) -> Vec<Json> {
    let follows = |error: &&Json| {
        let text = error["message"].as_str().unwrap_or_default();
        text.starts_with("undefined function data.")
            || text.starts_with("function data.") && text.ends_with(" used as reference, not called")
    };
    let told: Vec<Json> = errors.iter().filter(|error| !follows(error)).cloned().collect();
    if told.is_empty() { errors.to_vec() } else { told }
}

const UNDEFINED: &str = "undefined function ";

/// Whether each text of one has its like in the other. OPA tells the names of variables that it makes, this crate what
/// they stand for.
fn same_texts(opa: &BTreeSet<String>, ours: &BTreeSet<String>) -> bool {
    let alike = |opa: &str, ours: &str| {
        // What can be called has a name: other terms are shown in short here.
        if let (Some(opa), Some(_)) = (opa.strip_prefix(UNDEFINED), ours.strip_prefix(UNDEFINED))
            && opa.starts_with(['[', '{', '$'])
        {
            return true;
        }
        if opa.starts_with("print(") && ours.starts_with("print(") && opa.ends_with(" used as value") {
            return true;
        }
        if ours.split_once(" | ...").is_some_and(|(before, _)| opa.starts_with(before)) {
            return true;
        }
        let mut parts = opa.split("__local").enumerate().map(|(at, part)| match part.split_once("__") {
            Some((_, rest)) if at > 0 => rest,
            _ => part,
        });
        let Some(mut rest) = parts.next().and_then(|first| ours.strip_prefix(first)) else { return false };
        let mut whole = true;
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            whole = rest.ends_with(part);
            rest = &rest[at + part.len()..];
        }
        whole && (opa.contains("__local") || rest.is_empty())
    };
    opa.iter().all(|opa| ours.iter().any(|ours| alike(opa, ours)))
        && ours.iter().all(|ours| opa.iter().any(|opa| alike(opa, ours)))
}

impl<'a> Outcome<'a> {
    fn errors(self) -> &'a [Json] {
        match self {
            Self::Errors(found) => found,
            Self::Result(_) | Self::Unknown => &[],
        }
    }
}

fn outcome(answer: &Json) -> Outcome<'_> {
    match answer["errors"].as_array() {
        Some(found) if unknown(found) => Outcome::Unknown,
        Some(found) => Outcome::Errors(found),
        None => Outcome::Result(answer["result"].as_array().map_or(&[], Vec::as_slice)),
    }
}

fn unknown(errors: &[Json]) -> bool {
    codes(errors)
        .iter()
        .any(|code| ["panic", "limit", "eval_cancel_error", "request", "answer"].contains(&code.as_str()))
}

/// The codes of errors, each once.
pub fn codes(errors: &[Json]) -> BTreeSet<String> {
    errors.iter().map(|error| error["code"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Whether there are errors, all of one code.
pub fn only(errors: &[Json], code: &str) -> bool {
    !errors.is_empty() && errors.iter().all(|error| error["code"] == code)
}

/// The rows of errors, of all or of those with some messages.
pub fn places(errors: &[Json], of: Option<&BTreeSet<String>>) -> BTreeSet<String> {
    let told = |error: &&Json| of.is_none_or(|of| of.contains(error["message"].as_str().unwrap_or_default()));
    let place = |error: &Json| {
        format!("{} {}", error["file"].as_str().unwrap_or_default(), error["row"].as_u64().unwrap_or_default())
    };
    errors.iter().filter(told).map(place).collect()
}

/// What errors say, each once.
pub fn messages(errors: &[Json]) -> BTreeSet<String> {
    errors.iter().map(|error| error["message"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Solutions in an order of their own: engines may find them in any.
fn sorted(result: &[Json]) -> Vec<String> {
    let mut lines: Vec<String> = result.iter().map(ToString::to_string).collect();
    lines.sort();
    lines.dedup();
    lines
}
