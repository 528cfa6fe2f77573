//! Differences that are none of this crate's: each with its reason, and when it holds. A run prints how often each was
//! given, so that one that hides too much is seen.

use super::compare::{Case, codes, messages, only, places, without_follow_ups};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Why a difference is excused, and whether it is.
pub struct Excuse {
    pub why: &'static str,
    pub holds: fn(&Case<'_>) -> bool,
}

const UNSAFE: &str = "rego_unsafe_var_error";
const RECURSION: &str = "rego_recursion_error";
const TYPE: &str = "rego_type_error";

/// The excuse for a difference, if there is one.
pub fn find(case: &Case<'_>) -> Option<&'static str> {
    EXCUSES.iter().find(|excuse| (excuse.holds)(case)).map(|excuse| excuse.why)
}

/// All there are.
pub const EXCUSES: &[Excuse] = &[
    Excuse {
        why: "OPA takes a body of `true` for none, even where it is negated or has a `with`, if the head has calls",
        holds: |case| case.features.qualified_true,
    },
    // Limits and texts.
    Excuse { why: "OPA stops after ten errors", holds: |case| case.opa.len() > 9 },
    Excuse {
        why: "this crate stops after ten errors, and may name more variables that hang on one that is unsafe",
        holds: |case| told(case.ours, "error limit reached") && only(case.opa, UNSAFE),
    },
    Excuse {
        why: "which YAML of annotations is none is a matter of its reader",
        holds: |case| case.opa.iter().chain(case.ours).any(|error| starts(error, &["yaml: ", "invalid map key type"])),
    },
    Excuse {
        why: "the words of Go's readers of certificates, keys, numbers, JSON and YAML, and names of Go's types",
        holds: |case| {
            let names =
                |errors: &[Json]| -> BTreeSet<String> { errors.iter().map(|error| whose(error).to_owned()).collect() };
            names(case.opa) == names(case.ours) && case.opa.iter().any(foreign)
        },
    },
    Excuse {
        why: "of a document that earlier operations changed OPA shows what it was before",
        holds: |case| {
            codes(case.opa) == codes(case.ours) && case.opa.iter().any(|error| starts(error, &["json.patch: path "]))
        },
    },
    Excuse {
        why: "Go looks for time zones in files, where it meets folders, names that can be none, and what is no zone",
        holds: |case| {
            let unknown = |error: &Json| text(error).contains("unknown time zone");
            only(case.opa, "eval_builtin_error") && !case.ours.is_empty() && case.ours.iter().all(unknown)
        },
    },
    // Results.
    Excuse {
        why: "OPA keeps the text of numbers that no JSON has, `.5` or what `to_number` is given",
        holds: |case| {
            let no_json = |found: &Json| {
                let text = found.to_string();
                let mut numbers = text.split(r#""number":""#).skip(1).filter_map(|rest| rest.split('"').next());
                numbers.any(|number| serde_json::from_str::<serde_json::Number>(number).is_err())
            };
            let found = case.results.map_or(case.opa, |(opa, _)| opa);
            found.iter().any(no_json) || case.opa.iter().any(|error| text(error).contains("[."))
        },
    },
    Excuse {
        why: "OPA does not find all that two patterns have in common, and more where they have not (`a\\]*` and `.`)",
        holds: |case| case.results.is_some() && case.features.named.contains("regex.globs_match"),
    },
    Excuse {
        why: "OPA's globs with alternatives of nothing, that are open or of stars, of three stars, or with a last `\\`",
        holds: |case| case.results.is_some() && case.features.named.contains("glob.match") && odd_glob(case),
    },
    Excuse {
        why: "in templates OPA takes rules whose value is a collection for defined, and the text with them for undefined",
        holds: |case| {
            let shown =
                |(_, ours): (&[Json], &[Json])| ours.iter().any(|found| found.to_string().contains("<undefined>"));
            let compared = case.features.collected_value && !case.features.in_templates.is_empty();
            case.results.is_some_and(|both| compared || shown(both))
        },
    },
    Excuse {
        why: "of what is hardly YAML another reader reads more or less",
        holds: |case| {
            case.query.is_some()
                && ["yaml.unmarshal", "yaml.is_valid"].iter().any(|name| case.features.named.contains(*name))
        },
    },
    Excuse {
        why: "OPA does not take `with` apart inside closures of queries: there its value may be undefined, or a name that means nothing",
        holds: |case| case.features.closed_with,
    },
    Excuse {
        why: "OPA's sum of integers overflows",
        holds: |case| case.results.is_some() && case.features.named.contains("sum"),
    },
    Excuse {
        why: "OPA may evaluate what takes a call's result before the call, where that closes over what is bound later, or not have it for safe",
        holds: |case| {
            let refused =
                case.opa.is_empty() && only(case.ours, TYPE) || only(case.opa, UNSAFE) && case.ours.is_empty();
            case.features.late && (case.results.is_some() || refused)
        },
    },
    Excuse {
        why: "of keys as written that are found to be equal OPA keeps the first by the names of its variables, or all",
        holds: |case| case.results.is_some() && case.features.dynamic_keys,
    },
    // The order of evaluation.
    Excuse {
        why: "OPA's index of rules passes over those that cannot hold, and takes those that it does not know first",
        holds: |case| {
            let limit =
                !case.ours.is_empty() && case.ours.iter().all(|error| text(error).contains("a number of more than"));
            (case.strict || limit) && (builtin(case.ours) || builtin(case.opa))
        },
    },
    Excuse {
        why: "for the same reason conflicts in rules that it passes over are not found",
        holds: |case| case.query.is_some() && case.opa.is_empty() && conflict(case.ours),
    },
    Excuse {
        why: "the comprehensions of an expression OPA makes before it looks up anything else for it",
        holds: |case| {
            let found = conflict(case.opa) || builtin(case.opa);
            case.query.is_some() && found && case.ours.is_empty() && case.features.comprehension
        },
    },
    // Which variables are safe.
    Excuse {
        why: "OPA misses calls in sets and in keys of arguments, which no argument could match",
        holds: |case| told(case.ours, "rule arguments cannot contain calls"),
    },
    Excuse {
        why: "OPA takes a variable that is to equal a set or an object with itself for bound, and does not end",
        holds: endless,
    },
    Excuse {
        why: "OPA forgets what else is unsafe in an expression with a comprehension over variables of the body",
        holds: |case| {
            (case.opa.is_empty() || only(case.opa, UNSAFE)) && only(case.ours, UNSAFE) && case.features.comprehension
        },
    },
    Excuse {
        why: "the same of templates, which are comprehensions for OPA",
        holds: |case| {
            let mut names = case.ours.iter().filter_map(unsafe_name);
            case.opa.is_empty()
                && only(case.ours, UNSAFE)
                && names.any(|name| case.features.in_templates.contains(name))
        },
    },
    Excuse {
        why: "of variables that hang on one another any may be named",
        holds: |case| {
            let names = |errors: &[Json]| -> BTreeSet<String> {
                errors.iter().filter_map(unsafe_name).map(str::to_owned).collect()
            };
            only(case.opa, UNSAFE) && only(case.ours, UNSAFE) && !names(case.opa).is_disjoint(&names(case.ours))
        },
    },
    Excuse {
        why: "OPA declares variables of templates, or not, by what else the body has",
        holds: |case| undeclared(case.opa) || only(case.opa, UNSAFE) && undeclared(case.ours),
    },
    Excuse {
        why: "OPA forgets what binds the variables that an `every` shares with the body",
        holds: |case| {
            only(case.opa, UNSAFE) && case.features.every && case.ours.iter().all(|error| error["code"] != UNSAFE)
        },
    },
    Excuse {
        why: "OPA may take a variable for safe where the value of a `with` has a closure, and go on to find recursion",
        holds: |case| only(case.opa, RECURSION) && only(case.ours, UNSAFE) && case.features.with,
    },
    Excuse {
        why: "the argument that a call's result binds is bound for OPA already where the call is made",
        holds: |case| only(case.opa, TYPE) && only(case.ours, UNSAFE),
    },
    Excuse {
        why: "for OPA a target that is not ground is unsafe, or an error when it is evaluated",
        holds: |case| !case.opa.is_empty() && told(case.ours, "with keyword target must be ground"),
    },
    Excuse {
        why: "a call of nothing with nothing is unsafe for OPA, and one may be hidden by what arguments or its operator name",
        holds: |case| {
            let hidden = |error: &Json| starts(error, &["called function "]);
            !case.ours.is_empty() && (told(case.opa, "expression is unsafe") || case.opa.iter().any(hidden))
        },
    },
    // Types.
    Excuse {
        why: "of several wrong types more or fewer may be told that only follow from others",
        holds: |case| {
            let (opa, ours) = (without_follow_ups(case.opa), without_follow_ups(case.ours));
            let common = &messages(&opa) & &messages(&ours);
            let same_places = !places(&opa, Some(&common)).is_disjoint(&places(&ours, Some(&common)));
            let types = only(&opa, TYPE) && only(&ours, TYPE);
            types && opa.len() != ours.len() && !common.is_empty() && same_places
        },
    },
    Excuse {
        why: "whether something can be matched of whose type nothing is known yet hangs on when OPA comes to it, in comprehensions",
        holds: |case| {
            let rest = |errors| messages(errors).into_iter().filter(|text| text != "match error").count();
            case.features.comprehension && rest(case.opa) == 0 && rest(case.ours) == 0
        },
    },
    Excuse {
        why: "OPA puts a template whose variables are bound later behind what takes its text, and then knows no type of it",
        holds: |case| case.opa.is_empty() && only(case.ours, TYPE) && !case.features.in_templates.is_empty(),
    },
    Excuse {
        why: "OPA takes a function for the value of a `with` that replaces a document",
        holds: |case| {
            let types = case.opa.iter().all(|error| error["code"] == TYPE);
            types && case.features.with && ends(case.ours, " used as reference, not called")
        },
    },
    Excuse {
        why: "of several keys that are not constant OPA knows the type of one only, by the names that it gives to variables",
        holds: |case| {
            let types = only(case.opa, TYPE) && case.ours.iter().all(|error| error["code"] == TYPE);
            types && case.ours.len() <= case.opa.len() && case.features.dynamic_keys
        },
    },
    Excuse {
        why: "whether a call does not fit what it is to equal is said of the one or the other, as OPA has first put either",
        holds: |case| {
            let (opa, ours) = (case.opa.iter().map(split), case.ours.iter().map(split));
            only(case.opa, TYPE) && case.opa.len() == case.ours.len() && opa.eq(ours)
        },
    },
    Excuse {
        why: "an array is no schema here, as it was none for OPA before",
        holds: |case| {
            let here = case.results.map_or(case.ours, |(_, ours)| ours);
            here.iter().any(|found| found.to_string().contains("wrong type, expected string or object"))
        },
    },
    Excuse {
        why: "OPA makes objects of functions whose names are not constant",
        holds: |case| case.ours.iter().any(|error| text(error).ends_with("by which nothing can call it")),
    },
];

fn text(error: &Json) -> &str {
    error["message"].as_str().unwrap_or_default()
}

fn told(errors: &[Json], message: &str) -> bool {
    errors.iter().any(|error| text(error) == message)
}

fn starts(error: &Json, with: &[&str]) -> bool {
    with.iter().any(|with| text(error).starts_with(with))
}

/// Whether there are errors, and all end so.
fn ends(errors: &[Json], with: &str) -> bool {
    !errors.is_empty() && errors.iter().all(|error| text(error).ends_with(with))
}

fn undeclared(errors: &[Json]) -> bool {
    ends(errors, " is undeclared")
}

fn conflict(errors: &[Json]) -> bool {
    only(errors, "eval_conflict_error")
}

/// Whether all errors are of codes that only the strict mode gives.
fn builtin(errors: &[Json]) -> bool {
    let strict = |error: &Json| error["code"] == "eval_type_error" || error["code"] == "eval_builtin_error";
    !errors.is_empty() && errors.iter().all(strict)
}

/// A type error without what it is of, and its row.
fn split(error: &Json) -> (Option<&str>, &Json) {
    let either = text(error) == "match error" || text(error).ends_with(": invalid argument(s)");
    (Some(text(error)).filter(|_| !either), &error["row"])
}

/// Whether an error has the words of Go's library or of one of OPA's.
fn foreign(error: &Json) -> bool {
    const WHOSE: &[&str] = &[
        "crypto.x509.",
        "crypto.parse_",
        "units.parse",
        "json.unmarshal",
        "yaml.unmarshal: yaml: ",
        "yaml.unmarshal: unsupported map key",
        "yaml.unmarshal: json: unsupported value",
        "json.patch: expected composite type",
    ];
    let within = ["JWK", "asn1", "illegal base64", "invalid JSON", "%!w(MISSING)"];
    starts(error, WHOSE) || within.iter().any(|words| text(error).contains(words))
}

/// The builtin whose error it is.
fn whose(error: &Json) -> &str {
    text(error).split(':').next().unwrap_or_default()
}

/// The variable that an error says is unsafe.
fn unsafe_name(error: &Json) -> Option<&str> {
    text(error).strip_prefix("var ")?.split_once(" is unsafe").map(|(name, _)| name)
}

fn endless(case: &Case<'_>) -> bool {
    let itself = |name: &str| case.features.in_themselves.contains(name);
    let unsafe_here = !case.ours.is_empty() && case.ours.iter().all(|error| unsafe_name(error).is_some_and(itself));
    let types = only(case.opa, TYPE) && only(case.ours, TYPE) && !case.features.in_themselves.is_empty();
    case.opa.is_empty() && unsafe_here || types
}

/// Whether a text of the policies or documents is a glob pattern that OPA's matcher gets wrong.
fn odd_glob(case: &Case<'_>) -> bool {
    let text = case.request.to_string();
    let mut texts = text.split(['"', '`']).map(|text| (text.ends_with(r"\\\"), text.trim_end_matches('\\')));
    texts.any(|(escape, text)| {
        let open = text.matches('{').count() > text.matches('}').count();
        escape || open || ["***", "{}", "{,", ",,", ",}", "{*}"].iter().any(|odd| text.contains(odd))
    })
}
