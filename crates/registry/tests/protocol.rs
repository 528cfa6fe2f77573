//! The registry's answers byte by byte: refusals, ranges, chunks, broken uploads, names.
#![allow(clippy::unwrap_used)]

mod common;

use common::Server;
use sluice_oci::Digest;

const CHUNKS: &str = "application/octet-stream";

async fn begin(server: &Server, repository: &str) -> String {
    let answer = server.raw("acme", "POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.header("location").unwrap().to_owned()
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let server = Server::start().await;
    let blob = Digest::sha256(b"x");
    let blob_path = format!("/v2/acme/x/blobs/{blob}");
    for (user, method, path, status, code) in [
        ("", "GET", "/v2/", 401, "UNAUTHORIZED"),
        ("nobody", "GET", "/v2/", 401, "UNAUTHORIZED"),
        ("acme", "GET", "/v2/", 200, ""),
        ("", "GET", "/v2/acme/x/manifests/v1", 401, "UNAUTHORIZED"),
        ("nobody", "GET", "/v2/public/x/manifests/v1", 401, "UNAUTHORIZED"),
        ("other", "GET", "/v2/acme/x/manifests/v1", 403, "DENIED"),
        ("other", "GET", blob_path.as_str(), 403, "DENIED"),
        ("other", "GET", "/v2/acme/x/tags/list", 403, "DENIED"),
        ("other", "POST", "/v2/acme/x/blobs/uploads/", 403, "DENIED"),
        ("other", "PUT", "/v2/acme/x/manifests/v1", 403, "DENIED"),
        ("other", "DELETE", blob_path.as_str(), 403, "DENIED"),
        ("acme", "PUT", "/v2/public/x/manifests/v1", 403, "DENIED"),
        ("", "POST", "/v2/public/x/blobs/uploads/", 401, "UNAUTHORIZED"),
        ("", "GET", "/v2/public/x/manifests/v1", 404, "MANIFEST_UNKNOWN"),
        ("acme", "GET", "/v2/acme/x/manifests/v1", 404, "MANIFEST_UNKNOWN"),
        ("acme", "GET", blob_path.as_str(), 404, "BLOB_UNKNOWN"),
        ("acme", "GET", "/v2/acme/x/tags/list", 404, "NAME_UNKNOWN"),
        ("acme", "GET", "/v2/acme/x/blobs/uploads/00", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("root", "GET", "/v2/_catalog", 403, "DENIED"),
        ("root", "GET", "/v2/ACME/x/tags/list", 400, "NAME_INVALID"),
        ("root", "GET", "/v2/a/%2e%2e/%2e%2e/etc/tags/list", 400, "NAME_INVALID"),
        ("root", "GET", "/v2/acme/x/blobs/sha256:..", 400, "DIGEST_INVALID"),
        ("root", "POST", "/v2/acme/x/manifests/v1", 405, "UNSUPPORTED"),
    ] {
        let answer = server.raw(user, method, path, &[], b"").await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{user} {method} {path}: {}",
            answer.text()
        );
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge.is_some(), status == 401, "{user} {method} {path}");
    }
    let answer = server.raw("", "GET", "/v2/", &[("Authorization", "Basic Og==")], b"").await;
    assert_eq!(answer.status, 401, "an empty pair is nobody");
    let answer = server.raw("", "GET", "/v2/public/x/tags/list", &[("Authorization", "Basic Og==")], b"").await;
    assert_eq!(answer.status, 404, "and nobody may read what is public");
    for header in ["Basic", "Basic %%%", "Digest x", "Basic bm9jb2xvbg=="] {
        let answer = server.raw("", "GET", "/v2/public/x/tags/list", &[("Authorization", header)], b"").await;
        assert_eq!(answer.status, 401, "{header}");
    }
}

#[tokio::test]
async fn chunks_must_follow_each_other() {
    let server = Server::start().await;
    let place = begin(&server, "acme/x").await;
    let patch = |range: &'static str, body: &'static [u8]| {
        let (server, place) = (&server, place.clone());
        async move {
            let headers = [("Content-Type", CHUNKS), ("Content-Range", range)];
            server.raw("acme", "PATCH", &place, &headers, body).await
        }
    };
    assert_eq!(patch("0-18446744073709551615", b"hello").await.status, 416, "a length that no number holds");
    let answer = patch("0-4", b"hello").await;
    assert_eq!((answer.status, answer.header("range")), (202, Some("0-4")));
    for range in ["0-4", "4-8", "6-10", "9-5", "x-y", "5", "18446744073709551615-18446744073709551615"] {
        let answer = patch(range, b"world").await;
        assert_eq!((answer.status, answer.header("range")), (416, Some("0-4")), "{range}");
        assert_eq!(answer.header("location"), Some(place.as_str()));
    }
    assert_eq!(patch("5-9", b"four").await.status, 400);
    let answer = server.raw("acme", "GET", &place, &[], b"").await;
    assert_eq!((answer.status, answer.header("range")), (204, Some("0-4")));
    assert_eq!(patch("5-9", b"world").await.status, 202);
    // Another user, even one who may do all, and another repository see no such upload.
    assert_eq!(server.raw("root", "GET", &place, &[], b"").await.status, 404);
    assert_eq!(server.raw("acme", "GET", &place.replace("acme/x", "acme/y"), &[], b"").await.status, 404);
    let wrong = format!("{place}?digest={}", Digest::sha256(b"other"));
    assert_eq!(server.raw("acme", "PUT", &place, &[], b"").await.code(), "DIGEST_INVALID");
    let answer = server.raw("acme", "PUT", &wrong, &[], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "DIGEST_INVALID"));
    // A wrong digest ends the upload: nothing is left of it.
    assert_eq!(server.raw("acme", "GET", &place, &[], b"").await.status, 404);
    assert!(server.uploads().is_empty());
}

