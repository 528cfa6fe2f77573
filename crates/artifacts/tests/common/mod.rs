//! A registry on a runtime of its own, since what is tested blocks.
#![allow(clippy::unwrap_used, dead_code)]

use futures::future::BoxFuture;
use sluice_artifacts::Environment;
use sluice_oci::{AuthFile, RegistriesConf, RegistryEntry};
use sluice_registry::{Action, Authority, Credential, Identity, Recorder, Registry, Transfer};
use std::path::PathBuf;
use std::sync::Arc;

struct Acme;

impl Authority for Acme {
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Option<Identity>> {
        let known = matches!(credential, Credential::Basic { username: "run", password: "secret" });
        let identity = Identity { user: "run".to_owned(), ..Identity::default() };
        Box::pin(async move { known.then_some(identity) })
    }

    fn allowed<'a>(&'a self, _: &'a Identity, repository: &'a str, _: Action) -> BoxFuture<'a, bool> {
        Box::pin(async move { repository.starts_with("acme/") })
    }
}

impl Recorder for Acme {
    fn record(&self, _: &Identity, _: Transfer) {}
}

/// The registry and a folder to play in.
pub struct World {
    pub folder: tempfile::TempDir,
    pub host: String,
    pub registry: Registry,
    pub environment: Environment,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(folder.path().join("registry"), Arc::new(Acme), Arc::new(Acme)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let host = format!("localhost:{}", listener.local_addr().unwrap().port());
        let router = registry.router();
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let location = format!("{host}/acme");
        let prefix = "artifacts.example".to_owned();
        let entry = RegistryEntry { prefix, location, insecure: true, blocked: false };
        let auth = AuthFile::single(&host, "run", "secret");
        let environment = Environment { auth, registries: RegistriesConf::new(vec![entry]) };
        World { folder, host, registry, environment, _runtime: runtime }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
