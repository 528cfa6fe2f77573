//! Which crate may reach which, and the outward form of source files. Knows no crate's content: what it reads is
//! `cargo metadata` and the files' text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A crate, and what its normal dependencies must never lead to. `ours` stands for every crate of the workspace.
const RULES: &[(&str, &[&str])] = &[
    ("sluice-api", &["tokio", "hyper", "ours"]),
    ("sluice-attest", &["ours", "but sluice-api"]),
    ("sluice-keys", &["ours", "but sluice-api", "but sluice-attest"]),
    ("sluice-oci", &["axum", "sluice-registry"]),
    (
        "sluice-registry",
        &["sluice-sandbox", "sluice-observer", "sluice-engine", "sluice-policy", "sluice-delivery", "sluice-keys"],
    ),
    (
        "sluice-sandbox",
        &[
            "sluice-keys",
            "sluice-engine",
            "sluice-observer",
            "sluice-policy",
            "sluice-rego",
            "sluice-delivery",
            "sluice-apiserver",
            "sluice-registry",
        ],
    ),
    (
        "sluice-engine",
        &[
            "sluice-sandbox",
            "sluice-observer",
            "sluice-policy",
            "sluice-rego",
            "sluice-delivery",
            "sluice-apiserver",
            "sluice-registry",
        ],
    ),
    (
        "sluice-observer",
        &[
            "sluice-sandbox",
            "sluice-engine",
            "sluice-policy",
            "sluice-rego",
            "sluice-delivery",
            "sluice-apiserver",
            "sluice-registry",
            "axum",
        ],
    ),
    ("sluice-apiserver", &["sluice-sandbox", "sluice-observer", "sluice-engine", "sluice-delivery", "sluice-keys"]),
    ("sluice-policy", &["sluice-sandbox", "sluice-observer", "sluice-engine", "sluice-delivery", "sluice-keys"]),
    ("sluice-delivery", &["sluice-sandbox", "sluice-observer", "sluice-engine", "sluice-policy", "sluice-keys"]),
    ("sluice-rego", &["ours", "tokio"]),
    ("sluice-cli", &["sluice-sandbox", "sluice-observer"]),
];

/// Private keys are in the hands of these alone.
const MAY_REACH_KEYS: &[&str] = &["sluice-observer", "sluice-engine", "sluice-cli"];

/// Crates of the design that are not written yet; a rule may name them.
const LATER: &[&str] = &["sluice-web"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// Names of the workspace's crates, and each package's normal dependencies by name.
struct Graph {
    ours: BTreeSet<String>,
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn load() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(root())
            .output()
            .expect("cargo metadata runs");
        assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        Self::parse(&serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON"))
    }

    fn parse(metadata: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let names: BTreeMap<String, String> =
            list(&metadata["packages"]).iter().map(|p| (text(&p["id"]), text(&p["name"]))).collect();
        let ours = list(&metadata["workspace_members"]).iter().map(|id| names[&text(id)].clone()).collect();
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let normal = list(&node["deps"])
                .into_iter()
                .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()))
                .map(|dep| names[&text(&dep["pkg"])].clone());
            edges.entry(names[&text(&node["id"])].clone()).or_default().extend(normal);
        }
        Self { ours, edges }
    }

    /// The shortest way from one crate to another, both ends included.
    fn path(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut came: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            for next in self.edges.get(at).into_iter().flatten() {
                if next == from || came.contains_key(next.as_str()) {
                    continue;
                }
                came.insert(next, at);
                if next == to {
                    let mut path = vec![to.to_owned()];
                    while let Some(before) = came.get(path.last().unwrap().as_str()) {
                        path.push((*before).to_owned());
                    }
                    path.reverse();
                    return Some(path);
                }
                queue.push_back(next);
            }
        }
        None
    }

    fn forbidden(&self, from: &str, rule: &[&str]) -> Vec<String> {
        let spared: Vec<&str> = rule.iter().filter_map(|name| name.strip_prefix("but ")).collect();
        let mut names: BTreeSet<String> =
            rule.iter().filter(|n| **n != "ours" && !n.starts_with("but ")).map(|n| (*n).to_owned()).collect();
        if rule.contains(&"ours") {
            names.extend(self.ours.iter().filter(|n| *n != from && !spared.contains(&n.as_str())).cloned());
        }
        names.into_iter().collect()
    }

    fn offences(&self, rules: &[(&str, &[&str])], may_reach_keys: &[&str]) -> Vec<String> {
        let mut offences = Vec::new();
        for (from, rule) in rules {
            for to in self.forbidden(from, rule) {
                offences.extend(self.path(from, &to).map(|path| path.join(" -> ")));
            }
        }
        for from in self.ours.iter().filter(|n| *n != "sluice-keys" && !may_reach_keys.contains(&n.as_str())) {
            offences.extend(self.path(from, "sluice-keys").map(|path| path.join(" -> ")));
        }
        offences
    }
}

#[test]
fn no_crate_reaches_what_it_must_not() {
    let offences = Graph::load().offences(RULES, MAY_REACH_KEYS);
    assert!(offences.is_empty(), "dependencies that the architecture forbids:\n  {}", offences.join("\n  "));
}

#[test]
fn rules_name_crates_that_exist() {
    let graph = Graph::load();
    let known = |name: &str| graph.ours.contains(name) || LATER.contains(&name);
    for (from, rule) in RULES {
        assert!(known(from), "a rule is about {from}, which is no crate");
        for name in rule.iter().map(|n| n.strip_prefix("but ").unwrap_or(n)).filter(|n| n.starts_with("sluice-")) {
            assert!(known(name), "the rule of {from} names {name}, which is no crate");
        }
    }
    assert!(MAY_REACH_KEYS.iter().all(|name| known(name)));
}

#[test]
fn a_forbidden_path_is_found_and_named() {
    let graph = Graph::parse(&serde_json::json!({
        "packages": [{"id": "1", "name": "sluice-api"}, {"id": "2", "name": "helper"}, {"id": "3", "name": "tokio"}],
        "workspace_members": ["1"],
        "resolve": {"nodes": [
            {"id": "1", "deps": [{"pkg": "2", "dep_kinds": [{"kind": null}]}, {"pkg": "3", "dep_kinds": [{"kind": "dev"}]}]},
            {"id": "2", "deps": [{"pkg": "3", "dep_kinds": [{"kind": "build"}, {"kind": null}]}]},
        ]},
    }));
    assert_eq!(graph.offences(&[("sluice-api", &["tokio"])], &[]), ["sluice-api -> helper -> tokio"]);
}

#[test]
fn there_are_at_most_420_packages() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    assert!(packages <= 420, "Cargo.lock has {packages} packages, and 420 is the limit");
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "target" {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn sources_are_tidy() {
    // Put together here, so that this file does not hold them.
    let unfinished = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[", "ignore")];
    let mut files = Vec::new();
    for folder in ["crates", "tests"].map(|name| root().join(name)).iter().filter(|folder| folder.is_dir()) {
        sources(folder, &mut files);
    }
    assert!(!files.is_empty());
    let mut offences = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        if !text.starts_with("//! ") {
            offences.push(format!("{name} does not begin with a module comment"));
        }
        if text.lines().count() > 600 {
            offences.push(format!("{name} has {} lines, and 600 is the limit", text.lines().count()));
        }
        for mark in unfinished {
            if text.contains(mark) {
                offences.push(format!("{name} holds `{mark}`"));
            }
        }
    }
    assert!(offences.is_empty(), "untidy sources:\n  {}", offences.join("\n  "));
}
