//! Schemas and the errors of documents against them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::super::{BuiltinError, Context, lookup};
use crate::value::Value;

fn call(name: &str, args: &[&str]) -> Result<Value, BuiltinError> {
    let args: Vec<Value> = args.iter().map(|text| Value::string(*text)).collect();
    (lookup(name).unwrap().call)(&args, &mut Context::default()).map(Option::unwrap)
}

/// `error` of each fault.
fn errors(document: &str, schema: &str) -> Vec<String> {
    let Value::Array(answer) = call("json.match_schema", &[document, schema]).unwrap() else { return Vec::new() };
    let Value::Array(faults) = &answer[1] else { return Vec::new() };
    faults
        .iter()
        .map(|fault| match fault {
            Value::Object(map) => map.get(&"error".into()).and_then(Value::as_str).unwrap().to_owned(),
            _ => String::new(),
        })
        .collect()
}

#[test]
fn errors_are_worded_as_the_library_does() {
    for (document, schema, expected) in [
        ("5", r#"{"type": "string"}"#, vec!["(Root): Invalid type. Expected: string, given: integer"]),
        (
            "{\"a\": {\"b\": 1000001}}",
            r#"{"properties": {"a": {"properties": {"b": {"maximum": 1000000}}}}}"#,
            vec!["a.b: Must be less than or equal to 1e+06"],
        ),
        (
            "[1, 1.5, 1]",
            r#"{"uniqueItems": true, "items": {"multipleOf": 0.5}}"#,
            vec!["(Root): array items[0,2] must be unique"],
        ),
        ("{}", r#"{"required": ["a", "b"]}"#, vec!["(Root): a is required", "(Root): b is required"]),
        (
            "\"x\"",
            r##"{"$ref": "#/definitions/n", "definitions": {"n": {"enum": [1, "<"]}}}"##,
            vec!["(Root): (Root) must be one of the following: 1, \"\\u003c\""],
        ),
        (
            "{\"a\": {\"a\": {\"a\": 3}}}",
            r##"{"additionalProperties": {"$ref": "#"}, "type": "object"}"##,
            vec!["a.a.a: Invalid type. Expected: object, given: integer"],
        ),
    ] {
        assert_eq!(errors(document, schema), expected, "{schema}");
    }
}

#[test]
fn hostile_schemas_end() {
    let loops = r##"{"$ref": "#"}"##;
    assert!(call("json.match_schema", &["{}", loops]).is_err());
    let many = r##"{"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "not": {}}"##;
    assert!(call("json.match_schema", &["{}", many]).is_err());
    let deep = format!("{}{}", "{\"not\":".repeat(100), "{}".to_owned() + &"}".repeat(100));
    assert!(call("json.verify_schema", &[&deep]).is_ok());
    assert_eq!(
        call("json.match_schema", &["{}", r#"{"$ref": "http://example.com/x"}"#]),
        Err(BuiltinError::Failed("remote reference loading disabled: http://example.com/x".into()))
    );
}
