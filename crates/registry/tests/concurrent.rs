//! Many at once: pushes of the same and of different content, deletes between, and readers that never see halves.
#![allow(clippy::unwrap_used)]

mod common;

use common::Server;
use sluice_oci::{Artifact, Descriptor, Error, Layer};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_push_the_same_at_once() {
    let server = Arc::new(Server::start().await);
    let content = vec![7u8; 512 * 1024];
    let mut tasks = Vec::new();
    for i in 0..16 {
        let (server, content) = (server.clone(), content.clone());
        tasks.push(tokio::spawn(async move {
            let artifact = Artifact { layers: vec![Layer::bytes("a/b", content)], ..Artifact::default() };
            let reference = server.reference(&format!("acme/r{}:t{i}", i % 3));
            server.client("acme").push_artifact(&reference, &artifact).await.unwrap()
        }));
    }
    let mut digests = Vec::new();
    for task in tasks {
        digests.push(task.await.unwrap());
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
    let client = server.client("acme");
    let layer = Descriptor::of("a/b", &content);
    let mut tags = 0;
    for i in 0..3 {
        let reference = server.reference(&format!("acme/r{i}"));
        tags += client.tags(&reference).await.unwrap().len();
        assert_eq!(client.blob_bytes(&reference, &layer, 1 << 20).await.unwrap(), content);
    }
    assert_eq!(tags, 16);
    assert!(server.uploads().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_moving_tag_is_always_whole() {
    let server = Arc::new(Server::start().await);
    let reference = server.reference("acme/moving:latest");
    let artifact = |n: usize| {
        let layers = vec![Layer::bytes("a/b", format!("content {n}"))];
        Artifact { layers, ..Artifact::default() }
    };
    server.client("acme").push_artifact(&reference, &artifact(0)).await.unwrap();
    let (pusher, to) = (server.client("acme"), reference.clone());
    let writer = tokio::spawn(async move {
        for n in 1..20 {
            pusher.push_artifact(&to, &artifact(n)).await.unwrap();
        }
    });
    let client = server.client("acme");
    while !writer.is_finished() {
        let manifest = client.manifest(&reference).await.unwrap().image().unwrap();
        client.blob_bytes(&reference, &manifest.layers[0], 100).await.unwrap();
    }
    writer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_manifest_never_outlives_the_check_of_its_blobs() {
    let server = Arc::new(Server::start().await);
    for round in 0..10 {
        let content = format!("blob {round}");
        let reference = server.reference(&format!("acme/race:r{round}"));
        let layer = Descriptor::of("a/b", content.as_bytes());
        let artifact = Artifact { layers: vec![Layer::bytes("a/b", content)], ..Artifact::default() };
        let deleter = {
            let (server, path) = (server.clone(), format!("/v2/acme/race/blobs/{}", layer.digest));
            tokio::spawn(async move { server.raw("acme", "DELETE", &path, &[], b"").await.status })
        };
        // Either order is right; a manifest that was refused is not there.
        match server.client("acme").push_artifact(&reference, &artifact).await {
            Ok(digest) => assert_eq!(server.client("acme").resolve(&reference).await.unwrap(), digest),
            Err(Error::NotFound { .. } | Error::Refused { .. }) => {
                assert!(server.client("acme").resolve(&reference).await.unwrap_err().is_not_found());
            }
            Err(e) => unreachable!("{e}"),
        }
        assert!([202, 404].contains(&deleter.await.unwrap()));
    }
}
