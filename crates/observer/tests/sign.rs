//! What the observer stores and says for runs as an engine leaves them.
#![allow(clippy::unwrap_used)]

mod common;

use common::{World, task_spec, task_status};
use serde_json::{Value, json};
use sluice_attest::{Statement, cosign};
use sluice_keys::SigningKey;
use sluice_observer::{FAILURE, Kind, Outcome, RETRIES, SIGNED};
use sluice_oci::media_type;

const SLSA: &str = "https://slsa.dev/provenance/v0.2";
const WITNESS: &str = "https://sluice.dev/witness/v1";

/// The verified statements of an image, in the order of the layers.
async fn statements(world: &World, image: &(String, String)) -> Vec<Statement> {
    let mut found = vec![];
    for layer in world.attached(image, "att").await.map(|m| m.layers).unwrap_or_default() {
        let bytes = world.layer(image, "att", &layer).await;
        found.push(cosign::verify_attestation(&bytes, &image.1, world.key.public()).unwrap());
    }
    found
}

/// How many signatures of an image hold.
async fn signatures(world: &World, image: &(String, String)) -> usize {
    let mut held = 0;
    for layer in world.attached(image, "sig").await.map(|m| m.layers).unwrap_or_default() {
        let bytes = world.layer(image, "sig", &layer).await;
        held += usize::from(cosign::verify_signature(&bytes, &layer.annotations, &image.1, world.key.public()).is_ok());
    }
    held
}

fn types(statements: &[Statement]) -> Vec<&str> {
    statements.iter().map(|s| s.predicate_type.as_str()).collect()
}

#[tokio::test]
async fn a_task_run_is_signed_once() {
    let world = World::new().await;
    let image = world.image("acme/hello").await;
    let key = world.task_run("build", Some(&image), Some(&image)).await;
    assert_eq!(world.observer().reconcile(&key).await.unwrap(), Outcome::Signed(1));
    let found = statements(&world, &image).await;
    assert_eq!(types(&found), [SLSA, WITNESS]);
    assert_eq!(found[0].subject, found[1].subject);
    assert_eq!(found[0].predicate["buildType"], "tekton.dev/v1/TaskRun");
    assert_eq!(found[1].predicate["subjects"][0]["evidence"], "witnessed");
    assert_eq!(found[1].predicate["statusSignature"], "verified");
    assert_eq!(found[1].predicate["run"]["uid"], world.uid(&key).await.as_str());
    assert_eq!(signatures(&world, &image).await, 1);
    assert_eq!(world.annotation(&key, SIGNED).await.as_deref(), Some("true"));
    assert_eq!(world.observer().reconcile(&key).await.unwrap(), Outcome::Decided);
    assert_eq!(statements(&world, &image).await.len(), 2);
}

#[tokio::test]
async fn a_pipeline_run_waits_for_its_children_and_has_the_statement_for_them() {
    let world = World::new().await;
    let (built, hinted) = (world.image("acme/hello").await, world.image("acme/prebuilt").await);
    let run = world.pipeline_run("run", &["build", "hint"], None).await;
    let build = world.child(&run, "build", Some(&built), Some(&built)).await;
    let hint = world.child(&run, "hint", Some(&hinted), None).await;
    let observer = world.observer();
    assert_eq!(observer.reconcile(&run).await.unwrap(), Outcome::Running);
    world.end(&run, &[(&build, "build"), (&hint, "hint")], Some(&built)).await;
    assert_eq!(observer.reconcile(&run).await.unwrap(), Outcome::Waiting(build.name.clone()));
    for child in [&build, &hint] {
        assert_eq!(observer.reconcile(child).await.unwrap(), Outcome::Signed(1));
    }
    // The children's images are signed by now, but the statement is the PipelineRun's.
    assert_eq!((signatures(&world, &built).await, statements(&world, &built).await.len()), (1, 0));
    assert_eq!(observer.reconcile(&run).await.unwrap(), Outcome::Signed(2));
    for (image, evidence) in [(&built, "witnessed"), (&hinted, "claimed")] {
        let found = statements(&world, image).await;
        assert_eq!(types(&found), [SLSA, WITNESS]);
        assert_eq!(found[0].predicate["buildConfig"]["tasks"].as_array().unwrap().len(), 2);
        let subjects = found[1].predicate["subjects"].as_array().unwrap();
        let subject = subjects.iter().find(|s| s["name"] == image.0.as_str()).unwrap();
        assert_eq!(subject["evidence"], evidence);
        assert_eq!(signatures(&world, image).await, 1);
    }
    assert_eq!(world.annotation(&run, SIGNED).await.as_deref(), Some("true"));
}

