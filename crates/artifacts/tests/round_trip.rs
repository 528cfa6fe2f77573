//! `create` and `use` against the embedded registry: what goes in comes out, and what was changed in between does not.
#![allow(clippy::unwrap_used)]

mod common;

use common::World as Base;
use sluice_artifacts::{ArtifactUri, CreateRequest, Error, Limits, UseRequest, create, use_artifacts};
use sluice_oci::RegistriesConf;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The common world with the calls of this file.
struct World(Base);

impl std::ops::Deref for World {
    type Target = Base;
    fn deref(&self) -> &Base {
        &self.0
    }
}

impl World {
    fn new() -> Self {
        World(Base::new())
    }
}

impl World {
    fn create_in(&self, store: &str, pairs: &[(&str, &Path)]) -> (Result<Vec<ArtifactUri>, Error>, Vec<String>) {
        let pairs = pairs.iter().map(|(r, p)| (self.path(r), p.to_path_buf())).collect();
        let store = store.replace("HOST", &self.host).parse().unwrap();
        let request = CreateRequest { store, pairs, expires_after: None, limits: Limits::default() };
        let mut notes = Vec::new();
        let made = create(&self.environment, &request, &mut |n| notes.push(n.to_owned()));
        (made, notes)
    }

    fn create(&self, result: &str, path: &Path) -> Result<Vec<ArtifactUri>, Error> {
        self.create_in("HOST/acme/ta:run.git", &[(result, path)]).0
    }

    fn use_all(&self, pairs: &[(&str, &Path)]) -> (Result<(), Error>, Vec<String>) {
        let pairs = pairs.iter().map(|(u, p)| ((*u).to_owned(), p.to_path_buf())).collect();
        let mut notes = Vec::new();
        let request = UseRequest { pairs, limits: Limits::default() };
        let done = use_artifacts(&self.environment, &request, &mut |n| notes.push(n.to_owned()));
        (done, notes)
    }

