//! The control plane's process: API, store, registry, engine and delivery, under an id of its own and without a
//! capability. It is started by the supervisor with its listening sockets; it holds no key but that for statuses.

use super::channel::Channel;
use super::launcher::ChannelLauncher;
use super::message::{FromControl, Ready, ToControl};
use super::registry_glue::{ApiAuthority, FOLDER, RunCredentials};
use super::{bootstrap, folder};
use crate::args::ControlPlane;
use crate::commands::connect;
use crate::error::{CliError, Context, Exit, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use sluice_apiserver::{ApiServer, UserInfo};
use sluice_oci::{AuthFile, RegistriesConf};
use sluice_registry::Registry;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The system namespace.
const SYSTEM: &str = "sluice-system";
/// A year: each is made anew at every start of the control plane.
const TOKEN_SECONDS: i64 = 365 * 24 * 3600;

/// Runs until the supervisor is gone or says so.
///
/// # Errors
/// When anything that it needs cannot be opened, or the border to the observer's key is not there.
pub async fn run(args: ControlPlane) -> Result {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .context(Exit::Defect, "binding this process to the supervisor")?;
    border()?;
    raise_open_files();
    let stdin = std::io::stdin().as_fd().try_clone_to_owned().context(Exit::Defect, "taking the channel")?;
    let channel = Channel::new(stdin).context(Exit::Usage, "`sluice control-plane` is started by `sluice up`")?;
    let (hello, sockets) = channel
        .recv_with::<ToControl>()
        .await
        .context(Exit::Defect, "reading the supervisor's first message")?
        .ok_or_else(|| CliError::usage("`sluice control-plane` is started by `sluice up`"))?;
    let ToControl::Hello { registry, public_key, .. } = hello else {
        return Err(CliError::defect("the supervisor's first message was another"));
    };
    let [api_socket, registry_socket]: [OwnedFd; 2] =
        sockets.try_into().map_err(|_| CliError::defect("the supervisor sent no listening sockets"))?;

    let admin_token = admin_token()?;
    let config = sluice_apiserver::Config {
        folder: PathBuf::from("control"),
        logs: PathBuf::from("logs"),
        tokens: vec![(admin_token.clone(), UserInfo::admin())],
        ..Default::default()
    };
    let api = ApiServer::open(config).await.context(Exit::Usage, "opening the store")?;
    let admin = Client::new(api.in_process(UserInfo::admin()), "default");
    bootstrap::apply(&admin, &args.registry_host, &public_key).await?;

    let conf = registries(&args)?;
    let runs = RunCredentials::new(
        args.registry_host.clone(),
        registry,
        steps_conf(&args.registry_host).render(),
        Path::new(FOLDER),
    );
    let runs = Arc::new(runs.context(Exit::Usage, "making the folder of transfers")?);
    let authority = Arc::new(ApiAuthority { api: api.clone(), runs: runs.clone() });
    let store =
        Registry::open("control/registry", authority, runs.clone()).context(Exit::Usage, "opening the registry")?;
    let signer =
        sluice_keys::SigningKey::load_or_create("control/engine.key").context(Exit::Usage, "the engine's key")?;
    let ready = Ready {
        admin_token,
        observer_token: token_of(&api, "observer")?,
        ca: api.pki().ca_pem().to_owned(),
        engine_public_key: signer.public_pem().to_owned(),
    };

    let channel = Arc::new(channel);
    let (gone, mut ended) = tokio::sync::mpsc::channel::<()>(1);
    let launcher = ChannelLauncher::start(channel.clone(), move || drop(gone));
    let engine_token = token_of(&api, "engine")?;
    let context = sluice_engine::Context {
        client: Client::new(api.in_process(UserInfo::service_account(SYSTEM, "engine")), SYSTEM),
        data: PathBuf::from("."),
        launcher,
        registry: runs,
        images: images(&conf, &args.registry_host, &engine_token, &store)?,
        signer: Arc::new(signer),
        clock: Arc::new(sluice_engine::SystemClock),
        limits: sluice_engine::Limits::default(),
        egress_allow: args.egress_allow.clone(),
        cluster_resolver_namespaces: Vec::new(),
    };
    let delivery = Client::new(api.in_process(UserInfo::service_account(SYSTEM, "delivery")), SYSTEM);
    let registry_listener = listener(registry_socket)?;
    let tasks = [
        tokio::spawn(async move { store.serve(registry_listener, sluice_registry::PATIENCE).await }),
        tokio::spawn(sluice_engine::run(context)),
        tokio::spawn(async move { drop(sluice_delivery::run(delivery, sluice_delivery::Config::default()).await) }),
    ];
    let api_listener = listener(api_socket)?;
    let server = api.clone();
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let served = tokio::spawn(async move { server.serve(api_listener, server.pki().server_config(), shutdown).await });
    channel.send(&FromControl::Ready(ready)).await.context(Exit::Defect, "telling the supervisor")?;

    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context(Exit::Defect, "watching for signals")?;
    let [registry, engine, delivery] = tasks;
    let end = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = ended.recv() => Ok(()),
        _ = served => Err(CliError::defect("the API server ended")),
        _ = registry => Err(CliError::defect("the registry ended")),
        _ = engine => Err(CliError::defect("the engine ended")),
        _ = delivery => Err(CliError::defect("the delivery controllers ended")),
    };
    stop.cancel();
    end
}

