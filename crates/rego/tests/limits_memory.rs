//! Evaluations that make much of little end by the limit on memory before they take much more than it: each is evaluated
//! by a process of its own, whose peak is looked at. (Linux only, which tells the peak.)
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::{Code, Engine, Limits, QueryOptions, QueryScope, Value};
use std::process::Command;

/// Allowed to each, and what it may take beyond: the compiled policy, values being made, and what allocation adds.
const LIMIT: u64 = 32 << 20;
const PEAK: u64 = 12 * LIMIT;

/// Names the policy for the process that evaluates it.
const CASE: &str = "SLUICE_LIMITS_MEMORY_CASE";

fn doubled(make: &str) -> String {
    let steps: String = (1..60).map(|i| format!("x{i} := {}\n", make.replace('$', &format!("x{}", i - 1)))).collect();
    format!("{steps}p := count(x59)")
}

fn policies() -> Vec<String> {
    let big = "numbers.range(1, 20000)";
    vec![
        format!("x0 := `aaaaaaaaaaaaaaaa`\n{}", doubled("concat(``, [$, $])")),
        format!("x0 := `aaaaaaaaaaaaaaaa`\n{}", doubled("sprintf(`%s%s`, [$, $])")),
        format!("x0 := `aaaaaaaaaaaaaaaa`\n{}", doubled("replace($, `a`, `aa`)")),
        format!("x0 := [1, 2, 3, 4]\n{}", doubled("array.concat($, $)")),
        format!("x0 := {{1: 1}}\n{}", doubled("object.union($, {[k, count($)]: v | some k, v in $})")),
        format!("x0 := {{1}}\n{}", doubled("{[y, z] | some y in $; some z in [1, 2]}")),
        format!("p := count([[i, j] | some i in {big}; some j in {big}])"),
        format!("p := count([1 | some i in {big}; some j in {big}])"),
        format!("p := count({{[i, j] | some i in {big}; some j in {big}}})"),
        format!("p := count({{i + (j * 20000): 1 | some i in {big}; some j in {big}}})"),
        format!("q contains i + (j * 20000) if {{ some i in {big}; some j in {big} }}\np := count(q)"),
        format!("q[i][j] := 1 if {{ some i in {big}; some j in {big} }}\np := count(q)"),
        format!("f(x) := 1\np if {{ every i in {big} {{ every j in {big} {{ f(i + (j * 20000)) == 1 }} }} }}"),
        format!(
            "p if {{ every i in {big} {{ every j in {big} {{ not regex.match(`(`, sprintf(`%d%d`, [i, j])) }} }} }}"
        ),
        "p := count([r | some i in numbers.range(1, 1000); r := numbers.range(i, i + 100000)])".to_owned(),
        "p := count([r | some i in numbers.range(1, 1000); r := sprintf(`%1000000d`, [i])])".to_owned(),
        "p := count(array.flatten([r | r := numbers.range(1, 10000); some i in numbers.range(1, 10000)]))".to_owned(),
        "p := count(json.patch({`a`: {}}, [{`op`: `copy`, `from`: ``, `path`: sprintf(`/a%d`, [i])} |\
         some i in numbers.range(1, 20000)]))"
            .to_owned(),
        "p := count(json.marshal_with_options(numbers.range(1, 50000), {`indent`: sprintf(`%50000d`, [1])}))"
            .to_owned(),
    ]
}

/// The most that this process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn memory_stays_near_its_limit() {
    each("memory_stays_near_its_limit", &policies(), false);
}

#[test]
fn memory_of_proofs_stays_near_the_limit() {
    let big = "numbers.range(1, 20000)";
    let mut policies = policies();
    policies.extend([
        format!("p if {{ some i in {big}; some j in {big}; i + j == 0 }}"),
        format!("p if {{ every i in {big} {{ every j in {big} {{ i + j != 0 }} }} }}"),
        format!("p if {{ count([1 | some i in {big}; some j in input; i + j == 0]) == 1 }}"),
        format!("q contains [i, j] if {{ some i in {big}; some j in input; j.a == `b` }}\np if count(q) == 0"),
    ]);
    each("memory_of_proofs_stays_near_the_limit", &policies, true);
}

/// Evaluates each policy by a process of its own, which is this test again.
fn each(test: &str, policies: &[String], explain: bool) {
    if let Ok(case) = std::env::var(CASE) {
        return evaluate(&policies[case.parse::<usize>().unwrap()], explain);
    }
    for (case, policy) in policies.iter().enumerate() {
        let out = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CASE, case.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success(), "{policy}\n{text}\n{}", String::from_utf8_lossy(&out.stderr));
    }
}

fn evaluate(rules: &str, explain: bool) {
    let mut engine = Engine::new(Version::V1);
    engine.add_module("t.rego", &format!("package t\n{rules}")).unwrap();
    let policy = engine.compile().unwrap_or_else(|errors| panic!("{}", errors[0]));
    let query = policy.prepare("data.t.p", &QueryScope::default()).unwrap();
    let options = QueryOptions { limits: Limits { memory: LIMIT, ..Limits::default() }, ..QueryOptions::default() };
    let input = Value::array((0..1000).map(|i| Value::object([("a".into(), "b".into()), ("i".into(), i.into())])));
    let outcome = match explain {
        true => query.explain(Some(input), &options).map(|(answers, _)| answers),
        false => query.eval(None, &options),
    };
    let error = outcome.map(|answers| answers.len()).unwrap_err().remove(0);
    let peak = peak();
    println!("{} MiB: {error}", peak >> 20);
    // A builtin's own bound on texts may come first.
    assert!(matches!(error.code, Code::EvalCancel | Code::EvalBuiltin), "{error}");
    assert!(peak < PEAK, "{} MiB of {} MiB: {error}", peak >> 20, PEAK >> 20);
}
