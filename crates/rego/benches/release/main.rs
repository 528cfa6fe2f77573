//! What a gate pays for Rego, beside OPA in the same run (`SLUICE_OPA`, see tools/opa): load and compile of a large policy,
//! each further input, and twenty inputs on two threads. On conforma/policy where `SLUICE_CONFORMA_POLICY` names a
//! checkout, and else on policies made here of its size and shape. Each measurement is a process of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod made;

use serde_json::{Value as Json, json};
use sluice_rego::ast::{Ref, Version};
use sluice_rego::builtins::HostBuiltin;
use sluice_rego::{Engine, QueryOptions, QueryScope, Value};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Conforma's own builtins; here they are undefined.
const HOST: &[(&str, usize)] = &[
    ("ec.oci.blob", 1),
    ("ec.oci.blob_files", 2),
    ("ec.oci.descriptor", 1),
    ("ec.oci.image_files", 2),
    ("ec.oci.image_index", 1),
    ("ec.oci.image_manifest", 1),
    ("ec.oci.image_manifests", 1),
    ("ec.oci.image_referrers", 1),
    ("ec.oci.image_tag_refs", 1),
    ("ec.oci.parsed_blob", 1),
    ("ec.purl.is_valid", 1),
    ("ec.purl.parse", 1),
    ("ec.sigstore.verify_attestation", 2),
    ("ec.sigstore.verify_image", 2),
];
const INPUTS: usize = 20;
const ROUNDS: usize = 3;

/// What is measured: policies, data, inputs and the query over all release packages.
struct Work {
    name: &'static str,
    paths: Vec<PathBuf>,
    inputs: Vec<PathBuf>,
    query: String,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == "measure") {
        let job: Json = serde_json::from_str(&args[at + 1]).unwrap();
        println!("{}", measure(&job));
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rego-bench");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let inputs = made::inputs(&folder, INPUTS);
    let work = match std::env::var_os("SLUICE_CONFORMA_POLICY").map(PathBuf::from) {
        Some(checkout) => conforma(&checkout, &folder, inputs),
        None => {
            let paths = made::policies(&folder);
            let query = query(&paths[1..2]);
            Work { name: "made policies of the size and shape of conforma/policy", paths, inputs, query }
        }
    };
    let size = std::fs::metadata(&work.inputs[0]).unwrap().len() / 1024;
    println!("{}; {INPUTS} inputs of {size} KiB", work.name);
    println!("{:<44} {:>10} {:>10} {:>7}", "", "sluice", "OPA", "ratio");
    let row = |what: &str, ours: f64, peer: Option<f64>, unit: &str| {
        let shown = |n: f64| if unit == "MB" { format!("{n:.0} MB") } else { format!("{n:.4} s") };
        let peer = peer.filter(|peer| *peer > 0.0);
        let ratio = peer.map_or_else(|| "-".to_owned(), |peer| format!("{:.1}", peer / ours));
        println!("{what:<44} {:>10} {:>10} {ratio:>7}", shown(ours), peer.map_or_else(|| "-".to_owned(), shown));
    };
    let number = |report: &Json, path: &str| report.pointer(path).and_then(Json::as_f64).unwrap_or_default();
    let both = |inputs: bool, repeat: usize, threads: usize| {
        let ours = ours(&work, inputs, repeat, threads, false);
        (ours, peer(&work, inputs, repeat, threads))
    };
    let load = |report: &Json| number(report, "/load/user") + number(report, "/compile/user");
    let peak = |report: &Json| number(report, "/peak_kib") / 1024.0;
    let (mine, theirs) = both(false, 1, 1);
    row("load and compile, CPU", load(&mine), theirs.as_ref().map(load), "s");
    row("load and compile, peak memory", peak(&mine), theirs.as_ref().map(peak), "MB");
    let each = |report: &Json| number(report, "/eval/user") / number(report, "/evaluations");
    let wall = |report: &Json| number(report, "/eval/wall") / number(report, "/evaluations");
    let (one, their_one) = both(true, ROUNDS, 1);
    row("one more input, CPU", each(&one), their_one.as_ref().map(each), "s");
    row("the same with its proof, CPU", each(&ours(&work, true, 1, 1, true)), None, "s");
    let (two, their_two) = both(true, ROUNDS, 2);
    row("twenty inputs on two threads, peak memory", peak(&two), their_two.as_ref().map(peak), "MB");
    let faster = |one: &Json, two: &Json| wall(one) / wall(two);
    let theirs = their_one.as_ref().zip(their_two.as_ref()).map(|(one, two)| faster(one, two));
    let theirs = theirs.map_or_else(|| "-".to_owned(), |n| format!("{n:.2}"));
    println!("{:<44} {:>10.2} {theirs:>10}", "two threads are faster than one by", faster(&one, &two));
    let results = |report: &Json| number(report, "/results");
    if let Some(their_one) = &their_one {
        assert!((results(&one) - results(their_one)).abs() < 0.5, "the engines found different numbers of answers");
    }
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    if folder.is_file() {
        into.push(folder.to_owned());
        return;
    }
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found.iter().for_each(|path| files(path, into));
}

