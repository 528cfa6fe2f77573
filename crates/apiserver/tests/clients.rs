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

/// Connections are few, and whoever may not ask anything must not take them from the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_keeps_no_connection() {
    use rustls::pki_types::{ServerName, pem::PemObject};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let server = Server::impatient(std::time::Duration::from_millis(300)).await;
    let client = server.over_tls(common::ADMIN).await;
    let maps = Api::<ConfigMap>::namespaced(client, "default");
    maps.list(&ListParams::default()).await.unwrap();

    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_slice(server.api.pki().ca_pem().as_bytes()).unwrap())
        .unwrap();
    let version = b"GET /version HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n\r\n";
    for (alpn, says) in [
        ("http/1.1", &b""[..]),
        ("http/1.1", &b"GET /version HTTP/1.1\r\n"[..]),
        ("http/1.1", &version[..]),
        ("h2", &b""[..]),
        ("h2", &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"[..]),
    ] {
        let mut tls = rustls::ClientConfig::builder().with_root_certificates(roots.clone()).with_no_client_auth();
        tls.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let stream = tokio::net::TcpStream::connect(server.url.trim_start_matches("https://")).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream =
            tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls)).connect(name, stream).await.unwrap();
        stream.write_all(says).await.unwrap();
        // Ends by itself, or the test does not.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    maps.list(&ListParams::default()).await.unwrap();
}
