//! A whole control plane in one process for the engine's tests: the real API server, a launcher whose runners play a
//! script, and images that need no registry.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

pub mod cut;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sluice_api::runner::{Event, Notice, Outcome, RegistryAccess, Request, RunSpec, StepReason};
use sluice_api::witness::{WitnessedStep, WitnessedTransfer};
use sluice_apiserver::{ApiServer, Config, UserInfo};
use sluice_engine::images::{BundleObject, Image, ImageError, ImageSource, Layer};
use sluice_engine::{Context, Launcher, Limits, RunIdentity, RunRegistry, SystemClock};
use sluice_keys::SigningKey;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the runner of a TaskRun does, by its spec.
pub type Script = Arc<dyn Fn(&RunSpec) -> Play + Send + Sync>;

/// One runner's life.
#[derive(Clone, Debug, Default)]
pub struct Play {
    /// Exit code by step; 0 where none is given.
    pub exit_codes: HashMap<String, i32>,
    /// Contents of result files.
    pub results: BTreeMap<String, String>,
    pub step_results: BTreeMap<String, BTreeMap<String, String>>,
    /// Runs until it is cancelled or let go.
    pub blocks: bool,
    /// Ends without the last event.
    pub vanishes: bool,
}

impl Play {
    /// Succeeds with these results.
    pub fn results(pairs: &[(&str, &str)]) -> Self {
        let results = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Self { results, ..Self::default() }
    }

    /// The step fails with that code.
    pub fn fails(step: &str, code: i32) -> Self {
        Self { exit_codes: [(step.to_owned(), code)].into(), ..Self::default() }
    }
}

/// A supervisor whose runners are tasks of this process; it outlives an engine that is restarted.
#[derive(Clone)]
pub struct FakeLauncher {
    data: PathBuf,
    script: Script,
    state: Arc<Mutex<LauncherState>>,
    /// Where runners live: not with an engine, which they outlive.
    runners: tokio::runtime::Handle,
}

#[derive(Default)]
struct LauncherState {
    notices: Option<UnboundedSender<Notice>>,
    alive: HashSet<String>,
    killed: HashSet<String>,
    let_go: bool,
    pub starts: Vec<String>,
    pub unpacked: usize,
}

impl FakeLauncher {
    pub fn new(data: &Path, script: Script) -> Self {
        Self { data: data.to_owned(), script, state: Arc::default(), runners: tokio::runtime::Handle::current() }
    }

    /// How often runners were started, by id.
    pub fn starts(&self) -> Vec<String> {
        self.state.lock().unwrap().starts.clone()
    }

    pub fn unpacked(&self) -> usize {
        self.state.lock().unwrap().unpacked
    }

    /// What blocks goes on.
    pub fn let_go(&self) {
        self.state.lock().unwrap().let_go = true;
    }

    /// All runners die at once, silently, as when the machine stops.
    pub fn kill_all(&self) {
        let mut state = self.state.lock().unwrap();
        let alive: Vec<String> = state.alive.drain().collect();
        state.killed.extend(alive);
    }

    fn notify(&self, notice: Notice) {
        if let Some(notices) = &self.state.lock().unwrap().notices {
            let _ = notices.send(notice);
        }
    }

    fn is_killed(&self, id: &str) -> bool {
        self.state.lock().unwrap().killed.contains(id)
    }