#[tokio::test]
async fn a_sender_that_goes_away_leaves_nothing_visible() {
    let server = Server::start().await;
    let digest = Digest::sha256(b"hello world");
    // All at once, and cut off: ended with the request.
    let path = format!("/v2/acme/x/blobs/uploads/?digest={digest}");
    let answer = server.raw("acme", "POST", &path, &[("Content-Length", "11")], b"hello").await;
    assert_ne!(answer.status, 201);
    // In a chunk, and cut off: what came stays and can be gone on with.
    let place = begin(&server, "acme/x").await;
    let _ = server.raw("acme", "PATCH", &place, &[("Content-Length", "11")], b"hello").await;
    let blob = format!("/v2/acme/x/blobs/{digest}");
    assert_eq!(server.raw("acme", "HEAD", &blob, &[], b"").await.status, 404);
    let mut range = String::new();
    for _ in 0..100 {
        let answer = server.raw("acme", "GET", &place, &[], b"").await;
        range = answer.header("range").unwrap_or_default().to_owned();
        if range == "0-4" {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(range, "0-4");
    let finish = format!("{place}?digest={digest}");
    assert_eq!(server.raw("acme", "PUT", &finish, &[], b" world").await.status, 201);
    assert_eq!(server.raw("acme", "GET", &blob, &[], b"").await.text(), "hello world");
    // The program dies in the middle: opened again, nothing of it is there.
    let place = begin(&server, "acme/x").await;
    server.raw("acme", "PATCH", &place, &[], b"half of it").await;
    assert_eq!(server.uploads().len(), 1);
    let copy = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("cp").arg("-a").arg(server.root()).arg(copy.path().join("r")).status();
    assert!(status.unwrap().success());
    let moved = tempfile::tempdir().unwrap();
    std::fs::rename(copy.path().join("r"), moved.path().join("r")).unwrap();
    drop(copy);
    let again = Server::start_at(moved, "r").await;
    assert!(again.uploads().is_empty());
    assert_eq!(again.raw("acme", "GET", &place, &[], b"").await.status, 404);
    assert_eq!(again.raw("acme", "GET", &blob, &[], b"").await.text(), "hello world");
}

#[tokio::test]
async fn ranges_of_a_blob() {
    let server = Server::start().await;
    let digest = server.client("acme").push_blob(&server.reference("acme/x"), "0123456789").await.unwrap();
    let path = format!("/v2/acme/x/blobs/{digest}");
    for (range, status, content_range, body) in [
        ("bytes=2-4", 206, Some("bytes 2-4/10"), "234"),
        ("bytes=7-", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=-2", 206, Some("bytes 8-9/10"), "89"),
        ("bytes=0-99", 206, Some("bytes 0-9/10"), "0123456789"),
        ("bytes=x", 200, None, "0123456789"),
    ] {
        let answer = server.raw("acme", "GET", &path, &[("Range", range)], b"").await;
        assert_eq!((answer.status, answer.header("content-range")), (status, content_range), "{range}");
        assert_eq!(answer.text(), body);
    }
    let answer = server.raw("acme", "GET", &path, &[("Range", "bytes=10-")], b"").await;
    assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */10")));
    let answer = server.raw("acme", "HEAD", &path, &[], b"").await;
    assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, Some("10"), 0));
}

#[tokio::test]
async fn manifests_must_be_whole() {
    let server = Server::start().await;
    let client = server.client("acme");
    let config = client.push_blob(&server.reference("acme/x"), "{}").await.unwrap();
    let absent = Digest::sha256(b"absent");
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let index = "application/vnd.oci.image.index.v1+json";
    let manifest = |config: &Digest, layer: &Digest| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{{"mediaType":"a/b","digest":"{config}","size":2}},"layers":[{{"mediaType":"a/b","digest":"{layer}","size":2}}]}}"#
        )
    };
    let good = manifest(&config, &config);
    let other = Digest::sha256(b"other manifest");
    let by_digest = format!("/v2/acme/x/manifests/{other}");
    let children = format!(
        r#"{{"schemaVersion":2,"mediaType":"{index}","manifests":[{{"mediaType":"{kind}","digest":"{absent}","size":1}}]}}"#
    );
    let both = good.replacen("\"layers\"", "\"manifests\":[],\"layers\"", 1);
    let v1 = "/v2/acme/x/manifests/v1";
    for (path, kind, body, status, code) in [
        (v1, kind, manifest(&config, &absent), 404, "MANIFEST_BLOB_UNKNOWN"),
        (v1, kind, manifest(&absent, &config), 404, "MANIFEST_BLOB_UNKNOWN"),
        (v1, index, children, 404, "MANIFEST_BLOB_UNKNOWN"),
        (v1, index, good.clone(), 400, "MANIFEST_INVALID"),
        (v1, "text/plain", good.replace(kind, "text/plain"), 400, "MANIFEST_INVALID"),
        (v1, kind, both, 400, "MANIFEST_INVALID"),
        (v1, kind, good.replace(":2,", ":1,"), 400, "MANIFEST_INVALID"),
        (v1, kind, good[..20].to_owned(), 400, "MANIFEST_INVALID"),
        (v1, kind, String::new(), 400, "MANIFEST_INVALID"),
        (v1, kind, good.replace("sha256:", "sha256:.."), 400, "MANIFEST_INVALID"),
        (by_digest.as_str(), kind, good.clone(), 400, "DIGEST_INVALID"),
        ("/v2/acme/x/manifests/.v1", kind, good.clone(), 400, "MANIFEST_INVALID"),
        // Blobs of another repository do not count.
        ("/v2/acme/y/manifests/v1", kind, good.clone(), 404, "MANIFEST_BLOB_UNKNOWN"),
        (v1, kind, " ".repeat(4 * 1024 * 1024 + 1), 413, "SIZE_INVALID"),
    ] {
        let answer = server.raw("acme", "PUT", path, &[("Content-Type", kind)], body.as_bytes()).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text());
    }
    assert!(client.tags(&server.reference("acme/x")).await.unwrap().is_empty());
    let answer = server.raw("acme", "PUT", v1, &[("Content-Type", kind)], good.as_bytes()).await;
    assert_eq!(answer.status, 201);
    let digest = Digest::sha256(good.as_bytes()).to_string();
    assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()));
    let answer = server.raw("acme", "GET", v1, &[], b"").await;
    assert_eq!((answer.body, answer.status), (good.into_bytes(), 200), "byte for byte");
}

