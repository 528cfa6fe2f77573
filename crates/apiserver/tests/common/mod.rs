//! A server for tests: a data folder, a TLS socket on a free port, and its kubeconfig.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use sluice_apiserver::{ApiServer, Config, OpenError, UserInfo};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The administrator's token in tests.
pub const ADMIN: &str = "admin-token-of-a-test";

/// A running server; it ends with this value.
pub struct Server {
    pub folder: Arc<TempDir>,
    pub api: ApiServer,
    pub url: String,
    stop: CancellationToken,
}

impl Server {
    pub async fn start() -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap())).await
    }

    /// Ends the server and starts another on its folder.
    pub async fn restart(self) -> Self {
        let folder = Arc::clone(&self.folder);
        drop(self);
        Self::on(folder).await
    }

    /// One that closes a stranger's connection so soon.
    pub async fn impatient(patience: Duration) -> Self {
        Self::with(Arc::new(tempfile::tempdir().unwrap()), Some(patience)).await
    }

    async fn on(folder: Arc<TempDir>) -> Self {
        Self::with(folder, None).await
    }

    async fn with(folder: Arc<TempDir>, stranger_timeout: Option<Duration>) -> Self {
        let config = Config {
            stranger_timeout,
            folder: folder.path().join("control"),
            logs: folder.path().join("logs"),
            tokens: vec![(ADMIN.to_owned(), UserInfo::admin())],
            ..Config::default()
        };
        let api = loop {
            // Tasks of a server before this one let go of the store one by one.
            match ApiServer::open(config.clone()).await {
                Err(OpenError::Store(error)) if error.reason.contains("already open") => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                other => break other.unwrap(),
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let stop = CancellationToken::new();
        let (serving, tls, token) = (api.clone(), api.pki().server_config(), stop.clone());
        tokio::spawn(async move { serving.serve(listener, tls, token).await.unwrap() });
        Self { folder, api, url, stop }
    }

    /// Writes a kubeconfig with that token and says where.
    pub fn kubeconfig(&self, name: &str, token: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.kubeconfig"));
        std::fs::write(&path, self.api.kubeconfig(&self.url, token)).unwrap();
        path
    }

    /// A client in this process.
    pub fn in_process(&self, user: UserInfo) -> kube::Client {
        kube::Client::new(self.api.in_process(user), "default")
    }

    /// A client over TLS.
    pub async fn over_tls(&self, token: &str) -> kube::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let text = self.api.kubeconfig(&self.url, token);
        let parsed = kube::config::Kubeconfig::from_yaml(&text).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(parsed, &options);
        kube::Client::try_from(config.await.unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.api.stop();
    }
}
