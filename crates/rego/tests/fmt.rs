//! Formatting: scenarios whose outputs are those of `opa fmt` but for `safe`, and what holds of every module of OPA's cases.
//! A scenario's dialect is in its name: `NAME.v0.in.rego`; to write the outputs anew, set `SLUICE_BLESS=1`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sluice_rego::Code;
use sluice_rego::ast::{Module, Source, Version};
use sluice_rego::format::{FormatOptions, format};
use sluice_rego::parse::{Options, parse_module};
use std::io::Read;
use std::path::Path;

fn options(file: &str) -> FormatOptions {
    match file.split('.').nth(1) {
        Some("v0") => FormatOptions::of_flags(false, true, false),
        Some("v0v1") => FormatOptions::of_flags(true, false, false),
        Some("drop") => FormatOptions { drop_v0_imports: true, ..FormatOptions::default() },
        _ => FormatOptions::default(),
    }
}

fn texts(errors: &[sluice_rego::Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fmt");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(stem) = name.strip_suffix(".in.rego") else { continue };
        let text = std::fs::read_to_string(&path).unwrap();
        let out = format(&name, &text, &options(&name)).unwrap_or_else(|errors| panic!("{}", texts(&errors)));
        let wanted = folder.join(format!("{stem}.out.rego"));
        if std::env::var_os("SLUICE_BLESS").is_some() {
            std::fs::write(&wanted, &out).unwrap();
        }
        assert_eq!(out, std::fs::read_to_string(&wanted).unwrap(), "{name}");
        count += 1;
    }
    assert!(count >= 8, "{count} scenarios");
}

#[test]
fn what_is_no_module_is_an_error_at_its_place() {
    let refused = |text: &str, options: &FormatOptions| texts(&format("p.rego", text, options).unwrap_err());
    let v1 = FormatOptions::default();
    assert_eq!(
        refused("package p\n\nq { true }\n", &v1),
        "p.rego:3: rego_parse_error: `if` keyword is required before rule body"
    );
    assert_eq!(
        refused("package p\n\nq if x ==\n", &v1),
        "p.rego:4: rego_parse_error: unexpected eof token\n\tq if x ==\n\t        ^"
    );
    assert_eq!(
        refused("package p\n\nimport data.a\nimport data.b.a\n", &v1),
        "p.rego:4: rego_compile_error: import must not shadow import data.a"
    );
    assert_eq!(
        refused("package p\n\nq if any([true])\n", &v1),
        "p.rego:3: rego_type_error: deprecated built-in function calls in expression: any"
    );
    assert_eq!(
        refused("package p\n\nq if { input := 1 }\n", &v1),
        "p.rego:3: rego_compile_error: variables must not shadow input (use a different variable name)"
    );
    assert_eq!(
        refused("package p\n\nq if plus(1)\n", &v1),
        "p.rego:3: rego_type_error: plus: arity mismatch\n\thave: (number)\n\twant: (number,number)"
    );
    // Template strings are unknown to V0.
    let both = FormatOptions::of_flags(true, false, true);
    let text = "package p\n\nq := 1\n\n\tr := $\"{q}\"\n";
    let error = format("p.rego", text, &both).unwrap_err().remove(0);
    assert_eq!((error.code, error.location.row), (Code::Format, 5));
    assert!(error.to_string().ends_with("\n\tr := $\"{q}\"\n\t^"), "{error}");
    let unchecked = FormatOptions { check_result: false, ..both };
    assert!(format("p.rego", text, &unchecked).unwrap().contains("import rego.v1"));
    assert!(!refused("", &v1).is_empty());
}

#[test]
fn deep_nesting_is_formatted_or_refused() {
    for depth in [50, 100, 1000] {
        for (open, close) in [("[", "]"), ("{1: ", "}"), ("(1 + ", ")"), ("[1 | x := ", "]"), ("f(", ")"), ("x[", "]")]
        {
            let text = format!("package p\n\nq := {}1{}\n", open.repeat(depth), close.repeat(depth));
            let _ = format("p.rego", &text, &FormatOptions::default());
        }
    }
}

