//! What a test of the whole needs before it can start: the programs beside `sluice`, the two step images, the small
//! library. What is missing is built, once; where it cannot be, CI fails and elsewhere the message says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Images that the small library needs.
const IMAGES: [&str; 2] = ["toolbox", "sluice"];
/// Tasks and pipelines that it takes from the real one: those that run on these images.
const TAKEN: [&str; 5] = [
    "policy",
    "tasks/sast-unicode-check",
    "tasks/verify-conforma",
    "tasks/push-snapshot",
    "pipelines/enterprise-contract",
];

/// The program under test.
pub fn sluice() -> &'static str {
    env!("CARGO_BIN_EXE_sluice")
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Makes sure that `sluice-runner` and `sluice-observer` are beside `sluice`.
pub fn ready() {
    static READY: OnceLock<()> = OnceLock::new();
    READY.get_or_init(|| {
        let beside = |name: &str| Path::new(sluice()).with_file_name(name).is_file();
        if beside("sluice-runner") && beside("sluice-observer") {
            return;
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--bins", "-p", "sluice-observer", "-p", "sluice-sandbox"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        must("building the programs beside sluice", cargo.current_dir(workspace()));
        assert!(beside("sluice-runner") && beside("sluice-observer"), "cargo put them elsewhere than {}", sluice());
    });
}

/// A folder with the layouts of just those images, so that publishing copies no others.
pub fn images() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let given = std::env::var_os("SLUICE_IMAGES").map(PathBuf::from);
        let has = |folder: &Path| IMAGES.iter().all(|name| folder.join(name).join("index.json").is_file());
        let source = given.filter(|folder| has(folder)).unwrap_or_else(build);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("small-images");
        std::fs::create_dir_all(&folder).unwrap();
        for name in IMAGES {
            // Put in place whole: another test program may be doing the same.
            let link = folder.with_file_name(format!("{name}-{}", std::process::id()));
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(source.join(name).canonicalize().unwrap(), &link).unwrap();
            std::fs::rename(link, folder.join(name)).unwrap();
        }
        folder
    })
}

/// `library/images/build` for just those.
fn build() -> PathBuf {
    let root = workspace();
    let target = Path::new(sluice()).ancestors().nth(2).unwrap();
    let out = target.join("images-of-tests");
    let artifact = target.join("static/sluice-artifact");
    if !artifact.is_file() {
        must("building a static sluice-artifact", Command::new("make").arg("static").current_dir(&root));
    }
    let mut script = Command::new(root.join("library/images/build"));
    script.arg("--out").arg(&out).arg("--artifact").arg(&artifact).arg("--sluice").arg(sluice()).args(IMAGES);
    must("building the step images (`make images` does it as well)", &mut script);
    out
}

fn must(what: &str, command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{what}: {command:?}: {e}"));
    assert!(output.status.success(), "{what}: {command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Puts the small library into a new folder.
pub fn library(folder: &Path) {
    let root = workspace();
    for taken in TAKEN {
        copy(&root.join("library").join(taken), &folder.join(taken));
    }
    copy(&root.join("tests/fixtures/library"), folder);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let path = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &path);
        } else {
            std::fs::copy(entry.path(), path).unwrap();
        }
    }
}
