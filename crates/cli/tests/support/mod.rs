//! A whole sluice for a test: the real `sluice up` on a folder of its own with ports of its own, a small library whose
//! images are `toolbox` and `sluice`, and the example's tenant and managed namespace. It is ended however the test ends.
//! It knows the command line, kubectl and the API; it must not know what is inside the programs.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // each test file uses a part of it

pub mod programs;
pub mod scenario;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sluice_cli::commands::connect::Connection;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Long enough for anything on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(90);

/// One data folder and what runs on it.
pub struct Cluster {
    root: PathBuf,
    pub data: PathBuf,
    runtime: tokio::runtime::Runtime,
    connection: Connection,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Its standard output, if it succeeded.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.out
    }

    /// It failed so, and said all of that.
    pub fn refused(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for part in said {
            assert!(self.err.contains(part), "`{part}` is not in: {}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}

/// The processes of a data folder.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize, PartialEq, Eq)]
pub struct Pids {
    pub supervisor: u32,
    pub control_plane: u32,
    pub observer: u32,
}

/// A folder of this process's own.
pub fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("sluice-test-{}-{number}-{name}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Runs a program to its end.
pub fn run(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Ran {
    let program = program.as_ref();
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    Ran::of(output.unwrap_or_else(|e| panic!("{}: {e}", program.display())))
}

/// Runs `sluice` to its end.
pub fn sluice(args: &[&str]) -> Ran {
    run(programs::sluice(), args)
}

/// `sluice up --detach` on free ports.
pub fn up(data: &Path) -> Ran {
    let data = data.to_str().unwrap();
    let ports = ["--listen", "127.0.0.1:0", "--registry-listen", "127.0.0.1:0"];
    sluice(&[&["up", "--detach", "--data-dir", data], ports.as_slice()].concat())
}

/// SIGKILL, SIGSTOP, SIGCONT to a process that the caller started.
pub fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Whether there is such a process, a zombie aside.
pub fn alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

/// Waits until something holds; `what` is for the message.
pub fn until<T>(what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = holds() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

impl Cluster {
    /// Just `sluice up`.
    pub fn bare(name: &str) -> Self {
        programs::ready();
        let root = folder(name);
        let data = root.join("data");
        up(&data).ok();
        // From here on it is ended even if what follows fails.
        let end = End(&data);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let connection = runtime.block_on(Connection::open(&data.join("admin.kubeconfig"))).unwrap();
        std::mem::forget(end);
        Self { root, data, runtime, connection }
    }

    /// With the small library published, and the example's namespaces.
    pub fn full(name: &str) -> Self {
        let cluster = Self::bare(name);
        cluster.publish();
        for part in ["tenant", "managed"] {
            for (_, text) in scenario::files(&programs::workspace().join("examples").join(part)) {
                cluster.apply(&text);
            }
        }
        cluster
    }

    /// Publishes the small library.
    pub fn publish(&self) {
        let library = self.root.join("library");
        programs::library(&library);
        let images = programs::images();
        self.sluice(&["task", "push", library.to_str().unwrap(), "--images", images.to_str().unwrap()]).ok();
    }

    /// Publishes it again with one file replaced.
    pub fn publish_with(&self, path: &str, text: &str) {
        let library = self.root.join("library");
        std::fs::write(library.join(path), text).unwrap();
        let images = programs::images();
        self.sluice(&["task", "push", library.to_str().unwrap(), "--images", images.to_str().unwrap()]).ok();
    }

    /// What the managed pipeline of a Release said.
    pub fn managed_log(&self, release: &Value) -> String {
        let run = release["status"]["managedProcessing"]["pipelineRun"].as_str().unwrap_or_default();
        let (namespace, run) = run.split_once('/').unwrap_or_else(|| panic!("no managed pipeline ran: {release:#}"));
        let of_run = |o: &&Value| o["metadata"]["labels"]["tekton.dev/pipelineRun"] == run;
        self.list("taskruns", namespace).iter().filter(of_run).map(|task| self.logs(namespace, task)).collect()
    }

    /// `HOST:PORT` of the registry, as images are named.
    pub fn host(&self) -> &str {
        &self.connection.host
    }

    /// The registry as the administrator.
    pub fn registry(&self) -> &sluice_oci::Client {
        &self.connection.registry
    }

    /// The API and the registry as a ServiceAccount.
    pub fn connection_of(&self, namespace: &str, account: &str) -> Connection {
        use k8s_openapi::api::{authentication::v1::TokenRequest, core::v1::ServiceAccount};
        let api: Api<ServiceAccount> = Api::namespaced(self.connection.client.clone(), namespace);
        let token = self.block_on(api.create_token_request(account, &Default::default(), &TokenRequest::default()));
        let token = token.unwrap().status.unwrap().token;
        let text = std::fs::read_to_string(self.data.join("admin.kubeconfig")).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        config["users"][0]["user"]["token"] = token.into();
        self.block_on(Connection::open(&self.file(&config.to_string()))).unwrap()
    }

    /// Waits for a future.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The processes, as `sluice status` knows them.
    pub fn pids(&self) -> Option<Pids> {
        serde_json::from_slice(&std::fs::read(self.data.join("state.json")).ok()?).ok()
    }

    /// Runs `sluice` as the administrator.
    pub fn sluice(&self, args: &[&str]) -> Ran {
        let output = self.command(programs::sluice()).args(args).output();
        Ran::of(output.unwrap())
    }

    /// Runs kubectl as the administrator.
    pub fn kubectl(&self, args: &[&str]) -> Ran {
        let kubectl = std::env::var_os("KUBECTL").unwrap_or_else(|| "kubectl".into());
        let output = self.command(kubectl).args(args).output();
        Ran::of(output.expect("kubectl is in Debian's package kubernetes-client; KUBECTL names another one"))
    }

    /// A command with this folder's kubeconfig.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", self.data.join("admin.kubeconfig")).stdin(Stdio::null());
        command
    }

    /// Writes YAML with the placeholders filled in, and the usual registry replaced by this one; returns the file.
    pub fn file(&self, text: &str) -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let path = self.root.join(format!("{}.yaml", COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&path, self.fill(text)).unwrap();
        path
    }

    /// What a scenario cannot know beforehand.
    pub fn fill(&self, text: &str) -> String {
        let pids = self.pids().unwrap_or_default();
        let addresses: Value =
            serde_json::from_slice(&std::fs::read(self.data.join("addresses.json")).unwrap()).unwrap();
        text.replace("localhost:5000", self.host())
            .replace("${DATA}", self.data.to_str().unwrap())
            .replace("${API}", addresses["api"].as_str().unwrap())
            .replace("${REGISTRY}", self.host())
            .replace("${OBSERVER_PID}", &pids.observer.to_string())
            .replace("${CONTROL_PLANE_PID}", &pids.control_plane.to_string())
    }

    /// `kubectl apply` of YAML.
    pub fn apply(&self, text: &str) {
        let file = self.file(text);
        self.kubectl(&["apply", "-f", file.to_str().unwrap()]).ok();
    }

    /// Creates the objects of a YAML file by `sluice run`, with all that they take from the library pinned, but does not
    /// wait for their end; returns (namespace, name) of each run.
    pub fn create(&self, text: &str) -> Vec<(String, String)> {
        let file = self.file(text);
        let pinned = self.sluice(&["run", "--dry-run", "-f", file.to_str().unwrap()]).ok();
        let file = self.file(&pinned);
        let names = self.kubectl(&["create", "-f", file.to_str().unwrap(), "-o", "json"]).ok();
        let stream = serde_json::Deserializer::from_str(&names).into_iter::<Value>();
        let objects = stream.map(Result::unwrap).flat_map(|object| match object["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![object],
        });
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        objects.map(|o| (text(&o["metadata"]["namespace"]), text(&o["metadata"]["name"]))).collect()
    }

    /// As `create`, for a file of one object.
    pub fn create_one(&self, text: &str) -> (String, String) {
        self.create(text).pop().unwrap()
    }

    /// An object, if there is one and the API answers.
    pub fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.connection.client.clone(), namespace, &resource(plural));
        let object = self.block_on(api.get_opt(name)).ok()??;
        serde_json::to_value(object).ok()
    }

    /// All objects of a kind in a namespace.
    pub fn list(&self, plural: &str, namespace: &str) -> Vec<Value> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.connection.client.clone(), namespace, &resource(plural));
        let list = self.block_on(api.list(&Default::default()));
        list.map(|list| list.items.iter().map(|o| serde_json::to_value(o).unwrap()).collect()).unwrap_or_default()
    }

    /// Waits until an object satisfies the predicate.
    pub fn until(&self, plural: &str, (namespace, name): (&str, &str), holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = None;
        let start = Instant::now();
        loop {
            last = self.get(plural, namespace, name).or(last);
            match &last {
                Some(object) if holds(object) => return object.clone(),
                _ if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(50)),
                _ => panic!("{plural} {namespace}/{name} did not get there: {last:#?}"),
            }
        }
    }

    /// Waits for a run's end.
    pub fn ended(&self, plural: &str, namespace: &str, name: &str) -> Value {
        self.until(plural, (namespace, name), |o| condition(o, "Succeeded").is_some_and(|c| c["status"] != "Unknown"))
    }

    /// Waits for the observer's word on a run.
    pub fn signed(&self, plural: &str, namespace: &str, name: &str) -> Value {
        self.until(plural, (namespace, name), |o| o["metadata"]["annotations"]["chains.tekton.dev/signed"].is_string())
    }

    /// Builds the component hello by the small library up to its Snapshot; returns the run and the Snapshot's name.
    pub fn build(&self, text: &str) -> (Value, String) {
        let (namespace, name) = self.create_one(text);
        let run = self.ended("pipelineruns", &namespace, &name);
        assert_eq!(condition(&run, "Succeeded").unwrap()["status"], "True", "{run:#}");
        self.signed("pipelineruns", &namespace, &name);
        let snapshot = "appstudio.openshift.io/snapshot";
        let run =
            self.until("pipelineruns", (&namespace, &name), |o| o["metadata"]["annotations"][snapshot].is_string());
        let snapshot = run["metadata"]["annotations"][snapshot].as_str().unwrap().to_owned();
        (run, snapshot)
    }

    /// Asks for a release and waits for its end.
    pub fn release(&self, snapshot: &str) -> Value {
        let (namespace, name) = self.create_one(&format!(
            "apiVersion: appstudio.redhat.com/v1alpha1\nkind: Release\nmetadata: {{generateName: r-, namespace: acme}}\n\
             spec: {{snapshot: {snapshot}, releasePlan: hello}}\n"
        ));
        self.release_end(&namespace, &name)
    }

    /// Waits for a Release's end.
    pub fn release_end(&self, namespace: &str, name: &str) -> Value {
        let ended = |o: &Value| condition(o, "Released").is_some_and(|c| c["reason"] != "Progressing");
        self.until("releases", (namespace, name), ended)
    }

    /// The manifest under a reference, as the administrator sees it.
    pub fn manifest(&self, reference: &str) -> Option<sluice_oci::ImageManifest> {
        let reference: sluice_oci::Reference = reference.parse().unwrap();
        match self.block_on(self.registry().manifest(&reference)) {
            Ok(manifest) => Some(manifest.image().unwrap()),
            Err(e) if e.is_not_found() => None,
            Err(e) => panic!("{e}"),
        }
    }

    /// Everything in production has a digest; none of it is this one.
    pub fn in_production(&self, digest: &str) -> bool {
        self.manifest(&format!("{}/production/hello@{digest}", self.host())).is_some()
    }

    /// What the steps of a TaskRun's Pod said.
    pub fn logs(&self, namespace: &str, task_run: &Value) -> String {
        let pod = task_run["status"]["podName"].as_str().unwrap_or_default();
        let folder = self.data.join("logs").join(namespace).join(pod);
        let mut files: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
        files.sort();
        files.iter().map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect()
    }
}

/// Ends what runs on a folder.
struct End<'a>(&'a Path);

impl Drop for End<'_> {
    fn drop(&mut self) {
        sluice(&["down", "--data-dir", self.0.to_str().unwrap()]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(End(&self.data));
        if std::thread::panicking() && std::env::var_os("SLUICE_TEST_KEEP").is_some() {
            eprintln!("kept: {}", self.root.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }
}

/// A condition of an object by its type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}

/// The value of a run's result.
pub fn result<'a>(run: &'a Value, name: &str) -> Option<&'a str> {
    let results = run["status"]["results"].as_array()?;
    results.iter().find(|r| r["name"] == name)?["value"].as_str()
}

/// Group, version and names of a kind.
pub fn resource(plural: &str) -> ApiResource {
    let (group, version, kind) = match plural {
        "taskruns" => ("tekton.dev", "v1", "TaskRun"),
        "pipelineruns" => ("tekton.dev", "v1", "PipelineRun"),
        "snapshots" => ("appstudio.redhat.com", "v1alpha1", "Snapshot"),
        "releases" => ("appstudio.redhat.com", "v1alpha1", "Release"),
        other => panic!("the tests do not know {other}"),
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}
