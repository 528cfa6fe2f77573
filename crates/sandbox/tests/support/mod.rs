//! What the sandbox's tests share: a data folder with a small busybox image, specifications, and the real program. The
//! image is unpacked by the program itself.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Needs root, busybox and perl; says so, and under CI fails.
pub fn data() -> Option<Data> {
    let lacking = if !is_root() {
        "root"
    } else if !Path::new("/bin/busybox").exists() {
        "/bin/busybox (apt-get install busybox-static)"
    } else if !Path::new("/usr/bin/perl").exists() {
        "/usr/bin/perl"
    } else {
        return Some(Data::new());
    };
    assert!(std::env::var_os("CI").is_none(), "this test needs {lacking}");
    println!("NOT TESTED: needs {lacking}");
    None
}

fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").unwrap().lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// A data folder.
pub struct Data {
    folder: tempfile::TempDir,
    /// Diff id of the busybox layer.
    pub layer: String,
}

/// One finished run.
pub struct Ran {
    pub code: i32,
    pub stderr: String,
    pub events: Vec<Value>,
    /// Logs of the steps, in order.
    pub logs: Vec<String>,
}

impl Ran {
    pub fn finished(&self) -> &Value {
        let last = self.events.last().unwrap_or_else(|| panic!("no events; stderr: {}", self.stderr));
        assert_eq!(last["event"], "finished", "{:?} {}", self.events, self.stderr);
        last
    }
    pub fn outcome(&self) -> &str {
        self.finished()["outcome"]["kind"].as_str().unwrap()
    }
    pub fn message(&self) -> &str {
        self.finished()["outcome"]["message"].as_str().unwrap_or_default()
    }
    pub fn result(&self, name: &str) -> Option<&str> {
        self.finished()["results"][name].as_str()
    }
    pub fn step(&self, name: &str) -> &Value {
        let is = |event: &&Value| event["event"] == "stepFinished" && event["name"] == name;
        self.events.iter().find(is).unwrap_or_else(|| panic!("no end of step {name}: {:?}", self.events))
    }
    pub fn reason(&self, name: &str) -> (i64, &str) {
        let step = self.step(name);
        (step["exit_code"].as_i64().unwrap(), step["reason"].as_str().unwrap())
    }
    pub fn witness(&self, name: &str) -> &Value {
        self.finished()["witness"].as_array().unwrap().iter().find(|step| step["name"] == name).unwrap()
    }
}

impl Data {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let mut data = Self { folder, layer: String::new() };
        fs::create_dir_all(data.path("blobs")).unwrap();
        data.layer = data.unpack("image", &[busybox()]).expect("the busybox layer").remove(0);
        data
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Stores a blob; its LayerSpec.
    pub fn blob(&self, tar: &[u8]) -> Value {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(tar).unwrap();
        let blob = gzip.finish().unwrap();
        let path = format!("blobs/{}", sha256(&blob).replace(':', "-"));
        fs::write(self.path(&path), &blob).unwrap();
        json!({ "blob": path, "digest": sha256(&blob), "diffId": sha256(tar) })
    }

    /// Unpacks archives as layers; their diff ids, or what the program said.
    pub fn unpack(&self, id: &str, tars: &[Vec<u8>]) -> Result<Vec<String>, String> {
        let layers: Vec<Value> = tars.iter().map(|tar| self.blob(tar)).collect();
        self.unpack_specs(id, &layers)?;
        Ok(layers.iter().map(|layer| layer["diffId"].as_str().unwrap().to_owned()).collect())
    }

