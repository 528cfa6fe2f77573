//! kube clients in the same process and over TLS behave alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{ADMIN, Server};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use sluice_apiserver::UserInfo;

fn config_map(name: &str, data: Value) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"app": "x"}}, "data": data})).unwrap()
}

fn code(error: kube::Error) -> (u16, String) {
    match error {
        kube::Error::Api(status) => (status.code, status.reason.clone()),
        other => panic!("{other}"),
    }
}

/// What a controller does, written down as text.
async fn operations(client: kube::Client) -> Vec<String> {
    let mut seen = Vec::new();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": "acme"}})).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "acme");
    let made = maps.create(&PostParams::default(), &config_map("a", json!({"k": "1"}))).await.unwrap();
    seen.push(format!("created {:?} {:?}", made.metadata.name, made.data));
    let again = maps.create(&PostParams::default(), &config_map("a", json!({}))).await.unwrap_err();
    seen.push(format!("again {:?}", code(again)));
    let mut events =
        maps.watch(&WatchParams::default(), &made.metadata.resource_version.clone().unwrap()).await.unwrap().boxed();
    let patched = maps.patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"l": "2"}}))).await.unwrap();
    seen.push(format!("patched {:?}", patched.data));
    let mut stale = made.clone();
    stale.data.get_or_insert_default().insert("k".to_owned(), "9".to_owned());
    seen.push(format!("stale {:?}", code(maps.replace("a", &PostParams::default(), &stale).await.unwrap_err())));
    match events.try_next().await.unwrap().unwrap() {
        WatchEvent::Modified(map) => seen.push(format!("event modified {:?}", map.data)),
        other => seen.push(format!("event {other:?}")),
    }
    let listed = maps.list(&ListParams::default().labels("app=x")).await.unwrap();
    seen.push(format!("listed {}", listed.items.len()));
    let applied: ConfigMap = maps
        .patch(
            "b",
            &PatchParams::apply("tester"),
            &Patch::Apply(
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"x": "y"}}),
            ),
        )
        .await
        .unwrap();
    seen.push(format!("applied {:?}", applied.data));
    let conflict = maps
        .patch(
            "b",
            &PatchParams::apply("other"),
            &Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"x": "z"}})),
        )
        .await
        .unwrap_err();
    seen.push(format!("apply conflict {:?}", code(conflict)));
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    seen.push(format!("gone {:?}", code(maps.get("a").await.unwrap_err())));

    let pods: Api<Pod> = Api::namespaced(client.clone(), "acme");
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"generateName": "p-"}, "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Succeeded"}
    }))
    .unwrap();
    let pod = pods.create(&PostParams::default(), &pod).await.unwrap();
    let name = pod.metadata.name.clone().unwrap();
    seen.push(format!("generated {} {:?}", name.len(), pod.status.and_then(|s| s.phase)));
    let status = json!({"status": {"phase": "Running"}, "spec": {"nodeName": "x"}});
    let pod = pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    seen.push(format!("status {:?} {:?}", pod.status.unwrap().phase, pod.spec.unwrap().node_name));
    let elsewhere: Api<ConfigMap> = Api::namespaced(client, "nowhere");
    let refused = elsewhere.create(&PostParams::default(), &config_map("a", json!({}))).await.unwrap_err();
    seen.push(format!("nowhere {:?}", code(refused)));
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn in_process_and_over_tls_are_alike() {
    let first = Server::start().await;
    let inside = operations(first.in_process(UserInfo::admin())).await;
    let second = Server::start().await;
    let outside = operations(second.over_tls(ADMIN).await).await;
    assert_eq!(inside, outside);
    let expected = [
        "created Some(\"a\") Some({\"k\": \"1\"})",
        "again (409, \"AlreadyExists\")",
        "patched Some({\"k\": \"1\", \"l\": \"2\"})",
        "stale (409, \"Conflict\")",
        "event modified Some({\"k\": \"1\", \"l\": \"2\"})",
        "listed 1",
        "applied Some({\"x\": \"y\"})",
        "apply conflict (409, \"Conflict\")",
        "gone (404, \"NotFound\")",
        "generated 7 Some(\"Pending\")",
        "status Some(\"Running\") None",
        "nowhere (404, \"NotFound\")",
    ];
    assert_eq!(inside, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_and_anonymous_gets_nothing() {
    let server = Server::start().await;
    let maps = |client| Api::<ConfigMap>::namespaced(client, "default");
    let wrong = maps(server.over_tls("wrong").await).list(&ListParams::default()).await.unwrap_err();
    assert_eq!(code(wrong), (401, "Unauthorized".to_owned()));
    let anonymous = maps(server.in_process(UserInfo::anonymous())).list(&ListParams::default()).await.unwrap_err();
    assert_eq!(code(anonymous), (403, "Forbidden".to_owned()));
}
