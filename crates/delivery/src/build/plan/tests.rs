//! Tables: a run and its application's objects in, a decision out.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use serde_json::{Value, json};

fn digest(c: &str) -> String {
    format!("sha256:{}", c.repeat(64))
}

fn run() -> Value {
    json!({
        "metadata": {
            "name": "hello-build", "namespace": "acme", "uid": "u-1",
            "labels": {
                labels::PIPELINE_TYPE: "build", labels::APPLICATION: "hello", labels::COMPONENT: "hello",
                "pipelinesascode.tekton.dev/event-type": "push", "tekton.dev/pipeline": "x",
            },
            "annotations": {labels::SIGNED: "true", "build.appstudio.redhat.com/commit_sha": "c0ffee"},
        },
        "status": {
            "conditions": [{"type": "Succeeded", "status": "True"}],
            "startTime": "2026-11-21T10:01:36Z",
            "completionTime": "2026-11-21T10:02:00Z",
            "results": [
                {"name": "IMAGE_URL", "type": "string", "value": "localhost:5000/acme/hello:main\n"},
                {"name": "IMAGE_DIGEST", "type": "string", "value": digest("a")},
                {"name": "CHAINS-GIT_URL", "type": "string", "value": "https://git/acme/hello"},
                {"name": "CHAINS-GIT_COMMIT", "type": "string", "value": "c0ffee"},
                {"name": "SHOULD_RELEASE", "type": "string", "value": "true"},
            ],
        },
    })
}

fn changed(change: impl FnOnce(&mut Value)) -> PipelineRun {
    let mut value = run();
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

fn components() -> Vec<Component> {
    let component = |name: &str, application: &str, image: String| {
        serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"application": application, "source": {"git": {"url": format!("https://git/{name}"), "context": "src"}}},
            "status": {"lastPromotedImage": image, "lastBuiltCommit": "beef"},
        }))
        .unwrap()
    };
    vec![
        component("hello", "hello", format!("old@{}", digest("0"))),
        component("api", "hello", format!("localhost:5000/acme/api@{}", digest("b"))),
        component("web", "hello", "localhost:5000/acme/web:latest".to_owned()),
        component("stranger", "other", format!("x@{}", digest("d"))),
    ]
}

fn application() -> Application {
    serde_json::from_value(json!({"metadata": {"name": "hello", "uid": "app-uid"}})).unwrap()
}

fn create(run: &PipelineRun) -> Box<Planned> {
    match decide(run, Some(&application()), &components()) {
        Decision::Create(planned) => planned,
        Decision::Refuse(message) => panic!("{message}"),
    }
}

#[test]
fn only_a_finished_signed_build_without_a_snapshot_is_due() {
    assert!(is_due(&changed(|_| ())));
    assert!(is_due(&changed(|r| r["metadata"]["annotations"][labels::SIGNED] = json!("failed"))));
    let not = [
        changed(|r| r["metadata"]["labels"][labels::PIPELINE_TYPE] = json!("test")),
        changed(|r| r["metadata"]["annotations"] = json!({})),
        changed(|r| r["metadata"]["annotations"][labels::SNAPSHOT] = json!("hello-1")),
        changed(|r| r["status"]["conditions"][0]["status"] = json!("False")),
        changed(|r| r["status"] = json!({})),
        changed(|r| r["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:03:00Z")),
    ];
    for run in not {
        assert!(!is_due(&run), "{run:?}");
    }
}

#[test]
fn the_snapshot_of_a_push() {
    let planned = create(&changed(|_| ()));
    assert_eq!(planned.name, "hello-20261121-100136-000");
    assert!(planned.other_name.starts_with("hello-20261121-100136-000-"));
    assert_eq!(planned.image, format!("localhost:5000/acme/hello@{}", digest("a")));
    assert_eq!(
        json!(planned.spec),
        json!({"application": "hello", "components": [
            {"name": "api", "containerImage": format!("localhost:5000/acme/api@{}", digest("b")),
             "source": {"git": {"url": "https://git/api", "revision": "beef", "context": "src"}}},
            {"name": "hello", "containerImage": format!("localhost:5000/acme/hello@{}", digest("a")),
             "source": {"git": {"url": "https://git/acme/hello", "revision": "c0ffee", "context": "src"}}},
        ]})
    );
    assert_eq!(
        planned.left_out,
        "Component(s) 'web' is(are) not included in snapshot due to missing valid containerImage or git source"
    );
    assert_eq!(
        json!(planned.labels),
        json!({
            labels::SNAPSHOT_TYPE: "component", labels::APPLICATION: "hello", labels::COMPONENT: "hello",
            labels::BUILD_PIPELINE_RUN: "hello-build", labels::RUN_FINISH_TIME: "1795255320",
            "pac.test.appstudio.openshift.io/event-type": "push",
        })
    );
    assert_eq!(planned.annotations["test.appstudio.openshift.io/result-should-release"], "true");
    assert_eq!(planned.annotations["test.appstudio.openshift.io/integration-workflow"], "push");
    assert_eq!(planned.annotations["build.appstudio.redhat.com/commit_sha"], "c0ffee");
    assert!(!planned.annotations.contains_key(labels::SIGNED));
    assert!(planned.promote);
}

#[test]
fn a_pull_request_is_not_promoted() {
    let planned = create(&changed(|r| {
        r["metadata"]["labels"]["pipelinesascode.tekton.dev/event-type"] = json!("pull_request");
        r["metadata"]["labels"]["pipelinesascode.tekton.dev/pull-request"] = json!("7");
    }));
    assert!(!planned.promote);
    assert_eq!(planned.annotations["test.appstudio.openshift.io/integration-workflow"], "pull-request");
}

#[test]
fn refusals_name_the_object() {
    let without = |name: &str| {
        let name = name.to_owned();
        changed(move |r| {
            r["status"]["results"].as_array_mut().unwrap().retain(|x| x["name"] != name.as_str());
        })
    };
    let table = [
        (
            changed(|r| r["metadata"]["annotations"][labels::SIGNED] = json!("failed")),
            "PipelineRun hello-build was not signed (chains.tekton.dev/signed is `failed`)",
        ),
        (without("IMAGE_DIGEST"), "PipelineRun hello-build has no result IMAGE_DIGEST"),
        (without("CHAINS-GIT_COMMIT"), "PipelineRun hello-build has no result CHAINS-GIT_COMMIT"),
        (
            changed(|r| r["status"]["results"][1]["value"] = json!("latest")),
            "the results IMAGE_URL `localhost:5000/acme/hello:main` and IMAGE_DIGEST `latest` of PipelineRun hello-build",
        ),
        (
            changed(|r| r["metadata"]["labels"][labels::COMPONENT] = json!("stranger")),
            "Component stranger of application hello does not exist in namespace acme",
        ),
        (
            changed(|r| r["metadata"]["labels"][labels::COMPONENT] = json!("")),
            "PipelineRun hello-build has no label appstudio.openshift.io/component",
        ),
    ];
    for (run, want) in table {
        match decide(&run, Some(&application()), &components()) {
            Decision::Refuse(message) => assert!(message.starts_with(want), "{message}"),
            Decision::Create(_) => panic!("{want}"),
        }
    }
    let Decision::Refuse(message) = decide(&changed(|_| ()), None, &components()) else { panic!() };
    assert_eq!(message, "Application hello does not exist in namespace acme");
}
