//! The `sluice` command line. It only creates objects and watches, but for `up`, which starts the processes that act.
//! Everything here is glue: what a command does stands in the crates below.

pub mod args;
pub mod commands;
pub mod error;
pub mod up;

use args::{Cli, Command};
use error::{CliError, Result};

/// Runs one command; returns the exit code of the process.
pub fn main(cli: Cli) -> i32 {
    logging();
    // Both crypto back ends may be compiled in; ours is named, never guessed.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return error::Exit::Defect as i32;
    }
    // Its exit codes are those of `opa`.
    if let Command::Policy(args) = cli.command {
        return commands::policy::run(&args);
    }
    match dispatch(cli.command) {
        Ok(()) => 0,
        Err(error) => {
            error.render();
            error.exit as i32
        }
    }
}

fn dispatch(command: Command) -> Result {
    match command {
        Command::Up(up) if up.detach => up::detach::detach(),
        Command::Up(up) => up::supervisor::run(&up, |addresses| up::ready::announce(&up, addresses)),
        Command::Down(folder) => up::status::down(&folder.data_dir),
        Command::Status(folder) => {
            print!("{}", up::status::status(&folder.data_dir)?);
            Ok(())
        }
        Command::GitServe(args) => block_on(commands::git_serve::run(args)),
        Command::ControlPlane(args) => block_on(up::control_plane::run(args)),
        Command::Demo(args) => commands::demo::run(&args),
        Command::Build(args) => block_on(commands::build::run(args)),
        Command::Run(args) => block_on(commands::run::run(args)),
        Command::Task(args::Task::Push(args)) => block_on(commands::task_push::run(args)),
        Command::Validate(args::Validate::Image(args)) => block_on(commands::validate::run(args)),
        // Run already.
        Command::Policy(_) => Ok(()),
        Command::PushSnapshot(args) => block_on(commands::push_snapshot::run(args)),
    }
}

fn block_on(future: impl Future<Output = Result>) -> Result {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| CliError::defect(format!("starting the runtime: {e}")))?
        .block_on(future)
}

/// Logs go to standard error; `SLUICE_LOG` filters them. What kube's client logs as an error, the command's own message says.
fn logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SLUICE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,kube_client=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}
