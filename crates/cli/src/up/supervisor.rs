//! The root process of `sluice up`: starts the control plane and the observer, starts them again when they die, starts
//! and reaps runners on request, and ends them all. Its children are told to die with it.

use super::addresses::{self, Addresses};
use super::channel::{self, Channel};
use super::message::{FromControl, Ready, ToControl};
use super::runners::Runners;
use super::{CONTROL_PLANE_ID, OBSERVER_ID, folder};
use crate::args::Up;
use crate::error::{CliError, Context, Exit, Result};
use sluice_api::runner::Notice;
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// What is written to `state.json` for `status`.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct State {
    pub v: u32,
    pub supervisor: u32,
    pub control_plane: u32,
    pub observer: u32,
}

/// Runs until it is told to end.
///
/// # Errors
/// When the folder, the addresses or the start of a program fail; once ready, never for what a child does.
pub fn run(up: &Up, on_ready: impl FnOnce(&Addresses) -> Result) -> Result {
    if !rustix::process::geteuid().is_root() {
        return Err(CliError::usage(
            "`sluice up` needs root to give builds, control plane and observer ids of their own",
        )
        .hint("run it with sudo; running as an ordinary user is not done yet (COMPATIBILITY.md)"));
    }
    let programs = Programs::find()?;
    let registries_conf = up.registries_conf.as_deref().map(read_registries_conf).transpose()?;
    folder::enter(&up.data_dir)?;
    let lock = folder::lock()?;
    folder::prepare()?;
    let (addresses, api, registry) = addresses::bind(up.listen.as_deref(), up.registry_listen.as_deref())?;
    if let Some(text) = registries_conf {
        folder::write_atomically(Path::new("registries.conf"), text.as_bytes(), 0o644, None)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(Exit::Defect, "starting the runtime")?;
    let outcome = runtime.block_on(async {
        let mut supervisor = Supervisor::new(programs, addresses, api, registry, up.egress_allow.clone())?;
        let result = supervisor.serve(on_ready).await;
        supervisor.stop().await;
        result
    });
    drop(lock);
    outcome
}

fn read_registries_conf(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).context(Exit::Usage, format!("`--registries-conf {}`", path.display()))
}

/// The three programs, opened while this process may; the two that run under other ids are started through the open
/// descriptor, as the folders above them may be closed to those ids.
struct Programs {
    sluice: File,
    observer: File,
    runner: PathBuf,
}

impl Programs {
    fn find() -> Result<Self> {
        let me = std::env::current_exe().context(Exit::Defect, "finding this program")?;
        let beside = |name: &str| -> Result<PathBuf> {
            let path = me.with_file_name(name);
            match path.is_file() {
                true => Ok(path),
                false => Err(CliError::usage(format!("`{name}` is not beside `{}`", me.display()))
                    .hint("`cargo build --release --workspace --bins` makes all of them")),
            }
        };
        let open = |path: &Path| File::open(path).context(Exit::Usage, format!("opening `{}`", path.display()));
        Ok(Self { sluice: open(&me)?, observer: open(&beside("sluice-observer")?)?, runner: beside("sluice-runner")? })
    }
}

struct Supervisor {
    programs: Programs,
    addresses: Addresses,
    listeners: (TcpListener, TcpListener),
    egress_allow: Vec<String>,
    runners: Runners,
    ended: mpsc::UnboundedReceiver<Notice>,
    control: Option<Child>,
    channel: Option<Channel>,
    observer: Option<Child>,
}

/// What woke the supervisor.
enum Wake {
    Stop,
    Control(Option<FromControl>),
    ControlEnded,
    ObserverEnded,
    RunnerEnded(Notice),
}

impl Supervisor {
    fn new(
        programs: Programs,
        addresses: Addresses,
        api: TcpListener,
        registry: TcpListener,
        egress_allow: Vec<String>,
    ) -> Result<Self> {
        let (sender, ended) = mpsc::unbounded_channel();
        let runners = Runners::new(programs.runner.clone(), sender);
        Ok(Self {
            programs,
            addresses,
            listeners: (api, registry),
            egress_allow,
            runners,
            ended,
            control: None,
            channel: None,
            observer: None,
        })
    }

