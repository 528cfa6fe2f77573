//! What each construct becomes, and how what is wrong is worded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use sluice_rego::Error;
use sluice_rego::ast::{HeadKind, Module, Scope, Source, Version, json};
use sluice_rego::parse::{Options, parse_module, parse_query};

fn read(text: &str, version: Version) -> Result<Module, Vec<Error>> {
    parse_module(&Source::new(0, "t.rego", text), &Options { version, annotations: true, ..Options::default() })
}

fn v1(text: &str) -> Module {
    read(&format!("package a\n{text}"), Version::V1).unwrap_or_else(|errors| panic!("{text}: {}", errors[0]))
}

/// The term of a query of one expression, as text.
fn shown(text: &str) -> String {
    let body =
        parse_query(&Source::new(0, "", text), &Options::default()).unwrap_or_else(|e| panic!("{text}: {}", e[0]));
    match &body[0].kind {
        sluice_rego::ast::ExprKind::Term(term) => term.to_string(),
        sluice_rego::ast::ExprKind::Call(call) => call.to_string(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn terms_and_operators() {
    for (text, wanted) in [
        ("1 + 2 * 3 - 4", "minus(plus(1, mul(2, 3)), 4)"),
        ("(1 + 2) * 3", "mul(plus(1, 2), 3)"),
        ("a & b | c", "or(and(a, b), c)"),
        ("a == b + 1", "equal(a, plus(b, 1))"),
        ("a < b != c", "neq(lt(a, b), c)"),
        ("x in xs", "internal.member_2(x, xs)"),
        ("k, v in xs", "internal.member_3(k, v, xs)"),
        ("1 in [2] in y", "internal.member_2(internal.member_2(1, [2]), y)"),
        ("x := [1, \"a\", null, true]", "assign(x, [1, \"a\", null, true])"),
        ("x = {1, 2}", "eq(x, {1, 2})"),
        ("{\"a\": 1, b: 2}", "{\"a\": 1, b: 2}"),
        ("{\"a\": 1, \"a\": 2}", "{\"a\": 2}"),
        ("set()", "set()"),
        ("{}", "{}"),
        ("[1,]", "[1]"),
        ("[,1]", "[1]"),
        ("-3", "-3"),
        ("1.5e3", "1.5e3"),
        ("`a\\b`", "\"a\\\\b\""),
        ("\"\\u00e9\\ud83d\\ude00\"", "\"é😀\""),
        ("input.a[\"b c\"][x].if", "input.a[\"b c\"][x][\"if\"]"),
        ("f(x)[0].y", "f(x)[0].y"),
        ("[x | x > 1]", "[x | ...]"),
        ("{x | y}", "{x | ...}"),
        ("{x: y | z}", "{x: y | ...}"),
        ("{x | y, z}", "{or(x, y), z}"),
        ("io.jwt.decode(x)", "io.jwt.decode(x)"),
    ] {
        assert_eq!(shown(text), wanted, "{text}");
    }
}

#[test]
fn heads() {
    use HeadKind::{Complete, Function, PartialObject, PartialSet};
    for (text, kind, reference) in [
        ("p := 1", Complete, "p"),
        ("p if true", Complete, "p"),
        ("p contains x if x := 1", PartialSet, "p"),
        ("p.q contains 1", PartialSet, "p.q"),
        ("p[x] := 1 if x := 2", PartialObject, "p[x]"),
        ("p.q.r := 1", Complete, "p.q.r"),
        ("p.q[x].r if x := 1", PartialObject, "p.q[x].r"),
        ("f(x) := x", Function, "f"),
        ("a.f(x) if x", Function, "a.f"),
        ("f() := 1", Complete, "f"),
        ("default p := 1", Complete, "p"),
        ("if.x := 1", Complete, "if.x"),
    ] {
        let module = v1(text);
        let head = &module.rules[0].head;
        let shown = json!(head.reference.iter().map(ToString::to_string).collect::<Vec<_>>().join("/"));
        assert_eq!(head.kind, kind, "{text}");
        let parts: Vec<String> = reference.replace('[', ".").replace(']', "").split('.').map(str::to_owned).collect();
        assert_eq!(shown.as_str().unwrap().replace('"', ""), parts.join("/"), "{text}");
    }
}

#[test]
fn bodies_and_chains() {
    let module = v1("p := 1 if { x; not y } else := 2 if z else := 3\nq if { a with input.b as 1 with data.c as 2 }");
    let rule = &module.rules[0];
    assert_eq!((rule.body.len(), rule.elses.len(), rule.body[1].negated, rule.body[1].index), (2, 2, true, 1));
    assert!(rule.elses[1].generated_body && !rule.elses[0].generated_body);
    assert_eq!(module.rules[1].body[0].with.len(), 2);
    let module =
        read("package a\np[x] { x := 1 } { x := 2 }\nf(_) = 1 { true } else = 2 { true }", Version::V0).unwrap();
    assert_eq!(module.rules.len(), 3);
    assert_eq!(module.rules[0].head.kind, HeadKind::PartialSet);
    let [first, second] = [&module.rules[2].head.args[0], &module.rules[2].elses[0].args[0]];
    assert_ne!(first.as_var(), second.as_var());
}

#[test]
fn v1_by_import() {
    let text = "package a\nimport rego.v1\np contains 1 if every x in [1] { x in [2] }";
    assert_eq!(read(text, Version::V0).unwrap().version, Version::V0CompatV1);
    let text = "package a\nimport future.keywords.in\nimport future.keywords.if\np if 1 in [1]\nq[x] { x := 1 }";
    assert_eq!(read(text, Version::V0).unwrap().rules.len(), 2);
}

#[test]
fn errors() {
    for (text, wanted) in [
        ("", "rego_parse_error: empty module"),
        ("x := 1", "t.rego:1: rego_parse_error: package expected"),
        ("package a\np { true }", "t.rego:2: rego_parse_error: `if` keyword is required before rule body"),
        ("package a\np.q", "t.rego:2: rego_parse_error: `contains` keyword is required for partial set rules"),
        ("package a\nin := 1", "t.rego:2: rego_parse_error: unexpected in keyword\n\tin := 1\n\t^"),
        (
            "package a\np := {\"a\": 1, \"b\": }",
            "t.rego:2: rego_parse_error: unexpected number token: non-terminated object\n\tp := {\"a\": 1, \"b\": }\n\t           ^",
        ),
        (
            "package a\np if {\n\tx y\n}",
            "t.rego:3: rego_parse_error: unexpected identifier token: expected \\n or ; or }\n\tx y\n\t  ^",
        ),
        ("package a\np := \"x", "t.rego:2: rego_parse_error: non-terminated string\n\tp := \"x\n\t     ^"),
        (
            "package a\nimport foo.bar",
            "t.rego:2: rego_parse_error: unexpected import path, must begin with one of: {data, future, input, rego}, got: foo (hint: if this is unexpected, try updating OPA)\n\timport foo.bar\n\t       ^",
        ),
        (
            "package a\ndefault p := input.x",
            "t.rego:2: rego_parse_error: illegal default rule (value cannot contain ref)",
        ),
        ("package a\ncount(x)", "t.rego:2: rego_parse_error: rule name conflicts with built-in function"),
    ] {
        let error = read(text, Version::V1).unwrap_err()[0].to_string();
        assert!(error.starts_with(wanted), "{text}\n{error}");
    }
    let hint = read("package a\np { some x in [1] }", Version::V0).unwrap_err()[0].to_string();
    assert!(hint.contains("(hint: `import future.keywords.in` for `some x in xs` expressions)"), "{hint}");
}

#[test]
fn annotations_go_to_their_rules() {
    let text = "# METADATA\n# title: pkg\npackage a\n\n# METADATA\n# title: one\n# custom:\n#   when: 2022-01-01\n#   n: 010\n#   s: yes\np := 1\n\np := 1\n\n# METADATA\n# scope: document\n# authors: [A B <a@b>, {name: c}]\nq := 2";
    let module = read(text, Version::V1).unwrap();
    assert_eq!(
        module.annotations.iter().map(|a| a.scope).collect::<Vec<_>>(),
        [Scope::Package, Scope::Rule, Scope::Document]
    );
    assert_eq!(
        module.rules.iter().map(|rule| rule.annotations.clone()).collect::<Vec<_>>(),
        [vec![1], vec![], vec![2]]
    );
    let custom = json!({"when": "2022-01-01T00:00:00Z", "n": 8, "s": "yes"});
    assert_eq!(module.annotations[1].to_json()["custom"], custom);
    assert_eq!(module.annotations[2].to_json()["authors"], json!([{"name": "A B", "email": "a@b"}, {"name": "c"}]));
    for (text, wanted) in [
        (
            "# METADATA\n# title: [1]\npackage a",
            "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into string",
        ),
        ("package a\n# METADATA\n# scope: foo\np := 1", "invalid annotation scope 'foo'"),
        (
            "package a\n# METADATA\n# scope: package\np := 1",
            "annotation scope 'package' must be applied to package (have rule)",
        ),
        ("package a\n# METADATA\n#\np := 1", "expected METADATA block, found whitespace"),
    ] {
        let error = read(text, Version::V1).unwrap_err()[0].to_string();
        assert!(error.contains(wanted), "{text}\n{error}");
    }
}

#[test]
fn modules_as_json() {
    let module = json::module(&v1("import data.x as y\np contains 1 if $\"a{y}\""));
    let wanted: Value = json!({
        "package": {"path": [{"type": "var", "value": "data"}, {"type": "string", "value": "a"}]},
        "imports": [{"alias": "y", "path": {"type": "ref", "value": [{"type": "var", "value": "data"}, {"type": "string", "value": "x"}]}}],
        "rules": [{
            "head": {"name": "p", "key": {"type": "number", "value": 1}, "ref": [{"type": "var", "value": "p"}]},
            "body": [{"index": 0, "terms": {"type": "templatestring", "value": {"multi_line": false, "parts": [
                {"type": "string", "value": "a"}, {"index": 0, "terms": {"type": "var", "value": "y"}}]}}}],
        }],
    });
    assert_eq!(module, sluice_rego::Value::from_json(&wanted));
}
