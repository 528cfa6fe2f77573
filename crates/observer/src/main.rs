//! `sluice-observer`: arguments, logs, signals and exit codes; everything else is the library's.

use clap::Parser;
use rustix::process::{Signal, set_parent_process_death_signal};
use sluice_observer::args::{Arguments, Command};
use sluice_observer::connect::{self, SetupError};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Of DESIGN: usage or configuration; not allowed.
const USAGE: u8 = 2;
const NOT_ALLOWED: u8 = 4;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("SLUICE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    // One TLS provider, chosen here; a second choice is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let done = match &arguments.command {
        Command::Keygen(args) => connect::key(args).map(|key| {
            tracing::info!(key = key.key_id(), "the key is there");
            ExitCode::SUCCESS
        }),
        Command::Run(args) => run(args),
    };
    done.unwrap_or_else(|error| {
        tracing::error!("{error}");
        ExitCode::from(USAGE)
    })
}

fn run(args: &sluice_observer::args::RunArgs) -> Result<ExitCode, SetupError> {
    let setup =
        |e: std::io::Error| SetupError::File { what: "start", path: "the observer".to_owned(), reason: e.to_string() };
    if args.with_parent {
        // One that outlived its supervisor would sign beside the next one's.
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(|e| setup(e.into()))?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(setup)?;
    runtime.block_on(async {
        let observer = connect::observer(args).await?;
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate()).map_err(setup)?, signal(SignalKind::interrupt()).map_err(setup)?);
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        Ok(match observer.run(shutdown).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(%error, "the API server refuses the observer's credential");
                ExitCode::from(NOT_ALLOWED)
            }
        })
    })
}
