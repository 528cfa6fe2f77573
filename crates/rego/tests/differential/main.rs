//! This crate against OPA: policies over the whole grammar, data, inputs and queries that a seed decides, evaluated by
//! both. By default the same thousand; `SLUICE_DIFFERENTIAL_SECONDS` is for longer runs, `SLUICE_DIFFERENTIAL_SEED` for others.
//! Needs OPA, the program that `tools/build opa` prints, in `SLUICE_OPA`; but every difference ever found is a case in
//! `tests/differences`, with OPA's answer, and is tried without it. `SLUICE_DIFFERENTIAL_WRITE` names a folder for new ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bodies;
mod builtins;
mod compare;
mod excuses;
mod features;
mod generate;
mod oracle;
mod ours;
mod pools;
mod random;
mod repair;
mod rules;
mod shrink;
mod terms;
mod values;

use oracle::Oracle;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Requests that are on their way at a time.
const BATCH: u64 = 64;
/// Requests where no time is given: always the same, on machines of any speed.
const THOUSAND: u64 = 16 * BATCH;
/// Different kinds of differences after which there is no point in looking for more.
const ENOUGH: usize = 12;

#[test]
fn differences_once_found_are_none() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differences");
    let mut wrong = Vec::new();
    let (mut count, mut excused) = (0, compare::Excused::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let case: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let ours = ours::answer(&case["request"]);
        count += 1;
        if compare::difference(&case["request"], &case["answer"], &ours, &mut excused).is_some() {
            wrong.push(format!("{}: OPA answers {}, this crate {ours}", path.display(), case["answer"]));
        }
    }
    println!("{excused:#?}");
    assert!(count > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn generated_policies_are_answered_as_opa_answers_them() {
    let Some(mut oracle) = Oracle::start() else { return };
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect(name));
    let seconds = number("SLUICE_DIFFERENTIAL_SECONDS", 0);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seed = number("SLUICE_DIFFERENTIAL_SEED", 1) << 32;
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let (mut counts, mut excused) = (Counts::default(), compare::Excused::new());
    let mut repaired: Vec<Json> = Vec::new();
    let last = seed + THOUSAND;
    while (if seconds == 0 { seed < last } else { Instant::now() < end }) && found.len() < ENOUGH {
        let mut requests = std::mem::take(&mut repaired);
        requests.extend((seed..seed + BATCH).map(generate::request));
        seed += BATCH;
        let (opa, ours) = std::thread::scope(|scope| {
            let opa = scope.spawn(|| oracle.ask(&requests));
            let ours: Vec<Json> = requests.iter().map(ours::answer).collect();
            (opa.join().unwrap(), ours)
        });
        for ((request, opa), ours) in requests.iter().zip(&opa).zip(&ours) {
            counts.add(opa);
            repaired.extend(repair::repaired(request, opa));
            let Some(difference) = compare::settled(&mut oracle, request, opa, ours, &mut excused) else { continue };
            counts.differences += 1;
            if found.len() < ENOUGH && !found.contains_key(&difference.kind) {
                let small = shrink::shrink(&mut oracle, request, &difference);
                let answer = oracle.ask(std::slice::from_ref(&small)).remove(0);
                write(&difference.kind, &small, &answer);
                let text = shown(&difference.kind, &small, &answer, &ours::answer(&small));
                println!("{text}");
                found.insert(difference.kind, text);
            }
        }
    }
    println!("{counts:?}, excused:");
    for (why, times) in &excused {
        println!("{times:6} {why}");
    }
    let report: String = found.values().map(String::as_str).collect();
    assert!(found.is_empty(), "{} kinds of differences\n{report}", found.len());
}

/// Keeps a case where the environment asks for it.
fn write(kind: &str, request: &Json, answer: &Json) {
    let Some(folder) = std::env::var_os("SLUICE_DIFFERENTIAL_WRITE") else { return };
    std::fs::create_dir_all(&folder).unwrap();
    let name: String = kind.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let case = json!({"request": request, "answer": answer});
    std::fs::write(std::path::Path::new(&folder).join(format!("{name}.json")), format!("{case:#}\n")).unwrap();
}

/// What was compared.
#[derive(Debug, Default)]
struct Counts {
    policies: usize,
    /// Of them, those that OPA refuses.
    refused: usize,
    queries: usize,
    /// Of them, those that end in an error.
    failed: usize,
    /// Of them, those with a solution.
    solved: usize,
    differences: usize,
}

impl Counts {
    fn add(&mut self, answer: &Json) {
        self.policies += 1;
        self.refused += usize::from(answer.get("errors").is_some());
        for query in answer["queries"].as_array().into_iter().flatten() {
            self.queries += 1;
            self.failed += usize::from(query.get("errors").is_some());
            self.solved += usize::from(query["result"].as_array().is_some_and(|result| !result.is_empty()));
        }
    }
}

/// A difference as a person reads it.
fn shown(kind: &str, request: &Json, opa: &Json, ours: &Json) -> String {
    let mut text = format!("\n=== {kind}\n");
    for (name, module) in request["modules"].as_object().into_iter().flatten() {
        text += &format!("--- {name}\n{}\n", module.as_str().unwrap_or_default());
    }
    let rest: BTreeMap<&String, &Json> =
        request.as_object().into_iter().flatten().filter(|(key, _)| *key != "modules" && *key != "millis").collect();
    text + &format!("--- {}\nOPA:  {opa}\nhere: {ours}\n", json!(rest))
}
