//! Evaluations end: by steps, depth, memory, the size of their answer, time, and when their host says so.
#![allow(clippy::unwrap_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::{Cancel, Code, Deadline, Engine, Error, Limits, QueryOptions, QueryScope, Value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn eval(rules: &str, options: &QueryOptions) -> Result<Option<Value>, Error> {
    let mut engine = Engine::new(Version::V1);
    engine.add_module("t.rego", &format!("package t\n{rules}")).unwrap();
    let policy = engine.compile().unwrap_or_else(|errors| panic!("{rules}: {}", errors[0]));
    let query = policy.prepare("data.t.p", &QueryScope::default()).unwrap();
    let found = query.eval(None, options).map_err(|errors| errors[0].clone())?;
    Ok(found.into_iter().next().map(|answer| answer.expressions[0].value.clone()))
}

fn with(limits: Limits) -> QueryOptions {
    QueryOptions { limits, ..QueryOptions::default() }
}

const LOOP: &str = "p := count([1 | some i in numbers.range(1, 2000); some j in numbers.range(1, 2000); i == j])";

#[test]
fn each_limit_ends_an_evaluation_with_an_error_that_names_it() {
    let small = Limits::default();
    let doubled: String = (1..60).map(|i| format!("x{i} := [x{0}, x{0}]\n", i - 1)).collect();
    for (rules, limits, wanted) in [
        (LOOP.to_owned(), Limits { steps: 10_000, ..small }, "more steps than allowed"),
        (LOOP.to_owned(), Limits { memory: 1_000_000, ..small }, "more values than allowed"),
        (
            "p := numbers.range(1, 100000)".to_owned(),
            Limits { output: 1_000_000, ..small },
            "answer is larger than allowed",
        ),
        // Each value is twice the one before: little to keep, too much to look through.
        (format!("x0 := [1]\n{doubled}p := x59"), small, "a value is larger than allowed"),
        (format!("x0 := [1]\n{doubled}p if x59 == x58"), small, "a value is larger than allowed"),
    ] {
        let error = eval(&rules, &with(limits)).unwrap_err();
        assert_eq!(error.code, Code::EvalCancel, "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(error.location.row > 0 || wanted.contains("answer"), "{error}");
    }
}

#[test]
fn time_and_the_host_end_an_evaluation() {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    let clock = || Duration::from_millis(TICKS.fetch_add(1, Ordering::Relaxed));
    let deadline = Deadline { clock, at: Duration::from_millis(3) };
    let error = eval(LOOP, &with(Limits { deadline: Some(deadline), ..Limits::default() })).unwrap_err();
    assert!(error.to_string().contains("longer than allowed"), "{error}");

    let cancel = Cancel::default();
    let options = QueryOptions { cancel: Some(cancel.clone()), ..QueryOptions::default() };
    let before = std::thread::scope(|scope| {
        let running = scope.spawn(|| eval(LOOP, &options));
        std::thread::sleep(Duration::from_millis(20));
        cancel.cancel();
        running.join().unwrap()
    });
    assert!(before.unwrap_err().to_string().contains("caller cancelled query execution"));
}

#[test]
fn within_its_limits_an_evaluation_ends_with_its_answer() {
    let limits = Limits { steps: 10_000, memory: 10_000_000, output: 1000, ..Limits::default() };
    assert_eq!(eval("p := count(numbers.range(1, 1000))", &with(limits)).unwrap(), Some(Value::from(1000)));
}
