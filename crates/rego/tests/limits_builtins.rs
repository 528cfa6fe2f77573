//! One call of a builtin ends by the limits of its evaluation, too: a clock that goes on by one each time it is looked at
//! passes its deadline within the call, since the call itself looks at it.
#![allow(clippy::unwrap_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::{Code, Deadline, Engine, Error, Limits, QueryOptions, QueryScope, Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn eval(call: &str, input: Vec<Value>, limits: Limits) -> Result<Option<Value>, Error> {
    let mut engine = Engine::new(Version::V1);
    engine.add_module("t.rego", &format!("package t\np := {call}")).unwrap();
    let policy = engine.compile().unwrap_or_else(|errors| panic!("{call}: {}", errors[0]));
    let query = policy.prepare("data.t.p", &QueryScope::default()).unwrap();
    let options = QueryOptions { limits, ..QueryOptions::default() };
    let found = query.eval(Some(Value::array(input)), &options).map_err(|errors| errors[0].clone())?;
    Ok(found.into_iter().next().map(|answer| answer.expressions[0].value.clone()))
}

fn text(text: impl AsRef<str>) -> Value {
    Value::string(text)
}

/// A text of two letters without a pattern.
fn mixed(length: usize) -> Value {
    let mut state = 12345_u64;
    text((0..length).map(|_| if coin(&mut state) { 'a' } else { 'b' }).collect::<String>())
}

fn coin(state: &mut u64) -> bool {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state & 1 == 0
}

fn numbers(count: i64) -> Vec<Value> {
    (0..count).map(Value::from).collect()
}

fn patches(count: usize, patch: impl Fn(usize) -> String) -> Value {
    Value::array((0..count).map(|i| json::parse(&patch(i)).unwrap()))
}

