//! The files under examples/ and the library's definitions fit together: the API accepts them all, every task of a
//! pipeline gets the params that it needs and gives the results that are taken from it, and the gate is where it has to be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{TENANT, World, documents, example, root};
use serde_json::Value;
use std::path::PathBuf;

#[tokio::test]
async fn the_api_accepts_them_all() {
    let world = World::new().await;
    for object in example("attack") {
        world.create(&object).await;
    }
    for kind in ["tasks", "pipelines"] {
        for path in definitions(kind) {
            for mut object in documents(&path) {
                object["metadata"]["namespace"] = TENANT.into();
                world.create(&object).await;
            }
        }
    }
}

#[test]
fn tasks_get_what_they_need_and_give_what_is_taken() {
    let pipelines = definitions("pipelines").into_iter().flat_map(|p| documents(&p)).map(|p| p["spec"].clone());
    let managed = example("managed").into_iter().filter(|o| o["kind"] == "Pipeline").map(|p| p["spec"].clone());
    let attack = example("attack").into_iter().map(|r| r["spec"]["pipelineSpec"].clone()).filter(|s| !s.is_null());
    let mut checked = 0;
    for spec in pipelines.chain(managed).chain(attack) {
        let text = spec.to_string();
        for task in list(&spec["tasks"]) {
            let name = task["name"].as_str().unwrap();
            let definition =
                if task["taskSpec"].is_null() { library(&task["taskRef"]) } else { task["taskSpec"].clone() };
            let given = names(&task["params"]);
            let declared = names(&definition["params"]);
            for param in &given {
                assert!(declared.contains(param), "task {name} has no param {param}");
            }
            for param in list(&definition["params"]).iter().filter(|p| p["default"].is_null()) {
                assert!(given.contains(&param["name"].to_string()), "task {name} needs the param {}", param["name"]);
            }
            for taken in text.split(&format!("$(tasks.{name}.results.")).skip(1) {
                let result = format!("\"{}\"", taken.split([')', '[']).next().unwrap());
                assert!(names(&definition["results"]).contains(&result), "task {name} has no result {result}");
            }
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn the_push_waits_for_the_verdict_and_the_verifier_cannot_push() {
    let managed = example("managed");
    let of = |kind: &str| managed.iter().find(|o| o["kind"] == kind).unwrap();
    let tasks = list(&of("Pipeline")["spec"]["tasks"]);
    let push = tasks.iter().find(|t| t["name"] == "push-snapshot").unwrap();
    assert_eq!(push["runAfter"], serde_json::json!(["verify-conforma"]));
    let snapshot =
        |task: &Value| list(&task["params"]).into_iter().find(|p| p["name"] == "SNAPSHOT").unwrap()["value"].clone();
    assert_eq!(snapshot(&tasks[0]), snapshot(push), "what is verified is what is pushed");
    // Who may push to production: the pusher alone.
    let pushers: Vec<&Value> = managed
        .iter()
        .filter(|o| o["kind"] == "RoleBinding" && o["metadata"]["namespace"] == "production")
        .filter(|o| o["roleRef"]["name"] == "registry-push")
        .flat_map(|o| o["subjects"].as_array().unwrap())
        .collect();
    assert_eq!(pushers.len(), 1);
    assert_eq!(pushers[0]["name"], "release-pusher");
    let pipeline = &of("ReleasePlanAdmission")["spec"]["pipeline"];
    assert_eq!(pipeline["serviceAccountName"], "release-pipeline");
    assert_eq!(pipeline["taskRunSpecs"][0]["serviceAccountName"], "release-pusher");
    let tenant = example("tenant");
    assert!(tenant.iter().all(|o| !matches!(o["metadata"]["namespace"].as_str(), Some("production" | "acme-managed"))));
}

#[tokio::test]
async fn registry_rights_are_as_the_readme_says() {
    let world = World::new().await;
    let may = |namespace: &str, name: &str, verb: &str, of: &str| {
        let user = sluice_apiserver::UserInfo::service_account(namespace, name);
        world.api.authorize(&user, &repository(verb, of))
    };
    let table = [
        ("acme", "build-pipeline-hello", true, true, false),
        ("acme", "konflux-integration-runner", true, false, false),
        ("acme-managed", "release-pipeline", true, false, false),
        ("acme-managed", "release-pusher", true, false, true),
        ("acme-managed", "default", false, false, false),
        ("acme", "default", false, false, false),
    ];
    for (namespace, name, pull, push, publish) in table {
        assert_eq!(may(namespace, name, "pull", "acme"), pull, "{name} pulls from acme");
        assert_eq!(may(namespace, name, "push", "acme"), push, "{name} pushes to acme");
        assert_eq!(may(namespace, name, "push", "production"), publish, "{name} pushes to production");
        assert!(may(namespace, name, "pull", "production"), "{name} pulls from production");
        assert!(!may(namespace, name, "push", "library"), "{name} pushes to library");
    }
    let anonymous = sluice_apiserver::UserInfo::anonymous();
    assert!(world.api.authorize(&anonymous, &repository("pull", "production")));
    assert!(!world.api.authorize(&anonymous, &repository("pull", "acme")));
}

fn repository(verb: &str, namespace: &str) -> sluice_apiserver::Attributes {
    sluice_apiserver::Attributes::resource(verb, "registry.sluice.dev", "repositories", namespace, "hello")
}

/// Files of the library: `KIND/NAME/VERSION/NAME.yaml`.
fn definitions(kind: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for name in std::fs::read_dir(root().join("library").join(kind)).unwrap() {
        let name = name.unwrap();
        for version in std::fs::read_dir(name.path()).unwrap() {
            files.push(version.unwrap().path().join(format!("{}.yaml", name.file_name().to_str().unwrap())));
        }
    }
    files
}

/// The spec of the task that a bundle reference to the library names.
fn library(reference: &Value) -> Value {
    let params = list(&reference["params"]);
    let param = |name: &str| params.iter().find(|p| p["name"] == name).unwrap()["value"].as_str().unwrap().to_owned();
    let bundle = param("bundle");
    let (name, version) = bundle.strip_prefix("library.sluice.dev/tasks/").unwrap().split_once(':').unwrap();
    assert_eq!(param("name"), name);
    documents(&root().join(format!("library/tasks/{name}/{version}/{name}.yaml")))[0]["spec"].clone()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The quoted names of a list's items.
fn names(value: &Value) -> Vec<String> {
    list(value).iter().map(|item| item["name"].to_string()).collect()
}
