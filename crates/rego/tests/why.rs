//! Proofs: for each policy of a table, the lines and the places that decided, exactly; and each named place did decide:
//! another value there, and the verdict is another.
#![allow(clippy::unwrap_used, clippy::panic)]

use sluice_rego::ast::{Ref, Version};
use sluice_rego::why::{Decided, Source};
use sluice_rego::{Engine, QueryOptions, QueryScope, Value, json};

/// A policy, its input, and what decided `data.t.p`.
struct Case {
    name: &'static str,
    /// The rules of package `t`, from line 2 on.
    rules: &'static str,
    input: &'static str,
    lines: &'static [u32],
    /// Each place that decided, and what to put there for another verdict.
    places: &'static [(&'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case {
        name: "a comparison that holds",
        rules: "p if input.x == 1",
        input: r#"{"x": 1, "y": 2}"#,
        lines: &[2],
        places: &[("input.x", "2")],
    },
    Case {
        name: "both parts of a body that holds",
        rules: "p if {\n\tinput.x == 1\n\tinput.y == 2\n}",
        input: r#"{"x": 1, "y": 2, "z": 3}"#,
        lines: &[2, 3, 4],
        places: &[("input.x", "0"), ("input.y", "0")],
    },
    Case {
        name: "the part at which a body fails",
        rules: "p if {\n\tinput.x == 1\n\tinput.y == 3\n}",
        input: r#"{"x": 1, "y": 2}"#,
        lines: &[4],
        places: &[("input.y", "3")],
    },
    Case {
        name: "what is absent",
        rules: "p if input.a.b",
        input: r#"{"a": {}}"#,
        lines: &[2],
        places: &[("input.a.b", "true")],
    },
    Case {
        name: "the one item that makes it hold",
        rules: "p if {\n\tsome x in input.xs\n\tx.bad\n}",
        input: r#"{"xs": [{"bad": false}, {"ok": true}, {"bad": true}]}"#,
        lines: &[2, 3, 4],
        places: &[("input.xs[2].bad", "false")],
    },
    Case {
        name: "all items where none makes it hold",
        rules: "p if {\n\tsome x in input.xs\n\tx.bad == 1\n}",
        input: r#"{"xs": [{"bad": 0}, {"bad": 2}]}"#,
        lines: &[4],
        places: &[("input.xs[0].bad", "1"), ("input.xs[1].bad", "1")],
    },
    Case {
        name: "a collection with nothing in it",
        rules: "p if some x in input.xs",
        input: r#"{"xs": []}"#,
        lines: &[2],
        places: &[("input.xs", "[1]")],
    },
    Case {
        name: "what a negation found to be false",
        rules: "p if not input.open",
        input: r#"{"open": false}"#,
        lines: &[2],
        places: &[("input.open", "true")],
    },
    Case {
        name: "through a variable",
        rules: "p if {\n\tx := input.a\n\tx.b > 2\n}",
        input: r#"{"a": {"b": 3, "c": 4}}"#,
        lines: &[2, 3, 4],
        places: &[("input.a.b", "1")],
    },
    Case {
        name: "through a function, with what its clause read",
        rules: "p if f(input.a)\nf(x) if x.b == 1\nf(x) if x.c == 1",
        input: r#"{"a": {"b": 0, "c": 1}}"#,
        lines: &[2, 4],
        places: &[("input.a.c", "0")],
    },
    Case {
        name: "through a rule",
        rules: "p if q == 3\nq := count(input.xs)",
        input: r#"{"xs": [1, 2, 3]}"#,
        lines: &[2, 3],
        places: &[("input.xs", "[1]")],
    },
    Case {
        name: "through a rule that is undefined",
        rules: "p if q\nq if input.x > 5",
        input: r#"{"x": 3}"#,
        lines: &[2, 3],
        places: &[("input.x", "6")],
    },
    Case {
        name: "a member asked for by name",
        rules: "p if q[\"b\"]\nq contains x.name if {\n\tsome x in input.xs\n\tx.on\n}",
        input: r#"{"xs": [{"name": "a", "on": true}, {"name": "b", "on": true}]}"#,
        lines: &[2, 3, 4, 5],
        places: &[("input.xs[1].name", "\"c\""), ("input.xs[1].on", "false")],
    },
    Case {
        name: "a comprehension, every item of it",
        rules: "p if count([x | some x in input.xs; x > 1]) == 2",
        input: r#"{"xs": [1, 2, 3]}"#,
        lines: &[2],
        places: &[("input.xs[0]", "5"), ("input.xs[1]", "0"), ("input.xs[2]", "0")],
    },
    Case {
        name: "every, where all hold",
        rules: "p if every x in input.xs { x.ok }",
        input: r#"{"xs": [{"ok": true}, {"ok": true}]}"#,
        lines: &[2],
        places: &[("input.xs[0].ok", "false"), ("input.xs[1].ok", "false")],
    },
    Case {
        name: "taken along in an array of its own",
        rules: "xs := [x | some x in input.xs]\np if {\n\tsome x in xs\n\tx.a == 1\n}",
        input: r#"{"xs": [{"a": 1}]}"#,
        lines: &[2, 3, 4, 5],
        places: &[("input.xs[0].a", "2")],
    },
    Case {
        name: "an else",
        rules: "p := 1 if {\n\tinput.x == 1\n} else := 2 if {\n\tinput.y == 1\n}",
        input: r#"{"x": 0, "y": 1}"#,
        lines: &[4, 5],
        places: &[("input.y", "2")],
    },
];