    fn result(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A folder with a bit of everything.
    fn source(&self, name: &str) -> PathBuf {
        let root = self.path(name);
        fs::create_dir_all(root.join("src/empty")).unwrap();
        fs::write(root.join("src/main.c"), "int main(void) { return 0; }\n").unwrap();
        fs::write(root.join("run.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o4755)).unwrap();
        std::os::unix::fs::symlink("src/main.c", root.join("link")).unwrap();
        fs::write(root.join("x".repeat(180)), "a long name").unwrap();
        root
    }
}

#[test]
fn a_folder_goes_round_and_is_deterministic() {
    let world = World::new();
    let one = world.source("one");
    let made = world.create("SOURCE_ARTIFACT", &one).unwrap();
    let result = world.result("SOURCE_ARTIFACT");
    assert_eq!(result, made[0].to_string());
    assert!(result.starts_with(&format!("oci:{}/acme/ta@sha256:", world.host)) && !result.ends_with('\n'), "{result}");
    // The same content, made later and in another order.
    let two = world.path("two");
    fs::create_dir(&two).unwrap();
    std::os::unix::fs::symlink("src/main.c", two.join("link")).unwrap();
    let two = world.source_again(&two);
    assert_eq!(world.create("AGAIN", &two).unwrap(), made);
    fs::write(two.join("run.sh"), "#!/bin/sh\n#").unwrap();
    assert_ne!(world.create("CHANGED", &two).unwrap(), made);

    let dest = world.path("dest");
    fs::create_dir(&dest).unwrap();
    fs::write(dest.join("left behind"), "by an earlier step").unwrap();
    world.use_all(&[(&result, &dest)]).0.unwrap();
    assert!(!dest.join("left behind").exists());
    assert_eq!(fs::read(dest.join("link")).unwrap(), fs::read(one.join("src/main.c")).unwrap());
    assert!(dest.join("src/empty").is_dir());
    assert!(dest.join("x".repeat(180)).is_file());
    let mode = fs::metadata(dest.join("run.sh")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o755);
    // What was unpacked makes the same artifact again.
    assert_eq!(world.create("THIRD", &dest).unwrap(), made);
}

impl World {
    fn source_again(&self, root: &Path) -> PathBuf {
        fs::write(root.join("x".repeat(180)), "a long name").unwrap();
        fs::write(root.join("run.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(root.join("src/empty")).unwrap();
        fs::write(root.join("src/main.c"), "int main(void) { return 0; }\n").unwrap();
        let past = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        fs::File::open(root.join("run.sh")).unwrap().set_modified(past).unwrap();
        root.to_owned()
    }
}

#[test]
fn several_artifacts_and_single_files() {
    let world = World::new();
    let folder = world.source("folder");
    let file = folder.join("src/main.c");
    let (made, _) = world.create_in("artifacts.example/ta:v1", &[("A_ARTIFACT", &folder), ("B_ARTIFACT", &file)]);
    assert_eq!(made.unwrap().len(), 2);
    let (a, b) = (world.result("A_ARTIFACT"), world.result("B_ARTIFACT"));
    assert!(a.starts_with("oci:artifacts.example/ta@sha256:"), "{a}");
    let (da, db) = (world.path("da"), world.path("db"));
    let (done, notes) = world.use_all(&[("", &world.path("none")), (&a, &da), (&b, &db)]);
    done.unwrap();
    assert!(notes[0].starts_with("WARN"), "{notes:?}");
    assert!(da.join("run.sh").is_file() && db.join("main.c").is_file() && !world.path("none").exists());
    // One manifest keeps both, with the names of the results.
    let reference = format!("{}/acme/ta:v1", world.host).parse().unwrap();
    let client = sluice_oci::Client::new(RegistriesConf::default(), world.environment.auth.clone()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let manifest = runtime.block_on(client.manifest(&reference)).unwrap().image().unwrap();
    let titles: Vec<_> =
        manifest.layers.iter().map(|l| l.annotations["org.opencontainers.image.title"].as_str()).collect();
    assert_eq!(titles, ["A_ARTIFACT", "B_ARTIFACT"]);
    assert!(manifest.layers.iter().all(|l| l.media_type == "application/vnd.oci.image.layer.v1.tar"));
}

#[test]
fn one_flipped_byte_and_nothing_is_touched() {
    let world = World::new();
    let good = world.create("GOOD", &world.source("good")).unwrap().remove(0).to_string();
    let other = world.path("other.txt");
    fs::write(&other, "other content").unwrap();
    let bad = world.create("BAD", &other).unwrap().remove(0);
    let blob = world.registry.blob_path(bad.digest());
    let mut bytes = fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let (first, second) = (world.path("first"), world.path("second"));
    for folder in [&first, &second] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("before"), "stays").unwrap();
    }
    let error = world.use_all(&[(&good, &first), (&bad.to_string(), &second)]).0.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    for folder in [&first, &second] {
        let left: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["before"]);
    }
    fs::write(&blob, "cut").unwrap();
    assert!(matches!(world.use_all(&[(&bad.to_string(), &second)]).0, Err(Error::Corrupt { .. })));
    fs::remove_file(&blob).unwrap();
    assert!(matches!(world.use_all(&[(&bad.to_string(), &second)]).0, Err(Error::Registry { .. })));
    assert!(second.join("before").exists());
}

#[test]
fn a_hostile_artifact_leaves_the_folder_alone() {
    let world = World::new();
    let plain = {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_cksum();
        builder.append_data(&mut header, "good", b"x".as_slice()).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_mtime(0);
        header.set_size(0);
        builder.append_link(&mut header, "bad", "/etc/passwd").unwrap();
        builder.into_inner().unwrap()
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &plain).unwrap();
    let client = sluice_oci::Client::new(RegistriesConf::default(), world.environment.auth.clone()).unwrap();
    let repository: sluice_oci::Reference = format!("{}/acme/x", world.host).parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let digest = runtime.block_on(client.push_blob(&repository, gzip.finish().unwrap())).unwrap();
    let dest = world.path("dest");
    fs::create_dir(&dest).unwrap();
    fs::write(dest.join("before"), "stays").unwrap();
    let error = world.use_all(&[(&ArtifactUri::new(&repository, digest).to_string(), &dest)]).0.unwrap_err();
    assert!(matches!(error, Error::Hostile { .. }), "{error}");
    assert!(dest.join("before").exists() && !dest.join("good").exists());
}

#[test]
fn what_cannot_be_archived_is_an_error() {
    let world = World::new();
    let fails = |path: &Path, want: &str| {
        let error = world.create("R_ARTIFACT", path).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
        assert!(!world.path("R_ARTIFACT").exists());
    };
    fails(&world.path("missing"), "does not exist");
    let links = world.path("links");
    fs::create_dir(&links).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", links.join("absolute")).unwrap();
    fails(&links, "absolute path");
    fs::remove_file(links.join("absolute")).unwrap();
    std::os::unix::fs::symlink("../../x", links.join("up")).unwrap();
    fails(&links, "leads out");
    fs::remove_file(links.join("up")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(links.join("socket")).unwrap();
    fails(&links, "socket");
    let (made, _) = world.create_in("HOST/other/ta:v1", &[("R_ARTIFACT", &world.source("s"))]);
    let error = made.unwrap_err().to_string();
    assert!(error.contains("403") && error.contains("ask for the role"), "{error}");
    let (made, _) = world.create_in("registry.example/x:v1", &[("R_ARTIFACT", &world.path("s"))]);
    assert!(made.unwrap_err().to_string().contains("TLS"));
    let (made, _) = world.create_in("127.0.0.1:1/x:v1", &[("R_ARTIFACT", &world.path("s"))]);
    assert!(made.unwrap_err().to_string().contains("cannot be reached"));
}

#[test]
fn the_skip_marker_counts_only_alone() {
    let world = World::new();
    let marked = world.path("marked");
    fs::create_dir(&marked).unwrap();
    fs::write(marked.join(".skip-trusted-artifacts"), "").unwrap();
    let (made, notes) = world.create_in("HOST/acme/ta:v1", &[("R", &marked)]);
    assert!(made.unwrap().is_empty() && notes[0].contains("skip file"), "{notes:?}");
    assert!(!world.path("R").exists());
    // A source repository with such a file does not stop its own artifact from being made: it fails, visibly.
    let source = world.source("source");
    let good = world.create("GOOD", &source).unwrap().remove(0).to_string();
    fs::write(source.join(".skip-trusted-artifacts"), "").unwrap();
    assert!(world.create("R", &source).unwrap_err().to_string().contains("reserved"));
    fs::rename(source.join(".skip-trusted-artifacts"), source.join("src/.skip-trusted-artifacts")).unwrap();
    assert!(world.create("R", &source).unwrap_err().to_string().contains("reserved"));
    // The same for the other side.
    let (done, notes) = world.use_all(&[(&good, &marked)]);
    done.unwrap();
    assert!(notes[0].contains("skip file") && !marked.join("run.sh").exists());
    fs::write(marked.join("more"), "").unwrap();
    assert!(world.use_all(&[(&good, &marked)]).0.unwrap_err().to_string().contains("reserved"));
}

#[test]
fn destinations_are_checked() {
    let world = World::new();
    let uri = world.create("R", &world.source("s")).unwrap().remove(0).to_string();
    let link = world.path("link");
    std::os::unix::fs::symlink("/", &link).unwrap();
    let dangling = world.path("dangling");
    std::os::unix::fs::symlink("/does/not/exist", &dangling).unwrap();
    let file = world.path("file");
    fs::write(&file, "").unwrap();
    for bad in [
        Path::new("/"),
        Path::new("//"),
        Path::new("/tmp/.."),
        Path::new("/etc/x"),
        Path::new("relative"),
        &link,
        &dangling,
        &file,
    ] {
        let error = world.use_all(&[(&uri, bad)]).0.unwrap_err();
        assert_eq!(error.exit_code(), 2, "{}: {error}", bad.display());
    }
    let outer = world.path("outer");
    assert!(world.use_all(&[(&uri, &outer.join("inner")), (&uri, &outer)]).0.is_err());
    world.use_all(&[(&uri, &outer), (&uri, &outer.join("inner"))]).0.unwrap();
    assert!(outer.join("inner/run.sh").is_file() && outer.join("run.sh").is_file());
    for bad in ["file:x", "oci:", "oci:localhost:5000/x", "oci:localhost:5000/x:tag", "docker://x"] {
        assert_eq!(world.use_all(&[(bad, &outer)]).0.unwrap_err().exit_code(), 2, "{bad}");
    }
}
