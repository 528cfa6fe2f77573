//! The registry with the client of the `oci` crate: what one pushes the other reads back, to whom it is allowed.
#![allow(clippy::unwrap_used)]

mod common;

use common::Server;
use sluice_oci::{Artifact, BundleObject, Descriptor, Digest, Error, Layer, bundle_artifact, media_type};
use sluice_registry::{Action, TransferKind};

#[tokio::test]
async fn an_artifact_goes_round() {
    let server = Server::start().await;
    let client = server.client("acme");
    let reference = server.reference("acme/thing:v1");
    let file = server.root().join("layer");
    std::fs::write(&file, b"from a file").unwrap();
    let artifact = Artifact {
        artifact_type: Some("application/vnd.test".to_owned()),
        layers: vec![Layer::bytes("text/plain", "in memory").annotated("a", "b"), Layer::file("text/plain", &file)],
        ..Artifact::default()
    };
    let digest = client.push_artifact(&reference, &artifact).await.unwrap();
    assert_eq!(client.push_artifact(&reference, &artifact).await.unwrap(), digest);
    assert_eq!(client.resolve(&reference).await.unwrap(), digest);
    assert_eq!(client.tags(&reference).await.unwrap(), ["v1"]);
    let pulled = client.manifest(&reference.with_digest(digest.clone())).await.unwrap();
    assert_eq!(pulled.digest, Digest::sha256(&pulled.bytes));
    let manifest = pulled.image().unwrap();
    assert_eq!(manifest.layers[0].annotations["a"], "b");
    assert_eq!(client.blob_bytes(&reference, &manifest.layers[0], 100).await.unwrap(), "in memory");
    let out = server.root().join("out");
    client.blob_to_file(&reference, &manifest.layers[1], &out).await.unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), b"from a file");
    assert!(matches!(
        client.blob_bytes(&reference, &manifest.layers[0], 3).await,
        Err(Error::TooLarge { limit: 3, .. })
    ));
}

#[tokio::test]
async fn a_tekton_bundle_goes_round() {
    let server = Server::start().await;
    let client = server.client("acme");
    let reference = server.reference("acme/tasks/echo:0.1");
    let object = |name: &str| BundleObject {
        api_version: "v1".into(),
        kind: "Task".into(),
        name: name.into(),
        content: format!("kind: Task\nmetadata: {{name: {name}}}\n").into(),
    };
    let artifact = bundle_artifact(&[object("echo"), object("other")]).unwrap();
    let digest = client.push_artifact(&reference, &artifact).await.unwrap();
    let (seen, content) = client.bundle_object(&reference, "task", "other").await.unwrap();
    assert_eq!((seen, content), (digest, object("other").content));
    let error = client.bundle_object(&reference, "task", "nope").await.unwrap_err().to_string();
    assert!(error.contains("task/echo, task/other"), "{error}");
}

#[tokio::test]
async fn refusals_say_why() {
    let server = Server::start().await;
    let object = server.reference("acme/private:v1");
    server.client("acme").push_artifact(&object, &Artifact::default()).await.unwrap();
    let anonymous = server.client("").manifest(&object).await.unwrap_err();
    assert!(matches!(&anonymous, Error::Denied { remedy, .. } if remedy.contains("no credentials")), "{anonymous}");
    let other = server.client("other").manifest(&object).await.unwrap_err();
    assert!(matches!(&other, Error::Denied { remedy, .. } if remedy.contains("ask its owner")), "{other}");
    let wrong = server.client("nobody").manifest(&object).await.unwrap_err();
    assert!(matches!(&wrong, Error::Denied { remedy, .. } if remedy.contains("not accepted")), "{wrong}");
    let missing = server.client("acme").manifest(&server.reference("acme/private:v2")).await.unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    let dead = "127.0.0.1:1/x:v1".parse().unwrap();
    let unreachable = server.client("acme").manifest(&dead).await.unwrap_err();
    assert!(unreachable.is_transient(), "{unreachable}");
}

