//! What mutations start from, and what was found.

use serde_json::Value as Json;
use std::io::Read;

/// Inputs that a target once panicked on or did not come to an end with.
pub const FOUND: &[(&str, &[u8])] = &[];

/// Texts by what they are.
pub struct Seeds {
    pub modules: Vec<String>,
    pub queries: Vec<String>,
    pub documents: Vec<String>,
    pub yaml: Vec<String>,
}

/// All that is at hand.
pub fn all() -> Seeds {
    let mut seeds = Seeds {
        modules: vec!["package a\np contains x if some x in input.l\n".to_owned()],
        queries: vec!["x = data.a".to_owned()],
        documents: vec!["{\"a\": [1, 2.5, null, {\"b\": \"c\"}]}".to_owned()],
        yaml: [
            "a: [1, {b: c}]\n",
            "- &x 1\n- *x\n",
            "a: |\n  text\nb: >-\n  more\n",
            "? x\n: !!str y\n",
            "{a: 1, b: [~, yes, 0x1]}",
        ]
        .map(str::to_owned)
        .to_vec(),
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differences");
    for entry in std::fs::read_dir(folder).unwrap() {
        let case: Json = serde_json::from_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        let modules = case["request"]["modules"].as_object().into_iter().flatten();
        seeds.modules.extend(modules.filter_map(|(_, text)| text.as_str().map(str::to_owned)));
        let queries = case["request"]["queries"].as_array().into_iter().flatten();
        seeds.queries.extend(queries.filter_map(|query| query["query"].as_str().map(str::to_owned)));
        seeds.documents.push(case["answer"].to_string());
    }
    if let Some(folder) = std::env::var_os("SLUICE_CORPUS")
        && let Ok(file) = std::fs::File::open(std::path::Path::new(&folder).join("opa-cases.tar.gz"))
    {
        cases(file, &mut seeds);
    }
    seeds
}

/// Of OPA's own cases.
fn cases(file: std::fs::File, seeds: &mut Seeds) {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries().unwrap() {
        let mut text = String::new();
        if entry.unwrap().read_to_string(&mut text).is_err() {
            continue;
        }
        let Ok(document) = serde_saphyr::from_str::<Json>(&text) else { continue };
        for case in document["cases"].as_array().into_iter().flatten() {
            let modules = case["modules"].as_array().into_iter().flatten();
            seeds.modules.extend(modules.filter_map(|module| module.as_str().map(str::to_owned)));
            seeds.queries.extend(case["query"].as_str().map(str::to_owned));
            seeds
                .documents
                .extend(["data", "input", "want_result"].iter().filter_map(|key| case.get(key)).map(Json::to_string));
        }
        seeds.yaml.push(text);
    }
}