    async fn play(self, id: String) {
        let dir = self.data.join("runs").join(&id);
        let spec: RunSpec = serde_json::from_slice(&std::fs::read(dir.join("spec.json")).unwrap()).unwrap();
        let play = (self.script)(&spec);
        let append = |event: &Event| {
            let mut file =
                std::fs::OpenOptions::new().create(true).append(true).open(dir.join("events.jsonl")).unwrap();
            file.write_all(format!("{}\n", serde_json::to_string(event).unwrap()).as_bytes()).unwrap();
        };
        let now = || jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        append(&Event::Started { v: 1, time: now() });
        let mut outcome = Outcome::Succeeded;
        for step in &spec.steps {
            let started = now();
            if outcome != Outcome::Succeeded {
                append(&Event::StepFinished {
                    name: step.name.clone(),
                    started,
                    finished: now(),
                    exit_code: 1,
                    reason: StepReason::Skipped,
                    results: BTreeMap::new(),
                });
                continue;
            }
            append(&Event::StepStarted { name: step.name.clone(), time: now() });
            while play.blocks && !self.state.lock().unwrap().let_go {
                tokio::time::sleep(Duration::from_millis(2)).await;
                if dir.join("cancel").exists() {
                    outcome = Outcome::Cancelled;
                    break;
                }
                if self.is_killed(&id) {
                    return;
                }
            }
            let code = play.exit_codes.get(&step.name).copied().unwrap_or(0);
            let reason = match (&outcome, code) {
                (Outcome::Cancelled, _) => StepReason::Cancelled,
                (_, 0) => StepReason::Completed,
                _ if step.on_error_continue => StepReason::Continued,
                _ => StepReason::Error,
            };
            if reason == StepReason::Error {
                outcome = Outcome::StepFailed;
            }
            let results = play.step_results.get(&step.name).cloned().unwrap_or_default();
            append(&Event::StepFinished {
                name: step.name.clone(),
                started,
                finished: now(),
                exit_code: code,
                reason,
                results,
            });
        }
        if self.is_killed(&id) {
            return;
        }
        if !play.vanishes {
            let results = play.results.into_iter().filter(|(name, _)| spec.results.contains(name)).collect();
            let witness = spec
                .steps
                .iter()
                .map(|s| WitnessedStep {
                    name: s.name.clone(),
                    image: s.image.reference.clone(),
                    network: s.network,
                    connections: vec![],
                })
                .collect();
            append(&Event::Finished { time: now(), outcome, results, witness });
        }
        self.state.lock().unwrap().alive.remove(&id);
        self.notify(Notice::Exited { v: 1, id, unpack: false, code: 0, message: String::new() });
    }
}

impl Launcher for FakeLauncher {
    fn send(&self, request: Request) -> Result<(), String> {
        match request {
            Request::Unpack { id, .. } => {
                let path = self.data.join("runs").join(&id).join("unpack.json");
                let spec: sluice_api::runner::UnpackSpec =
                    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
                for layer in &spec.layers {
                    let hex = layer.diff_id.strip_prefix("sha256:").unwrap();
                    std::fs::create_dir_all(self.data.join("layers/sha256").join(hex).join("fs")).unwrap();
                    self.state.lock().unwrap().unpacked += 1;
                }
                self.notify(Notice::Exited { v: 1, id, unpack: true, code: 0, message: String::new() });
            }
            Request::Start { id, .. } => {
                let mut state = self.state.lock().unwrap();
                state.starts.push(id.clone());
                if state.alive.insert(id.clone()) {
                    self.runners.spawn(self.clone().play(id));
                }
            }
            Request::Kill { id, .. } => {
                let mut state = self.state.lock().unwrap();
                if state.alive.remove(&id) {
                    state.killed.insert(id.clone());
                    drop(state);
                    self.notify(Notice::Exited { v: 1, id, unpack: false, code: 137, message: String::new() });
                }
            }
            // As the real one: not below a runner that lives.
            Request::Remove { id, .. } if self.state.lock().unwrap().alive.contains(&id) => {}
            Request::Remove { id, .. } => {
                let _ = std::fs::remove_dir_all(self.data.join("runs").join(id));
            }
            Request::List { .. } => {
                let ids = self.state.lock().unwrap().alive.iter().cloned().collect();
                self.notify(Notice::Running { v: 1, ids });
            }
        }
        Ok(())
    }

    fn notices(&self) -> UnboundedReceiver<Notice> {
        let (sender, receiver) = unbounded_channel();
        self.state.lock().unwrap().notices = Some(sender);
        receiver
    }
}

/// A registry that lends credentials and says that each run pushed one manifest.
#[derive(Default)]
pub struct FakeRegistry {
    pub valid: Mutex<HashSet<String>>,
}

impl RunRegistry for FakeRegistry {
    fn issue(&self, identity: &RunIdentity) -> Result<RegistryAccess, String> {
        self.valid.lock().unwrap().insert(identity.id.clone());
        Ok(RegistryAccess {
            host: "localhost:5000".into(),
            connect: "127.0.0.1:5000".into(),
            username: "taskrun".into(),
            password: format!("secret-of-{}", identity.id),
            registries_conf: String::new(),
        })
    }

    fn resume(&self, identity: &RunIdentity, _access: &RegistryAccess) {
        self.valid.lock().unwrap().insert(identity.id.clone());
    }

