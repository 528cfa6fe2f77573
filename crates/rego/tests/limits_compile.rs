//! Compiling takes about linear time in what is written, and a host may bound what is written. Quadratic, each of the
//! policies here would take minutes rather than a moment.
#![allow(clippy::unwrap_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::{Code, Engine};

/// Parts of each policy.
const PARTS: usize = 20_000;

fn errors(rules: &str) -> Vec<String> {
    let mut engine = Engine::new(Version::V1);
    engine.add_module("t.rego", &format!("package t\n{rules}")).unwrap();
    engine.compile().map_or_else(|errors| errors.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

fn parts(part: impl Fn(usize) -> String) -> String {
    (0..PARTS).map(part).collect()
}

#[test]
fn much_of_a_kind_compiles() {
    for rules in [
        format!("p := 1 if {{ input.x }} {}", parts(|i| format!("else := {i} if {{ input.y == {i} }}\n"))),
        parts(|i| format!("p := {i} if {{ input.y == {i} }}\n")),
        parts(|i| format!("p{i} := p{}\n", i + 1)) + &format!("p{PARTS} := 1"),
        // Each variable is bound by what is written after it.
        format!("p if {{\n{}x{PARTS} = 1\n}}", parts(|i| format!("x{i} = x{} + 1\n", i + 1))),
        format!("p if {{\n[{}0] = [{}x0]\n}}", parts(|i| format!("x{i},")), parts(|i| format!("x{},", i + 1)))
            .replace(&format!("x{PARTS},"), "1,"),
        format!("p if {{\n{}\n}}", parts(|i| format!("x{i} := {i}\n"))),
        parts(|i| format!("p.a{i} := {i}\n")) + &format!("q := [{}]", parts(|i| format!("p.a{i},"))),
    ] {
        assert_eq!(errors(&rules), Vec::<String>::new(), "{}", &rules[..100]);
    }
}

#[test]
fn much_that_is_wrong_of_a_kind_is_told() {
    for (rules, wanted) in [
        (format!("p if {{\n{}}}", parts(|i| format!("x{i} > 1\n"))), "var x0 is unsafe"),
        (parts(|i| format!("p{i} := wrong{i}\n")), "var wrong0 is unsafe"),
        (parts(|i| format!("p{i} := wrong{i}(1)\n")), "undefined function wrong0"),
        (
            parts(|i| format!("p{i} := p{}\n", (i + 1) % PARTS)),
            "rule data.t.p0 is recursive: data.t.p0 -> data.t.p1 ->",
        ),
        // All lead to one that needs itself, and are none.
        (parts(|i| format!("p{i} := p{}\n", i + 1)) + &format!("p{PARTS} := p{PARTS}"), "is recursive"),
    ] {
        let found = errors(&rules);
        assert!(found.iter().any(|error| error.contains(wanted)), "{wanted}: {:.300}", found[0]);
        assert!(found.len() <= 11, "{}", found.len());
    }
}

#[test]
fn source_is_limited() {
    let mut engine = Engine::new(Version::V1);
    engine.limit_source(60);
    engine.add_module("a.rego", "package a\n\np := 1").unwrap();
    engine.add_module("b.rego", "package b\n\np := 1").unwrap();
    assert!(engine.compile().is_ok());
    let error = engine.add_module("c.rego", "package c\n\np := [1, 2, 3, 4]").unwrap_err().remove(0);
    assert_eq!(error.code, Code::Compile);
    assert_eq!(error.message, "62 bytes of source: at most 60 are compiled together");
    engine.limit_source(20);
    assert!(engine.compile().unwrap_err()[0].message.contains("at most 20 are compiled together"));
}