#[tokio::test]
async fn corrupt_content_is_never_handed_out() {
    let server = Server::start().await;
    let client = server.client("acme");
    let reference = server.reference("acme/thing:v1");
    let artifact = Artifact { layers: vec![Layer::bytes("text/plain", "precious")], ..Artifact::default() };
    let digest = client.push_artifact(&reference, &artifact).await.unwrap();
    let layer = Descriptor::of("text/plain", b"precious");
    std::fs::write(server.registry.blob_path(&layer.digest), "preciouz").unwrap();
    let out = server.root().join("out");
    std::fs::write(&out, "before").unwrap();
    assert!(matches!(client.blob_to_file(&reference, &layer, &out).await, Err(Error::Corrupt { .. })));
    assert_eq!(std::fs::read(&out).unwrap(), b"before");
    std::fs::write(server.registry.blob_path(&layer.digest), "precious and more").unwrap();
    assert!(matches!(client.blob_to_file(&reference, &layer, &out).await, Err(Error::Corrupt { .. })));
    assert!(matches!(client.blob_bytes(&reference, &layer, 100).await, Err(Error::Corrupt { .. })));
    std::fs::write(server.registry.blob_path(&digest), "{\"schemaVersion\":2}").unwrap();
    assert!(matches!(client.manifest(&reference).await, Err(Error::Corrupt { .. })));
    assert_eq!(std::fs::read_dir(server.root()).unwrap().filter(|e| e.as_ref().unwrap().path().is_file()).count(), 1);
}

#[tokio::test]
async fn mounts_show_nothing_to_those_who_may_not_pull() {
    let server = Server::start().await;
    let (root, acme) = (server.client("root"), server.client("acme"));
    let secret = root.push_blob(&server.reference("other/secret"), "secret").await.unwrap();
    let public = root.push_blob(&server.reference("public/base"), "base").await.unwrap();
    let mine = server.reference("acme/mine");
    assert!(!acme.blob_exists(&mine, &secret).await.unwrap());
    assert!(!acme.mount_blob(&mine, &server.reference("other/secret"), &secret).await.unwrap());
    assert!(!acme.blob_exists(&mine, &secret).await.unwrap());
    assert!(!acme.blob_exists(&mine, &public).await.unwrap());
    assert!(acme.mount_blob(&mine, &server.reference("public/base"), &public).await.unwrap());
    assert!(acme.blob_exists(&mine, &public).await.unwrap());
    assert!(server.uploads().is_empty());
    // Whoever has the bytes may push them, and learns nothing by that.
    acme.push_blob(&mine, "secret").await.unwrap();
    assert!(acme.blob_exists(&mine, &secret).await.unwrap());
}

#[tokio::test]
async fn every_transfer_is_recorded_with_its_run() {
    let server = Server::start().await;
    let client = server.client("taskrun");
    let reference = server.reference("acme/built:v1");
    let digest = client.push_artifact(&reference, &Artifact::default()).await.unwrap();
    client.manifest(&reference).await.unwrap();
    let pushed = server.records.of(Action::Push);
    assert_eq!(pushed.len(), 2);
    let (identity, transfer) = &pushed[1];
    assert_eq!(identity.task_run.as_deref(), Some("uid-1"));
    assert_eq!((transfer.kind, &transfer.digest), (TransferKind::Manifest, &digest));
    assert_eq!((transfer.repository.as_str(), transfer.tag.as_deref()), ("acme/built", Some("v1")));
    let pulled = server.records.of(Action::Pull);
    assert_eq!(pulled.len(), 1);
    assert_eq!(pulled[0].1.digest, digest);
    assert!(server.client("other").manifest(&reference).await.is_err());
    assert_eq!(server.records.of(Action::Pull).len(), 1);
}

#[tokio::test]
async fn referrers_are_listed_and_filtered() {
    let server = Server::start().await;
    let client = server.client("acme");
    let reference = server.reference("acme/image:v1");
    client.push_artifact(&reference, &Artifact::default()).await.unwrap();
    let manifest = client.manifest(&reference).await.unwrap();
    let subject = Descriptor::new(&manifest.media_type, manifest.digest.clone(), manifest.bytes.len() as u64);
    let mut digests = Vec::new();
    for kind in ["application/vnd.a", "application/vnd.b"] {
        let artifact =
            Artifact { artifact_type: Some(kind.to_owned()), subject: Some(subject.clone()), ..Artifact::default() };
        digests.push(client.push_artifact(&reference.without_identifier(), &artifact).await.unwrap());
    }
    assert_eq!(client.referrers(&reference, &manifest.digest, None).await.unwrap().len(), 2);
    let a = client.referrers(&reference, &manifest.digest, Some("application/vnd.a")).await.unwrap();
    assert_eq!(a.iter().map(|d| &d.digest).collect::<Vec<_>>(), [&digests[0]]);
    client.delete_manifest(&reference.at_digest(digests[0].clone())).await.unwrap();
    assert_eq!(client.referrers(&reference, &manifest.digest, None).await.unwrap().len(), 1);
    assert!(client.image(&reference).await.unwrap().config.rootfs.diff_ids.is_empty());
    let none = client.referrers(&reference, &Digest::sha256(b"x"), None).await.unwrap();
    assert!(none.is_empty());
    assert_eq!(manifest.media_type, media_type::MANIFEST);
}
