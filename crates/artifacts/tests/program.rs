//! The program as a step runs it: arguments, environment, exit codes.
#![allow(clippy::unwrap_used)]

mod common;

use common::World;
use std::fs;
use std::process::{Command, Output};

/// The program with the credentials and names that every step has.
fn run(world: &World, arguments: &[&str]) -> Output {
    let docker = world.path("docker");
    fs::create_dir_all(&docker).unwrap();
    fs::write(docker.join("config.json"), world.environment.auth.render()).unwrap();
    fs::write(world.path("registries.conf"), world.environment.registries.render()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice-artifact"));
    command.env_clear().env("DOCKER_CONFIG", docker).env("AUTHFILE", world.path("absent.json"));
    command.env("CONTAINERS_REGISTRIES_CONF", world.path("registries.conf")).env("IMAGE_EXPIRES_AFTER", "5d");
    command.args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_step_creates_and_another_uses() {
    let world = World::new();
    let source = world.path("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "content").unwrap();
    let (result, dest) = (world.path("SOURCE_ARTIFACT"), world.path("dest"));
    let pair = format!("{}={}", result.display(), source.display());
    let output = run(&world, &["create", "--store", "artifacts.example/hello:run.git", &pair]);
    assert!(output.status.success(), "{}", stderr(&output));
    let uri = fs::read_to_string(&result).unwrap();
    assert!(uri.starts_with("oci:artifacts.example/hello@sha256:"), "{uri}");
    let to = dest.display();
    let output = run(&world, &["use", &format!("{uri}={to}"), &format!("={}", world.path("optional").display())]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("WARN") && output.stdout.is_empty());
    assert_eq!(fs::read_to_string(dest.join("file")).unwrap(), "content");
    // The store keeps it under its tag, with its time to live.
    let client = sluice_oci::Client::new(Default::default(), world.environment.auth.clone()).unwrap();
    let reference = format!("{}/acme/hello:run.git", world.host).parse().unwrap();
    let manifest = tokio::runtime::Runtime::new().unwrap().block_on(client.manifest(&reference)).unwrap();
    assert_eq!(manifest.image().unwrap().annotations["quay.expires-after"], "5d");
}

#[test]
fn exit_codes_and_messages() {
    let world = World::new();
    let dest = world.path("dest");
    let absent = format!("oci:{}/acme/x@sha256:{}={}", world.host, "0".repeat(64), dest.display());
    for (arguments, code, want) in [
        (vec![], 2, "no command"),
        (vec!["make"], 2, "`make` is not a command"),
        (vec!["create", "R=/x"], 2, "--store"),
        (vec!["create", "--store", "Bad Name", "R=/x"], 2, "--store"),
        (vec!["create", "--store", "artifacts.example/x:y"], 2, "at least one"),
        (vec!["create", "--store", "artifacts.example/x:y", "no-equals"], 2, "not of the form"),
        (vec!["create", "--frobnicate"], 2, "not an option"),
        (vec!["create", "--store", "artifacts.example/x:y", "R=/does/not/exist"], 1, "does not exist"),
        (vec!["use", "http://x=/tmp/y"], 2, "not supported"),
        (vec!["use", &absent], 1, "404"),
    ] {
        let output = run(&world, &arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(want), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("secret"));
    }
    assert!(!dest.exists());
    let output = run(&world, &["--help"]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).starts_with("Usage"));
}