#[tokio::test]
async fn a_run_without_images_has_nothing_to_store() {
    let world = World::new().await;
    let key = world.task_run("clone", None, None).await;
    assert_eq!(world.observer().reconcile(&key).await.unwrap(), Outcome::Signed(0));
    assert_eq!(world.annotation(&key, SIGNED).await.as_deref(), Some("true"));
}

#[tokio::test]
async fn a_status_that_the_engine_did_not_sign_is_not_signed() {
    let world = World::new().await;
    let image = world.image("acme/hello").await;
    let status = || task_status(Some(&image), Some(&image));
    let other = SigningKey::generate().unwrap();
    let by_other = world.finished_by(&other, Kind::TaskRun, "other", json!({}), task_spec(), status()).await;
    let unsigned = world.finished_as(Kind::TaskRun, "unsigned", json!({}), task_spec(), status(), |_| {}).await;
    for (key, why) in [(by_other, "broken"), (unsigned, "absent")] {
        let outcome = world.observer().reconcile(&key).await.unwrap();
        assert!(matches!(&outcome, Outcome::Failed(reason) if reason.contains(why)), "{outcome:?}");
        assert_eq!(world.annotation(&key, SIGNED).await.as_deref(), Some("failed"));
        assert!(world.annotation(&key, FAILURE).await.unwrap().contains(why));
    }
    assert_eq!((signatures(&world, &image).await, statements(&world, &image).await.len()), (0, 0));
}

#[tokio::test]
async fn a_changed_result_breaks_the_engines_signature() {
    let world = World::new().await;
    let (image, other) = (world.image("acme/hello").await, world.image("acme/other").await);
    let key = world.task_run("build", Some(&image), Some(&image)).await;
    let mut run = world.get(&key).await;
    run["status"]["results"] = task_status(Some(&other), None)["results"].clone();
    let api: kube::Api<kube::api::DynamicObject> =
        kube::Api::namespaced_with(world.client.clone(), common::NAMESPACE, &Kind::TaskRun.resource());
    api.replace_status(&key.name, &Default::default(), &serde_json::from_value(run).unwrap()).await.unwrap();
    assert!(matches!(world.observer().reconcile(&key).await.unwrap(), Outcome::Failed(_)));
    assert_eq!(signatures(&world, &other).await, 0);
}

#[tokio::test]
async fn without_an_engine_key_nothing_counts_as_witnessed() {
    let world = World::new().await;
    let image = world.image("acme/hello").await;
    let status = task_status(Some(&image), Some(&image));
    let key = world.finished_as(Kind::TaskRun, "upstream", json!({}), task_spec(), status, |_| {}).await;
    let outcome = world.observer_with(world.upstream()).reconcile(&key).await.unwrap();
    assert_eq!(outcome, Outcome::Signed(1));
    let found = statements(&world, &image).await;
    assert_eq!(found[1].predicate["statusSignature"], "not signed");
    assert_eq!(found[1].predicate["subjects"][0]["evidence"], "claimed");
}

#[tokio::test]
async fn a_child_that_was_replaced_or_relabelled_is_not_taken_for_it() {
    let world = World::new().await;
    let image = world.image("acme/hello").await;
    for (name, why) in [("label", "label"), ("owner", "controlled"), ("uid", "uid"), ("gone", "deleted")] {
        let run = world.pipeline_run(name, &["build", "hint"], None).await;
        let build = world.child(&run, "build", Some(&image), Some(&image)).await;
        world.end(&run, &[(&build, "build")], Some(&image)).await;
        match name {
            "label" => world.merge(&build, json!({"metadata": {"labels": {"tekton.dev/pipelineTask": "hint"}}})).await,
            "owner" => world.merge(&build, json!({"metadata": {"ownerReferences": null}})).await,
            "gone" => world.delete(&build).await,
            _ => {
                world.delete(&build).await;
                world.child(&run, "build", Some(&image), Some(&image)).await;
            }
        }
        let observer = world.observer();
        if name != "gone" {
            assert_eq!(observer.reconcile(&build).await.unwrap(), Outcome::Signed(1));
        }
        let outcome = observer.reconcile(&run).await.unwrap();
        assert!(matches!(&outcome, Outcome::Failed(reason) if reason.contains(why)), "{name}: {outcome:?}");
    }
    // No PipelineRun has a statement; the child without an owner has one of its own.
    let found = statements(&world, &image).await;
    assert!(found.iter().all(|s| s.predicate["buildType"] != "tekton.dev/v1/PipelineRun"));
}

