//! The builtins are those of OPA 1.15.2, by name and number of arguments; `builtin_names.txt` lists them (as `opa
//! capabilities` does) with what is particular about some: the answer is not the arguments' alone (`nondeterministic`),
//! calls are refused (`refused`), the compiler knows it rather than the table of builtins (`compiler`),
//! or it may still be missing (`pending`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::{Code, Engine, QueryOptions, builtins};
use std::collections::BTreeSet;

const NAMES: &str = include_str!("builtin_names.txt");

/// Name, arity and particulars of each line.
fn listed() -> impl Iterator<Item = (&'static str, usize, BTreeSet<&'static str>)> {
    NAMES.lines().map(|line| {
        let mut words = line.split(' ');
        let (name, arity) = words.next().unwrap().split_once('/').unwrap();
        (name, arity.parse().unwrap(), words.collect())
    })
}

#[test]
fn names_and_arities_are_opa_s() {
    let shown = |name: &str, arity: usize, nondeterministic: bool| {
        format!("{name}/{arity}{}", if nondeterministic { " nondeterministic" } else { "" })
    };
    let wanted: BTreeSet<String> = listed()
        .filter(|(_, _, words)| !words.contains("compiler"))
        .map(|(name, arity, words)| shown(name, arity, words.contains("nondeterministic")))
        .collect();
    let found: BTreeSet<String> =
        builtins::all().map(|builtin| shown(builtin.name, builtin.arity, builtin.nondeterministic)).collect();
    assert_eq!(builtins::all().count(), found.len(), "a name is registered twice");
    let unknown: Vec<_> = found.difference(&wanted).collect();
    let pending = |name: &str| listed().any(|(known, _, words)| name.starts_with(known) && words.contains("pending"));
    let missing: Vec<_> = wanted.difference(&found).filter(|name| !pending(name)).collect();
    assert!(unknown.is_empty() && missing.is_empty(), "OPA does not have {unknown:?}; missing are {missing:?}");
}

/// A call with so many arguments, as a statement.
fn call(name: &str, arguments: usize) -> Result<usize, (Code, String)> {
    let arguments: Vec<String> = (0..arguments).map(|i| format!("input[{i}]")).collect();
    let policy = Engine::new(Version::V0).compile().unwrap();
    let input = sluice_rego::json::parse("[1, 1, 1, 1, 1, 1, 1]").unwrap();
    let outcome =
        policy.eval_query(&format!("{name}({})", arguments.join(", ")), Some(input), &QueryOptions::default());
    outcome.map(|found| found.len()).map_err(|errors| (errors[0].code, errors[0].message.clone()))
}

#[test]
fn each_is_called_with_its_arity_and_refused_with_more() {
    let there = |name: &str| !matches!(call(name, 1), Err((Code::Type, why)) if why.starts_with("undefined function"));
    for (name, arity, words) in listed().filter(|(name, _, words)| !words.contains("pending") || there(name)) {
        match call(name, arity) {
            Err((Code::EvalBuiltin, message)) if words.contains("refused") => {
                assert!(message.starts_with(name) && message.contains("reaches outside"), "{name}: {message}");
            }
            // What the test gives as its first argument is nothing to assign to, as OPA says too.
            Err((Code::Compile, message)) if name == "assign" => assert_eq!(message, "cannot assign to ref"),
            Ok(_) => {}
            Err((Code::Compile, message)) if name == "assign" => assert_eq!(message, "cannot assign to ref"),
            Err(error) => panic!("{name}: {error:?}"),
        }
        if name != "print" {
            let error = call(name, arity + 2).expect_err(name);
            assert_eq!(error.0, Code::Type, "{name}: {error:?}");
        }
    }
    assert_eq!(call("no.such_thing", 1).unwrap_err().0, Code::Type);
}

#[test]
fn the_refused_say_so_by_name() {
    let policy = Engine::new(Version::V1).compile().unwrap();
    for call in [r#"http.send({"method": "get", "url": "http://a"})"#, r#"net.lookup_ip_addr("a")"#, "opa.runtime()"] {
        let errors = policy.eval_query(call, None, &QueryOptions::default()).unwrap_err();
        let name = call.split('(').next().unwrap();
        assert_eq!(errors[0].message, format!("{name} is refused: it reaches outside the evaluation"));
    }
}