fn cases() -> Option<Vec<(Version, String)>> {
    let Some(folder) = std::env::var_os("SLUICE_CORPUS") else {
        assert!(std::env::var_os("CI").is_none(), "SLUICE_CORPUS is not set, and in CI the corpus is needed");
        eprintln!("NOT CHECKED against OPA's cases: set SLUICE_CORPUS to the folder of the corpus");
        return None;
    };
    let file = std::fs::File::open(Path::new(&folder).join("opa-cases.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut out = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        if !path.ends_with(".yaml") {
            continue;
        }
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let version = if path.contains("/v0/") { Version::V0 } else { Version::V1 };
        let file: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        for case in file["cases"].as_array().into_iter().flatten() {
            let modules = case["modules"].as_array().into_iter().flatten();
            out.extend(modules.filter_map(|module| module.as_str()).map(|module| (version, module.to_owned())));
        }
    }
    Some(out)
}

fn read(version: Version, text: &str) -> Option<Module> {
    parse_module(&Source::new(0, "m", text), &Options { version, ..Options::default() }).ok()
}

fn comments(module: &Module) -> Vec<String> {
    let mut out: Vec<String> = module.comments.iter().map(|comment| comment.text.trim_end().to_owned()).collect();
    out.sort();
    out
}

/// The module with comments and line ends in places where few people would have them, the same for the same text.
fn mangled(text: &str) -> String {
    let mut out = String::new();
    let mut seed: u64 = text.len() as u64;
    for c in text.chars() {
        out.push(c);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match (c, seed >> 60) {
            (',' | '(' | '[' | '{', 0..3) => out.push_str(&format!(" # {}\n", seed >> 50)),
            (',' | '(' | '[', 3) => out.push_str("\n\n"),
            ('\n', 0) => out.push_str(&format!("# {}\n", seed >> 50)),
            ('\n', 1) => out.push('\n'),
            (' ', 0..2) => out.push('\t'),
            _ => {}
        }
    }
    out
}

#[test]
fn all_modules_keep_their_meaning_and_comments_and_stay_as_they_are_written() {
    let Some(cases) = cases() else { return };
    let (mut formatted, mut refused) = (0, 0);
    for (i, (version, text)) in cases.into_iter().enumerate() {
        let options = FormatOptions { read: version, write: version, ..FormatOptions::default() };
        // One of four is hard to lay out.
        let texts = if i % 4 == 0 { vec![mangled(&text), text] } else { vec![text] };
        for text in texts {
            let Some(before) = read(version, &text) else { continue };
            let Ok(out) = format("m.rego", &text, &options) else {
                refused += 1;
                continue;
            };
            let after = read(version, &out).unwrap_or_else(|| panic!("{text}\n---\n{out}"));
            assert_eq!(comments(&before), comments(&after), "{text}\n---\n{out}");
            let heads = |module: &Module| {
                module.rules.iter().map(|rule| (rule.head.name().to_owned(), rule.body.len())).collect::<Vec<_>>()
            };
            assert_eq!(heads(&before), heads(&after), "{text}\n---\n{out}");
            assert_eq!(format("m.rego", &out, &options).as_ref(), Ok(&out), "{text}");
            formatted += 1;
            if version == Version::V0
                && let Ok(both) = format("m.rego", &text, &FormatOptions::of_flags(true, false, false))
            {
                let after = read(Version::V0, &both).unwrap_or_else(|| panic!("{text}\n---\n{both}"));
                assert_eq!(comments(&before), comments(&after), "{text}\n---\n{both}");
            }
        }
    }
    println!("{formatted} formatted, {refused} refused");
    assert!(formatted > 4500 && refused < 100, "{formatted} formatted, {refused} refused");
}