/// Conforma's release packages, without their tests, and its example data.
fn conforma(checkout: &Path, folder: &Path, inputs: Vec<PathBuf>) -> Work {
    let mut kept = Vec::new();
    for part in ["policy/lib", "policy/release"] {
        let to = folder.join(part);
        let mut found = Vec::new();
        files(&checkout.join(part), &mut found);
        for path in found.iter().filter(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".rego") && !name.ends_with("_test.rego")
        }) {
            let target = to.join(path.strip_prefix(checkout.join(part)).unwrap());
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::copy(path, target).unwrap();
        }
        kept.push(to);
    }
    let mut data = json!({"config": {"policy": {"when_ns": 1_750_000_000_000_000_000_i64}}});
    for name in ["rule_data.yml", "required_tasks.yml", "trusted_tekton_tasks.yml"] {
        let text = std::fs::read_to_string(checkout.join("example/data").join(name)).unwrap();
        let read: Json = serde_saphyr::from_str(&text).unwrap();
        read.as_object().unwrap().iter().for_each(|(key, value)| data[key] = value.clone());
    }
    let file = folder.join("data.json");
    std::fs::write(&file, data.to_string()).unwrap();
    let query = query(&kept[1..2]);
    kept.push(file);
    Work { name: "conforma/policy", paths: kept, inputs, query }
}

/// One query for the deny and warn sets of all packages in some folders.
fn query(folders: &[PathBuf]) -> String {
    let mut found = Vec::new();
    folders.iter().for_each(|folder| files(folder, &mut found));
    let package = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().find_map(|line| line.strip_prefix("package ")).map(str::to_owned)
    };
    let mut packages: Vec<String> = found.iter().filter_map(package).collect();
    packages.sort();
    packages.dedup();
    let asked = packages.iter().enumerate().map(|(i, package)| {
        let path: Vec<Value> = package.split('.').map(Value::from).collect();
        let package = Ref::shown("data", &path);
        format!("d{i} := [x | some x in {package}.deny]; w{i} := [x | some x in {package}.warn]")
    });
    asked.collect::<Vec<_>>().join("; ")
}

fn ours(work: &Work, inputs: bool, repeat: usize, threads: usize, explain: bool) -> Json {
    let inputs: &[PathBuf] = if inputs { &work.inputs } else { &[] };
    let (paths, query) = (&work.paths, &work.query);
    let job = json!({
        "paths": paths, "inputs": inputs, "query": query, "repeat": repeat, "threads": threads, "explain": explain,
    });
    let output = Command::new(std::env::current_exe().unwrap()).args(["measure", &job.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// OPA on the same; none where it is not at hand.
fn peer(work: &Work, inputs: bool, repeat: usize, threads: usize) -> Option<Json> {
    let mut command = Command::new(std::env::var_os("SLUICE_OPA")?);
    command.args([
        "peer",
        "bench",
        "--query",
        &work.query,
        "--repeat",
        &repeat.to_string(),
        "--threads",
        &threads.to_string(),
    ]);
    for path in &work.paths {
        command.arg("--data").arg(path);
    }
    for path in work.inputs.iter().filter(|_| inputs) {
        command.arg("--input").arg(path);
    }
    for (name, arity) in HOST {
        command.args(["--function", &format!("{name}/{arity}")]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "OPA: {}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Seconds of CPU that this process has had; of this thread where it is the only one.
fn cpu(whole: bool) -> f64 {
    if whole {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        return fields[11].parse::<f64>().unwrap() / 100.0;
    }
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// One measurement, in the form in which the peer reports its own.
fn measure(job: &Json) -> Json {
    let list = |key: &str| -> Vec<PathBuf> { serde_json::from_value(job[key].clone()).unwrap() };
    let start = cpu(false);
    let mut found = Vec::new();
    list("paths").iter().for_each(|path| files(path, &mut found));
    let mut engine = Engine::new(Version::V1);
    HOST.iter().for_each(|(name, arity)| engine.add_builtin(HostBuiltin::new(name, *arity, |_, _| Ok(None))));
    for path in &found {
        let text = std::fs::read_to_string(path).unwrap();
        match path.extension().is_some_and(|ending| ending == "json") {
            true => engine.set_data(sluice_rego::json::parse(&text).unwrap()),
            false => {
                engine.add_module(&path.display().to_string(), &text).unwrap_or_else(|errors| panic!("{}", errors[0]))
            }
        }
    }
    let loaded = cpu(false);
    let policy = engine.compile().unwrap_or_else(|errors| panic!("{}", errors[0]));
    drop(engine);
    let query = policy.prepare(job["query"].as_str().unwrap(), &QueryScope::default()).unwrap();
    let compiled = cpu(false);
    let inputs: Vec<Value> = list("inputs")
        .iter()
        .map(|path| sluice_rego::json::parse(&std::fs::read_to_string(path).unwrap()).unwrap())
        .collect();
    let options = QueryOptions { now_ns: 1_750_000_000_000_000_000, ..QueryOptions::default() };
    let explain = job["explain"] == true;
    let eval = |input: &Value| {
        let input = Some(input.clone());
        let answers = match explain {
            true => query.explain(input, &options).map(|(answers, _)| answers),
            false => query.eval(input, &options),
        };
        answers.unwrap_or_else(|errors| panic!("{}", errors[0])).len()
    };
    let first = inputs.first().map_or(0, eval);
    let (repeat, threads) = (job["repeat"].as_u64().unwrap() as usize, job["threads"].as_u64().unwrap() as usize);
    let (before, wall) = (cpu(true), Instant::now());
    let work: Vec<&Value> = std::iter::repeat_n(&inputs, repeat).flatten().collect();
    let results: usize = std::thread::scope(|scope| {
        let share = |thread: usize| work.iter().skip(thread).step_by(threads).map(|input| eval(input)).sum::<usize>();
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || share(thread))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let (used, wall) = (cpu(true) - before, wall.elapsed().as_secs_f64());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    json!({
        "load": {"user": loaded - start}, "compile": {"user": compiled - loaded}, "eval": {"user": used, "wall": wall},
        "evaluations": work.len(), "results": first + results, "peak_kib": peak,
    })
}
