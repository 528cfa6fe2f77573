//! Every module of OPA's compliance cases parses, or fails to where the case says so. The cases are in a corpus that the
//! environment names; where it is missing the test says so and, in CI, fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sluice_rego::Code;
use sluice_rego::ast::{Source, Version};
use sluice_rego::parse::{Options, parse_module, parse_query};
use std::io::Read;

fn cases() -> Option<Vec<(String, String)>> {
    let Some(folder) = std::env::var_os("SLUICE_CORPUS") else {
        assert!(std::env::var_os("CI").is_none(), "SLUICE_CORPUS is not set, and in CI the corpus is needed");
        eprintln!("NOT CHECKED against OPA's cases: set SLUICE_CORPUS to the folder of the corpus");
        return None;
    };
    let file = std::fs::File::open(std::path::Path::new(&folder).join("opa-cases.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut out = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        if path.ends_with(".yaml") {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            out.push((path, text));
        }
    }
    Some(out)
}

#[test]
fn modules_and_queries_parse() {
    let Some(files) = cases() else { return };
    let (mut modules, mut queries, mut wrong) = (0, 0, Vec::new());
    for (path, text) in files {
        let version = if path.contains("/v0/") { Version::V0 } else { Version::V1 };
        let options = Options { version, annotations: true, ..Options::default() };
        let file: serde_json::Value = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
        for case in file["cases"].as_array().into_iter().flatten() {
            let wanted = case["want_error_code"] == "rego_parse_error";
            let found: Vec<_> = case["modules"].as_array().into_iter().flatten().filter_map(|m| m.as_str()).collect();
            let failed = found.iter().any(|text| parse_module(&Source::new(0, "m", text), &options).is_err());
            modules += found.len();
            if failed != wanted {
                wrong.push(format!("{path}: {}", case["note"]));
            }
            if let Some(query) = case["query"].as_str() {
                queries += 1;
                let all = Options { all_future_keywords: true, ..options };
                if let Err(errors) = parse_query(&Source::new(0, "", query), &all) {
                    assert!(errors.iter().all(|error| error.code == Code::Parse));
                    wrong.push(format!("{path}: {query}: {}", errors[0]));
                }
            }
        }
    }
    println!("{modules} modules, {queries} queries");
    assert!(modules > 4000 && queries > 3000, "{modules} modules and {queries} queries are too few");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
