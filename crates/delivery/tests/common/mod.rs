//! A world for the controllers: an API server in this process with the objects that a new data folder has and those of
//! examples/, and somebody who plays the engine and the observer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use serde_json::{Value, json};
use sluice_apiserver::{ApiServer, Config as ServerConfig, InProcess, UserInfo};
use sluice_delivery::Config;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub const TENANT: &str = "acme";
pub const MANAGED: &str = "acme-managed";
pub const NAMESPACES: [&str; 2] = [TENANT, MANAGED];
pub const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n";

const KONFLUX: &str = "/apis/appstudio.redhat.com/v1alpha1";
const TEKTON: &str = "/apis/tekton.dev/v1";

pub struct World {
    pub api: ApiServer,
    pub admin: kube::Client,
    folder: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.api.stop();
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn documents(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let all: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    all.into_iter().filter(|v| !v.is_null()).collect()
}

/// Every document of the example's folder, files in order.
pub fn example(folder: &str) -> Vec<Value> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root().join("examples").join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    files.iter().flat_map(|f| documents(f)).collect()
}

impl World {
    /// With examples/tenant and examples/managed applied.
    pub async fn new() -> Self {
        let world = Self::empty().await;
        for object in example("tenant").iter().chain(&example("managed")) {
            world.create(object).await;
        }
        world
    }

