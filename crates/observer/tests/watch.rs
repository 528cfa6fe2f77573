//! The loop over a real watch: what is there at the start, what comes later, and PipelineRuns after their children.
#![allow(clippy::unwrap_used)]

mod common;

use common::World;
use sluice_observer::SIGNED;
use std::time::Duration;

#[tokio::test]
async fn signs_what_is_there_and_what_comes() {
    let world = World::new().await;
    let (before, after) = (world.image("acme/before").await, world.image("acme/after").await);
    let first = world.task_run("first", Some(&before), Some(&before)).await;
    let observer = world.observer();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let watching = tokio::spawn(async move { observer.run(async move { drop(stopped.await) }).await });
    let run = world.pipeline_run("run", &["build"], None).await;
    let build = world.child(&run, "build", Some(&after), Some(&after)).await;
    world.end(&run, &[(&build, "build")], Some(&after)).await;
    // The bound is for a hang alone.
    let signed = tokio::time::timeout(Duration::from_secs(120), async {
        for key in [&first, &build, &run] {
            while world.annotation(key, SIGNED).await.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(world.annotation(key, SIGNED).await.as_deref(), Some("true"));
        }
    });
    signed.await.unwrap();
    assert_eq!(world.attached(&after, "att").await.unwrap().layers.len(), 2);
    stop.send(()).unwrap();
    watching.await.unwrap().unwrap();
}
