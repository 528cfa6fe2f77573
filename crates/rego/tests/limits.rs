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
    let within: String = (1..3000).map(|i| format!("x{i} := [x{}]\n", i - 1)).collect();
    let all: Vec<String> = (0..3000).map(|i| format!("x{i}")).collect();
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
        // Found one after the other, none needs a stack; dropping the last would.
        (format!("x0 := [1]\n{within}p := [{}]", all.join(", ")), small, "nested more deeply than allowed"),
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

#[test]
fn the_clock_is_asked_before_what_takes_long() {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    let clock = || Duration::from_millis(TICKS.fetch_add(1, Ordering::Relaxed));
    let deadline = Deadline { clock, at: Duration::from_millis(3) };
    let options = with(Limits { deadline: Some(deadline), ..Limits::default() });
    // Calls of builtins, comparisons of collections and replacements; none of them in many steps.
    let calls: String = (0..40).map(|i| format!("\tcount(numbers.range(1, {i})) >= 0\n")).collect();
    let comparisons = "\t[1, a] == [1, a]\n".repeat(40);
    let replacements: String = (0..80).map(|i| format!(" with input.x{i} as 1")).collect();
    for body in [calls, format!("\ta := numbers.range(1, 3)\n{comparisons}"), format!("\ttrue{replacements}\n")] {
        TICKS.store(0, Ordering::Relaxed);
        let error = eval(&format!("p if {{\n{body}}}"), &options).unwrap_err();
        assert!(error.to_string().contains("longer than allowed"), "{error}");
    }
}

#[test]
fn long_refs_one_after_the_other_fit_the_stack() {
    let path = ".a".repeat(490);
    let replaced = format!("p if q with input{path} as 1\nq if {{\n{}}}", format!("\tinput{path}\n").repeat(1500));
    let ruled = format!("p if {{\n{}}}\nq{path} := 1", format!("\tdata.t.q{path}\n").repeat(1500));
    for rules in [replaced, ruled] {
        assert_eq!(eval(&rules, &QueryOptions::default()).unwrap(), Some(Value::Bool(true)));
    }
}

#[test]
fn long_paths_are_refused() {
    let path = ".a".repeat(501);
    for module in [
        format!("package t{path}\np := 1"),
        format!("package t\np{path} := 1"),
        format!("package t\np := input{path}"),
        format!("package t\np if {{ input with input{path} as 1 }}"),
    ] {
        let errors = Engine::new(Version::V1).add_module("t.rego", &module).unwrap_err();
        assert!(errors[0].message.contains("a ref of more than 500 parts"), "{}", errors[0]);
    }
}
