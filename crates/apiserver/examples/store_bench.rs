//! Committed writes per second of the store, with the write pattern of a running pipeline: objects of a few KiB that are
//! changed over and over, by one writer or by many at once. `cargo run --release -p sluice-apiserver --example
//! store_bench FOLDER [SECONDS]`. The figures in docs/adr/0001-store-redb.md are its output.
#![allow(clippy::print_stdout)]

use serde_json::{Value, json};
use sluice_apiserver::store::{Expect, Guard, Key, Resource, Store, StoreError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn task_run(name: &str, n: u64) -> Value {
    let steps: Vec<Value> = (0..6)
        .map(|i| json!({"name": format!("step-{i}"), "terminated": {"exitCode": 0, "reason": "Completed", "n": n}}))
        .collect();
    json!({
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": {"name": name, "namespace": "bench"},
        "spec": {"taskSpec": {"steps": [{"name": "a", "image": "toolbox", "script": "x".repeat(2048)}]}},
        "status": {"steps": steps},
    })
}

async fn writer(store: Store, name: String, until: Instant) -> Result<u64, StoreError> {
    let key = Key::new(&Resource::new("tekton.dev", "taskruns"), "bench", &name);
    let mut stored = store.put(key.clone(), Expect::Absent, Guard::None, task_run(&name, 0)).await?;
    let mut written = 1;
    while Instant::now() < until {
        let next = task_run(&name, written);
        stored = store.put(key.clone(), Expect::Revision(stored.revision), Guard::None, next).await?;
        written += 1;
    }
    Ok(written)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: store_bench FOLDER [SECONDS]")?);
    let seconds: u64 = std::env::args().nth(2).map_or(Ok(3), |s| s.parse())?;
    for writers in [1_usize, 8, 64] {
        let path = folder.join(format!("bench-{writers}.redb"));
        let store = Store::open(&path)?;
        let began = Instant::now();
        let until = began + Duration::from_secs(seconds);
        let tasks: Vec<_> = (0..writers).map(|i| tokio::spawn(writer(store.clone(), format!("r{i}"), until))).collect();
        let mut written = 0;
        for task in tasks {
            written += task.await??;
        }
        let took = began.elapsed().as_secs_f64();
        drop(store);
        let size = std::fs::metadata(&path)?.len() >> 10;
        println!(
            "{writers} writers: {:.0} writes/s, each on disk when acknowledged; file {size} KiB",
            f64::from(u32::try_from(written)?) / took
        );
        std::fs::remove_file(&path)?;
    }
    Ok(())
}
