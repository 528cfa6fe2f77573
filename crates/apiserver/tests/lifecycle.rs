//! How objects end and how changes are seen: owners, finalizers, propagation, namespaces, watches, tokens, admission.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use bytes::Bytes;
use common::{ADMIN, Server};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use sluice_apiserver::{Attributes, UserInfo};
use tower::ServiceExt;

struct Client<'a> {
    server: &'a Server,
    user: UserInfo,
}

impl Client<'_> {
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let media = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let bytes = body.map(|b| b.to_string()).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header("content-type", media);
        let request = request.body(Full::new(Bytes::from(bytes))).unwrap();
        let response = self.server.api.in_process(self.user.clone()).oneshot(request).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (code, value) = self.send(Method::POST, path, Some(body)).await;
        assert!(code < 300, "{path}: {value}");
        value
    }

    /// Waits until the object is gone; the test's own time limit is the only one.
    async fn gone(&self, path: &str) {
        while self.send(Method::GET, path, None).await.0 != 404 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    async fn exists(&self, path: &str) -> bool {
        self.send(Method::GET, path, None).await.0 == 200
    }
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, extra: Value) -> Value {
    let mut metadata = json!({"name": name});
    for (key, value) in extra.as_object().unwrap() {
        metadata[key] = value.clone();
    }
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
}

fn owned_by(owner: &Value) -> Value {
    let reference = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "blockOwnerDeletion": true,
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
    });
    json!({"ownerReferences": [reference]})
}