/// Calls that take long, each with its input.
fn long() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("glob.match(input[0], [], input[1])", vec![text("*a".repeat(300) + "c"), mixed(20_000)]),
        ("regex.match(input[0], input[1])", vec![text("(a|b)*a(a|b){900}c"), mixed(300_000)]),
        ("regex.match(input[0], input[1])", vec![text(r"\B(a|b)*a(a|b){900}c"), mixed(300_000)]),
        ("regex.find_n(input[0], input[1], -1)", vec![text(".*[^a-z]|a"), text("a".repeat(100_000))]),
        ("regex.split(input[0], input[1])", vec![text(".*[^a-z]|a"), text("a".repeat(100_000))]),
        ("regex.replace(input[1], input[0], `$1`)", vec![text(".*([^a-z])|(a)"), text("a".repeat(100_000))]),
        (
            "regex.find_all_string_submatch_n(input[0], input[1], -1)",
            vec![text("(a{0,1000}b)|(a)"), text("a".repeat(100_000))],
        ),
        ("regex.globs_match(input[0], input[1])", vec![text("[a-c]*".repeat(200)), text("[a-b]*d*".repeat(100) + "e")]),
        ("numbers.range(1, 1000000)", vec![]),
        ("net.cidr_expand(`10.0.0.0/12`)", vec![]),
        (
            "net.cidr_contains_matches(input, input)",
            (0..400).map(|i| text(format!("10.{}.{}.0/24", i / 200, i % 200))).collect(),
        ),
        ("sprintf(input[0], [input[1]])", vec![text("%.1[1]s".repeat(300)), text("a".repeat(100_000))]),
        ("strings.replace_n(input[0], input[1])", {
            let pairs = (0..2000).map(|i| (text(format!("k{i}")), text("")));
            vec![Value::object(pairs), text("k".repeat(1000))]
        }),
        ("sum(input)", {
            let number = |i: i64| json::parse(&format!("1.{i}e90000")).unwrap();
            (0..10).map(number).collect()
        }),
        ("object.union_n(input)", {
            let shared = Value::object((0..5000).map(|i| (Value::from(i), Value::from(i))));
            vec![shared; 10]
        }),
        ("array.flatten([input, input, input, input, input, input])", numbers(20_000)),
        ("object.subset(input[0], input[1])", {
            let ones = |count: usize| vec![Value::from(1); count];
            vec![Value::array(ones(2_000)), Value::array(ones(1_000).into_iter().chain([Value::from(2)]))]
        }),
        (
            "json.patch(input[0], input[1])",
            vec![
                json::parse(r#"{"a": {}}"#).unwrap(),
                patches(600, |i| format!(r#"{{"op": "copy", "from": "", "path": "/a{i}"}}"#)),
            ],
        ),
    ]
}

#[test]
fn steps_end_one_call() {
    for (call, input) in long() {
        let outcome = eval(call, input, Limits { steps: 150, ..Limits::default() });
        let error = outcome.err().unwrap_or_else(|| panic!("{call}: was not ended"));
        assert_eq!(error.code, Code::EvalCancel, "{call}: {error}");
        assert!(error.message.contains("more steps than allowed"), "{call}: {error}");
    }
}

/// The same answers by whichever way a text is searched: short texts by the engine alone, long ones step by step.
#[test]
fn long_texts_are_searched_as_short_ones() {
    let text_of = |n: usize| Value::string("xaéb1 ".repeat(n));
    for call in [
        "count(regex.find_n(`a.b|1`, input[0], -1))",
        r"count(regex.find_n(`\bx|é*`, input[0], -1))",
        "count(regex.find_n(`^x`, input[0], -1))",
        "count(regex.find_all_string_submatch_n(`(a)(.)(b)`, input[0], -1))",
        "count(regex.split(`é`, input[0]))",
        "count(split(regex.replace(input[0], `(a)(?P<c>.)`, `$c-${1}`), `é-a`))",
        "count(split(regex.replace(input[0], ``, `|`), `|`))",
    ] {
        let count = |n: usize| match eval(call, vec![text_of(n)], Limits::default()).unwrap() {
            Some(Value::Number(count)) => count.as_i64().unwrap(),
            other => panic!("{call}: {other:?}"),
        };
        let of_one = count(11) - count(10);
        assert_eq!(count(40_000), count(10) + 39_990 * of_one, "{call}");
    }
    let matches = |pattern: &str| {
        eval("regex.match(input[1], input[0])", vec![text_of(100_000), text(pattern)], Limits::default())
    };
    assert_eq!(matches("b1 $").unwrap(), Some(Value::Bool(true)));
    assert_eq!(matches("b1$").unwrap(), Some(Value::Bool(false)));
    assert_eq!(matches(r"^(xaéb\d )+$").unwrap(), Some(Value::Bool(true)));
}

#[test]
fn a_pattern_that_takes_long_to_compile_is_refused() {
    let call = |pattern: &str| eval("regex.is_valid(input[0])", vec![text(pattern)], Limits::default());
    assert!(call(&r"(?i)[\p{L}\p{N}]".repeat(10_000)).is_err());
    assert_eq!(call(&r"(?i)[\p{L}\p{N}]".repeat(5)).unwrap(), Some(Value::Bool(true)));
    assert_eq!(call(&"{".repeat(200_000)).unwrap(), Some(Value::Bool(true)));
}

/// What OPA may have an answer for ends the evaluation here, in lenient mode too: were it undefined, a rule might say
/// nothing where OPA's says no.
#[test]
fn what_is_beyond_a_bound_is_never_undefined() {
    let brackets = |n: usize| text("[".repeat(n) + &"]".repeat(n));
    let blocks = |n: usize| text("{{if .x}}".repeat(n) + &"{{end}}".repeat(n));
    let objects = |n: usize| json::parse(&(r#"{"a": "#.repeat(n) + "1" + &"}".repeat(n))).unwrap();
    let selections = |n: usize| text("{ a ".repeat(n) + &"}".repeat(n));
    let aliases = || {
        text(
            format!("a: &a {}\n", "x".repeat(1_000_000)) + &(0..100).map(|i| format!("k{i}: *a\n")).collect::<String>(),
        )
    };
    for (call, input) in [
        ("regex.match(input[0], `a`)", text("(a|b)*c".repeat(40_000))),
        ("regex.match(input[0], `a`)", text(r"\pL{1,999}")),
        ("regex.is_valid(input[0])", text(r"\pL{1,999}")),
        ("regex.match(input[0], `a`)", text("(".repeat(300) + &")".repeat(300))),
        ("regex.globs_match(input[0], `a`)", text("a".repeat(1001))),
        ("glob.match(input[0], [], `a`)", text("{".repeat(51))),
        ("yaml.unmarshal(input[0])", brackets(501)),
        ("yaml.is_valid(input[0])", brackets(501)),
        ("yaml.unmarshal(input[0])", aliases()),
        ("json.unmarshal(input[0])", brackets(1001)),
        ("json.is_valid(input[0])", brackets(1001)),
        ("json.unmarshal(input[0])", text("1e100001000")),
        ("graphql.parse_query(input[0])", selections(101)),
        ("graphql.is_valid(input[0], `type Query { a: Query }`)", selections(101)),
        ("graphql.parse_query(input[0])", text("{".to_owned() + &"a ".repeat(1 << 20) + "}")),
        ("rego.parse_module(`a.rego`, input[0])", text("package a\n".to_owned() + &"p := 1\n".repeat(300_000))),
        ("object.union(input[0], input[0])", objects(202)),
        ("strings.render_template(input[0], {`x`: true})", blocks(51)),
        ("bits.lsh(1, input[0])", Value::from(400_000)),
        ("((input[0] * input[0]) * input[0]) * (input[0] * input[0])", json::parse("1e99999").unwrap()),
    ] {
        let error = eval(call, vec![input.clone()], Limits::default())
            .err()
            .unwrap_or_else(|| panic!("{call}: no error for {input:.80?}"));
        assert_eq!(error.code, Code::EvalBuiltin, "{call}: {error}");
        let negated = eval(&format!("[1 | not {call}]"), vec![input], Limits::default());
        assert!(negated.is_err(), "{call}: {negated:?}");
    }
}

#[test]
fn time_ends_one_call() {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    let clock = || Duration::from_millis(TICKS.fetch_add(1, Ordering::Relaxed));
    let deadline = Some(Deadline { clock, at: Duration::from_millis(3) });
    for (call, input) in long() {
        TICKS.store(0, Ordering::Relaxed);
        let outcome = eval(call, input, Limits { deadline, ..Limits::default() });
        let error = outcome.err().unwrap_or_else(|| panic!("{call}: was not ended"));
        assert_eq!(error.code, Code::EvalCancel, "{call}: {error}");
        assert!(error.message.contains("longer than allowed"), "{call}: {error}");
    }
}
