//! What one more image costs: Conforma's release packages over inputs, from folders that the environment names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::builtins::HostBuiltin;
use sluice_rego::{Engine, QueryOptions, Value};
use std::path::{Path, PathBuf};
use std::time::Instant;

const HOST: &[(&str, usize)] = &[
    ("ec.oci.blob", 1),
    ("ec.oci.parsed_blob", 1),
    ("ec.oci.blob_files", 2),
    ("ec.oci.descriptor", 1),
    ("ec.oci.image_manifest", 1),
    ("ec.oci.image_manifests", 1),
    ("ec.oci.image_files", 2),
    ("ec.oci.image_index", 1),
    ("ec.oci.image_tag_refs", 1),
    ("ec.oci.image_referrers", 1),
    ("ec.purl.is_valid", 1),
    ("ec.purl.parse", 1),
    ("ec.sigstore.verify_image", 2),
    ("ec.sigstore.verify_attestation", 2),
];

fn files(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    for path in found {
        if path.is_dir() {
            files(&path, ending, into);
        } else if path.to_string_lossy().ends_with(ending) && !path.to_string_lossy().ends_with("_test.rego") {
            into.push(path);
        }
    }
}

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<f64>().unwrap() / 100.0
}

fn rss() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmRSS")).unwrap().to_owned()
}

fn status() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned()
}

fn main() {
    let Some(folder) = std::env::var_os("SLUICE_CONFORMA_POLICY").map(PathBuf::from) else { return };
    let inputs = PathBuf::from(std::env::var_os("BENCH_INPUTS").unwrap());
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut paths = Vec::new();
    files(&folder.join("policy/lib"), ".rego", &mut paths);
    files(&folder.join("policy/release"), ".rego", &mut paths);
    let texts: Vec<(String, String)> =
        paths.iter().map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect();
    println!("texts: {}", rss());
    let start = Instant::now();
    let mut engine = Engine::new(Version::V1);
    HOST.iter().for_each(|(name, arity)| engine.add_builtin(HostBuiltin::new(name, *arity, |_, _| Ok(None))));
    for (name, text) in &texts {
        engine.add_module(name, text).unwrap();
    }
    println!("{}", rss());
    println!("parse {} files: {:?}", texts.len(), start.elapsed());
    let mut data = serde_json::json!({"config": {"policy": {"when_ns": 1_750_000_000_000_000_000_i64}}});
    let mut ymls = Vec::new();
    files(&folder.join("example/data"), ".yml", &mut ymls);
    for path in ymls {
        let read: serde_json::Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for (key, value) in read.as_object().unwrap() {
            data[key] = value.clone();
        }
    }
    engine.set_data(Value::from_json(&data));
    let start = Instant::now();
    let policy = engine.compile().unwrap_or_else(|errors| panic!("{errors:?}"));
    println!("{} {}", status(), rss()); println!("compile: {:?}; cpu so far {:.2}", start.elapsed(), cpu());
    drop(engine);
    println!("engine dropped: {}", rss());
    let mut packages: Vec<String> = texts
        .iter()
        .filter(|(name, _)| name.contains("policy/release"))
        .filter_map(|(_, text)| text.lines().find_map(|line| line.strip_prefix("package ")).map(str::to_owned))
        .collect();
    packages.sort();
    packages.dedup();
    let query: String = packages
        .iter()
        .enumerate()
        .map(|(i, package)| {
            format!("d{i} := [x | some x in data.{package}.deny]; w{i} := [x | some x in data.{package}.warn]")
        })
        .collect::<Vec<_>>()
        .join("\n");
    let mut inputs: Vec<_> = std::fs::read_dir(inputs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("input"))
        .collect();
    inputs.sort();
    let inputs: Vec<String> = inputs.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let options = QueryOptions { now_ns: 1_750_000_000_000_000_000, ..QueryOptions::default() };
    let started = cpu();
    let whole = Instant::now();
    let mut count = 0;
    for _ in 0..rounds {
        for text in &inputs {
            let start = Instant::now();
            let input = sluice_rego::json::parse(text).unwrap();
            let read = start.elapsed();
            let found = policy.eval_query(&query, Some(input), &options).unwrap_or_else(|errors| panic!("{errors:?}"));
            if count < 3 {
                println!(
                    "read {read:?}, evaluated {:?}: {} findings",
                    start.elapsed(),
                    found[0].values().map(|v| if let Value::Array(a) = v { a.len() } else { 0 }).sum::<usize>()
                );
            }
            count += 1;
        }
    }
    println!(
        "{} packages; {count} inputs: {:.4} s wall each, {:.4} s cpu each",
        packages.len(),
        whole.elapsed().as_secs_f64() / count as f64,
        (cpu() - started) / count as f64
    );
    println!("{}", status());
    if let Some(path) = std::env::var_os("BENCH_OUT") {
        let input = sluice_rego::json::parse(&inputs[0]).unwrap();
        let found = policy.eval_query(&query, Some(input), &options).unwrap();
        std::fs::write(
            path,
            found[0].iter().map(|(k, v)| format!("{k} {}\n", sluice_rego::json::to_string(v))).collect::<String>(),
        )
        .unwrap();
    }
}
