//! The real `skopeo` against the registry: an OCI layout in and out again, and what is denied. Where skopeo is not
//! installed these tests say so, and fail under CI.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::Server;
use sluice_oci::{Digest, Layout};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Runs skopeo; none where there is none.
async fn skopeo(arguments: &[&str], auth: Option<&Path>) -> Option<Output> {
    let mut command = tokio::process::Command::new("skopeo");
    command.arg("--insecure-policy").args(arguments).env_remove("REGISTRY_AUTH_FILE").env("HOME", "/nonexistent");
    command.env("XDG_RUNTIME_DIR", "/nonexistent");
    if let Some(auth) = auth {
        command.env("REGISTRY_AUTH_FILE", auth);
    }
    match command.output().await {
        Ok(output) => Some(output),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            assert!(std::env::var_os("CI").is_none(), "skopeo is not installed: apt-get install skopeo");
            eprintln!("skopeo is not installed: this was not tested (apt-get install skopeo)");
            None
        }
        Err(e) => panic!("skopeo: {e}"),
    }
}

fn blob(root: &Path, content: &[u8]) -> (Digest, usize) {
    let digest = Digest::sha256(content);
    std::fs::write(root.join("blobs/sha256").join(digest.hex()), content).unwrap();
    (digest, content.len())
}

/// A layout with one image of one layer.
fn layout(root: &Path) -> (PathBuf, Digest) {
    let root = root.join("layout");
    std::fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(6);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    builder.append_data(&mut header, "hello", b"hello\n".as_slice()).unwrap();
    let plain = builder.into_inner().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let (layer, layer_size) = blob(&root, &gzip.finish().unwrap());
    let diff_id = Digest::sha256(&plain);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Env":["A=b"]}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let (config, config_size) = blob(&root, config.as_bytes());
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{config_size}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{layer}","size":{layer_size}}}]}}"#
    );
    let (manifest, size) = blob(&root, manifest.as_bytes());
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{manifest}","size":{size},"annotations":{{"org.opencontainers.image.ref.name":"v1"}}}}]}}"#
    );
    std::fs::write(root.join("index.json"), index).unwrap();
    std::fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    (root, manifest)
}

#[tokio::test]
async fn a_layout_goes_in_and_out() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (layout, digest) = layout(folder.path());
    let auth = folder.path().join("auth.json");
    let pair = sluice_oci::AuthFile::single(&server.host, "acme", "acme-secret");
    std::fs::write(&auth, pair.render()).unwrap();
    let source = format!("oci:{}:v1", layout.display());
    let image = format!("docker://{}/acme/hello:v1", server.host);
    let copy = ["copy", "--dest-tls-verify=false", &source, &image];
    let Some(output) = skopeo(&copy, Some(&auth)).await else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let out = folder.path().join("out");
    let target = format!("oci:{}:v1", out.display());
    let output = skopeo(&["copy", "--src-tls-verify=false", &image, &target], Some(&auth)).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = Layout::open(&out).unwrap();
    assert_eq!(read.manifest(Some("v1")).unwrap().digest, digest);
    let output = skopeo(&["inspect", "--tls-verify=false", &image], Some(&auth)).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(&digest.to_string()) && text.contains("A=b"), "{text}");
    // Our client reads what skopeo pushed, and pushes what skopeo wrote.
    let client = server.client("acme");
    let pulled = client.image(&server.reference("acme/hello:v1")).await.unwrap();
    assert_eq!((pulled.digest, pulled.config.config.env), (digest.clone(), vec!["A=b".to_owned()]));
    let again = server.reference("acme/again:v1");
    assert_eq!(client.push_layout(&read, read.manifest(None).unwrap(), &again).await.unwrap(), digest);
}

#[tokio::test]
async fn skopeo_is_denied_and_let_in_without_credentials() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (layout, digest) = layout(folder.path());
    let read = Layout::open(&layout).unwrap();
    for repository in ["public/hello:v1", "acme/hello:v1"] {
        let reference = server.reference(repository);
        server.client("root").push_layout(&read, read.manifest(None).unwrap(), &reference).await.unwrap();
    }
    let inspect = |repository: &str| format!("docker://{}/{repository}", server.host);
    let (public, private) = (inspect("public/hello:v1"), inspect("acme/hello:v1"));
    let Some(output) = skopeo(&["inspect", "--tls-verify=false", &public], None).await else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains(&digest.to_string()));
    let output = skopeo(&["inspect", "--tls-verify=false", &private], None).await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("log in"), "{text}");
    let auth = folder.path().join("auth.json");
    let other = sluice_oci::AuthFile::single(&server.host, "other", "other-secret");
    std::fs::write(&auth, other.render()).unwrap();
    let output = skopeo(&["inspect", "--tls-verify=false", &private], Some(&auth)).await.unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("may not pull"), "{text}");
}
