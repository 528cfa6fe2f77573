//! Any bytes as policy, query, JSON, YAML or arguments of builtins end in a result or an error: no panic and no long time.
//! A few seconds by default; `SLUICE_FUZZ_SECONDS` is for longer runs, `SLUICE_FUZZ_SEED` for others. Seeds are OPA's own
//! cases where `SLUICE_CORPUS` has them, and all that this crate was ever found to differ in from OPA.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
#[path = "../differential/pools.rs"]
mod pools;
#[path = "../differential/random.rs"]
mod random;
mod seeds;
mod targets;

use random::Random;
use std::time::{Duration, Instant};

/// No input may take longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn any_bytes_come_to_an_end() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect(name));
    let seconds = Duration::from_secs(number("SLUICE_FUZZ_SECONDS", 6));
    let mut random = Random::new(number("SLUICE_FUZZ_SEED", 1));
    let seeds = seeds::all();
    let share = seconds / u32::try_from(targets::ALL.len()).unwrap();
    for (name, target) in targets::ALL {
        let end = Instant::now() + share;
        let mut count = 0;
        while Instant::now() < end {
            let bytes = input(&mut random, name, &seeds);
            one(name, *target, &bytes);
            count += 1;
        }
        println!("{name}: {count} inputs");
    }
}

#[test]
fn what_once_did_not_end_well_does() {
    for (name, target) in targets::ALL {
        for (of, bytes) in seeds::FOUND {
            if of == name {
                one(name, *target, bytes);
            }
        }
    }
}

fn one(name: &str, target: fn(&[u8]), bytes: &[u8]) {
    // Not even a panic's message would name the input of a stack overflow.
    if let Some(path) = std::env::var_os("SLUICE_FUZZ_LAST") {
        std::fs::write(path, bytes).unwrap();
    }
    let since = Instant::now();
    let outcome = std::panic::catch_unwind(|| target(bytes));
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    assert!(outcome.is_ok(), "{name} panicked on {bytes:?}, which is {:?}", shown());
    assert!(since.elapsed() < PATIENCE, "{name} took {:?} on {:?}", since.elapsed(), shown());
}

/// An input for a target: a seed of its kind, changed in a few places.
fn input(random: &mut Random, target: &str, seeds: &seeds::Seeds) -> Vec<u8> {
    let texts = match target {
        "query" => &seeds.queries,
        "json" => &seeds.documents,
        "yaml" => &seeds.yaml,
        "builtin" => return arguments(random, seeds),
        _ => &seeds.modules,
    };
    let mut bytes = texts[random.below(texts.len())].clone().into_bytes();
    mutate(random, &mut bytes, texts);
    bytes
}

/// A builtin and its arguments.
fn arguments(random: &mut Random, seeds: &seeds::Seeds) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(random.below(256)).unwrap()];
    for i in 0..4 {
        if i > 0 {
            bytes.push(0);
        }
        let mut text = match random.below(4) {
            0 => seeds.documents[random.below(seeds.documents.len())].clone(),
            1 => pools::number(random),
            2 => pools::schema(random),
            _ => {
                let kinds: Vec<char> = "sRGCLTdUVJYBHQXEWwFpZ".chars().collect();
                let kind = kinds[random.below(kinds.len())];
                pools::text(random, kind)
            }
        }
        .into_bytes();
        if random.percent(50) {
            mutate(random, &mut text, &seeds.documents);
        }
        bytes.extend(text.into_iter().filter(|byte| *byte != 0));
    }
    bytes
}

const WORDS: &str = "{ } [ ] ( ) , : := = == | & \" ` $\" $` . _ 1 -1 1e5 1e400 0.1 # \\ ! ; if in some every not with as else default import package \
    contains data input true null set() 99999999999999999999 \\u0000 \\ud800 %s %d %v * ? ^ $ (?i) {1,1000} 2006 Z -- .. /";

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, others: &[String]) {
    let words: Vec<&str> = WORDS.split(' ').chain(["\n", "\t", " ", "\u{feff}", "é", "\u{1F600}"]).collect();
    for _ in 0..random.below(5) {
        let at = random.below(bytes.len() + 1);
        match random.below(6) {
            0 if at < bytes.len() => {
                bytes.drain(at..bytes.len().min(at + 1 + random.below(20)));
            }
            1 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            2 => {
                let end = bytes.len().min(at + random.below(30));
                let again = bytes[at..end].repeat(1 + random.below(8));
                bytes.splice(at..at, again);
            }
            3 => {
                let other = others[random.below(others.len())].as_bytes();
                let from = random.below(other.len() + 1);
                let to = other.len().min(from + random.below(60));
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                bytes.splice(at..at, words[random.below(words.len())].bytes());
            }
        }
    }
}