fn token_of(api: &ApiServer, name: &str) -> Result<String> {
    api.service_account_token(SYSTEM, name, TOKEN_SECONDS)
        .context(Exit::Defect, format!("making the token of ServiceAccount `{SYSTEM}/{name}`"))?
        .ok_or_else(|| CliError::defect(format!("ServiceAccount `{SYSTEM}/{name}` is missing")))
}

/// The control plane never works where it could read the observer's key or has a capability: asked of the kernel, from
/// inside this process, at every start.
fn border() -> Result {
    let refuse = |what: &str| {
        Err(CliError::defect(format!("the control plane {what}; it does not run like this"))
            .hint("`sluice up` starts it under an id of its own"))
    };
    match std::fs::File::open("observer/cosign.key") {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {}
        Err(e) => return refuse(&format!("finds no border around the observer's key ({e})")),
        Ok(_) => return refuse("can open the observer's key"),
    }
    let status = std::fs::read_to_string("/proc/self/status").context(Exit::Defect, "reading /proc/self/status")?;
    for set in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
        let value = status.lines().find_map(|line| line.strip_prefix(set)).unwrap_or("").trim();
        if value.is_empty() || value.bytes().any(|b| b != b'0') {
            return refuse(&format!("has capabilities ({set} {value})"));
        }
    }
    Ok(())
}

/// Connections of strangers and the store's files are counted together: the usual soft limit of 1024 is less than the
/// connections that may be open, and the hard one is there for programs that ask.
fn raise_open_files() {
    const WANTED: u64 = 16 * 1024;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(WANTED, |most| most.min(WANTED));
    if limit.current.is_some_and(|now| now < wanted) {
        let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit of open files could not be raised");
        }
    }
}

/// One token for the administrator, made at the first start.
fn admin_token() -> Result<String> {
    const FILE: &str = "control/admin.token";
    match std::fs::read_to_string(FILE) {
        Ok(token) => return Ok(token),
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(CliError::usage(format!("reading `{FILE}`: {e}")));
        }
        Err(_) => {}
    }
    let mut random = [0u8; 32];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).context(Exit::Defect, "randomness")?;
    let token = hex::encode(random);
    folder::write_atomically(Path::new(FILE), token.as_bytes(), 0o600, None)?;
    Ok(token)
}

/// Where the engine looks for names: the user's file, the library's alias and the embedded registry over it.
fn registries(args: &ControlPlane) -> Result<RegistriesConf> {
    let mut conf = match &args.registries_conf {
        Some(path) => {
            let text = std::fs::read_to_string(path).context(Exit::Usage, "reading registries.conf")?;
            RegistriesConf::parse(&text).context(Exit::Usage, "`--registries-conf`")?
        }
        None => RegistriesConf::default(),
    };
    for entry in steps_conf(&args.registry_host).entries() {
        conf.push(entry.clone());
    }
    Ok(conf)
}

/// What a step is given: it reaches the embedded registry only.
fn steps_conf(host: &str) -> RegistriesConf {
    connect::registries(host)
}

fn images(
    conf: &RegistriesConf,
    host: &str,
    token: &str,
    store: &Registry,
) -> Result<Arc<dyn sluice_engine::images::ImageSource>> {
    let client = sluice_oci::Client::new(conf.clone(), AuthFile::single(host, "token", token))
        .context(Exit::Defect, "making the registry client")?;
    let store = store.clone();
    // What lies in the embedded registry is read where it lies; the engine has asked the registry for it by name first.
    let local =
        Arc::new(move |digest: &sluice_oci::Digest| Some(store.blob_path(digest)).filter(|path| path.is_file()));
    Ok(Arc::new(sluice_engine::images::RegistryImages::new(client, "control/images", local)))
}

fn listener(socket: OwnedFd) -> Result<tokio::net::TcpListener> {
    let listener = TcpListener::from(socket);
    listener.set_nonblocking(true).context(Exit::Defect, "preparing a socket")?;
    tokio::net::TcpListener::from_std(listener).context(Exit::Defect, "preparing a socket")
}

/// A kubeconfig of one cluster, one user and one context.
pub fn kubeconfig(server: &str, ca_pem: &str, token: &str) -> String {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "sluice", "preferences": {},
        "clusters": [{"name": "sluice", "cluster": {
            "server": server, "certificate-authority-data": STANDARD.encode(ca_pem)}}],
        "users": [{"name": "sluice", "user": {"token": token}}],
        "contexts": [{"name": "sluice", "context": {"cluster": "sluice", "user": "sluice", "namespace": "default"}}],
    });
    // JSON is YAML, and every client reads it.
    config.to_string()
}

/// A docker config file for one registry.
pub fn docker_config(host: &str, token: &str) -> String {
    json!({"auths": {host: {"auth": STANDARD.encode(format!("token:{token}"))}}}).to_string()
}
