//! The program as a process: over TLS with a token, killed and started again, refused, and without a listening socket.
#![allow(clippy::unwrap_used)]

mod common;

use common::World;
use sluice_observer::SIGNED;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice-observer"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command
}

fn start(world: &World, kubeconfig: &str) -> Child {
    let args = [
        "run",
        "--kubeconfig",
        kubeconfig,
        "--registry",
        &world.host,
        "--registry-token-file",
        "token",
        "--key",
        "program.key",
        "--public-key-out",
        "program.pub",
        "--engine-key",
        "engine.pub",
    ];
    program(world.folder.path(), &args).spawn().unwrap()
}

async fn signed(world: &World, key: &sluice_observer::Key) -> String {
    // The bound is for a hang alone.
    let wait = async {
        loop {
            if let Some(value) = world.annotation(key, SIGNED).await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), wait).await.unwrap()
}

#[tokio::test]
async fn signs_over_a_socket_is_killed_and_goes_on() {
    let world = World::new().await;
    world.serve().await;
    std::fs::write(world.folder.path().join("engine.pub"), world.engine.public_pem()).unwrap();
    let image = world.image("acme/hello").await;
    let first = world.task_run("first", Some(&image), Some(&image)).await;
    let mut child = start(&world, "kubeconfig");
    assert_eq!(signed(&world, &first).await, "true");
    assert_eq!(listening(child.id().unwrap()), Vec::<String>::new());
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    // Provenance v0.2 does not name its run: one of the same second with the same results would have the same bytes.
    let mut status = common::task_status(Some(&image), Some(&image));
    status["startTime"] = "2026-11-21T09:00:00Z".into();
    let spec = common::task_spec();
    let second = world.finished(sluice_observer::Kind::TaskRun, "second", serde_json::json!({}), spec, status).await;
    let _child = start(&world, "kubeconfig");
    assert_eq!(signed(&world, &second).await, "true");
    // Two runs with two statements each; the signature is the same for both, by the same key.
    assert_eq!(world.attached(&image, "att").await.unwrap().layers.len(), 4);
    assert_eq!(world.attached(&image, "sig").await.unwrap().layers.len(), 1);
    let public = std::fs::read_to_string(world.folder.path().join("program.pub")).unwrap();
    let key = sluice_attest::PublicKey::from_pem(&public).unwrap();
    for layer in world.attached(&image, "att").await.unwrap().layers {
        let bytes = world.layer(&image, "att", &layer).await;
        sluice_attest::cosign::verify_attestation(&bytes, &image.1, &key).unwrap();
    }
}

/// Addresses on which a process listens.
fn listening(process: u32) -> Vec<String> {
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let links = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let sockets: Vec<String> =
        links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    assert!(!sockets.is_empty(), "its connections are seen");
    let mut found = vec![];
    for table in ["tcp", "tcp6"] {
        let text = std::fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields[3] == "0A" && sockets.iter().any(|inode| inode == fields[9]) {
                found.push(fields[1].to_owned());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_refused_token_ends_it_with_code_4() {
    let world = World::new().await;
    world.serve().await;
    std::fs::write(world.folder.path().join("engine.pub"), world.engine.public_pem()).unwrap();
    let kubeconfig = std::fs::read_to_string(world.folder.path().join("kubeconfig")).unwrap();
    let (before, _) = kubeconfig.split_once("token: ").unwrap();
    let (_, after) = kubeconfig.split_once("contexts:").unwrap();
    let refused = format!("{before}token: \"wrong\"\ncontexts:{after}");
    std::fs::write(world.folder.path().join("refused"), refused).unwrap();
    let status = start(&world, "refused").wait().await.unwrap();
    assert_eq!(status.code(), Some(4));
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let keygen = || program(folder.path(), &["keygen", "--key", "k", "--public-key-out", "k.pub"]);
    assert!(keygen().status().await.unwrap().success());
    let public = std::fs::read_to_string(folder.path().join("k.pub")).unwrap();
    assert!(keygen().status().await.unwrap().success());
    assert_eq!(std::fs::read_to_string(folder.path().join("k.pub")).unwrap(), public);
    std::fs::set_permissions(folder.path().join("k"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = keygen().stderr(Stdio::piped()).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("0644") && message.contains("chmod 600 k"), "{message}");
}
