//! The engine from outside: what it answers, what it refuses, and where it stops.
#![allow(clippy::unwrap_used)]

use sluice_rego::ast::Version;
use sluice_rego::{Code, Engine, Error, QueryOptions, Value};

/// The value of `data.t.p`, or the first error.
fn p(module: &str) -> Result<Option<Value>, Error> {
    let first = |errors: Vec<Error>| errors.into_iter().next().unwrap();
    let mut engine = Engine::new(Version::V1);
    engine.add_module("t.rego", &format!("package t\n{module}")).map_err(first)?;
    let policy = engine.compile().map_err(first)?;
    let found = policy.eval_query("x = data.t.p", None, &QueryOptions::default()).map_err(first)?;
    Ok(found.into_iter().next().and_then(|mut bindings| bindings.remove("x")))
}

#[test]
fn an_undefined_argument_makes_a_negation_undefined() {
    assert_eq!(p("p if not f(input.missing)\nf(x) if x == 1").unwrap(), None);
    assert_eq!(p("p if not input.missing").unwrap(), Some(Value::Bool(true)));
}

#[test]
fn what_is_wrong_with_a_policy_is_said_as_opa_says_it() {
    for (module, wanted) in [
        (
            "p if q\nq if p",
            "t.rego:2: rego_recursion_error: rule data.t.p is recursive: data.t.p -> data.t.q -> data.t.p",
        ),
        ("p contains y if true", "t.rego:2: rego_unsafe_var_error: var y is unsafe"),
        ("p if { x := 1; x := 2 }", "t.rego:2: rego_compile_error: var x assigned above"),
        ("p := 1\np contains 2", "t.rego:2: rego_type_error: conflicting rules data.t.p found"),
        ("f(x) := x\np if f(1, 2, 3)", "t.rego:3: rego_type_error: function data.t.f has arity 1, got 3 arguments"),
        ("p := 1 if true\np := 2 if true", "eval_conflict_error: complete rules must not produce multiple outputs"),
    ] {
        let error = p(module).unwrap_err().to_string();
        assert!(error.contains(wanted), "{module}: {error}");
    }
}

#[test]
fn depth_ends_in_an_error() {
    let body: String = (0..12_000).map(|i| format!("  input[{i}] == {i}\n")).collect();
    let module = format!("p if {{ q with input as numbers.range(0, 12000) }}\nq if {{\n{body}}}");
    assert_eq!(p(&module).unwrap_err().code, Code::EvalCancel);
}