#[tokio::test]
async fn layers_of_others_are_kept() {
    let world = World::new().await;
    let image = world.image("acme/hello").await;
    let client = world.oci_writer();
    for what in ["att", "sig"] {
        let tag = world.tag(&image, what);
        let manifest: Value = json!({
            "schemaVersion": 2, "mediaType": media_type::MANIFEST,
            "config": {"mediaType": media_type::CONFIG, "digest": client.push_blob(&tag, "{}").await.unwrap().to_string(), "size": 2},
            "layers": [{"mediaType": "application/x", "digest": client.push_blob(&tag, "another's").await.unwrap().to_string(),
                        "size": 9, "annotations": {"dev.cosignproject.cosign/signature": "x"}}],
        });
        client.push_manifest(&tag, media_type::MANIFEST, manifest.to_string()).await.unwrap();
    }
    let key = world.task_run("build", Some(&image), Some(&image)).await;
    assert_eq!(world.observer().reconcile(&key).await.unwrap(), Outcome::Signed(1));
    for (what, layers) in [("att", 3), ("sig", 2)] {
        let manifest = world.attached(&image, what).await.unwrap();
        assert_eq!(manifest.layers.len(), layers);
        assert_eq!(world.layer(&image, what, &manifest.layers[0]).await, b"another's");
    }
}

#[tokio::test]
async fn annotations_of_layers_alone_do_not_keep_a_statement_out() {
    let world = World::new().await;
    let image = world.image("acme/hello").await;
    let first = world.task_run("first", Some(&image), Some(&image)).await;
    assert_eq!(world.observer().reconcile(&first).await.unwrap(), Outcome::Signed(1));
    let second = world
        .finished(Kind::TaskRun, "second", json!({}), task_spec(), {
            let mut s = task_status(Some(&image), Some(&image));
            s["startTime"] = json!("2026-11-21T09:00:00Z");
            s
        })
        .await;
    // Somebody says of the first run's layers that they are the second's.
    let uid = world.uid(&second).await;
    let mut manifest = world.attached(&image, "att").await.unwrap();
    manifest.layers.iter_mut().for_each(|l| drop(l.annotations.insert("sluice.dev/run-uid".to_owned(), uid.clone())));
    let bytes = serde_json::to_vec(&manifest).unwrap();
    world.oci_writer().push_manifest(&world.tag(&image, "att"), media_type::MANIFEST, bytes).await.unwrap();
    assert_eq!(world.observer().reconcile(&second).await.unwrap(), Outcome::Signed(1));
    assert_eq!(types(&statements(&world, &image).await), [SLSA, WITNESS, SLSA, WITNESS]);
}

#[tokio::test]
async fn a_registry_that_cannot_be_written_ends_in_failed_with_the_reason() {
    let world = World::new().await;
    let image = (format!("{}/closed/hello", world.host), format!("sha256:{}", "a".repeat(64)));
    let key = world.task_run("build", Some(&image), None).await;
    for attempt in 1..5 {
        let outcome = world.observer().reconcile(&key).await.unwrap();
        assert!(matches!(outcome, Outcome::Retry(n, _) if n == attempt), "{outcome:?}");
        assert_eq!(world.annotation(&key, RETRIES).await.unwrap(), (attempt - 1).to_string());
        assert_eq!(world.annotation(&key, SIGNED).await, None);
    }
    assert!(matches!(world.observer().reconcile(&key).await.unwrap(), Outcome::Failed(_)));
    assert_eq!(world.annotation(&key, SIGNED).await.as_deref(), Some("failed"));
    assert!(world.annotation(&key, FAILURE).await.unwrap().contains("closed/hello"));
}

#[tokio::test]
async fn nobody_writes_through_the_observer_where_he_may_not_write() {
    let world = World::new().await;
    let (mine, foreign) = (world.image("acme/hello").await, world.image("production/hello").await);
    let mut spec = task_spec();
    spec["serviceAccountName"] = json!("weak");
    let mut status = task_status(Some(&foreign), None);
    let own = task_status(Some(&mine), None);
    status["results"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "IMAGES", "value": format!("{}@{}", mine.0, mine.1)}));
    for (name, status) in [("both", status), ("one", own)] {
        let key = world.finished(Kind::TaskRun, name, json!({}), spec.clone(), status).await;
        let outcome = world.observer().reconcile(&key).await.unwrap();
        assert!(matches!(&outcome, Outcome::Failed(reason) if reason.contains("`weak`")), "{outcome:?}");
        assert_eq!(world.annotation(&key, SIGNED).await.as_deref(), Some("failed"));
    }
    for image in [&mine, &foreign] {
        assert!(world.attached(image, "sig").await.is_none() && world.attached(image, "att").await.is_none());
    }
}

#[tokio::test]
async fn a_step_without_an_image_digest_is_not_signed_as_in_chains() {
    let world = World::new().await;
    let mut status = task_status(None, None);
    status["steps"][0]["imageID"] = json!("");
    let key = world.finished(Kind::TaskRun, "pending", json!({}), task_spec(), status).await;
    let outcome = world.observer().reconcile(&key).await.unwrap();
    assert!(matches!(&outcome, Outcome::Failed(reason) if reason.contains("imageID")), "{outcome:?}");
}