    async fn serve(&mut self, on_ready: impl FnOnce(&Addresses) -> Result) -> Result {
        let mut terminate = signal(SignalKind::terminate()).context(Exit::Defect, "watching for signals")?;
        let mut interrupt = signal(SignalKind::interrupt()).context(Exit::Defect, "watching for signals")?;
        let public_key = self.observer_key().await?;
        self.start_control(&public_key).await?;
        let mut on_ready = Some(on_ready);
        let mut failures = 0u32;
        loop {
            let wake = tokio::select! {
                _ = terminate.recv() => Wake::Stop,
                _ = interrupt.recv() => Wake::Stop,
                message = receive(self.channel.as_ref()) => Wake::Control(message),
                () = ended(self.control.as_mut()) => Wake::ControlEnded,
                () = ended(self.observer.as_mut()) => Wake::ObserverEnded,
                Some(notice) = self.ended.recv() => Wake::RunnerEnded(notice),
            };
            match wake {
                Wake::Stop => return Ok(()),
                Wake::Control(Some(FromControl::Ready(ready))) => {
                    self.hand_on(&ready)?;
                    if self.observer.is_none() {
                        self.start_observer()?;
                    }
                    self.write_state()?;
                    failures = 0;
                    if let Some(on_ready) = on_ready.take() {
                        on_ready(&self.addresses)?;
                    }
                }
                Wake::Control(Some(FromControl::Runner { request })) => {
                    if let Some(notice) = self.runners.handle(request) {
                        self.notify(notice).await;
                    }
                }
                Wake::Control(None) | Wake::ControlEnded => {
                    self.reap_control().await;
                    if on_ready.is_some() {
                        return Err(CliError::usage(format!(
                            "the control plane could not start: {}",
                            last_line("control-plane.log")
                        ))
                        .hint("`control-plane.log` in the data folder has all that it said"));
                    }
                    tracing::warn!("the control plane ended: {}; starting it again", last_line("control-plane.log"));
                    tokio::time::sleep(backoff(failures)).await;
                    failures += 1;
                    self.start_control(&public_key).await?;
                }
                Wake::ObserverEnded => {
                    self.observer = None;
                    tracing::warn!("the observer ended: {}; starting it again", last_line("observer.log"));
                    tokio::time::sleep(backoff(failures)).await;
                    failures += 1;
                    self.start_observer()?;
                    self.write_state()?;
                }
                Wake::RunnerEnded(notice) => {
                    self.runners.forget(&notice);
                    self.notify(notice).await;
                }
            }
        }
    }

    async fn notify(&self, notice: Notice) {
        if let Some(channel) = &self.channel {
            // A control plane that is gone asks for the list when it is back.
            let _ = channel.send(&ToControl::Runner { notice }).await;
        }
    }

    /// Has the observer make its key, as itself, and publishes the public half.
    async fn observer_key(&self) -> Result<String> {
        let status = self
            .observer_command(&["keygen", "--key", "observer/cosign.key", "--public-key-out", "observer/cosign.pub"])?
            .status()
            .await
            .context(Exit::Usage, "starting `sluice-observer`")?;
        if !status.success() {
            return Err(CliError::usage(format!("the observer could not make its key: {}", last_line("observer.log"))));
        }
        let public = std::fs::read("observer/cosign.pub").context(Exit::Usage, "reading the observer's public key")?;
        folder::write_atomically(Path::new("cosign.pub"), &public, 0o644, None)?;
        String::from_utf8(public).context(Exit::Defect, "reading the observer's public key")
    }

    async fn start_control(&mut self, public_key: &str) -> Result {
        let (channel, theirs) = channel::pair().context(Exit::Defect, "making a socket pair")?;
        let mut command = Command::new(format!("/proc/self/fd/{}", self.programs.sluice.as_raw_fd()));
        command.arg("control-plane").arg("--registry-host").arg(self.addresses.registry_host());
        for pattern in &self.egress_allow {
            command.arg("--egress-allow").arg(pattern);
        }
        if Path::new("registries.conf").exists() {
            command.args(["--registries-conf", "registries.conf"]);
        }
        let child = under(&mut command, CONTROL_PLANE_ID, "control-plane.log")?
            .stdin(Stdio::from(theirs))
            .spawn()
            .context(Exit::Usage, "starting the control plane")?;
        let hello = ToControl::Hello {
            v: 1,
            api: self.addresses.api.to_string(),
            registry: self.addresses.registry.to_string(),
            public_key: public_key.to_owned(),
        };
        // A control plane that is already gone shows as its end.
        let _ = channel.send_with(&hello, &[self.listeners.0.as_fd(), self.listeners.1.as_fd()]).await;
        self.control = Some(child);
        self.channel = Some(channel);
        Ok(())
    }

