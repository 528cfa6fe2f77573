//! Figures of the README: time to ready, resident memory when idle, and the overhead of a one-step `echo` TaskRun from
//! create to Succeeded. Run by `make bench`, which builds the programs and the toolbox image first. It asserts nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use futures::StreamExt;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const RUNS: usize = 20;

fn main() {
    let images = PathBuf::from(std::env::var("SLUICE_IMAGES").expect("SLUICE_IMAGES names the folder of step images"));
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let sluice = |args: &[&str]| {
        let status = Command::new(env!("CARGO_BIN_EXE_sluice")).args(args).stdout(std::process::Stdio::null()).status();
        assert!(status.unwrap().success(), "sluice {args:?}");
    };
    let folder = data.to_str().unwrap();
    let up = ["up", "--detach", "--data-dir", folder, "--listen", "127.0.0.1:0", "--registry-listen", "127.0.0.1:0"];
    let start = Instant::now();
    sluice(&up);
    println!("first start to ready                {:>8.0} ms", millis(start.elapsed()));
    sluice(&["down", "--data-dir", folder]);
    let start = Instant::now();
    sluice(&up);
    println!("later start to ready                {:>8.0} ms", millis(start.elapsed()));
    std::thread::sleep(Duration::from_secs(2));
    memory(&data);
    let library = small_library(scratch.path(), &images);
    let kubeconfig = data.join("admin.kubeconfig");
    let toolbox = library.join("layouts");
    let push = ["task", "push", library.to_str().unwrap(), "--images", toolbox.to_str().unwrap(), "--kubeconfig"];
    sluice(&[&push[..], &[kubeconfig.to_str().unwrap()]].concat());
    tokio::runtime::Runtime::new().unwrap().block_on(echo(&kubeconfig));
    sluice(&["down", "--data-dir", folder]);
}

/// A library of one image and the smallest policy: `task push` wants one.
fn small_library(scratch: &Path, images: &Path) -> PathBuf {
    let library = scratch.join("library");
    std::fs::create_dir_all(library.join("layouts")).unwrap();
    std::fs::create_dir_all(library.join("policy")).unwrap();
    std::fs::create_dir_all(library.join("data")).unwrap();
    std::fs::write(library.join("policy/none.rego"), "package none\n").unwrap();
    std::os::unix::fs::symlink(images.join("toolbox").canonicalize().unwrap(), library.join("layouts/toolbox"))
        .unwrap();
    library
}

fn memory(data: &Path) {
    let state: serde_json::Value = serde_json::from_slice(&std::fs::read(data.join("state.json")).unwrap()).unwrap();
    for (name, key) in [("supervisor", "supervisor"), ("control plane", "control_plane"), ("observer", "observer")] {
        let status = std::fs::read_to_string(format!("/proc/{}/status", state[key])).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        println!("resident when idle, {name:<15} {:>8.1} MiB", kib / 1024.0);
    }
}

async fn echo(kubeconfig: &Path) {
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let file = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let kind = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("tekton.dev", "v1", "TaskRun"), "taskruns");
    let api: Api<DynamicObject> = Api::namespaced_with(client, "default", &kind);
    let mut times = Vec::new();
    for _ in 0..=RUNS {
        let run: DynamicObject = serde_json::from_value(serde_json::json!({
            "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": {"generateName": "echo-"},
            "spec": {"taskSpec": {"steps": [{"name": "echo", "image": "library.sluice.dev/images/toolbox:0.1",
                "command": ["echo"], "args": ["hello"]}]}},
        }))
        .unwrap();
        let start = Instant::now();
        let created = api.create(&PostParams::default(), &run).await.unwrap();
        let name = created.metadata.name.clone().unwrap();
        let one = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let mut events = std::pin::pin!(watcher(api.clone(), one).applied_objects());
        while let Some(Ok(object)) = events.next().await {
            let condition = &object.data["status"]["conditions"][0];
            match condition["status"].as_str() {
                Some("True") => break,
                Some("False") => panic!("{condition}"),
                _ => {}
            }
        }
        times.push(start.elapsed());
    }
    println!("echo TaskRun, first (layers unpacked) {:>6.0} ms", millis(times.remove(0)));
    times.sort();
    println!("echo TaskRun, warm, median of {RUNS}     {:>8.0} ms", millis(times[RUNS / 2]));
    println!("echo TaskRun, warm, best            {:>8.0} ms", millis(times[0]));
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
