//! Archives that someone made to hurt: each is refused by `examine`, and `extract` alone writes nothing outside of its
//! folder either.
#![allow(clippy::unwrap_used)]

use sluice_artifacts::{Error, Limits, examine, extract};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tar::EntryType;

/// One entry: name, kind, link target or content.
type Row = (&'static str, EntryType, &'static str);

/// A gzipped tar with exactly these names, which the tar crate itself would refuse to write.
fn archive(rows: &[Row]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, text) in rows {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        if is_link {
            header.as_old_mut().linkname[..text.len()].copy_from_slice(text.as_bytes());
        }
        let content = if is_link { "" } else { text };
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o6755);
        header.set_mtime(0);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

const FILE: EntryType = EntryType::Regular;
const LINK: EntryType = EntryType::Symlink;
const HARD: EntryType = EntryType::Link;
const DIR: EntryType = EntryType::Directory;

#[test]
fn hostile_archives_are_refused() {
    let table: &[(&str, &[Row], &str)] = &[
        ("traversal", &[("../evil", FILE, "x")], "leads out"),
        ("traversal inside", &[("a/../../evil", FILE, "x")], "leads out"),
        ("even harmless dots", &[("a/../b", FILE, "x")], "leads out"),
        ("absolute", &[("/tmp/evil", FILE, "x")], "absolute"),
        ("absolute folder", &[("/", DIR, "")], "absolute"),
        ("absolute symlink", &[("a", LINK, "/etc/passwd")], "absolute path"),
        ("symlink out", &[("a", LINK, "../secret")], "leads out of the folder"),
        ("symlink out from below", &[("a/b/c", LINK, "../../../secret")], "leads out of the folder"),
        ("symlink to nowhere", &[("a", LINK, "")], "nowhere|empty"),
        ("file through a symlink", &[("a", LINK, "b"), ("a/evil", FILE, "x")], "symbolic link of the same"),
        (
            "through dots and a symlink",
            &[("d", DIR, ""), ("a", LINK, "d"), ("./a/x/evil", FILE, "x")],
            "symbolic link of",
        ),
        ("folder over a symlink", &[("a", LINK, "b"), ("a", DIR, "")], "in place of"),
        ("hard link out", &[("a", HARD, "/etc/passwd")], "absolute"),
        ("hard link up", &[("a", HARD, "../secret")], "leads out"),
        ("hard link to what is not in it", &[("a", HARD, "there")], "not an earlier file"),
        ("hard link to a symlink", &[("l", LINK, "x"), ("a", HARD, "l")], "not an earlier file"),
        ("hard link to itself", &[("a", FILE, "x"), ("a", HARD, "a")], "not an earlier file"),
        ("character device", &[("a", EntryType::Char, "")], "device"),
        ("block device", &[("a", EntryType::Block, "")], "device"),
        ("pipe", &[("a", EntryType::Fifo, "")], "pipe"),
        ("unknown kind", &[("a", EntryType::Continuous, "")], "kind"),
        ("a skip marker", &[(".skip-trusted-artifacts", FILE, "")], "reserved"),
        ("a skip marker below", &[("a/.skip-trusted-artifacts/b", FILE, "")], "reserved"),
    ];
    for (what, rows, want) in table {
        let bytes = archive(rows);
        let error = examine(bytes.as_slice(), &Limits::default()).expect_err(what);
        assert!(matches!(error, Error::Hostile { .. }), "{what}: {error}");
        let message = error.to_string();
        assert!(want.split('|').any(|w| message.contains(w)), "{what}: {message}");
        // Without the first look it is refused too, and nothing lands beside the folder.
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("dest");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(outer.path().join("secret"), "s").unwrap();
        assert!(extract(bytes.as_slice(), &folder, &Limits::default()).is_err(), "{what}");
        let beside: Vec<_> = std::fs::read_dir(outer.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(beside.len(), 2, "{what}: {beside:?}");
        assert!(!Path::new("/tmp/evil").exists(), "{what}");
    }
}

#[test]
fn symlinks_of_the_folder_itself_are_not_followed() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("dest");
    std::fs::create_dir_all(&folder).unwrap();
    let target = outer.path().join("target");
    std::fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, folder.join("a")).unwrap();
    assert!(extract(archive(&[("a/evil", FILE, "x")]).as_slice(), &folder, &Limits::default()).is_err());
    assert!(extract(archive(&[("a", DIR, "")]).as_slice(), &folder, &Limits::default()).is_err());
    extract(archive(&[("a", FILE, "x")]).as_slice(), &folder, &Limits::default()).unwrap();
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn what_gnu_tar_may_write_is_unpacked() {
    let rows = [
        ("./", DIR, ""),
        ("./bin/", DIR, ""),
        ("./bin/tool", FILE, "#!/bin/sh\n"),
        ("./bin/same", HARD, "./bin/tool"),
        ("./bin/link", LINK, "../bin/tool"),
        ("./twice", FILE, "first"),
        ("./twice", FILE, "second"),
        ("deep/without/folders", FILE, "x"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let bytes = archive(&rows);
    examine(bytes.as_slice(), &Limits::default()).unwrap();
    extract(bytes.as_slice(), folder.path(), &Limits::default()).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!((read("bin/link"), read("bin/same")), ("#!/bin/sh\n".into(), "#!/bin/sh\n".into()));
    assert_eq!((read("twice"), read("deep/without/folders")), ("second".into(), "x".into()));
    let mode = std::fs::metadata(folder.path().join("bin/tool")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755, "set-id bits are dropped");
}

#[test]
fn sizes_are_bounded() {
    let limits = Limits { blob_bytes: 1 << 20, content_bytes: 10_000, entries: 5 };
    let hostile = |bytes: &[u8]| examine(bytes, &limits).unwrap_err();
    // A header that promises much, a body that is much, many entries, and much that is no entry at all.
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..1].copy_from_slice(b"a");
    header.set_entry_type(FILE);
    header.set_size(1 << 40);
    header.set_cksum();
    assert!(matches!(hostile(&gzip(header.as_bytes())), Error::Hostile { .. }));
    let big: &'static str = Box::leak("x".repeat(20_000).into_boxed_str());
    assert!(matches!(hostile(&archive(&[("a", FILE, big)])), Error::Hostile { .. }));
    let many = [("a", FILE, ""), ("b", FILE, ""), ("c", FILE, ""), ("d", FILE, ""), ("e", FILE, ""), ("f", FILE, "")];
    assert!(matches!(hostile(&archive(&many)), Error::Hostile { .. }));
    assert!(matches!(hostile(&gzip(&vec![0u8; 1 << 20])), Error::Archive(_)));
    let mut tail = archive(&[("a", FILE, "x")]);
    tail.extend(gzip(&vec![0u8; 1 << 20]));
    assert!(matches!(hostile(&tail), Error::Archive(_)));
}

#[test]
fn broken_archives_are_errors() {
    let whole = archive(&[("a", FILE, "content"), ("b", FILE, "more")]);
    for cut in [0, 1, 10, whole.len() / 2, whole.len() - 1] {
        assert!(matches!(examine(&whole[..cut], &Limits::default()), Err(Error::Archive(_))), "cut at {cut}");
    }
    assert!(examine(b"not gzip at all".as_slice(), &Limits::default()).is_err());
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..1].copy_from_slice(b"a");
    header.set_entry_type(FILE);
    header.set_size(100);
    header.set_cksum();
    let mut plain = header.as_bytes().to_vec();
    plain.extend(b"short");
    assert!(matches!(examine(gzip(&plain).as_slice(), &Limits::default()), Err(Error::Archive(_))));
}
