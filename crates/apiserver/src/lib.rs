//! The Kubernetes dialect: an API server over an embedded store, for sockets and for clients in the same process. It
//! must not know what acts on the objects: no engine, no observer, no policy, no delivery.
#![forbid(unsafe_code)]

mod answer;
pub mod auth;
mod body;
mod bootstrap;
pub mod catalogue;
mod discovery;
pub mod edge;
mod error;
mod fieldcheck;
mod fields;
mod logs;
mod meta;
mod openapi;
mod patch;
pub mod pki;
mod protobuf;
mod request;
mod rest;
mod reviews;
mod selector;
mod serve;
mod server;
mod state;
pub mod store;
mod table;
mod upkeep;

pub use auth::{Attributes, UserInfo};
pub use body::Body;
pub use discovery::KUBERNETES_VERSION;
pub use error::ApiError;
pub use serve::InProcess;

use auth::authn::Authenticator;
use auth::token::{AUDIENCE, Grant, TokenKey};
use pki::Pki;
use rustls::ServerConfig;
use serde_json::Value;
use state::State;
use std::path::PathBuf;
use std::sync::Arc;
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What a server is made of.
#[derive(Clone, Default)]
pub struct Config {
    /// Folder of `store.redb` and `pki/`; made if missing, for its owner alone.
    pub folder: PathBuf,
    /// Folder of containers' logs: `NS/POD/CONTAINER.log`.
    pub logs: PathBuf,
    /// Users by bearer token.
    pub tokens: Vec<(String, UserInfo)>,
    /// Objects that are created at each start if they are missing.
    pub objects: Vec<Value>,
    /// Names and addresses, besides `localhost` and loopback, that the certificate is for.
    pub names: Vec<String>,
    /// How long a connection may be idle before a valid token was shown on it; by default 15 seconds.
    pub stranger_timeout: Option<std::time::Duration>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the tokens.
        f.debug_struct("Config").field("folder", &self.folder).field("logs", &self.logs).finish_non_exhaustive()
    }
}

/// Why a server did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot use the folder `{path}`: {source}; it must be writable by this user")]
    Folder { path: String, source: std::io::Error },
    #[error(transparent)]
    Store(#[from] store::OpenError),
    #[error(transparent)]
    Pki(#[from] pki::PkiError),
    #[error("cannot create {object} at the first start: {reason}")]
    Bootstrap { object: String, reason: String },
}

/// The API server: clones share it.
#[derive(Clone, Debug)]
pub struct ApiServer {
    state: Arc<State>,
    pki: Pki,
}

impl ApiServer {
    /// Opens the store and the keys, makes what is missing, and starts the upkeep (garbage collection, namespaces).
    ///
    /// # Errors
    /// The folder cannot be used, or another process uses it.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let folder = config.folder;
        let error = |source| OpenError::Folder { path: folder.display().to_string(), source };
        pki::create_private_folder(&folder).map_err(error)?;
        let keys = folder.join("pki");
        let pki = Pki::load_or_create(&keys, &config.names)?;
        let key = TokenKey::load_or_create(&keys.join("serviceaccount.key")).map_err(error)?;
        let store = Store::open(&folder.join("store.redb"))?;
        let state = Arc::new(State {
            store,
            authenticator: Authenticator::new(&config.tokens, key),
            logs: config.logs,
            stopping: CancellationToken::new(),
            stranger_timeout: config.stranger_timeout,
        });
        let server = Self { state, pki };
        for object in bootstrap::objects().into_iter().chain(config.objects) {
            upkeep::ensure(&server.state, object).await?;
        }
        tokio::spawn(upkeep::run(Arc::clone(&server.state)));
        Ok(server)
    }

    /// A client within this process, as that user.
    pub fn in_process(&self, user: UserInfo) -> InProcess {
        InProcess::new(Arc::clone(&self.state), user)
    }

    /// Serves TLS connections until the shutdown.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(
        &self,
        listener: TcpListener,
        tls: Arc<ServerConfig>,
        shutdown: CancellationToken,
    ) -> std::io::Result<()> {
        let stopping = self.state.stopping.clone();
        let served = serve::serve(Arc::clone(&self.state), listener, tls, shutdown.clone());
        let ends = async {
            shutdown.cancelled().await;
            // Watches and followed logs never end by themselves.
            stopping.cancel();
        };
        let (served, ()) = tokio::join!(served, ends);
        served
    }

    /// The certificate authority and the TLS configuration for [`ApiServer::serve`].
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// Ends watches, followed logs and the upkeep.
    pub fn stop(&self) {
        self.state.stopping.cancel();
    }

    /// The user with that bearer token, if there is one.
    pub fn authenticate(&self, token: &str) -> Option<UserInfo> {
        self.state.authenticator.authenticate(&self.state.store, token)
    }

    /// Whether the user may do it.
    pub fn authorize(&self, user: &UserInfo, wanted: &Attributes) -> bool {
        auth::rbac::authorize(&self.state.store, user, wanted)
    }

    /// A token for that ServiceAccount; nothing if there is no such account.
    ///
    /// # Errors
    /// The token cannot be made.
    pub fn service_account_token(&self, namespace: &str, name: &str, seconds: i64) -> Result<Option<String>, ApiError> {
        let grant = Grant { audiences: vec![AUDIENCE.to_owned()], ..Grant::default() };
        Ok(reviews::issue(&self.state, namespace, name, seconds, grant)?.map(|(token, _)| token))
    }

    /// A kubeconfig (YAML) for a server at `url` with that token.
    pub fn kubeconfig(&self, url: &str, token: &str) -> String {
        use base64::Engine;
        let ca = base64::engine::general_purpose::STANDARD.encode(self.pki.ca_pem());
        // JSON is YAML; its quoting is exact whatever the token holds.
        let text = |s: &str| Value::from(s).to_string();
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: sluice\nclusters:\n- name: sluice\n  cluster:\n    \
             server: {}\n    certificate-authority-data: {}\nusers:\n- name: sluice\n  user:\n    token: {}\n\
             contexts:\n- name: sluice\n  context:\n    cluster: sluice\n    user: sluice\n    namespace: default\n",
            text(url),
            text(&ca),
            text(token)
        )
    }
}