    fn start_observer(&mut self) -> Result {
        let host = self.addresses.registry_host();
        let child = self
            .observer_command(&[
                "run",
                "--kubeconfig",
                "observer/kubeconfig",
                "--registry",
                &host,
                "--registry-token-file",
                "observer/token",
                "--key",
                "observer/cosign.key",
                "--engine-key",
                "engine.pub",
                "--with-parent",
            ])?
            .spawn()
            .context(Exit::Usage, "starting `sluice-observer`")?;
        self.observer = Some(child);
        Ok(())
    }

    fn observer_command(&self, args: &[&str]) -> Result<Command> {
        let mut command = Command::new(format!("/proc/self/fd/{}", self.programs.observer.as_raw_fd()));
        command.args(args).stdin(Stdio::null());
        under(&mut command, OBSERVER_ID, "observer.log")?;
        Ok(command)
    }

    /// Gives each token to the one that it is for, and the public parts to everybody.
    fn hand_on(&self, ready: &Ready) -> Result {
        let url = self.addresses.api_url();
        let host = self.addresses.registry_host();
        let write = |path: &str, text: &str, mode, owner| {
            folder::write_atomically(Path::new(path), text.as_bytes(), mode, owner)
        };
        write("ca.crt", &ready.ca, 0o644, None)?;
        write("engine.pub", &ready.engine_public_key, 0o644, None)?;
        write("admin.kubeconfig", &super::control_plane::kubeconfig(&url, &ready.ca, &ready.admin_token), 0o600, None)?;
        write("registry-auth.json", &super::control_plane::docker_config(&host, &ready.admin_token), 0o600, None)?;
        let observer = super::control_plane::kubeconfig(&url, &ready.ca, &ready.observer_token);
        write("observer/kubeconfig", &observer, 0o600, Some(OBSERVER_ID))?;
        write("observer/token", &ready.observer_token, 0o600, Some(OBSERVER_ID))
    }

    fn write_state(&self) -> Result {
        let id = |child: Option<&Child>| child.and_then(Child::id).unwrap_or_default();
        let state = State {
            v: 1,
            supervisor: std::process::id(),
            control_plane: id(self.control.as_ref()),
            observer: id(self.observer.as_ref()),
        };
        let bytes = serde_json::to_vec_pretty(&state).context(Exit::Defect, "writing state.json")?;
        folder::write_atomically(Path::new("state.json"), &bytes, 0o644, None)
    }

    async fn reap_control(&mut self) {
        self.channel = None;
        if let Some(mut child) = self.control.take() {
            let _ = child.start_kill();
            let _ = child.wait().await;
        }
    }

    /// Ends the children: runners at once, the two servers with a word first.
    async fn stop(&mut self) {
        self.runners.kill_all();
        for child in [self.control.as_mut(), self.observer.as_mut()].into_iter().flatten() {
            if let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            if tokio::time::timeout(Duration::from_secs(5), child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
        }
        let _ = std::fs::remove_file("state.json");
    }
}

/// Drops to an id of its own before the program starts; its standard error goes to a log in the data folder.
fn under<'a>(command: &'a mut Command, id: u32, log: &str) -> Result<&'a mut Command> {
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(log)
        .context(Exit::Usage, format!("opening `{log}` in the data folder"))?;
    let stdout = log.try_clone().context(Exit::Defect, "duplicating a descriptor")?;
    let level = std::env::var("SLUICE_LOG").unwrap_or_else(|_| "info".into());
    Ok(command
        .env_clear()
        .env("SLUICE_LOG", level)
        .uid(id)
        .gid(id)
        .kill_on_drop(true)
        .stdout(Stdio::from(OwnedFd::from(stdout)))
        .stderr(Stdio::from(OwnedFd::from(log))))
}

async fn receive(channel: Option<&Channel>) -> Option<FromControl> {
    match channel {
        Some(channel) => channel.recv().await.ok().flatten(),
        None => std::future::pending().await,
    }
}

async fn ended(child: Option<&mut Child>) {
    match child {
        Some(child) => {
            let _ = child.wait().await;
        }
        None => std::future::pending().await,
    }
}

fn backoff(failures: u32) -> Duration {
    Duration::from_millis(100 << failures.min(6))
}

fn last_line(log: &str) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(4096)..]).into_owned();
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned()
}
