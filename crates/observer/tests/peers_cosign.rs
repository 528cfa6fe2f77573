//! The real cosign on what the observer stored. Needs SLUICE_COSIGN, the path of the program that `tools/build cosign`
//! makes; without it the test says so and, in CI, fails.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use common::World;
use serde_json::Value;
use sluice_keys::SigningKey;
use sluice_observer::Outcome;
use std::path::{Path, PathBuf};
use std::process::Output;

fn cosign() -> Option<PathBuf> {
    match std::env::var_os("SLUICE_COSIGN") {
        Some(path) => Some(path.into()),
        None if std::env::var_os("CI").is_some() => panic!("SLUICE_COSIGN is not set, and in CI cosign is needed"),
        None => {
            eprintln!("NOT CHECKED with cosign: set SLUICE_COSIGN to what `tools/build cosign` prints");
            None
        }
    }
}

/// Runs cosign with a home of its own; what it prints is kept.
async fn run(program: &Path, home: &Path, args: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(program);
    command.args(args).env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").kill_on_drop(true);
    command.output().await.unwrap()
}

fn succeeded(output: &Output) -> bool {
    let success = output.status.success();
    if !success {
        eprintln!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    success
}

#[tokio::test]
async fn cosign_verifies_signature_and_both_statements() {
    let Some(program) = cosign() else { return };
    let world = World::new().await;
    let image = world.image("acme/hello").await;
    let run_key = world.pipeline_run("run", &["build"], None).await;
    let build = world.child(&run_key, "build", Some(&image), Some(&image)).await;
    world.end(&run_key, &[(&build, "build")], Some(&image)).await;
    for key in [&build, &run_key] {
        assert_eq!(world.observer().reconcile(key).await.unwrap(), Outcome::Signed(1));
    }
    let home = world.folder.path();
    let public = home.join("cosign.pub");
    std::fs::write(&public, world.key.public_pem()).unwrap();
    let other = home.join("other.pub");
    std::fs::write(&other, SigningKey::generate().unwrap().public_pem()).unwrap();
    let reference = format!("{}@{}", image.0, image.1);
    let offline = ["--insecure-ignore-tlog=true", "--private-infrastructure=true"];
    let verify = async |key: &Path, args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(["--key", key.to_str().unwrap()]);
        all.extend(offline);
        all.push(&reference);
        run(&program, home, &all).await
    };
    assert!(succeeded(&verify(&public, &["verify"]).await));
    assert!(!verify(&other, &["verify"]).await.status.success());
    for (name, predicate_type) in [
        ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
        ("https://sluice.dev/witness/v1", "https://sluice.dev/witness/v1"),
    ] {
        let output = verify(&public, &["verify-attestation", "--type", name]).await;
        assert!(succeeded(&output), "{name}");
        // One envelope on one line for each attestation of the type.
        let lines: Vec<Value> =
            String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1, "{name}");
        let envelope = sluice_attest::dsse::Envelope::parse(lines[0].to_string().as_bytes()).unwrap();
        let payload = envelope.payload_unverified().unwrap();
        let statement: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(statement["predicateType"], predicate_type);
        assert!(!verify(&other, &["verify-attestation", "--type", name]).await.status.success());
    }
}
