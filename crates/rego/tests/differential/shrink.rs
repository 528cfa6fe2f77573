//! Smaller requests that keep a difference: lines, brackets and words of policies are left out or made plainer, and so
//! are members of data and inputs, as long as the engines still differ in the same way.

use super::compare::{self, Difference};
use super::oracle::Oracle;
use super::ours;
use serde_json::{Value as Json, json};

/// Rounds of candidates at most.
const ROUNDS: usize = 150;

/// A small request with the same kind of difference.
pub fn shrink(oracle: &mut Oracle, request: &Json, difference: &Difference) -> Json {
    let mut best = request.clone();
    match difference.query {
        Some(query) => best["queries"] = json!([request["queries"][query]]),
        None => best["queries"] = json!([]),
    }
    // Whole rules first, then words.
    for list in [coarse, candidates] {
        for _ in 0..ROUNDS {
            let mut candidates = list(&best);
            candidates.sort_by_key(|candidate| candidate.to_string().len());
            let Some(next) = candidates.chunks(48).find_map(|some| first(oracle, some, &difference.kind)) else {
                break;
            };
            best = next;
        }
    }
    best
}

/// Without a module, or without one of its rules (paragraphs).
fn coarse(request: &Json) -> Vec<Json> {
    let mut all = Vec::new();
    for (name, text) in request["modules"].as_object().into_iter().flatten() {
        let mut fewer = request.clone();
        fewer["modules"].as_object_mut().unwrap().remove(name);
        all.push(fewer);
        let paragraphs: Vec<&str> = text.as_str().unwrap_or_default().split_inclusive("\n\n").collect();
        for i in 1..paragraphs.len() {
            let mut fewer = request.clone();
            fewer["modules"][name] = json!([paragraphs[..i].concat(), paragraphs[i + 1..].concat()].concat());
            all.push(fewer);
        }
    }
    all
}

/// The first request that still shows the difference.
fn first(oracle: &mut Oracle, requests: &[Json], kind: &str) -> Option<Json> {
    let answers = oracle.ask(requests);
    requests.iter().zip(answers).find_map(|(request, opa)| {
        let found = compare::settled(oracle, request, &opa, &ours::answer(request), &mut compare::Excused::new())?;
        (found.kind == kind).then(|| request.clone())
    })
}

fn candidates(request: &Json) -> Vec<Json> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Json)| {
        let mut changed = request.clone();
        change(&mut changed);
        all.push(changed);
    };
    for (name, text) in request["modules"].as_object().into_iter().flatten() {
        with(&|request| {
            request["modules"].as_object_mut().unwrap().remove(name);
        });
        for smaller in texts(text.as_str().unwrap_or_default()) {
            with(&|request| request["modules"][name] = json!(smaller));
        }
    }
    for (i, query) in request["queries"].as_array().into_iter().flatten().enumerate() {
        for smaller in texts(query["query"].as_str().unwrap_or_default()) {
            with(&|request| request["queries"][i]["query"] = json!(smaller));
        }
        for key in ["input", "strict"] {
            if query.get(key).is_some() {
                with(&|request| {
                    request["queries"][i].as_object_mut().unwrap().remove(key);
                });
            }
        }
        if let Some(input) = query.get("input") {
            for smaller in values(input) {
                with(&|request| request["queries"][i]["input"] = smaller.clone());
            }
        }
    }
    if request.get("v0").is_some() {
        with(&|request| {
            request.as_object_mut().unwrap().remove("v0");
        });
    }
    if let Some(data) = request.get("data") {
        for smaller in values(data).into_iter().filter(Json::is_object) {
            with(&|request| request["data"] = smaller.clone());
        }
    }
    all
}

/// Smaller values: members left out or themselves smaller, or one in place of the whole.
fn values(value: &Json) -> Vec<Json> {
    let mut all = Vec::new();
    match value {
        Json::Array(items) => {
            for i in 0..items.len() {
                let mut fewer = items.clone();
                let item = fewer.remove(i);
                all.push(json!(fewer));
                all.push(item.clone());
                for smaller in values(&item) {
                    let mut changed = items.clone();
                    changed[i] = smaller;
                    all.push(json!(changed));
                }
            }
        }
        Json::Object(map) => {
            for (key, item) in map {
                let mut fewer = map.clone();
                fewer.remove(key);
                all.push(json!(fewer));
                all.push(item.clone());
                for smaller in values(item) {
                    let mut changed = map.clone();
                    changed.insert(key.clone(), smaller);
                    all.push(json!(changed));
                }
            }
        }
        Json::String(text) if text.len() > 1 => all.push(json!("a")),
        _ => {}
    }
    all
}