fn decided(case: &Case, input: &Value) -> (Option<Value>, Decided) {
    let mut engine = Engine::new(Version::V1);
    engine.add_module("t.rego", &format!("package t\n{}", case.rules)).unwrap();
    let policy = engine.compile().unwrap_or_else(|errors| panic!("{}: {}", case.name, errors[0]));
    let query = policy.prepare("data.t.p", &QueryScope::default()).unwrap();
    let (answers, proof) = query.explain(Some(input.clone()), &QueryOptions::default()).unwrap();
    let plain = query.eval(Some(input.clone()), &QueryOptions::default()).unwrap();
    assert_eq!(answers, plain, "{}: to explain an answer does not change it", case.name);
    let steps = proof.solutions.iter().flat_map(|solution| &solution.steps).chain(&proof.failures);
    let of_rule = steps.flat_map(|step| &step.sources).find_map(|source| match source {
        Source::Rule { proof, .. } => Some(proof.decided()),
        _ => None,
    });
    (answers.first().map(|answer| answer.expressions[0].value.clone()), of_rule.unwrap_or_default())
}

#[test]
fn a_proof_names_what_decided_and_nothing_else() {
    for case in CASES {
        let input = json::parse(case.input).unwrap();
        let (_, decided) = decided(case, &input);
        let lines: Vec<u32> = {
            let mut rows: Vec<u32> = decided.lines.iter().map(|line| line.row).collect();
            rows.dedup();
            rows
        };
        let places: Vec<String> =
            decided.places.iter().map(|path| Ref::shown(path[0].as_str().unwrap(), &path[1..])).collect();
        let wanted: Vec<&str> = case.places.iter().map(|(place, _)| *place).collect();
        assert_eq!(
            (lines.as_slice(), places.iter().map(String::as_str).collect::<Vec<_>>()),
            (case.lines, wanted),
            "{}",
            case.name
        );
    }
}

#[test]
fn another_value_at_a_named_place_is_another_verdict() {
    for case in CASES {
        let input = json::parse(case.input).unwrap();
        let (verdict, _) = decided(case, &input);
        for (place, other) in case.places {
            let patched = patched(&input, place, json::parse(other).unwrap());
            let (changed, _) = decided(case, &patched);
            assert_ne!(changed, verdict, "{}: {place} = {other}", case.name);
        }
    }
}

/// The input with another value at a place.
fn patched(input: &Value, place: &str, value: Value) -> Value {
    let mut engine = Engine::new(Version::V1);
    engine.add_module("patch.rego", "package patch\nout := json.patch(input.of, [{\"op\": input.op, \"path\": input.path, \"value\": input.value}])").unwrap();
    let path = place.trim_start_matches("input.").replace(['.', '['], "/").replace(']', "");
    let policy = engine.compile().unwrap();
    let query = policy.prepare("data.patch.out", &QueryScope::default()).unwrap();
    for op in ["replace", "add"] {
        let of = Value::object([
            (Value::from("of"), input.clone()),
            (Value::from("op"), Value::from(op)),
            (Value::from("path"), Value::string(format!("/{path}"))),
            (Value::from("value"), value.clone()),
        ]);
        if let Some(answer) = query.eval(Some(of), &QueryOptions::default()).unwrap().into_iter().next() {
            return answer.expressions[0].value.clone();
        }
    }
    panic!("{place} cannot be patched")
}