    fn transfers(&self, id: &str) -> (Vec<WitnessedTransfer>, Vec<WitnessedTransfer>) {
        if !self.valid.lock().unwrap().contains(id) {
            // Forgotten with the credential.
            return (Vec::new(), Vec::new());
        }
        let pushed = WitnessedTransfer {
            repository: "localhost:5000/acme/hello".into(),
            digest: format!("sha256:{}", hex::encode(Sha256::digest(id))),
            kind: "manifest".into(),
            tag: String::new(),
        };
        (vec![pushed], Vec::new())
    }

    fn revoke(&self, id: &str) {
        self.valid.lock().unwrap().remove(id);
    }
}

/// Images of any name, and bundles that tests put in.
#[derive(Default)]
pub struct FakeImages {
    pub bundles: Mutex<HashMap<String, Vec<Value>>>,
}

impl ImageSource for FakeImages {
    fn image<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Image, ImageError>> {
        Box::pin(async move {
            if name.contains("missing") {
                return Err(ImageError { message: format!("`{name}` is not in the registry"), transient: false });
            }
            let hex = hex::encode(Sha256::digest(name));
            let layer = Layer { digest: format!("sha256:{hex}"), diff_id: format!("sha256:{hex}"), ..Layer::default() };
            Ok(Image {
                reference: format!("{name}@sha256:{hex}"),
                entrypoint: vec!["/bin/sh".into()],
                layers: vec![layer],
                ..Image::default()
            })
        })
    }

    fn layer<'a>(&'a self, _image: &'a Image, layer: &'a Layer) -> BoxFuture<'a, Result<PathBuf, ImageError>> {
        Box::pin(async move { Ok(PathBuf::from(&layer.digest)) })
    }

    fn bundle_object<'a>(
        &'a self,
        bundle: &'a str,
        kind: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<BundleObject, ImageError>> {
        Box::pin(async move {
            let lasting = |message: String| ImageError { message, transient: false };
            let bundles = self.bundles.lock().unwrap();
            let objects = bundles.get(bundle).ok_or_else(|| lasting(format!("`{bundle}` is not in the registry")))?;
            let wanted =
                |o: &&Value| o["kind"].as_str().unwrap().to_lowercase() == kind && o["metadata"]["name"] == name;
            let object =
                objects.iter().find(wanted).ok_or_else(|| lasting(format!("the bundle has no {kind} `{name}`")))?;
            let repository = bundle.split('@').next().unwrap().rsplit_once(':').unwrap().0.to_owned();
            Ok(BundleObject {
                repository,
                digest: format!("sha256:{}", hex::encode(Sha256::digest(bundle))),
                object: object.clone(),
            })
        })
    }
}

/// Everything.
pub struct World {
    pub data: tempfile::TempDir,
    pub server: ApiServer,
    pub launcher: FakeLauncher,
    pub registry: Arc<FakeRegistry>,
    pub images: Arc<FakeImages>,
    pub key: Arc<SigningKey>,
    /// Of an administrator.
    pub admin: kube::Client,
    engine: Mutex<Option<tokio::runtime::Runtime>>,
}

impl World {
    pub async fn new(script: impl Fn(&RunSpec) -> Play + Send + Sync + 'static) -> Self {
        let data = tempfile::tempdir().unwrap();
        let config = Config {
            folder: data.path().join("control"),
            logs: data.path().join("logs"),
            objects: sluice_engine::rbac::rbac(),
            ..Config::default()
        };
        let server = ApiServer::open(config).await.unwrap();
        let admin = kube::Client::new(server.in_process(UserInfo::new("admin", &["system:masters"])), "default");
        let launcher = FakeLauncher::new(data.path(), Arc::new(script));
        let key = Arc::new(SigningKey::generate().unwrap());
        Self {
            data,
            server,
            launcher,
            registry: Arc::default(),
            images: Arc::default(),
            key,
            admin,
            engine: Mutex::default(),
        }
    }

    /// A client of the engine's ServiceAccount.
    pub fn engine_client(&self) -> kube::Client {
        kube::Client::new(self.server.in_process(engine_user()), "default")
    }