    pub fn unpack_specs(&self, id: &str, layers: &[Value]) -> Result<(), String> {
        let output = self.start_unpack(id, layers).wait_with_output().unwrap();
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    pub fn start_unpack(&self, id: &str, layers: &[Value]) -> Child {
        fs::create_dir_all(self.path(&format!("runs/{id}"))).unwrap();
        let spec = json!({ "v": 1, "layers": layers });
        fs::write(self.path(&format!("runs/{id}/unpack.json")), spec.to_string()).unwrap();
        self.program("unpack", id)
    }

    fn program(&self, command: &str, id: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_sluice-runner"))
            .args([command, &format!("runs/{id}")])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A specification of steps, with defaults where they say nothing; `more` is merged over it.
    pub fn spec(&self, id: &str, steps: Vec<Value>, more: Value) -> Value {
        let steps: Vec<Value> = steps
            .into_iter()
            .map(|step| {
                let mut all = json!({
                    "image": { "reference": format!("busybox@{}", self.layer), "layers": [self.layer] },
                    "network": "none",
                });
                merge(&mut all, step);
                all
            })
            .collect();
        let mut spec = json!({
            "v": 1, "id": id, "namespace": "acme", "taskRun": "tr", "pod": format!("{id}-pod"), "steps": steps,
            "volumes": [], "results": [], "timeoutSeconds": 120, "registry": null, "egressAllow": [],
            "maxResultBytes": 4096, "maxLogBytes": 1_000_000,
        });
        merge(&mut spec, more);
        spec
    }

    /// Starts a run.
    pub fn start(&self, spec: &Value) -> Child {
        let id = spec["id"].as_str().unwrap();
        fs::create_dir_all(self.path(&format!("runs/{id}"))).unwrap();
        fs::write(self.path(&format!("runs/{id}/spec.json")), spec.to_string()).unwrap();
        self.program("run", id)
    }

    /// Runs it to its end.
    pub fn run(&self, id: &str, steps: Vec<Value>, more: Value) -> Ran {
        let spec = self.spec(id, steps, more);
        let child = self.start(&spec);
        self.finish(&spec, child.wait_with_output().unwrap())
    }

    /// What a run has left.
    pub fn finish(&self, spec: &Value, output: Output) -> Ran {
        let text = |path: String| fs::read_to_string(self.path(&path)).unwrap_or_default();
        let (id, pod) = (spec["id"].as_str().unwrap(), spec["pod"].as_str().unwrap());
        let events = text(format!("runs/{id}/events.jsonl"));
        let log = |step: &Value| text(format!("logs/acme/{pod}/step-{}.log", step["name"].as_str().unwrap()));
        Ran {
            code: output.status.code().unwrap_or(-1),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            events: events.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            logs: spec["steps"].as_array().unwrap().iter().map(log).collect(),
        }
    }

    /// Waits until the step's log has a text.
    pub fn wait_for_log(&self, id: &str, step: &str, wanted: &str) {
        let path = self.path(&format!("logs/acme/{id}-pod/step-{step}.log"));
        wait_for(&format!("`{wanted}` in the log"), || fs::read_to_string(&path).unwrap_or_default().contains(wanted));
    }
}

/// Waits for something that happens soon, with a limit that only a failure reaches.
pub fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn merge(into: &mut Value, from: Value) {
    if let Value::Object(from) = from {
        for (key, value) in from {
            into[key] = value;
        }
    }
}

/// A step with a script.
pub fn script(name: &str, script: &str) -> Value {
    json!({ "name": name, "script": format!("#!/bin/sh\n{script}") })
}

pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// One entry of an archive that a test makes.
pub enum Entry<'a> {
    Folder(&'a str),
    File(&'a str, &'a [u8], u32),
    Link(&'a str, &'a str),
    Hard(&'a str, &'a str),
    Device(&'a str),
    /// With an owner.
    Owned(&'a str, u64),
}

/// An archive, with names as they are: also ones that no proper program writes.
pub fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mode(0o755);
        header.set_mtime(1_000_000_000);
        header.set_size(0);
        let mut content: &[u8] = b"";
        let name = match entry {
            Entry::Folder(name) => {
                header.set_entry_type(tar::EntryType::Directory);
                name
            }
            Entry::File(name, bytes, mode) => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_mode(*mode);
                header.set_size(bytes.len() as u64);
                content = bytes;
                name
            }
            Entry::Link(name, target) | Entry::Hard(name, target) => {
                let hard = matches!(entry, Entry::Hard(..));
                header.set_entry_type(if hard { tar::EntryType::Link } else { tar::EntryType::Symlink });
                header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
                name
            }
            Entry::Device(name) => {
                header.set_entry_type(tar::EntryType::Block);
                header.set_device_major(8).unwrap();
                header.set_device_minor(0).unwrap();
                name
            }
            Entry::Owned(name, owner) => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_uid(*owner);
                name
            }
        };
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// A root with busybox, and perl for the calls that no program of busybox makes.
fn busybox() -> Vec<u8> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let root = folder.path();
    for name in ["bin", "etc", "usr/bin"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    let list = Command::new("/bin/busybox").arg("--list").output().unwrap().stdout;
    for name in String::from_utf8(list).unwrap().lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nbuild:x:1001:1002::/home/build:/bin/sh\n")
        .unwrap();
    fs::copy("/usr/bin/perl", root.join("usr/bin/perl")).unwrap();
    let libraries = Command::new("ldd").arg("/usr/bin/perl").output().unwrap().stdout;
    for word in String::from_utf8(libraries).unwrap().split_whitespace().filter(|word| word.starts_with('/')) {
        let to = root.join(word.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(word, to).unwrap();
    }
    let mut tar = tar::Builder::new(Vec::new());
    tar.follow_symlinks(false);
    tar.append_dir_all(".", root).unwrap();
    tar.into_inner().unwrap()
}
