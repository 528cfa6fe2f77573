//! From a signed build to a release, over an API server in this process, with the objects of examples/ and the
//! controllers' real rights.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{MANAGED, PEM, TENANT, World, condition, digest, example};
use serde_json::{Value, json};

#[tokio::test]
async fn a_good_build_is_released() {
    let world = World::new().await;
    world.build("hello-1", "true").await;
    world.settle().await;

    let snapshots = world.list(TENANT, "snapshots").await;
    assert_eq!(snapshots.len(), 1, "{snapshots:#?}");
    let snapshot = &snapshots[0];
    assert_eq!(snapshot["metadata"]["name"], "hello-20261121-100136-000");
    assert_eq!(
        snapshot["spec"]["components"][0]["containerImage"],
        format!("localhost:5000/acme/hello@{}", digest("hello-1"))
    );
    assert_eq!(
        condition(snapshot, "AppStudioIntegrationStatus"),
        "Unknown/InProgress Snapshot starts being tested by the integrationPipelineRun"
    );
    let build =
        world.list(TENANT, "pipelineruns").await.into_iter().find(|r| r["metadata"]["name"] == "hello-1").unwrap();
    assert_eq!(build["metadata"]["annotations"]["appstudio.openshift.io/snapshot"], "hello-20261121-100136-000");
    let plan = &world.list(TENANT, "releaseplans").await[0];
    assert_eq!(condition(plan, "Matched"), "True/Matched");
    assert_eq!(plan["status"]["releasePlanAdmission"], json!({"name": "acme-managed/hello", "active": true}));
    let admission = &world.list(MANAGED, "releaseplanadmissions").await[0];
    assert_eq!(condition(admission, "Matched"), "True/Matched");
    assert_eq!(admission["status"]["releasePlans"], json!([{"name": "acme/hello", "active": true}]));

    world.engine("SUCCESS").await;
    world.settle().await;
    let snapshot = &world.list(TENANT, "snapshots").await[0];
    assert_eq!(condition(snapshot, "AppStudioTestSucceeded"), "True/Passed All Integration Pipeline tests passed");
    assert_eq!(condition(snapshot, "AutoReleased"), "True/AutoReleased The Snapshot was auto-released");
    let tests: Value = serde_json::from_str(
        snapshot["metadata"]["annotations"]["test.appstudio.openshift.io/status"].as_str().unwrap(),
    )
    .unwrap();
    assert_eq!((&tests[0]["scenario"], &tests[0]["status"]), (&json!("policy"), &json!("TestPassed")));

    let managed = world.list(MANAGED, "pipelineruns").await;
    assert_eq!(managed.len(), 1);
    let param = |name: &str| {
        let params = managed[0]["spec"]["params"].as_array().unwrap();
        params.iter().find(|p| p["name"] == name).unwrap()["value"].as_str().unwrap().to_owned()
    };
    let policy: Value = serde_json::from_str(&param("enterpriseContractPolicy")).unwrap();
    assert_eq!(policy["publicKey"], PEM, "the key is there by value");
    let spec: Value = serde_json::from_str(&param("snapshotSpec")).unwrap();
    assert_eq!(spec, snapshot["spec"], "the Snapshot is there by value");
    assert_eq!(managed[0]["spec"]["pipelineRef"]["name"], "release");
    assert_eq!(managed[0]["spec"]["taskRunTemplate"]["serviceAccountName"], "release-pipeline");
    let release = &world.list(TENANT, "releases").await[0];
    assert_eq!(condition(release, "Released"), "False/Progressing");
    assert_eq!(release["status"]["attribution"], json!({"author": "kubernetes-admin", "standingAuthorization": true}));

    world.engine("SUCCESS").await;
    world.settle().await;
    let releases = world.list(TENANT, "releases").await;
    assert_eq!(releases.len(), 1);
    assert_eq!(condition(&releases[0], "Released"), "True/Succeeded");
    assert_eq!(condition(&releases[0], "ManagedPipelineProcessed"), "True/Succeeded");
    assert_eq!(releases[0]["status"]["artifacts"]["images"][0]["urls"][0], "localhost:5000/production/hello:latest");
    assert_eq!(releases[0]["status"]["target"], MANAGED);
    let before = releases[0]["metadata"]["resourceVersion"].clone();
    world.settle().await;
    assert_eq!(
        world.list(TENANT, "releases").await[0]["metadata"]["resourceVersion"],
        before,
        "a finished release rests"
    );
}

