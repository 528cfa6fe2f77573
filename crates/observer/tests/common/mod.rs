//! A world for the observer: an API server in this process, a registry on a loopback port, an engine's key and an
//! observer's, and runs as an engine leaves them.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

use futures::future::BoxFuture;
use kube::api::{Api, ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use sluice_apiserver::{ApiServer, Config, UserInfo};
use sluice_attest::provenance::Options;
use sluice_attest::status::{set_child_uids, set_status_signature, status_payload};
use sluice_keys::SigningKey;
use sluice_observer::{Key, Kind, Observer, Pace, Settings, Step, Store, TokenSource};
use sluice_oci::{AuthFile, Client, Descriptor, ImageManifest, Reference, RegistriesConf, RegistryEntry, media_type};
use sluice_registry::{Action, Authority, Credential, Identity, Recorder, Registry, Transfer};
use std::sync::Arc;

pub const NAMESPACE: &str = "acme";

/// Who has the token may do all but write to `closed/`; everybody may read.
struct Users;

impl Authority for Users {
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Option<Identity>> {
        let user = match credential {
            Credential::Anonymous => Some("anonymous"),
            Credential::Basic { password: "secret", .. } | Credential::Bearer { token: "secret" } => Some("observer"),
            _ => None,
        };
        let identity = user.map(|user| Identity { user: user.to_owned(), ..Identity::default() });
        Box::pin(async move { identity })
    }

    fn allowed<'a>(&'a self, who: &'a Identity, repository: &'a str, action: Action) -> BoxFuture<'a, bool> {
        let allowed = action == Action::Pull || (who.user == "observer" && !repository.starts_with("closed/"));
        Box::pin(async move { allowed })
    }
}

struct Nobody;

impl Recorder for Nobody {
    fn record(&self, _: &Identity, _: Transfer) {}
}

/// Stops after one step.
#[derive(Debug)]
pub struct StopAfter(pub Step);

impl Pace for StopAfter {
    fn goes_on_after(&self, step: Step) -> bool {
        step != self.0
    }
}

