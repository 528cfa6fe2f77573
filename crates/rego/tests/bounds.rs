//! What a few arguments could make huge is refused, in lenient mode too, and before much of it is made.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::{Code, Engine, QueryOptions};
use std::time::{Duration, Instant};

fn eval(query: &str) -> Result<usize, (Code, String)> {
    let policy = Engine::new(Version::V1).compile().unwrap();
    let outcome = policy.eval_query(query, None, &QueryOptions::default());
    outcome.map(|found| found.len()).map_err(|errors| (errors[0].code, errors[0].message.clone()))
}

/// A value that holds another twice, and so on: small in memory, of 2^40 parts where it is written out.
fn doubled() -> String {
    let steps: Vec<String> = (1..=40).map(|i| format!("v{i} := [v{}, v{}]", i - 1, i - 1)).collect();
    format!("v0 := [1]; {}", steps.join("; "))
}

#[test]
fn huge_answers_are_refused() {
    let long = r#"long := concat("", [s | some _ in numbers.range(1, 1000); s := "aaaaaaaaaaaaaaaaaaaa"])"#;
    let queries = [
        "numbers.range(1, 1000000000)".to_owned(),
        "numbers.range_step(0, 1000000000000, 2)".to_owned(),
        "bits.lsh(1, 1000000)".to_owned(),
        "bits.lsh(bits.lsh(1, 300000), 300000)".to_owned(),
        r#"net.cidr_expand("10.0.0.0/8")"#.to_owned(),
        r#"net.cidr_expand("::/0")"#.to_owned(),
        format!(r#"{long}; replace(long, "a", long)"#),
        format!(r#"{long}; strings.replace_n({{"a": long}}, long)"#),
        format!(r#"{long}; regex.replace(long, "a", long)"#),
        format!(r#"{long}; regex.replace(long, "a+", concat("", [s | some _ in numbers.range(1, 5000); s := "$0"]))"#),
        format!(r#"{long}; concat(long, split(long, ""))"#),
        r#"sprintf(concat("", [s | some _ in numbers.range(1, 100); s := "%1000000[1]d"]), [1])"#.to_owned(),
        format!("{}; json.marshal(v40)", doubled()),
        format!(r#"{}; sprintf("%v", [v40])"#, doubled()),
    ];
    for query in queries {
        let start = Instant::now();
        let (code, message) = eval(&query).expect_err(&query);
        // The builtin's own bound, or the evaluation's on values.
        assert!(matches!(code, Code::EvalBuiltin | Code::EvalCancel), "{query}: {message}");
        assert!(start.elapsed() < Duration::from_secs(20), "{query}: {:?}", start.elapsed());
    }
}

#[test]
fn large_answers_are_given() {
    for query in [
        "count(numbers.range(1, 100000)) == 100000",
        r#"count(net.cidr_expand("10.0.0.0/16")) == 65536"#,
        r#"count(replace(concat("", [s | some _ in numbers.range(1, 100000); s := "a"]), "a", "bb")) == 200000"#,
        r#"count(sprintf("%1000000d", [1])) == 1000000"#,
    ] {
        assert_eq!(eval(query), Ok(1), "{query}");
    }
}

#[test]
fn what_has_no_magnitude_is_no_panic() {
    for query in [
        "x = 1e-2147483648",
        r#"to_number("1e-2147483648")"#,
        r#"json.unmarshal("1e-2147483648")"#,
        "sprintf(`%*d%.*d`, [-9223372036854775808, 1, -9223372036854775808, 1])",
    ] {
        let outcome = eval(query);
        assert!(!matches!(outcome, Err((Code::EvalInternal, _))), "{query}: {outcome:?}");
    }
}