    pub fn context(&self, client: kube::Client) -> Context {
        Context {
            client,
            data: self.data.path().to_owned(),
            launcher: Arc::new(self.launcher.clone()),
            registry: self.registry.clone(),
            images: self.images.clone(),
            signer: self.key.clone(),
            clock: Arc::new(SystemClock),
            limits: Limits::default(),
            egress_allow: vec!["*".into()],
            cluster_resolver_namespaces: Vec::new(),
        }
    }

    /// Starts the engine; an earlier one is dropped where it stands.
    pub fn start(&self) {
        self.start_with(self.engine_client());
    }

    pub fn start_with(&self, client: kube::Client) {
        self.stop();
        // A runtime of its own, as a process would be: when it is shut down, nothing of the engine goes on.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.spawn(sluice_engine::run(self.context(client)));
        *self.engine.lock().unwrap() = Some(runtime);
    }

    /// Ends the engine where it stands, and waits until all of it is gone: two at a time are not what is tested.
    pub fn stop(&self) {
        if let Some(engine) = self.engine.lock().unwrap().take() {
            tokio::task::block_in_place(|| engine.shutdown_timeout(Duration::from_secs(10)));
        }
    }

    pub async fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, kube::Error> {
        let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = http::Request::builder().method(method).uri(path).header("content-type", content_type);
        self.admin
            .request(request.body(body.map(|b| serde_json::to_vec(b).unwrap()).unwrap_or_default()).unwrap())
            .await
    }

    /// Creates an object of namespace `default`.
    pub async fn create(&self, object: Value) -> Value {
        self.try_create(object).await.unwrap()
    }

    pub async fn try_create(&self, mut object: Value) -> Result<Value, kube::Error> {
        object["metadata"]["namespace"] = "default".into();
        let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
        let root = if version.contains('/') { "apis" } else { "api" };
        let plural = format!("{}s", kind.to_lowercase());
        let path = format!("/{root}/{version}/namespaces/default/{plural}");
        self.request("POST", &path, Some(&object)).await
    }

    pub async fn get(&self, plural: &str, name: &str) -> Value {
        self.request("GET", &path(plural, name), None).await.unwrap()
    }

    pub async fn list(&self, plural: &str) -> Vec<Value> {
        let list = self.request("GET", &path(plural, ""), None).await.unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub async fn patch(&self, plural: &str, name: &str, patch: Value) -> Value {
        self.request("PATCH", &path(plural, name), Some(&patch)).await.unwrap()
    }

    /// Waits until the object is as wanted. The time is a bound against hanging, not a measure.
    pub async fn until(&self, plural: &str, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..3000 {
            if let Ok(object) = self.request("GET", &path(plural, name), None).await
                && wanted(&object)
            {
                return object;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never as wanted: {}", serde_json::to_string_pretty(&self.get(plural, name).await).unwrap());
    }

    /// Waits until the run is over.
    pub async fn done(&self, plural: &str, name: &str) -> Value {
        self.until(plural, name, |o| matches!(condition(o)["status"].as_str(), Some("True" | "False"))).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
        self.server.stop();
    }
}

/// The engine, as the API server knows it.
pub fn engine_user() -> UserInfo {
    let (namespace, name) = sluice_engine::rbac::SERVICE_ACCOUNT;
    UserInfo::new(&format!("system:serviceaccount:{namespace}:{name}"), &["system:serviceaccounts"])
}

fn path(plural: &str, name: &str) -> String {
    let tekton = matches!(plural, "tasks" | "pipelines" | "taskruns" | "pipelineruns");
    let root = if tekton { "apis/tekton.dev/v1" } else { "api/v1" };
    format!("/{root}/namespaces/default/{plural}/{name}").trim_end_matches('/').to_owned()
}

/// The condition `Succeeded`.
pub fn condition(object: &Value) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|c| c["type"] == "Succeeded").unwrap_or(json!({}))
}

/// A TaskRun with an embedded spec.
pub fn task_run(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": {"name": name}, "spec": spec})
}

/// A PipelineRun with an embedded spec.
pub fn pipeline_run(name: &str, pipeline: Value) -> Value {
    json!({"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": name}, "spec": {"pipelineSpec": pipeline}})
}

/// A taskSpec of one step with those results.
pub fn echo(results: &[&str]) -> Value {
    let results: Vec<Value> = results.iter().map(|r| json!({"name": r})).collect();
    json!({"results": results, "steps": [{"name": "echo", "image": "toolbox", "script": "echo hi"}]})
}
