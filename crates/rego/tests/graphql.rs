//! `graphql.parse` on queries and schemas, each rule of validation kept and broken: `graphql_answers.json` has what OPA
//! 1.15.2 says in strict mode, `valid` or the error's text; for AST objects the value or the error's text.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value as Json;
use sluice_rego::Value;
use sluice_rego::builtins::{Context, lookup};

fn call(name: &str, arguments: &[&str]) -> Result<Value, String> {
    call_values(name, &arguments.iter().map(|text| Value::string(*text)).collect::<Vec<_>>())
}

fn call_values(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let answer = (lookup(name).unwrap().call)(arguments, &mut Context::default());
    answer.map(|value| value.unwrap()).map_err(|error| error.to_string())
}

/// Compares the answers to a query on a schema, and that all builtins agree on whether there is a fault.
fn check(wrong: &mut Vec<String>, name: &str, query: &str, schema: &str, wanted: &str) {
    let answer = call("graphql.parse", &[query, schema]);
    let got = answer.as_ref().err().map_or("valid", String::as_str);
    if got != wanted {
        wrong.push(format!("{name}: {query}\n  wanted {wanted}\n  got    {got}"));
    }
    let valid = answer.is_ok();
    assert_eq!(call("graphql.is_valid", &[query, schema]), Ok(valid.into()), "{name}");
    let verified = match answer {
        Ok(Value::Array(both)) => Value::array([true.into(), both[0].clone(), both[1].clone()]),
        _ => Value::array([false.into(), Value::object([]), Value::object([])]),
    };
    assert_eq!(call("graphql.parse_and_verify", &[query, schema]), Ok(verified), "{name}");
}

#[test]
fn answers_are_opa_s() {
    let answers: Json = serde_json::from_str(include_str!("graphql_answers.json")).unwrap();
    let text = |json: &Json, i: usize| json[i].as_str().unwrap().to_owned();
    let mut wrong = Vec::new();
    for case in answers["queries"].as_array().unwrap() {
        let schema = answers["schemas_by_name"][case[1].as_str().unwrap()].as_str().unwrap();
        check(&mut wrong, &text(case, 0), &text(case, 2), schema, &text(case, 3));
    }
    for case in answers["schemas"].as_array().unwrap() {
        let (name, schema, wanted) = (text(case, 0), text(case, 1), text(case, 2));
        check(&mut wrong, &name, "", &schema, &wanted);
        assert_eq!(call("graphql.schema_is_valid", &[&schema]), Ok((wanted == "valid").into()), "{name}");
    }
    for case in answers["objects"].as_array().unwrap() {
        let arguments = [Value::from_json(&case[0]), Value::from_json(&case[1])];
        let got = call_values("graphql.parse", &arguments).unwrap_or_else(Value::string);
        let wanted = Value::from_json(&case[2]);
        if got != wanted {
            wrong.push(format!("{arguments:?}\n  wanted {wanted}\n  got    {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