#[tokio::test]
async fn tags_come_in_pages_and_go() {
    let server = Server::start().await;
    let client = server.client("acme");
    for tag in ["b", "a", "C", "d"] {
        client.push_artifact(&server.reference(&format!("acme/x:{tag}")), &Default::default()).await.unwrap();
    }
    let answer = server.raw("acme", "GET", "/v2/acme/x/tags/list?n=2", &[], b"").await;
    assert_eq!(answer.text(), r#"{"name":"acme/x","tags":["C","a"]}"#);
    assert_eq!(answer.header("link"), Some("</v2/acme/x/tags/list?n=2&last=a>; rel=\"next\""));
    let answer = server.raw("acme", "GET", "/v2/acme/x/tags/list?n=2&last=a", &[], b"").await;
    assert_eq!((answer.text().as_str(), answer.header("link")), (r#"{"name":"acme/x","tags":["b","d"]}"#, None));
    let answer = server.raw("acme", "GET", "/v2/acme/x/tags/list?n=0", &[], b"").await;
    assert_eq!((answer.text().as_str(), answer.header("link")), (r#"{"name":"acme/x","tags":[]}"#, None));
    client.delete_manifest(&server.reference("acme/x:a")).await.unwrap();
    assert_eq!(client.tags(&server.reference("acme/x")).await.unwrap(), ["C", "b", "d"]);
    // All tags mean the same manifest: without it there are none.
    let digest = client.resolve(&server.reference("acme/x:b")).await.unwrap();
    client.delete_manifest(&server.reference("acme/x").at_digest(digest)).await.unwrap();
    assert!(client.tags(&server.reference("acme/x")).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_namespace_cannot_take_all_uploads() {
    let server = Server::start().await;
    let path = |i: usize| format!("/v2/acme/x{i}/blobs/uploads/");
    let mut refused = 0;
    for i in 0..200 {
        let status = server.raw("acme", "POST", &path(i), &[], b"").await.status;
        assert!(matches!(status, 202 | 429), "{status}");
        refused += usize::from(status == 429);
    }
    assert!(refused > 0, "all were begun");
    assert_eq!(server.raw("other", "POST", "/v2/other/x/blobs/uploads/", &[], b"").await.status, 202);
    assert!(server.uploads().len() < 200);
}

/// A stranger who sends nothing, or a little now and then, keeps no connection.
#[tokio::test]
async fn whoever_says_nothing_is_cut_off() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Server::start_patient(std::time::Duration::from_millis(200)).await;
    for head in ["", "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = tokio::net::TcpStream::connect(&server.host).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // Ends by itself, or the test does not.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    }
    assert_eq!(server.raw("acme", "GET", "/v2/", &[], b"").await.status, 200);
}
