//! Where a policy comes from, and what is said when it cannot be had: a registry, a folder, and everything that is wrong
//! with either. Without a policy there is an error, never a verdict.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::{Value, json};
use sluice_policy::{Gate, PolicyError, ValidateRequest};
use std::io::Write;
use std::sync::Arc;
use support::{Build, Memory, case};

const RULE: &str = "package own\n\nimport rego.v1\n\ndeny contains \"no\" if input.component_name == \"bad\"\n";

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn request(source: Value) -> ValidateRequest {
    let mut request = Build::new(case("good")).request();
    request.policy.sources = vec![serde_json::from_value(source).unwrap()];
    request
}

async fn prepared(request: ValidateRequest, store: Memory) -> Result<Gate, PolicyError> {
    Gate::prepare(request, Arc::new(store)).await
}

async fn refused(request: ValidateRequest) -> String {
    prepared(request, Memory::default()).await.unwrap_err().to_string()
}

#[tokio::test]
async fn policy_and_data_come_from_a_registry() {
    let mut store = Memory::default();
    let policy = store.put_blob(
        "application/vnd.sluice.policy.v1.tar+gzip",
        &archive(&[("own.rego", RULE), ("own_test.rego", "not rego")]),
    );
    let data = store.put_blob("application/x.tar+gzip", &archive(&[("a.json", "{\"a\": 1}")]));
    let lock = store.put_blob("application/x.lock+json", b"{\"v\": 1}");
    store.put_manifest(Some("policy"), vec![policy]);
    store.put_manifest(Some("data"), vec![data, lock]);
    let source = json!({
        "policy": ["oci::localhost:5000/acme/hello:policy"],
        "data": ["oci://localhost:5000/acme/hello:data"],
    });
    prepared(request(source), store).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_had_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path.parent().unwrap().display().to_string()
    };
    let good = file("good/own.rego", RULE);
    let inline = |text: &str| {
        use base64::Engine;
        format!("data:application/json;base64,{}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    let broken = file("broken/x.rego", "package x\n\ndeny contains if {\n");
    let named = RULE.replace("deny contains", "# METADATA\n# custom:\n#   short_name: own\ndeny contains");
    let twice = {
        file("twice/a.rego", &named);
        file("twice/b.rego", &named)
    };
    let chain = "package x\n\nimport rego.v1\n\ndeny contains rego.metadata.chain() if true\n";
    let unannotated = file("chain/x.rego", chain);
    let empty = file("empty/README.md", "nothing");
    let cases = [
        (
            json!({"policy": ["git::https://example.com/policy"]}),
            "`git::https://example.com/policy` is of a kind that is not supported",
        ),
        (
            json!({"policy": ["oci::localhost:5000/none:1"]}),
            "`oci::localhost:5000/none:1` cannot be read: it is not in the registry",
        ),
        (json!({"policy": ["file::/nowhere/at/all"]}), "`/nowhere/at/all`: No such file"),
        (json!({"policy": [empty]}), "has no Rego files"),
        (json!({"policy": []}), "the policy has no sources"),
        (json!({"policy": [good], "data": [inline("{\"own\": {\"deny\": []}}")]}), "data defines `own`"),
        (json!({"policy": [good], "data": [inline("[1]")]}), "does not hold an object"),
        (json!({"policy": [good], "ruleData": [1]}), "`spec.sources[].ruleData` is not an object"),
        (json!({"policy": [broken]}), "`x.rego` cannot be compiled"),
        (json!({"policy": [twice]}), "two rules have the code `own.own`"),
        (json!({"policy": [unannotated]}), "calls rego.metadata.chain()"),
    ];
    for (source, want) in cases {
        let error = refused(request(source)).await;
        assert!(error.contains(want), "{want}\n{error}");
    }
}

#[tokio::test]
async fn keys_and_times_are_checked() {
    let with = |change: fn(&mut ValidateRequest)| {
        let mut request = Build::new(case("good")).request();
        change(&mut request);
        request
    };
    let cases = [
        (with(|r| r.policy.public_key = String::new()), "there is none"),
        (
            with(|r| r.policy.public_key = "k8s://ns/key".into()),
            "`k8s://ns/key` cannot be used: a reference has to be resolved",
        ),
        (with(|r| r.policy.public_key = "/nowhere.pub".into()), "`/nowhere.pub` cannot be used: No such file"),
        (
            with(|r| r.policy.public_key = "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----".into()),
            "cannot be used",
        ),
        (with(|r| r.effective_time = "soon".into()), "effective time `soon`"),
        (with(|r| r.policy.sources.clear()), "the policy has no sources"),
    ];
    for (request, want) in cases {
        let error = refused(request).await;
        assert!(error.contains(want), "{want}\n{error}");
    }
}