    pub async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = ServerConfig {
            folder: folder.path().join("control"),
            logs: folder.path().join("logs"),
            objects: documents(&root().join("crates/cli/src/up/bootstrap.yaml")),
            ..ServerConfig::default()
        };
        let api = ApiServer::open(config).await.unwrap();
        let admin = kube::Client::new(api.in_process(UserInfo::admin()), "default");
        let world = Self { api, admin, folder };
        let key = k8s_openapi::ByteString(PEM.as_bytes().to_vec());
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "data": {"cosign.pub": key},
            "metadata": {"name": "public-key", "namespace": "sluice-system"}});
        world.create(&secret).await;
        world
    }

    /// A service that speaks as the controllers' own ServiceAccount, with its real rights.
    pub fn delivery_service(&self) -> InProcess {
        let groups = ["system:serviceaccounts", "system:serviceaccounts:sluice-system"];
        self.api.in_process(UserInfo::new("system:serviceaccount:sluice-system:delivery", &groups))
    }

    pub fn delivery(&self) -> kube::Client {
        kube::Client::new(self.delivery_service(), "default")
    }

    /// Lets the controllers work until nothing changes any more.
    pub async fn settle(&self) {
        sluice_delivery::settle(self.delivery(), &Config::default(), &NAMESPACES).await.unwrap();
    }

    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, kube::Error> {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let body = body.map(|b| b.to_string().into_bytes()).unwrap_or_default();
        let request =
            http::Request::builder().method(method).uri(path).header("content-type", kind).body(body).unwrap();
        self.admin.request(request).await
    }

    pub async fn create(&self, object: &Value) -> Value {
        self.try_create(object).await.unwrap_or_else(|e| panic!("{e}: {object}"))
    }

    pub async fn try_create(&self, object: &Value) -> Result<Value, kube::Error> {
        let text = |p: &str| object.pointer(p).and_then(Value::as_str).unwrap_or_default();
        let kind = text("/kind").to_lowercase();
        let plural = match kind.as_str() {
            "enterprisecontractpolicy" => "enterprisecontractpolicies".to_owned(),
            _ => format!("{kind}s"),
        };
        let root = if text("/apiVersion").contains('/') { "apis" } else { "api" };
        let namespace = match text("/metadata/namespace") {
            "" => String::new(),
            name => format!("/namespaces/{name}"),
        };
        self.call("POST", &format!("/{root}/{}{namespace}/{plural}", text("/apiVersion")), Some(object)).await
    }

    pub async fn list(&self, namespace: &str, plural: &str) -> Vec<Value> {
        let root = if plural.ends_with("runs") { TEKTON } else { KONFLUX };
        let list = self.call("GET", &format!("{root}/namespaces/{namespace}/{plural}"), None).await.unwrap();
        list["items"].as_array().unwrap().clone()
    }

    pub async fn patch(&self, namespace: &str, plural: &str, name: &str, patch: Value) -> Result<Value, kube::Error> {
        let root = if plural.contains("runs") { TEKTON } else { KONFLUX };
        self.call("PATCH", &format!("{root}/namespaces/{namespace}/{plural}/{name}"), Some(&patch)).await
    }

    pub async fn delete(&self, namespace: &str, plural: &str, name: &str) {
        let root = if plural.contains("runs") { TEKTON } else { KONFLUX };
        self.call("DELETE", &format!("{root}/namespaces/{namespace}/{plural}/{name}"), None).await.unwrap();
    }

    async fn status(&self, namespace: &str, plural: &str, name: &str, status: Value) {
        let root = if plural.contains("runs") { TEKTON } else { KONFLUX };
        let path = format!("{root}/namespaces/{namespace}/{plural}/{name}/status");
        self.call("PATCH", &path, Some(&json!({"status": status}))).await.unwrap();
    }

    /// A build as it is when the observer is done with it.
    pub async fn build(&self, name: &str, signed: &str) -> Value {
        let run = json!({
            "apiVersion": "tekton.dev/v1", "kind": "PipelineRun",
            "metadata": {"name": name, "namespace": TENANT, "annotations": {"chains.tekton.dev/signed": signed}, "labels": {
                "pipelines.appstudio.openshift.io/type": "build",
                "appstudio.openshift.io/application": "hello", "appstudio.openshift.io/component": "hello"}},
            "spec": {"pipelineRef": {"name": "docker-build"}},
        });
        self.create(&run).await;
        let result = |name: &str, value: &str| json!({"name": name, "type": "string", "value": value});
        self.status(TENANT, "pipelineruns", name, json!({
            "conditions": [{"type": "Succeeded", "status": "True", "reason": "Succeeded"}],
            "startTime": "2026-11-21T10:01:36Z", "completionTime": "2026-11-21T10:02:00Z",
            "results": [
                result("IMAGE_URL", "localhost:5000/acme/hello:main"), result("IMAGE_DIGEST", &digest(name)),
                result("CHAINS-GIT_URL", "https://git.example.org/acme/hello"), result("CHAINS-GIT_COMMIT", "c0ffee0"),
            ],
        })).await;
        run
    }

    /// Ends every test and managed run that has not ended yet, its verify task with that verdict.
    pub async fn engine(&self, verdict: &str) {
        for namespace in NAMESPACES {
            for run in self.list(namespace, "pipelineruns").await {
                let kind = run["metadata"]["labels"]["pipelines.appstudio.openshift.io/type"].as_str();
                if matches!(kind, Some("test" | "managed")) && run["status"]["completionTime"].is_null() {
                    self.end(&run, verdict, kind == Some("managed")).await;
                }
            }
        }
    }

    async fn end(&self, run: &Value, verdict: &str, managed: bool) {
        let text = |p: &str| run.pointer(p).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let passed = verdict == "SUCCESS";
        let task = if managed { "verify-conforma" } else { "verify" };
        let child = format!("{name}-{task}");
        self.create(&json!({
            "apiVersion": "tekton.dev/v1", "kind": "TaskRun",
            "metadata": {"name": child, "namespace": namespace, "ownerReferences": [
                {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": name, "uid": text("/metadata/uid")}]},
            "spec": {"taskRef": {"name": "verify-conforma"}},
        }))
        .await;
        let status = if passed { "True" } else { "False" };
        let output = json!({"result": verdict, "timestamp": "1", "successes": u32::from(passed), "failures": u32::from(!passed),
            "warnings": 0});
        let report = json!({"success": passed, "components": [{"name": "hello", "explanation": [
            {"rule": "witness.subject_witnessed", "reason": "not witnessed", "tasks": [{"pipelineTask": "report-image"}]}]}]});
        let condition = json!([{"type": "Succeeded", "status": status, "reason": "Any", "message": "exit 1"}]);
        let result = |name: &str, value: &Value| json!({"name": name, "type": "string", "value": value.to_string()});
        self.status(
            &namespace,
            "taskruns",
            &child,
            json!({
            "conditions": condition, "results": [result("TEST_OUTPUT", &output), result("REPORT", &report)]}),
        )
        .await;
        let images =
            json!([{"name": "hello", "shasum": "sha256:0", "urls": ["localhost:5000/production/hello:latest"]}]);
        let results = if managed && passed { json!([result("IMAGES", &images)]) } else { json!([]) };
        self.status(&namespace, "pipelineruns", &name, json!({
            "conditions": condition, "startTime": "2026-11-21T10:03:00Z", "completionTime": "2026-11-21T10:03:01Z",
            "results": results,
            "childReferences": [{"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": child, "pipelineTaskName": task}],
        })).await;
    }
}

/// A digest that belongs to the name.
pub fn digest(name: &str) -> String {
    let hex: String = name.bytes().cycle().take(32).map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

/// `Type=Status/Reason message` of a condition.
pub fn condition(object: &Value, type_: &str) -> String {
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let text = |c: &Value, key: &str| c[key].as_str().unwrap_or_default().to_owned();
    all.iter().find(|c| c["type"] == type_).map_or_else(
        || "none".to_owned(),
        |c| format!("{}/{} {}", text(c, "status"), text(c, "reason"), text(c, "message")).trim_end().to_owned(),
    )
}
