//! Whether two answers to a request are the same, and what is not compared.

use super::oracle::Oracle;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// What is different: of the modules, or of the query at an index.
#[derive(Debug)]
pub struct Difference {
    pub query: Option<usize>,
    /// The kind of difference, without names and values: a smaller case has to keep it.
    pub kind: String,
}

/// How an answer's part ended.
enum Outcome<'a> {
    Result(&'a [Json]),
    Errors(&'a [Json]),
    /// A limit of time or steps, or a panic of OPA: nothing to compare with.
    Unknown,
}

fn has(request: &Json, text: &str) -> bool {
    request.to_string().contains(text)
}

fn pointed(result: &[Json]) -> bool {
    result.iter().any(|bindings| bindings.to_string().contains(r#""number":"."#))
}

/// Whether a text was made of what is undefined.
fn undefined(bindings: &Json) -> bool {
    bindings.to_string().contains("<undefined>")
}

fn conflict(errors: &[Json]) -> bool {
    errors.iter().all(|error| error["code"] == "eval_conflict_error")
}

/// Whether all errors are of codes that only the strict mode gives.
fn builtin(errors: &[Json]) -> bool {
    errors.iter().all(|error| error["code"] == "eval_type_error" || error["code"] == "eval_builtin_error")
}

fn undeclared(errors: &[Json]) -> bool {
    errors.iter().all(|error| error["message"].as_str().is_some_and(|text| text.ends_with(" is undeclared")))
        && !errors.is_empty()
}

/// Whether a query has a `with` inside a comprehension or the body of an `every`.
fn closed_with(query: &Json) -> bool {
    let text = query["query"].as_str().unwrap_or_default();
    // Of each open bracket, whether it is that of a closure.
    let mut open: Vec<bool> = Vec::new();
    let (mut every, mut template) = (false, false);
    for word in super::shrink::words(text) {
        match word.as_str() {
            "every" => every = true,
            "{" => open.push(every),
            "[" | "(" => open.push(false),
            "}" | "]" | ")" => drop(open.pop()),
            "|" => open.iter_mut().last().into_iter().for_each(|closure| *closure = true),
            "with" if open.contains(&true) => return true,
            // Neither inside templates.
            word if template && word.contains(" with ") => return true,
            _ => {}
        }
        template = word == "$";
    }
    false
}

/// Whether a variable is said to be unsafe that is to equal a set with itself: OPA takes it for bound, and does not end.
fn endless(request: &Json, ours: &[Json]) -> bool {
    let text: String = request.to_string().split_whitespace().collect();
    let name = |error: &Json| {
        let message = error["message"].as_str()?;
        Some(message.strip_prefix("var ")?.strip_suffix(" is unsafe")?.to_owned())
    };
    let itself =
        |name: &str| text.contains(&format!("{{{name}}}={name}")) || text.contains(&format!("{name}={{{name}}}"));
    !ours.is_empty() && ours.iter().all(|error| name(error).is_some_and(|name| itself(&name)))
}

/// The first difference of an answer to what OPA answers, if it is none of the answers that it may give.
pub fn settled(oracle: &mut Oracle, request: &Json, opa: &Json, ours: &Json) -> Option<Difference> {
    difference(request, opa, ours)?;
    let found: Option<Vec<Difference>> = oracle.anew(request).map(|opa| difference(request, &opa, ours)).collect();
    found?.pop()
}

/// Whether a query, or a rule that it may reach, reads YAML.
fn read_as_yaml(request: &Json, query: usize) -> bool {
    let reads = |text: &Json| ["yaml.unmarshal", "yaml.is_valid"].iter().any(|name| has(text, name));
    let query = &request["queries"][query]["query"];
    reads(query) || has(query, "data") && reads(&request["modules"])
}

/// The first difference of two answers.
pub fn difference(request: &Json, opa: &Json, ours: &Json) -> Option<Difference> {
    // The value of a `with` may be a closure as well, a template.
    let closures = (
        has(request, "|") || has(request, "as $") || has(request, "as$"),
        has(request, "every"),
        has(request, "with "),
    );
    // OPA takes a body of `true` for none, even where it is negated or has a `with`, if the head has calls.
    if has(request, "not true") || has(request, "true with") {
        return None;
    }
    let whole = |kind| Difference { query: None, kind };
    match (errors(opa), errors(ours)) {
        (None, None) => {}
        (Some(opa), _) if unknown(opa) => return None,
        (None, Some(ours)) if endless(request, ours) => return None,
        (opa, ours) => return compile(opa.unwrap_or_default(), ours.unwrap_or_default(), closures).map(whole),
    }
    let strict = |i: usize| {
        let query = &request["queries"][i];
        query["strict"] == Json::Bool(true) && query["query"].as_str().is_some_and(|text| text.contains("data"))
    };
    let (opa, ours) = (opa["queries"].as_array()?, ours["queries"].as_array()?);
    opa.iter().zip(ours).enumerate().find_map(|(i, (opa, ours))| {
        let kind = match (outcome(opa), outcome(ours)) {
            (Outcome::Unknown, _) | (_, Outcome::Unknown) => None,
            // OPA keeps a number that begins with its point so, which is no JSON.
            (Outcome::Result(opa), Outcome::Result(_)) if pointed(opa) => None,
            // OPA does not take `with` apart inside closures of queries: there its value may be undefined, or a name
            // that means nothing.
            _ if closed_with(&request["queries"][i]) => None,
            // Of what is hardly YAML another reader reads more or less.
            _ if read_as_yaml(request, i) => None,
            // OPA does not find all that two patterns have in common, and more where they have not (`a\\]*` and `.`).
            (Outcome::Result(_), Outcome::Result(_)) if has(request, "globs_match") => None,
            // In templates OPA takes rules whose value is a collection for defined, and the text with them for undefined.
            (Outcome::Result(_), Outcome::Result(ours)) if ours.iter().any(undefined) => None,
            (Outcome::Result(opa), Outcome::Result(ours)) => (sorted(opa) != sorted(ours)).then(|| "result".to_owned()),
            // OPA's index of rules passes over those that cannot hold, and so over errors of builtins before the
            // expression that does not. Queries without rules have one order.
            (Outcome::Errors(opa), _) if strict(i) && builtin(opa) => None,
            (_, Outcome::Errors(ours)) if strict(i) && builtin(ours) => None,
            (Outcome::Errors(opa), Outcome::Errors(ours)) => compile(opa, ours, closures),
            // The comprehensions of an expression OPA makes before it looks up anything else for it.
            (Outcome::Errors(opa), Outcome::Result(_)) if conflict(opa) && closures.0 => None,
            (Outcome::Errors(opa), Outcome::Result(_)) => compile(opa, &[], closures),
            // For the same reason conflicts in rules that it passes over are not found.
            (Outcome::Result(_), Outcome::Errors(ours)) if conflict(ours) => None,
            (Outcome::Result(_), Outcome::Errors(ours)) => compile(&[], ours, closures),
        };
        kind.map(|kind| Difference { query: Some(i), kind })
    })
}

/// The kind of difference between lists of errors, one of which may be empty.
fn compile(opa: &[Json], ours: &[Json], (closes, every, replaces): (bool, bool, bool)) -> Option<String> {
    let (opa_codes, our_codes) = (codes(opa), codes(ours));
    let only = |codes: &BTreeSet<String>, code: &str| codes.len() == 1 && codes.contains(code);
    // OPA forgets what else is unsafe in an expression with a comprehension over variables of the body, and what binds
    // those that an `every` shares; it declares variables of templates, or not, by what else the body has. Of an
    // expression with a `with` whose value has a closure it may take a variable for safe and go on to find recursion.
    let unsafe_here = only(&our_codes, "rego_unsafe_var_error");
    if opa.is_empty() && unsafe_here && closes
        || undeclared(opa)
        || only(&opa_codes, "rego_unsafe_var_error")
            && (undeclared(ours) || every && (ours.is_empty() || only(&our_codes, "rego_recursion_error")))
        || only(&opa_codes, "rego_recursion_error") && unsafe_here && replaces
        // The argument that a call's result binds is bound for OPA already where the call is made.
        || only(&opa_codes, "rego_type_error") && unsafe_here
    {
        return None;
    }
    // OPA stops after ten errors. Which YAML of annotations is none is a matter of its reader.
    let yaml = |error: &Json| error["message"].as_str().is_some_and(|text| text.starts_with("yaml: "));
    if opa.len() > 9 || opa.iter().chain(ours).any(yaml) {
        return None;
    }
    let told = |errors: &[Json], text: &str| errors.iter().any(|error| error["message"] == text);
    // So does this crate, and it may name more variables that hang on one that is unsafe.
    if told(ours, "error limit reached") && only(&opa_codes, "rego_unsafe_var_error") {
        return None;
    }
    // For OPA a target that is not ground is unsafe, or an error when it is evaluated.
    if !opa.is_empty() && told(ours, "with keyword target must be ground") {
        return None;
    }
    // Whether something can be matched of whose type nothing is known yet hangs on the order in which OPA comes to it, if it
    // is in a comprehension.
    let rest = |errors: &[Json]| -> BTreeSet<String> {
        let texts = errors.iter().filter(|error| error["message"] != "match error");
        texts.map(|error| error["message"].to_string()).collect()
    };
    if closes && !(opa.is_empty() && ours.is_empty()) && rest(opa).is_empty() && rest(ours).is_empty() {
        return None;
    }
    // A call of nothing with nothing.
    if !ours.is_empty() && told(opa, "expression is unsafe") {
        return None;
    }
    if opa_codes != our_codes {
        return Some(format!("OPA {opa_codes:?}, here {our_codes:?}"));
    }
    let (opa, ours) = (&without_follow_ups(opa), &without_follow_ups(ours));
    // The words of errors of syntax are this crate's own.
    if opa_codes.contains("rego_parse_error") {
        return None;
    }
    let texts = |errors: &[Json]| -> BTreeSet<String> {
        // A hint to import a keyword hangs on whether OPA has moved what the head has into the body.
        let plain = |text: &str| text.split(" (hint: `import").next().unwrap_or_default().to_owned();
        let texts = errors.iter().map(|error| plain(error["message"].as_str().unwrap_or_default()));
        // Which keys without names are unsafe depends on what is taken apart before.
        texts.filter(|text| text != "var _ is unsafe" || errors.len() == 1).collect()
    };
    // Of a recursion, any of its cycles may be told; of a conflict, that of the member or that of the whole.
    let cycle = opa_codes.contains("rego_recursion_error") || opa_codes.contains("eval_conflict_error");
    // The words of Go's readers of certificates, keys, JSON and YAML, and names of Go's types, are not this crate's.
    let foreign = texts(opa).iter().any(|text| {
        text.starts_with("crypto.x509.")
            || text.starts_with("crypto.parse_")
            || text.contains("JWK")
            || text.contains("asn1")
            || text.contains("illegal base64")
            || text.contains("invalid JSON")
            || [
                "units.parse",
                "json.unmarshal",
                "yaml.unmarshal: yaml: ",
                "yaml.unmarshal: unsupported map key",
                "yaml.unmarshal: json: unsupported value",
                "json.patch: expected composite type",
                // Of a document that earlier operations changed OPA shows what it was before.
                "json.patch: path ",
            ]
            .iter()
            .any(|name| text.starts_with(name))
    });
    // OPA gives the variables of a path that is wrong the names that they were written with, and where it checks the path
    // again, as it does in comprehensions, it knows nothing of them.
    let renamed = |text: &&String| {
        let path = text.strip_prefix("undefined ref: ").unwrap_or("data.");
        !["data.", "data[", "input.", "input["].iter().any(|root| path.starts_with(root))
    };
    if texts(opa).intersection(&texts(ours)).any(|text| renamed(&text)) {
        return None;
    }
    // An array is no schema here, as it was none for OPA before.
    if texts(ours).iter().any(|text| text.starts_with("json.match_schema: wrong type")) {
        return None;
    }
    // Of variables that hang on one another any may be named.
    let same = if opa_codes.contains("rego_unsafe_var_error") {
        !texts(opa).is_disjoint(&texts(ours))
    } else if only(&opa_codes, "rego_type_error") && opa.len() != ours.len() {
        // Of several, which follow from others and are not told.
        opa.len().min(ours.len()) > 0 && !texts(opa).is_disjoint(&texts(ours))
    } else {
        same_texts(&texts(opa), &texts(ours))
    };
    if !same && !cycle && !foreign {
        return Some(format!("messages of {opa_codes:?}"));
    }
    if !same || cycle || ["rego_unsafe_var_error", "eval_conflict_error"].iter().any(|code| opa_codes.contains(*code)) {
        return None;
    }
    // OPA has no place for errors inside templates.
    if opa.iter().any(|error| error.get("row").is_none()) {
        return None;
    }
    let places = |errors: &[Json]| -> BTreeSet<String> {
        errors
            .iter()
            .map(|error| {
                format!("{} {}", error["file"].as_str().unwrap_or_default(), error["row"].as_u64().unwrap_or_default())
            })
            .collect()
    };
    (places(opa) != places(ours)).then(|| format!("places of {opa_codes:?}"))
}

/// Without what follows from other errors as the order of a map of Go has it: where one clause of a function is wrong, OPA
/// knows the function or not.
fn without_follow_ups(errors: &[Json]) -> Vec<Json> {
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

fn errors(answer: &Json) -> Option<&[Json]> {
    answer["errors"].as_array().map(Vec::as_slice)
}

fn outcome(answer: &Json) -> Outcome<'_> {
    match errors(answer) {
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

fn codes(errors: &[Json]) -> BTreeSet<String> {
    errors.iter().map(|error| error["code"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Solutions in an order of their own: engines may find them in any.
fn sorted(result: &[Json]) -> Vec<String> {
    let mut lines: Vec<String> = result.iter().map(ToString::to_string).collect();
    lines.sort();
    lines.dedup();
    lines
}
