//! Stopped after any step and started again, the observer ends with the same: one statement of each type, one
//! signature, and the annotation only after both.
#![allow(clippy::unwrap_used)]

mod common;

use common::{StopAfter, World};
use serde_json::json;
use sluice_observer::{Error, Outcome, SIGNED, Step};
use std::sync::Arc;

async fn stored(world: &World, image: &(String, String)) -> (usize, usize) {
    let layers = |manifest: Option<sluice_oci::ImageManifest>| manifest.map_or(0, |m| m.layers.len());
    (layers(world.attached(image, "att").await), layers(world.attached(image, "sig").await))
}

#[tokio::test]
async fn every_step_may_be_the_last_before_a_crash() {
    let world = World::new().await;
    for (place, step) in Step::ALL.into_iter().enumerate() {
        let image = world.image(&format!("acme/image{place}")).await;
        let key = world.task_run(&format!("run{place}"), Some(&image), Some(&image)).await;
        let stopped = world.observer().paced(Arc::new(StopAfter(step))).reconcile(&key).await;
        assert!(matches!(stopped, Err(Error::Stopped)), "{step:?}: {stopped:?}");
        let says_so = world.annotation(&key, SIGNED).await.is_some();
        assert_eq!(says_so, step == Step::Annotated, "{step:?}");
        if says_so {
            assert_eq!(stored(&world, &image).await, (2, 1));
            continue;
        }
        // Labels and annotations may change in between; it still is the same statement of the same run.
        world.merge(&key, json!({"metadata": {"annotations": {"note": "changed"}, "labels": {"l": "v"}}})).await;
        assert_eq!(world.observer().reconcile(&key).await.unwrap(), Outcome::Signed(1), "{step:?}");
        assert_eq!(stored(&world, &image).await, (2, 1), "{step:?}");
        assert_eq!(world.annotation(&key, SIGNED).await.as_deref(), Some("true"));
    }
}

#[tokio::test]
async fn a_crash_in_a_pipeline_run_leaves_one_statement_of_each_type() {
    let world = World::new().await;
    for (place, step) in Step::ALL.into_iter().enumerate() {
        let image = world.image(&format!("acme/p{place}")).await;
        let run = world.pipeline_run(&format!("p{place}"), &["build"], None).await;
        let build = world.child(&run, "build", Some(&image), Some(&image)).await;
        world.end(&run, &[(&build, "build")], Some(&image)).await;
        for key in [&build, &run] {
            let _ = world.observer().paced(Arc::new(StopAfter(step))).reconcile(key).await;
            world.merge(key, json!({"metadata": {"annotations": {"note": "changed"}}})).await;
            let outcome = world.observer().reconcile(key).await.unwrap();
            assert!(matches!(outcome, Outcome::Signed(1) | Outcome::Decided), "{step:?}: {outcome:?}");
        }
        assert_eq!(stored(&world, &image).await, (2, 1), "{step:?}");
    }
}