pub struct World {
    pub folder: tempfile::TempDir,
    pub client: kube::Client,
    pub host: String,
    pub engine: SigningKey,
    pub key: Arc<SigningKey>,
    api: ApiServer,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config =
            Config { folder: folder.path().join("api"), logs: folder.path().join("logs"), ..Config::default() };
        let api = ApiServer::open(config).await.unwrap();
        let client = kube::Client::new(
            api.in_process(UserInfo::new("system:serviceaccount:sluice-system:engine", &["system:masters"])),
            NAMESPACE,
        );
        let registry = Registry::open(folder.path().join("registry"), Arc::new(Users), Arc::new(Nobody)).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let router = registry.router();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        std::fs::write(folder.path().join("token"), "secret\n").unwrap();
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
        namespaces.create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()).await.unwrap();
        grant(&client).await;
        let key = Arc::new(SigningKey::load_or_create(folder.path().join("cosign.key")).unwrap());
        let engine = SigningKey::generate().unwrap();
        Self { folder, client, host, engine, key, api, server }
    }

    /// Serves the API on a loopback port; leaves a kubeconfig of the observer's ServiceAccount in the folder.
    pub async fn serve(&self) {
        let documents = [
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "observer", "namespace": NAMESPACE}}),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "observer"}, "rules": [
                {"apiGroups": ["tekton.dev"], "resources": ["taskruns", "pipelineruns"], "verbs": ["get", "list", "watch", "patch"]},
                {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]}]}),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "observer"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "observer"},
                "subjects": [{"kind": "ServiceAccount", "name": "observer", "namespace": NAMESPACE}]}),
        ];
        for document in documents {
            let object: DynamicObject = serde_json::from_value(document).unwrap();
            let gvk = kube::core::GroupVersionKind::try_from(object.types.as_ref().unwrap()).unwrap();
            let resource = ApiResource::from_gvk(&gvk);
            let api: Api<DynamicObject> = match gvk.kind.as_str() {
                "ServiceAccount" => Api::namespaced_with(self.client.clone(), NAMESPACE, &resource),
                _ => Api::all_with(self.client.clone(), &resource),
            };
            api.create(&PostParams::default(), &object).await.unwrap();
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let token = self.api.service_account_token(NAMESPACE, "observer", 3600).unwrap().unwrap();
        let kubeconfig = self.api.kubeconfig(&url, &token);
        std::fs::write(self.folder.path().join("kubeconfig"), kubeconfig).unwrap();
        let (api, tls) = (self.api.clone(), self.api.pki().server_config());
        tokio::spawn(async move { api.serve(listener, tls, Default::default()).await });
    }

    /// An observer as after a start.
    pub fn observer(&self) -> Observer {
        self.observer_with(Settings { engine_key: Some(self.engine.public().clone()), ..self.upstream() })
    }

    /// Settings without an engine's key.
    pub fn upstream(&self) -> Settings {
        Settings { options: Options::default(), engine_key: None, registry: Some(self.host.clone()) }
    }

    pub fn observer_with(&self, settings: Settings) -> Observer {
        let token = TokenSource {
            registry: self.host.clone(),
            user: "observer".to_owned(),
            file: self.folder.path().join("token"),
        };
        let store = Store::new(self.oci(), AuthFile::default(), vec![token], Arc::clone(&self.key));
        Observer::new(self.client.clone(), store, settings)
    }

    /// Registry client of nobody.
    pub fn oci(&self) -> Client {
        self.oci_as(AuthFile::default())
    }

    /// Registry client of somebody who may write.
    pub fn oci_writer(&self) -> Client {
        self.oci_as(AuthFile::single(&self.host, "x", "secret"))
    }

    fn oci_as(&self, auth: AuthFile) -> Client {
        let entry =
            RegistryEntry { prefix: self.host.clone(), location: self.host.clone(), insecure: true, blocked: false };
        Client::new(RegistriesConf::new(vec![entry]), auth).unwrap()
    }

    /// Pushes a small image; answers its repository and digest.
    pub async fn image(&self, path: &str) -> (String, String) {
        let repository = format!("{}/{path}", self.host);
        let reference: Reference = format!("{repository}:latest").parse().unwrap();
        let client = self.oci_writer();
        let layer = format!("layer of {path}").into_bytes();
        let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [Descriptor::of("x", &layer).digest.to_string()]}});
        let config = config.to_string().into_bytes();
        client.push_blob(&reference, layer.clone()).await.unwrap();
        client.push_blob(&reference, config.clone()).await.unwrap();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::MANIFEST,
            "config": Descriptor::of(media_type::CONFIG, &config),
            "layers": [Descriptor::of(media_type::LAYER, &layer)],
        });
        let digest = client.push_manifest(&reference, media_type::MANIFEST, manifest.to_string()).await.unwrap();
        (repository, digest.to_string())
    }

    /// The manifest under a tag of cosign's (`att`, `sig`).
    pub async fn attached(&self, image: &(String, String), what: &str) -> Option<ImageManifest> {
        match self.oci().manifest(&self.tag(image, what)).await {
            Ok(manifest) => Some(manifest.image().unwrap()),
            Err(e) if e.is_not_found() => None,
            Err(e) => panic!("{e}"),
        }
    }

    pub fn tag(&self, (repository, digest): &(String, String), what: &str) -> Reference {
        format!("{repository}:{}.{what}", digest.replace(':', "-")).parse().unwrap()
    }

    pub async fn layer(&self, image: &(String, String), what: &str, layer: &Descriptor) -> Vec<u8> {
        self.oci().blob_bytes(&self.tag(image, what), layer, 1 << 24).await.unwrap().to_vec()
    }

    fn runs(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), NAMESPACE, &kind.resource())
    }

    /// Creates a run; gives it a final status with the engine's signature.
    pub async fn finished(&self, kind: Kind, name: &str, metadata: Value, spec: Value, status: Value) -> Key {
        self.finished_by(&self.engine, kind, name, metadata, spec, status).await
    }

    pub async fn finished_by(
        &self,
        engine: &SigningKey,
        kind: Kind,
        name: &str,
        metadata: Value,
        spec: Value,
        status: Value,
    ) -> Key {
        self.finished_as(kind, name, metadata, spec, status, |run| {
            let der = engine.sign_der(&status_payload(run));
            set_status_signature(run, &der);
        })
        .await
    }

    pub async fn finished_as(
        &self,
        kind: Kind,
        name: &str,
        metadata: Value,
        spec: Value,
        status: Value,
        sign: impl Fn(&mut Value),
    ) -> Key {
        let api = self.runs(kind);
        let mut metadata: ObjectMeta = serde_json::from_value(metadata).unwrap();
        metadata.name = Some(name.to_owned());
        let mut object = DynamicObject::new(name, &kind.resource()).data(json!({"spec": spec}));
        object.metadata = metadata;
        let created = api.create(&PostParams::default(), &object).await.unwrap();
        let mut run = serde_json::to_value(created).unwrap();
        run["status"] = status;
        sign(&mut run);
        let run: DynamicObject = serde_json::from_value(run).unwrap();
        api.replace_status(name, &PostParams::default(), &run).await.unwrap();
        Key { kind, namespace: NAMESPACE.to_owned(), name: name.to_owned() }
    }

    pub async fn get(&self, key: &Key) -> Value {
        serde_json::to_value(self.runs(key.kind).get(&key.name).await.unwrap()).unwrap()
    }

    pub async fn annotation(&self, key: &Key, name: &str) -> Option<String> {
        self.get(key).await["metadata"]["annotations"][name].as_str().map(str::to_owned)
    }

    pub async fn merge(&self, key: &Key, patch: Value) {
        self.runs(key.kind).patch(&key.name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub async fn delete(&self, key: &Key) {
        self.runs(key.kind).delete(&key.name, &kube::api::DeleteParams::default()).await.unwrap();
    }

    pub async fn uid(&self, key: &Key) -> String {
        self.get(key).await["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// A finished TaskRun whose result claims that image; it pushed `pushed`.
    pub async fn task_run(
        &self,
        name: &str,
        claimed: Option<&(String, String)>,
        pushed: Option<&(String, String)>,
    ) -> Key {
        self.finished(Kind::TaskRun, name, json!({}), task_spec(), task_status(claimed, pushed)).await
    }

    /// A finished PipelineRun with its (unfinished) children's names and pipeline tasks.
    pub async fn pipeline_run(&self, name: &str, tasks: &[&str], results: Option<&(String, String)>) -> Key {
        let api = self.runs(Kind::PipelineRun);
        let spec = json!({"pipelineSpec": {"tasks": tasks.iter().map(|t| json!({"name": t, "taskSpec": task_spec()["taskSpec"]})).collect::<Vec<_>>()}});
        let object = DynamicObject::new(name, &Kind::PipelineRun.resource()).data(json!({"spec": spec}));
        api.create(&PostParams::default(), &object).await.unwrap();
        let key = Key { kind: Kind::PipelineRun, namespace: NAMESPACE.to_owned(), name: name.to_owned() };
        let _ = results;
        key
    }

    /// Ends a PipelineRun with those children.
    pub async fn end(&self, key: &Key, children: &[(&Key, &str)], results: Option<&(String, String)>) {
        let mut uids = vec![];
        for (child, _) in children {
            uids.push((child.name.clone(), self.uid(child).await));
        }
        let mut run = self.get(key).await;
        run["status"] = json!({
            "conditions": [{"type": "Succeeded", "status": "True", "reason": "Succeeded"}],
            "startTime": "2026-11-21T10:00:00Z", "completionTime": "2026-11-21T10:02:00Z",
            "pipelineSpec": run["spec"]["pipelineSpec"],
            "results": claims(results),
            "childReferences": children.iter().map(|(child, task)| json!({
                "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": child.name, "pipelineTaskName": task})).collect::<Vec<_>>(),
        });
        set_child_uids(&mut run, uids.iter().map(|(name, uid)| (name.as_str(), uid.as_str())));
        let der = self.engine.sign_der(&status_payload(&run));
        set_status_signature(&mut run, &der);
        let run: DynamicObject = serde_json::from_value(run).unwrap();
        self.runs(Kind::PipelineRun).replace_status(&key.name, &PostParams::default(), &run).await.unwrap();
    }

    /// A finished child of a PipelineRun.
    pub async fn child(
        &self,
        parent: &Key,
        task: &str,
        claimed: Option<&(String, String)>,
        pushed: Option<&(String, String)>,
    ) -> Key {
        let name = format!("{}-{task}", parent.name);
        let metadata = self.child_metadata(parent, task).await;
        self.finished(Kind::TaskRun, &name, metadata, task_spec(), task_status(claimed, pushed)).await
    }

    pub async fn child_metadata(&self, parent: &Key, task: &str) -> Value {
        json!({
            "labels": {"tekton.dev/pipelineTask": task, "tekton.dev/pipelineRun": parent.name},
            "ownerReferences": [{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": parent.name,
                                 "uid": self.uid(parent).await, "controller": true, "blockOwnerDeletion": true}],
        })
    }
}

/// The ServiceAccount `default` may push; others may not.
async fn grant(client: &kube::Client) {
    use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
    let rule = json!({"apiGroups": ["registry.sluice.dev"], "resources": ["repositories"], "verbs": ["push"]});
    let role = json!({"metadata": {"name": "pushers"}, "rules": [rule]});
    let binding = json!({"metadata": {"name": "pushers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "pushers"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": NAMESPACE}]});
    let roles: Api<ClusterRole> = Api::all(client.clone());
    roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
}

pub fn task_spec() -> Value {
    json!({"taskSpec": {"steps": [{"name": "build", "image": "busybox", "script": "#!/bin/sh\ntrue\n"}]}})
}

fn claims(image: Option<&(String, String)>) -> Value {
    image.map_or_else(
        || json!([]),
        |(repository, digest)| {
            json!([{"name": "IMAGE_URL", "type": "string", "value": format!("{repository}:latest")},
               {"name": "IMAGE_DIGEST", "type": "string", "value": digest}])
        },
    )
}

pub fn task_status(claimed: Option<&(String, String)>, pushed: Option<&(String, String)>) -> Value {
    let image = format!("docker.io/library/busybox@sha256:{}", "ab".repeat(32));
    let pushed = pushed.map(
        |(repository, digest)| json!({"repository": repository, "digest": digest, "kind": "manifest", "tag": "latest"}),
    );
    json!({
        "conditions": [{"type": "Succeeded", "status": "True", "reason": "Succeeded"}],
        "startTime": "2026-11-21T10:00:00Z", "completionTime": "2026-11-21T10:01:00Z",
        "taskSpec": task_spec()["taskSpec"],
        "steps": [{"name": "build", "container": "step-build", "imageID": image,
                   "terminated": {"exitCode": 0, "reason": "Completed"}}],
        "results": claims(claimed),
        "witness": {"version": 1, "steps": [{"name": "build", "image": image, "network": "none", "connections": []}],
                    "pushed": pushed.into_iter().collect::<Vec<_>>(), "pulled": []},
    })
}