#[tokio::test]
async fn the_integration_test_gets_the_managed_policy_by_value() {
    let world = World::new().await;
    world.build("hello-1", "true").await;
    world.settle().await;
    let runs = world.list(TENANT, "pipelineruns").await;
    let test = runs.iter().find(|r| r["metadata"]["name"] != "hello-1").unwrap();
    let params = test["spec"]["params"].as_array().unwrap();
    let policy = params.iter().find(|p| p["name"] == "POLICY_CONFIGURATION").unwrap()["value"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(policy).unwrap()["publicKey"], PEM);
    assert_eq!(test["spec"]["taskRunTemplate"]["serviceAccountName"], "konflux-integration-runner");
}

#[tokio::test]
async fn a_bad_build_is_not_released_and_not_by_hand_either() {
    let world = World::new().await;
    world.build("hello-1", "true").await;
    world.settle().await;
    world.engine("FAILURE").await;
    world.settle().await;
    let snapshot = &world.list(TENANT, "snapshots").await[0];
    assert_eq!(condition(snapshot, "AppStudioTestSucceeded"), "False/Failed Some Integration pipeline tests failed");
    assert!(world.list(TENANT, "releases").await.is_empty());
    assert!(world.list(MANAGED, "pipelineruns").await.is_empty());

    let mut release = example("attack").into_iter().find(|o| o["kind"] == "Release").unwrap();
    release["spec"]["snapshot"] = snapshot["metadata"]["name"].clone();
    world.create(&release).await;
    world.settle().await;
    world.engine("FAILURE").await;
    world.settle().await;
    let release = &world.list(TENANT, "releases").await[0];
    assert_eq!(condition(release, "Released"), "False/Failed Release processing failed on managed pipelineRun");
    assert_eq!(
        condition(release, "ManagedPipelineProcessed"),
        "False/Failed task verify-conforma failed: [witness.subject_witnessed] not witnessed (component hello, task report-image)"
    );
    assert_eq!(release["status"]["artifacts"], Value::Null);
}

#[tokio::test]
async fn an_unsigned_build_makes_no_snapshot() {
    let world = World::new().await;
    world.build("hello-1", "failed").await;
    world.settle().await;
    assert!(world.list(TENANT, "snapshots").await.is_empty());
    let build = &world.list(TENANT, "pipelineruns").await[0];
    let said = build["metadata"]["annotations"]["test.appstudio.openshift.io/create-snapshot-status"].as_str().unwrap();
    assert!(said.contains("\"failed\"") && said.contains("was not signed"), "{said}");
}

#[tokio::test]
async fn two_builds_of_the_same_second_have_a_snapshot_each() {
    let world = World::new().await;
    world.build("hello-1", "true").await;
    world.build("hello-2", "true").await;
    world.settle().await;
    let snapshots = world.list(TENANT, "snapshots").await;
    assert_eq!(snapshots.len(), 2);
    let names: Vec<&str> = snapshots.iter().map(|s| s["metadata"]["name"].as_str().unwrap()).collect();
    assert!(names.iter().all(|n| n.starts_with("hello-20261121-100136-000")), "{names:?}");
}

