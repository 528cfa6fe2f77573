//! What is wrong with small modules, as `opa check` of 1.15.2 says it. Each entry of the table begins with `##` (`## strict`
//! with `--strict`), then come the module after `package t` and an empty line, `--`, and what OPA says (nothing: it is good).

#![allow(clippy::unwrap_used)]

use sluice_rego::ast::Version;
use sluice_rego::builtins::HostBuiltin;
use sluice_rego::{Engine, Error};

const TABLE: &str = include_str!("check_table.txt");

fn check(module: &str, strict: bool) -> Vec<Error> {
    let mut engine = Engine::new(Version::V1);
    engine.set_strict(strict);
    match engine.add_module("t.rego", &format!("package t\n\n{module}\n")) {
        Ok(()) => engine.compile().err().unwrap_or_default(),
        Err(errors) => errors,
    }
}

#[test]
fn what_is_wrong_is_said_as_opa_says_it() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in TABLE.split("## ").flat_map(|part| part.split("##\n")).filter(|entry| !entry.is_empty()) {
        let (strict, entry) = match entry.strip_prefix("strict\n") {
            Some(entry) => (true, entry),
            None => (false, entry),
        };
        let (module, wanted) = entry.split_once("\n--\n").unwrap();
        let mut found: Vec<String> = check(module, strict).iter().map(ToString::to_string).collect();
        let mut lines: Vec<String> = Vec::new();
        for line in wanted.lines() {
            match lines.last_mut().filter(|_| line.starts_with('\t')) {
                Some(last) => *last = format!("{last}\n{line}"),
                None => lines.push(line.to_owned()),
            }
        }
        if wanted.contains("unsafe") || wanted.contains("unused") {
            // OPA gives these in no order.
            found.sort();
            lines.sort();
        }
        count += 1;
        if found != lines {
            wrong.push(format!("{module}\nwanted: {lines:#?}\nfound: {found:#?}"));
        }
    }
    assert!(count > 200, "{count} entries");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn a_near_miss_has_a_hint_that_is_no_part_of_the_message() {
    for (module, wanted) in [
        ("p if starts_with(\"a\", \"b\")", Some("did you mean `startswith`?")),
        ("helper(x) := x\np := helpr(1)", Some("did you mean `helper`?")),
        ("helper(x) := x\np := data.t.helpre(1)", Some("did you mean `helper`?")),
        ("q := {\"repository\": 1}\np := q.repositry", Some("did you mean `repository`?")),
        ("import data.a.repositories\np if repositores[_] == 1", Some("did you mean `repositories`?")),
        ("p if { registry := 1; regstry == 1 }", Some("did you mean `registry`?")),
        ("p if frobnicate_it(1)", None),
        ("p if { y == 1 }", None),
        ("p if count(1)", None),
    ] {
        let errors = check(module, false);
        let error = errors.first().unwrap();
        assert_eq!(error.hint(), wanted, "{module}: {error}");
        assert!(!error.to_string().contains("did you mean"), "{error}");
    }
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    for (module, wanted) in [
        ("import data.a\np := 1", Some("t.rego:3: rego_compile_error: import data.a unused")),
        (
            "p if { input.x; false }",
            Some("t.rego:3: rego_compile_error: rule data.t.p can never be true here: `false` stands alone"),
        ),
        ("p if 1 == 2", Some("t.rego:3: rego_compile_error: rule data.t.p can never be true here: 1 is not 2")),
        ("p if not true", Some("t.rego:3: rego_compile_error: rule data.t.p can never be true here: `not true`")),
        ("import data.a\np := a", None),
        ("import rego.v1\np if { 1 == 1; 2 > 1; not false }", None),
    ] {
        let mut engine = Engine::new(Version::V1);
        engine.add_module("t.rego", &format!("package t\n\n{module}\n")).unwrap();
        let compiled = engine.compile().unwrap();
        assert_eq!(compiled.warnings().first().map(ToString::to_string).as_deref(), wanted, "{module}");
    }
}

#[test]
fn a_host_declares_its_builtins_with_types() {
    let engine = |declaration: Option<&str>| {
        let mut engine = Engine::new(Version::V1);
        let blob = HostBuiltin::new("ec.oci.blob", 1, |_, _| Ok(None));
        engine.add_builtin(match declaration {
            Some(declaration) => blob.typed(declaration).unwrap(),
            None => blob,
        });
        engine.add_module("t.rego", "package t\n\np if ec.oci.blob(1) == 2\n").unwrap();
        engine.compile().map(|_| ()).map_err(|errors| errors.iter().map(ToString::to_string).collect::<String>())
    };
    assert_eq!(engine(None), Ok(()));
    let wrong = "t.rego:3: rego_type_error: ec.oci.blob: invalid argument(s)\n\thave: (number, ???)\n\twant: (ref: string, any)";
    assert_eq!(engine(Some("(ref: string) => any")), Err(wrong.to_owned()));
    assert!(HostBuiltin::new("x", 1, |_, _| Ok(None)).typed("(ref: text)").is_err());
}

#[test]
fn no_more_than_ten_errors_are_given() {
    let module: String = (0..20).map(|i| format!("p{i} := count({i})\n")).collect();
    let errors = check(&module, false);
    assert_eq!(errors.len(), 11);
    assert_eq!(errors[10].to_string(), "rego_compile_error: error limit reached");
}

#[test]
fn types_that_grow_without_end_are_bounded() {
    let mut module = "a0 := {\"x\": 1, \"y\": \"z\"}\n".to_owned();
    for i in 1..400 {
        module.push_str(&format!("a{i} := [a{0}, {{\"b\": a{0}}}, {{a{0}}}]\n", i - 1));
    }
    assert_eq!(check(&module, false), []);
}

#[test]
fn functions_whose_names_are_not_constant_are_refused() {
    for head in ["o[upper(\"k\")](x) := x", "o[x](x) := 1", "o[[1]](1) := 1", "o[data.k](_) if true", "o[data.k](1)"] {
        let found = check(head, false);
        assert!(
            found[0].message.ends_with("has a name that is not constant, by which nothing can call it"),
            "{found:?}"
        );
    }
    assert!(check("o[\"k\"].l(x) := x", false).is_empty());
}