/// Smaller texts.
fn texts(text: &str) -> Vec<String> {
    let words = words(text);
    let mut all = Vec::new();
    let mut replace = |from: usize, to: usize, by: &str| {
        all.push([&words[..from].concat(), by, &words[to..].concat()].concat());
    };
    for (i, word) in words.iter().enumerate() {
        if word == "\n" {
            let end = words[i + 1..].iter().position(|word| word == "\n").map_or(words.len(), |n| i + 1 + n);
            replace(i, end, "");
            let two = words.get(end + 1..).and_then(|rest| rest.iter().position(|word| word == "\n"));
            replace(i, two.map_or(words.len(), |n| end + 1 + n), "");
        }
        if let Some(end) = closing(&words, i) {
            replace(i + 1, end, "");
            replace(i, end + 1, "1");
            replace(i, end + 1, "");
            if i > 0 {
                replace(i - 1, end + 1, "1");
                replace(i - 1, end + 1, "input");
            }
            // The inside alone, and each part of it.
            let inside = words[i + 1..end].concat();
            replace(i, end + 1, &inside);
            let mut parts = vec![i];
            let mut depth = 0_i32;
            for (j, word) in words.iter().enumerate().take(end).skip(i + 1) {
                depth += i32::from(matches!(word.as_str(), "(" | "[" | "{"))
                    - i32::from(matches!(word.as_str(), ")" | "]" | "}"));
                if depth == 0 && matches!(word.as_str(), "," | "|" | ";") {
                    parts.push(j);
                }
            }
            parts.push(end);
            for pair in parts.windows(2) {
                let part = words[pair[0] + 1..pair[1]].concat();
                replace(i, end + 1, &part);
                if i > 0 && words[i - 1] != " " {
                    // With the operator before: the path of a call may have several words.
                    let start = (0..i)
                        .rev()
                        .find(|j| !words[*j].chars().all(|c| c.is_alphanumeric() || "._".contains(c)))
                        .map_or(0, |j| j + 1);
                    replace(start, end + 1, &part);
                }
                if pair[0] > i {
                    replace(pair[0], pair[1], "");
                } else if pair[1] < end {
                    replace(pair[0] + 1, pair[1] + 1, "");
                }
            }
        }
        for count in [1, 2, 3, 4, 6, 8, 12, 24] {
            if i + count <= words.len() {
                replace(i, i + count, "");
            }
        }
        if word.len() > 1 && word.trim() != "" {
            replace(i, i + 1, "1");
            if word.starts_with('"') {
                replace(i, i + 1, "\"a\"");
            }
        }
    }
    all.retain(|smaller| smaller.len() < text.len());
    all.sort_by_key(String::len);
    all.dedup();
    all
}

/// Where a bracket is closed.
fn closing(words: &[String], open: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (i, word) in words.iter().enumerate().skip(open) {
        match word.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (i > open).then_some(i);
        }
    }
    None
}

/// Names, numbers, strings, and all else by character.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let of = |fits: &dyn Fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
        let length = if c.is_alphanumeric() || c == '_' {
            of(&|c| c.is_alphanumeric() || c == '_')
        } else if c == '"' {
            let mut escaped = true;
            rest.char_indices()
                .find(|(_, c)| {
                    let end = *c == '"' && !escaped;
                    escaped = *c == '\\' && !escaped;
                    end
                })
                .map_or(1, |(end, _)| end + 1)
        } else if c == '`' {
            rest[1..].find('`').map_or(1, |end| end + 2)
        } else if ":=!<>".contains(c) {
            of(&|c| ":=!<>".contains(c))
        } else if c == ' ' || c == '\t' {
            of(&|c| c == ' ' || c == '\t')
        } else {
            c.len_utf8()
        };
        words.push(rest[..length].to_owned());
        rest = &rest[length..];
    }
    words
}
