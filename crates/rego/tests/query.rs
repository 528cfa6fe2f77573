//! Prepared queries: which values their answers hold, and what their names may mean.
#![allow(clippy::unwrap_used)]

use sluice_rego::ast::Version;
use sluice_rego::{Compiled, Engine, QueryOptions, QueryScope};

fn policy() -> Compiled {
    let mut engine = Engine::new(Version::V1);
    engine.add_module("p.rego", "package a.p\nallow := false\nnames contains \"n\"\nf(x) := x + 1").unwrap();
    engine.compile().unwrap()
}

/// Each answer as `VALUES {BINDINGS}`.
fn answers(query: &str, scope: &QueryScope) -> Vec<String> {
    let prepared = policy().prepare(query, scope).unwrap();
    let answers = prepared.eval(None, &QueryOptions::default()).unwrap();
    answers
        .iter()
        .map(|answer| {
            let values: Vec<String> = answer.expressions.iter().map(|e| e.value.to_string()).collect();
            let bindings: Vec<String> = answer.bindings.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("{} {{{}}}", values.join(" "), bindings.join(" "))
        })
        .collect()
}

#[test]
fn an_expression_with_a_value_gives_it() {
    let none = QueryScope::default();
    for (query, wanted) in [
        ("1 == 2", vec!["false {}"]),
        ("1 == 2; true", vec![]),
        ("data.a.p.allow", vec!["false {}"]),
        ("[false, 1][_]", vec!["1 {}"]),
        ("x := 1; x + 1", vec!["true 2 {x=1}"]),
        ("plus(1, 2, x)", vec!["true {x=3}"]),
        ("data.a.p.f(1)", vec!["2 {}"]),
        ("data.a.p.f(1, x)", vec!["true {x=2}"]),
        ("some x; x = 1", vec!["true {x=1}"]),
        ("some x in [1, 2]; x > 1", vec!["true true {x=2}"]),
        ("not false", vec!["true {}"]),
        ("input.x with input as {\"x\": 1}", vec!["1 {}"]),
        ("[x | x := [1][_]]", vec!["[1] {}"]),
        ("walk([1], [p, 1])", vec!["true {p=[0]}"]),
    ] {
        assert_eq!(answers(query, &none), wanted, "{query}");
    }
}

#[test]
fn names_mean_what_the_scope_says() {
    let package = QueryScope { package: Some("a.p".to_owned()), imports: Vec::new() };
    assert_eq!(answers("allow; true", &package), Vec::<String>::new());
    assert_eq!(answers("f(2)", &package), ["3 {}"]);
    let imports = QueryScope { package: None, imports: vec!["data.a.p as q".to_owned()] };
    assert_eq!(answers("q.names", &imports), ["{\"n\"} {}"]);
    let bad = QueryScope { package: None, imports: vec!["foo".to_owned()] };
    assert!(policy().prepare("1", &bad).is_err());
    assert!(policy().prepare("allow", &QueryScope::default()).is_err(), "without its package the name is unsafe");
}

#[test]
fn a_prepared_query_is_evaluated_again() {
    let prepared = policy().prepare("input.n + 1", &QueryScope::default()).unwrap();
    for n in 0..3 {
        let input = sluice_rego::Value::object([("n".into(), n.into())]);
        let answers = prepared.eval(Some(input), &QueryOptions::default()).unwrap();
        assert_eq!(answers[0].expressions[0].value, (n + 1).into());
        assert_eq!(&*answers[0].expressions[0].text, "input.n + 1");
    }
}

#[test]
fn a_question_that_asks_nothing_is_refused() {
    let errors = policy().prepare("  ", &QueryScope::default()).unwrap_err();
    assert_eq!(errors[0].to_string(), "rego_compile_error: empty query cannot be compiled");
}

#[test]
fn errors_name_places_of_the_query_and_of_each_import_alone() {
    let prepared = policy().prepare("x := 1; 1 / 0", &QueryScope::default()).unwrap();
    let options = QueryOptions { strict_builtin_errors: true, ..QueryOptions::default() };
    let error = prepared.eval(None, &options).unwrap_err().remove(0);
    assert_eq!((error.location.row, error.location.col), (1, 9), "{error}");
    let imports = vec!["data.a.p".to_owned(), "foo".to_owned()];
    let error = policy().prepare("1", &QueryScope { package: None, imports }).unwrap_err().remove(0);
    assert_eq!((error.location.row, error.location.col), (1, 8), "{error}");
}

/// Keeps the errors of builtins.
#[derive(Default)]
struct Faults(Vec<String>);

impl sluice_rego::Tracer for Faults {
    fn happened(&mut self, what: sluice_rego::Happening<'_>, _: sluice_rego::ast::Location) {
        if let sluice_rego::Happening::Fault(error) = what {
            self.0.push(error.message.clone());
        }
    }

    fn wants_steps(&self) -> bool {
        false
    }
}

#[test]
fn a_tracer_hears_errors_that_are_only_undefined() {
    let mut faults = Faults::default();
    let prepared = policy().prepare("not 1 / 0", &QueryScope::default()).unwrap();
    prepared.eval_traced(None, &QueryOptions::default(), &mut faults).unwrap();
    assert_eq!(faults.0, ["div: divide by zero"]);
}
