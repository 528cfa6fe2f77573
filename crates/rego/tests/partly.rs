//! What a rule answers while parts of the input are not known: yes, no, or not before they are, and why.
#![allow(clippy::unwrap_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::builtins::{BuiltinError, HostBuiltin};
use sluice_rego::{Engine, Partly, QueryOptions, QueryScope, Value, json};

const UNKNOWN: &[&str] = &["input.image", "input.attestations"];

fn partly(rules: &str, query: &str, input: &str) -> Partly {
    let mut engine = Engine::new(Version::V1);
    engine.add_builtin(HostBuiltin::new("host.blob", 1, |_, _| Err(BuiltinError::Unprepared)));
    engine.add_module("t.rego", &format!("package t\n{rules}")).unwrap();
    let policy = engine.compile().unwrap_or_else(|errors| panic!("{rules}: {}", errors[0]));
    let query = policy.prepare(query, &QueryScope::default()).unwrap();
    query.eval_partly(Some(json::parse(input).unwrap()), UNKNOWN, &QueryOptions::default()).unwrap()
}

/// `yes`, `no`, or what has to be known first.
fn answer(rules: &str) -> String {
    let found = partly(rules, "data.t.p", r#"{"task": {"name": "build", "steps": [{"image": "a"}, {"image": "b"}]}}"#);
    let yes = found.answers.iter().any(|answer| answer.expressions[0].value != Value::Bool(false));
    match (yes, found.perhaps.as_slice()) {
        (true, _) => "yes".to_owned(),
        (false, []) => "no".to_owned(),
        (false, reasons) => {
            let mut what: Vec<String> =
                reasons.iter().map(|reason| format!("{}:{}", reason.location.row, reason.what)).collect();
            what.sort();
            what.join(" ")
        }
    }
}

#[test]
fn a_rule_answers_as_far_as_it_can() {
    for (rules, wanted) in [
        ("p if input.task.name == \"build\"", "yes"),
        ("p if input.task.name == \"test\"", "no"),
        ("p if input.image.ref == \"x\"", "2:input.image"),
        // What is false on its own is false whatever comes.
        ("p if {\n\tinput.image.ref == \"x\"\n\tinput.task.name == \"test\"\n}", "no"),
        ("p if {\n\tinput.task.name == \"build\"\n\tinput.image.ref == \"x\"\n}", "4:input.image"),
        // One way that holds is enough.
        ("p if input.image.ref\np if input.task.name", "yes"),
        ("p if input.image.ref\np if input.task.none", "2:input.image"),
        ("p if not input.image.ref", "2:input.image"),
        ("p if not input.task.none", "yes"),
        ("p if not q\nq if input.image.ref\nq if input.task.name", "no"),
        // A default waits until it is sure that nothing else holds.
        ("default p := false\np if input.image.ref", "3:input.image"),
        ("p := \"a\" if input.image.ref\nelse := \"b\"", "2:input.image"),
        ("p := \"a\" if input.task.name\nelse := \"b\" if input.image.ref", "yes"),
        ("p if count(input.attestations) > 0", "2:input.attestations"),
        ("p if count([x | some x in input.attestations]) == 0", "2:input.attestations"),
        ("p if some x in input.attestations", "2:input.attestations"),
        ("p if every s in input.task.steps { s.image != input.image.ref }", "2:input.image"),
        ("p if every s in input.task.steps { s.image == \"a\"; input.image.ref }", "no"),
        ("p if f(input.task.name)\nf(x) if { x == \"build\"; input.image.ref }", "3:input.image"),
        ("p if f(input.task.name)\nf(x) if { x == \"test\"; input.image.ref }", "no"),
        // What the whole of the input is, nobody knows; a part that is known may be looked at.
        ("p if input.task", "yes"),
        ("p if object.get(input, \"task\", {}) != {}", "2:input.image"),
        // A set may gain members, but those that it has stay.
        (
            "p if \"a\" in q\nq contains s.image if some s in input.task.steps\nq contains input.image.ref",
            "4:input.image",
        ),
        ("p if q[\"a\"]\nq contains s.image if some s in input.task.steps\nq contains input.image.ref", "yes"),
        (
            "p if q[\"z\"]\nq contains s.image if some s in input.task.steps\nq contains input.image.ref",
            "4:input.image",
        ),
        ("p if count(q) == 2\nq contains s.image if some s in input.task.steps", "yes"),
        // What was not bound is not known in bodies within either.
        ("p if {\n\tsome x in input.attestations\n\tnot x in [1]\n}", "3:input.attestations"),
        // What waits for the same within and around is in doubt at both.
        (
            "p if {\n\tcount([1 | some x in [1, 2]; y := input.image[x]; not q[y]]) == 0\n\tinput.image.ref\n}\nq contains input.image.ref",
            "3:input.image 4:input.image 6:input.image",
        ),
        (
            "p if input.image[_] == [x | x := input.image.ref; not input.image.a][_]",
            "2:input.image 2:input.image 2:input.image",
        ),
        // Replaced, it is known.
        ("p if q with input as {\"image\": {\"ref\": \"x\"}}\nq if input.image.ref == \"x\"", "yes"),
        // The host may have no answer yet.
        ("p if host.blob(\"oci:x\") == 1", "2:host.blob(\"oci:x\")"),
        ("p if { host.blob(\"oci:x\") == 1; input.task.name == \"test\" }", "no"),
    ] {
        assert_eq!(answer(rules), wanted, "{rules}");
    }
}

#[test]
fn members_that_are_sure_are_told_with_what_may_follow() {
    let rules = "deny contains \"no digest\" if {\n\tsome step in input.task.steps\n\tnot contains(step.image, \"@\")\n}\ndeny contains \"unsigned\" if not input.image.signed";
    let found = partly(rules, "[m | some m in data.t.deny]", r#"{"task": {"steps": [{"image": "a"}]}}"#);
    assert!(found.answers.is_empty(), "a comprehension is whole or not known");
    let found = partly(rules, "some m in data.t.deny", r#"{"task": {"steps": [{"image": "a"}]}}"#);
    let members: Vec<_> = found.answers.iter().map(|answer| answer.bindings["m"].clone()).collect();
    assert_eq!(members, [Value::from("no digest")]);
    assert_eq!(found.perhaps.len(), 1);
    assert_eq!(&*found.perhaps[0].what, "input.image");
}

#[test]
fn when_nothing_is_unknown_the_answer_is_the_whole_one() {
    let mut engine = Engine::new(Version::V1);
    engine.add_module("t.rego", "package t\np := x if { some x in input.xs; x > 1 }").unwrap();
    let policy = engine.compile().unwrap();
    let query = policy.prepare("data.t.p", &QueryScope::default()).unwrap();
    let input = json::parse(r#"{"xs": [1, 2]}"#).unwrap();
    let partly = query.eval_partly(Some(input.clone()), &[], &QueryOptions::default()).unwrap();
    assert_eq!(partly.answers, query.eval(Some(input), &QueryOptions::default()).unwrap());
    assert!(partly.perhaps.is_empty());
    assert!(query.eval_partly(None, &["data.x"], &QueryOptions::default()).is_err());
}