#[tokio::test(flavor = "multi_thread")]
async fn dependents_go_with_their_owner() {
    let server = Server::start().await;
    let c = Client { server: &server, user: UserInfo::admin() };
    let owner = c.post(MAPS, map("owner", json!({}))).await;
    let child = c.post(MAPS, map("child", owned_by(&owner))).await;
    c.post(MAPS, map("grandchild", owned_by(&child))).await;
    let (code, status) = c.send(Method::DELETE, &format!("{MAPS}/owner"), None).await;
    assert_eq!((code, &status["status"]), (200, &json!("Success")));
    c.gone(&format!("{MAPS}/child")).await;
    c.gone(&format!("{MAPS}/grandchild")).await;
    // Whose owner is gone before it comes, goes as well.
    c.post(MAPS, map("late", owned_by(&owner))).await;
    c.gone(&format!("{MAPS}/late")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreground_waits_for_dependents_and_orphan_lets_them_be() {
    let server = Server::start().await;
    let c = Client { server: &server, user: UserInfo::admin() };
    let owner = c.post(MAPS, map("owner", json!({}))).await;
    let mut held = owned_by(&owner);
    held["finalizers"] = json!(["example.com/held"]);
    c.post(MAPS, map("child", held)).await;
    let foreground = Some(json!({"propagationPolicy": "Foreground"}));
    let (_, answer) = c.send(Method::DELETE, &format!("{MAPS}/owner"), foreground).await;
    assert!(answer["metadata"]["deletionTimestamp"].is_string());
    // The child is deleted but held, so the owner is there.
    loop {
        let (_, child) = c.send(Method::GET, &format!("{MAPS}/child"), None).await;
        if child["metadata"]["deletionTimestamp"].is_string() {
            break;
        }
    }
    assert!(c.exists(&format!("{MAPS}/owner")).await);
    let (code, refused) = c
        .send(Method::PATCH, &format!("{MAPS}/child"), Some(json!({"metadata": {"finalizers": ["example.com/new"]}})))
        .await;
    assert_eq!(code, 422, "{refused}");
    c.send(Method::PATCH, &format!("{MAPS}/child"), Some(json!({"metadata": {"finalizers": null}}))).await;
    c.gone(&format!("{MAPS}/child")).await;
    c.gone(&format!("{MAPS}/owner")).await;

    let owner = c.post(MAPS, map("owner", json!({}))).await;
    c.post(MAPS, map("child", owned_by(&owner))).await;
    c.send(Method::DELETE, &format!("{MAPS}/owner"), Some(json!({"propagationPolicy": "Orphan"}))).await;
    c.gone(&format!("{MAPS}/owner")).await;
    let (_, child) = c.send(Method::GET, &format!("{MAPS}/child"), None).await;
    assert_eq!(child["metadata"].get("ownerReferences"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_goes_when_it_is_empty_and_takes_nothing_new() {
    let server = Server::start().await;
    let c = Client { server: &server, user: UserInfo::admin() };
    c.post("/api/v1/namespaces", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "acme"}})).await;
    let maps = "/api/v1/namespaces/acme/configmaps";
    c.post(maps, map("held", json!({"finalizers": ["example.com/held"]}))).await;
    let (_, namespace) = c.send(Method::DELETE, "/api/v1/namespaces/acme", None).await;
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let (code, status) = c.send(Method::POST, maps, Some(map("new", json!({})))).await;
    assert_eq!((code, &status["details"]["causes"][0]["reason"]), (403, &json!("NamespaceTerminating")));
    assert!(c.exists("/api/v1/namespaces/acme").await);
    c.send(Method::PATCH, &format!("{maps}/held"), Some(json!({"metadata": {"finalizers": []}}))).await;
    c.gone("/api/v1/namespaces/acme").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_with_preconditions_and_of_collections() {
    let server = Server::start().await;
    let c = Client { server: &server, user: UserInfo::admin() };
    for name in ["a", "b", "c"] {
        let labels = if name == "c" { json!({}) } else { json!({"labels": {"x": "y"}}) };
        c.post(MAPS, map(name, labels)).await;
    }
    let wrong = Some(json!({"preconditions": {"uid": "another"}}));
    let (code, status) = c.send(Method::DELETE, &format!("{MAPS}/a"), wrong).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
    let (code, _) = c.send(Method::DELETE, &format!("{MAPS}/a?dryRun=All"), None).await;
    assert!(code == 200 && c.exists(&format!("{MAPS}/a")).await);
    let (code, list) = c.send(Method::DELETE, &format!("{MAPS}?labelSelector=x%3Dy"), None).await;
    assert_eq!((code, list["items"].as_array().unwrap().len()), (200, 2));
    assert!(c.exists(&format!("{MAPS}/c")).await && !c.exists(&format!("{MAPS}/a")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_watch_lists() {
    let server = Server::start().await;
    let c = Client { server: &server, user: UserInfo::admin() };
    for i in 0..5 {
        c.post(MAPS, map(&format!("m{i}"), json!({}))).await;
    }
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let (_, page) = c.send(Method::GET, &format!("{MAPS}?limit=2&continue={token}"), None).await;
        names.extend(
            page["items"].as_array().unwrap().iter().map(|o| o["metadata"]["name"].as_str().unwrap().to_owned()),
        );
        match page["metadata"]["continue"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(names, ["m0", "m1", "m2", "m3", "m4"]);
    let uri = format!(
        "{MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Dm1&allowWatchBookmarks=true"
    );
    let request = Request::get(uri).body(Full::new(Bytes::new())).unwrap();
    let mut body = server.api.in_process(UserInfo::admin()).oneshot(request).await.unwrap().into_body();
    let mut next = async || -> Value {
        let frame = body.frame().await.unwrap().unwrap();
        serde_json::from_slice(frame.data_ref().unwrap()).unwrap()
    };
    assert_eq!(next().await["object"]["metadata"]["name"], "m1");
    assert_eq!(next().await["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    c.send(Method::DELETE, &format!("{MAPS}/m2"), None).await;
    c.send(Method::DELETE, &format!("{MAPS}/m1"), None).await;
    let event = next().await;
    assert_eq!((&event["type"], &event["object"]["metadata"]["name"]), (&json!("DELETED"), &json!("m1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_from_before_a_restart_is_told_to_list_again() {
    let server = Server::start().await;
    let c = Client { server: &server, user: UserInfo::admin() };
    c.post(MAPS, map("a", json!({}))).await;
    let (_, list) = c.send(Method::GET, MAPS, None).await;
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    c.post(MAPS, map("b", json!({}))).await;
    let server = server.restart().await;
    let c = Client { server: &server, user: UserInfo::admin() };
    assert!(c.exists(&format!("{MAPS}/b")).await);
    // As the first event and not as the response's code: kube's watcher lists anew after the one and never after the other.
    let (code, event) = c.send(Method::GET, &format!("{MAPS}?watch=true&resourceVersion={revision}"), None).await;
    assert_eq!((code, &event["type"]), (200, &json!("ERROR")));
    assert_eq!((&event["object"]["code"], &event["object"]["reason"]), (&json!(410), &json!("Expired")));
    let (code, _) = c.send(Method::GET, &format!("{MAPS}?watch=true&resourceVersion=x"), None).await;
    assert_eq!(code, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_service_accounts() {
    let server = Server::start().await;
    let c = Client { server: &server, user: UserInfo::admin() };
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    c.post(accounts, json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "build"}})).await;
    let request = |spec: Value| json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    let made = c.post(&format!("{accounts}/build/token"), request(json!({"expirationSeconds": 600}))).await;
    let token = made["status"]["token"].as_str().unwrap();
    let user = server.api.authenticate(token).unwrap();
    assert_eq!(user.name, "system:serviceaccount:default:build");
    assert!(!server.api.authorize(&user, &Attributes::resource("get", "", "secrets", "default", "s")));
    // Changed anywhere, it is nobody's; for another audience, it is not for this server.
    for at in [0, token.len() / 2, token.len() - 2] {
        let mut forged = token.as_bytes().to_vec();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(server.api.authenticate(std::str::from_utf8(&forged).unwrap()), None, "{at}");
    }
    let other = c.post(&format!("{accounts}/build/token"), request(json!({"audiences": ["other"]}))).await;
    assert_eq!(server.api.authenticate(other["status"]["token"].as_str().unwrap()), None);
    let (code, _) =
        c.send(Method::POST, &format!("{accounts}/build/token"), Some(request(json!({"expirationSeconds": 5})))).await;
    assert_eq!(code, 422);
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    let review = c.post(reviews, json!({"kind": "TokenReview", "spec": {"token": token}})).await;
    assert_eq!(review["status"]["user"]["username"], "system:serviceaccount:default:build");
    assert!(!review.to_string().contains(token));
    let who = Client { server: &server, user };
    let me = who.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({})).await;
    assert_eq!(me["status"]["userInfo"]["username"], "system:serviceaccount:default:build");
    c.send(Method::DELETE, &format!("{accounts}/build"), None).await;
    assert_eq!(server.api.authenticate(token), None);
    assert!(server.api.authenticate(ADMIN).is_some() && server.api.authenticate("").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_written_apart_from_the_rest() {
    let server = Server::start().await;
    let c = Client { server: &server, user: UserInfo::admin() };
    let path = "/apis/appstudio.redhat.com/v1alpha1/namespaces/default/applications";
    let object = json!({"apiVersion": "konflux-ci.dev/v1alpha1", "kind": "Application", "metadata": {"name": "a"},
                        "spec": {"displayName": "A"}, "status": {"conditions": []}});
    let made = c.post(path, object).await;
    assert_eq!((made.get("status"), &made["metadata"]["generation"]), (None, &json!(1)));
    let both = json!({"spec": {"displayName": "B"}, "status": {"devfile": "x"}});
    let (_, main) = c.send(Method::PATCH, &format!("{path}/a"), Some(both.clone())).await;
    assert_eq!((main.get("status"), &main["metadata"]["generation"]), (None, &json!(2)));
    let both = json!({"spec": {"displayName": "C"}, "status": {"devfile": "x"}});
    let (_, status) = c.send(Method::PATCH, &format!("{path}/a/status"), Some(both)).await;
    assert_eq!((&status["status"]["devfile"], &status["spec"]["displayName"]), (&json!("x"), &json!("B")));
    assert_eq!(status["metadata"]["generation"], 2);
    let (_, alias) = c.send(Method::GET, "/apis/konflux-ci.dev/v1alpha1/namespaces/default/applications/a", None).await;
    assert_eq!(
        (&alias["apiVersion"], &alias["metadata"]["uid"]),
        (&json!("konflux-ci.dev/v1alpha1"), &made["metadata"]["uid"])
    );
    // The same write again is no write.
    let (_, again) =
        c.send(Method::PATCH, &format!("{path}/a/status"), Some(json!({"status": {"devfile": "x"}}))).await;
    assert_eq!(again["metadata"]["resourceVersion"], status["metadata"]["resourceVersion"]);
}