#[tokio::test]
async fn an_admission_of_another_tenant_admits_nothing() {
    let world = World::new().await;
    world.patch(MANAGED, "releaseplanadmissions", "hello", json!({"spec": {"origin": "others"}})).await.unwrap();
    world
        .patch(
            TENANT,
            "releaseplans",
            "hello",
            json!({"metadata": {"labels": {
        "release.appstudio.openshift.io/releasePlanAdmission": "hello"}}}),
        )
        .await
        .unwrap();
    let snapshot = json!({"apiVersion": "appstudio.redhat.com/v1alpha1", "kind": "Snapshot",
        "metadata": {"name": "by-hand", "namespace": TENANT},
        "spec": {"application": "hello", "components": [
            {"name": "hello", "containerImage": format!("localhost:5000/acme/hello@{}", digest("x"))}]}});
    world.create(&snapshot).await;
    let release = json!({"apiVersion": "appstudio.redhat.com/v1alpha1", "kind": "Release",
        "metadata": {"name": "r", "namespace": TENANT}, "spec": {"snapshot": "by-hand", "releasePlan": "hello"}});
    world.create(&release).await;
    world.settle().await;
    let release = &world.list(TENANT, "releases").await[0];
    assert_eq!(condition(release, "Released"), "False/Failed Release validation failed");
    let why = "False/Failed releasePlan (hello) targets releasePlanAdmission (hello) by label, but the Origin of the \
               releasePlanAdmission (others) does not match the namespace of the releasePlan (acme)";
    assert_eq!(condition(release, "Validated"), why);
    assert!(world.list(MANAGED, "pipelineruns").await.is_empty());
    assert!(condition(&world.list(TENANT, "releaseplans").await[0], "Matched").starts_with("False/Matched"));
}

#[tokio::test]
async fn what_was_tested_and_asked_for_cannot_change() {
    let world = World::new().await;
    world.build("hello-1", "true").await;
    world.settle().await;
    world.engine("SUCCESS").await;
    world.settle().await;
    let name = "hello-20261121-100136-000";
    let other = json!({"spec": {"components": [{"name": "hello", "containerImage": "evil"}]}});
    let error = world.patch(TENANT, "snapshots", name, other).await.unwrap_err().to_string();
    assert!(error.contains("components field is immutable"), "{error}");
    let error =
        world.patch(TENANT, "snapshots", name, json!({"spec": {"application": "x"}})).await.unwrap_err().to_string();
    assert!(error.contains("application field is immutable"), "{error}");
    let release = world.list(TENANT, "releases").await[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let error =
        world.patch(TENANT, "releases", &release, json!({"spec": {"snapshot": "x"}})).await.unwrap_err().to_string();
    assert!(error.contains("release resources spec cannot be updated"), "{error}");
}

#[tokio::test]
async fn a_managed_run_that_is_deleted_releases_nothing() {
    let world = World::new().await;
    world.build("hello-1", "true").await;
    world.settle().await;
    world.engine("SUCCESS").await;
    world.settle().await;
    let run = world.list(MANAGED, "pipelineruns").await[0]["metadata"]["name"].as_str().unwrap().to_owned();
    world.delete(MANAGED, "pipelineruns", &run).await;
    world.settle().await;
    let release = &world.list(TENANT, "releases").await[0];
    assert_eq!(
        condition(release, "ManagedPipelineProcessed"),
        "False/Failed PipelineRun was deleted while still running"
    );
    assert!(condition(release, "Released").starts_with("False/Failed"));
    assert!(world.list(MANAGED, "pipelineruns").await.is_empty(), "it is not made again");
}

#[tokio::test]
async fn a_missing_policy_or_key_is_said() {
    let world = World::new().await;
    world
        .patch(
            MANAGED,
            "enterprisecontractpolicies",
            "release",
            json!({"spec": {"publicKey": "k8s://acme/public-key"}}),
        )
        .await
        .unwrap();
    world.build("hello-1", "true").await;
    world.settle().await;
    let snapshot = &world.list(TENANT, "snapshots").await[0];
    let tests = snapshot["metadata"]["annotations"]["test.appstudio.openshift.io/status"].as_str().unwrap();
    assert!(tests.contains("TestInvalid") && tests.contains("names the public key `k8s://acme/public-key`"), "{tests}");
    assert_eq!(condition(snapshot, "AppStudioTestSucceeded"), "False/Failed Some Integration pipeline tests failed");
}
