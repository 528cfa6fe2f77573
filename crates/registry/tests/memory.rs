//! A large blob goes in and out while the memory of this process, which is client and server at once, hardly grows.
#![allow(clippy::unwrap_used)]

mod common;

use common::Server;
use sluice_oci::Descriptor;
use std::io::Write;

const SIZE: usize = 64 * 1024 * 1024;
const ALLOWED_KIB: u64 = 24 * 1024;

/// Largest resident memory so far, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_large_blob_is_streamed() {
    let server = Server::start().await;
    let client = server.client("acme");
    let reference = server.reference("acme/large");
    // What is made once for all is made before the first look.
    client.push_blob(&reference, "small").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let mut file = std::fs::File::create(&path).unwrap();
    for i in 0..SIZE / 65536 {
        file.write_all(&[u8::try_from(i % 251).unwrap(); 65536]).unwrap();
    }
    let before = peak();
    let (digest, size) = client.push_blob_file(&reference, &path).await.unwrap();
    let pushed = peak() - before;
    let out = folder.path().join("out");
    client.blob_to_file(&reference, &Descriptor::new("a/b", digest, size), &out).await.unwrap();
    let pulled = peak() - before;
    assert_eq!(std::fs::metadata(&out).unwrap().len(), SIZE as u64);
    assert!(pushed < ALLOWED_KIB, "pushing {SIZE} bytes took {pushed} KiB of memory");
    assert!(pulled < ALLOWED_KIB, "pulling {SIZE} bytes took {pulled} KiB of memory");
}
