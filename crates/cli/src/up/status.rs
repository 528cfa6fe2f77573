//! `sluice status` and `sluice down`: what runs on a data folder, as whom and where; and the end of just that.

use super::supervisor::State;
use super::{CONTROL_PLANE_ID, OBSERVER_ID, addresses, folder};
use crate::error::{CliError, Context, Exit, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long `down` waits for the supervisor, which itself gives each child five seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// What runs there, for standard output.
///
/// # Errors
/// When the folder cannot be read, or nothing runs on it.
pub fn status(data_dir: &Path) -> Result<String> {
    let Some(pid) = folder::running(data_dir)? else {
        return Err(CliError::no(format!("nothing runs on `{}`", data_dir.display()))
            .hint(format!("`sluice up --data-dir {}` starts it", data_dir.display())));
    };
    let state = std::fs::read(data_dir.join("state.json")).ok();
    let state: Option<State> = state.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut out = String::new();
    let mut row = |name: &str, pid: u32, user: &str, what: &str| {
        let _ = writeln!(out, "{name:<14} {pid:>8}  {user:<8} {what}");
    };
    let addresses = addresses::recorded(data_dir)?;
    let (api, registry) = addresses.map_or_else(Default::default, |a| (a.api_url(), a.registry_host()));
    row("supervisor", pid, "0", "starts and reaps; nothing from the network");
    if let Some(state) = state {
        let control = CONTROL_PLANE_ID.to_string();
        row("control plane", state.control_plane, &control, &format!("API {api}, registry {registry}"));
        row(
            "observer",
            state.observer,
            &OBSERVER_ID.to_string(),
            "signs; its key is kept from builds and from the control plane",
        );
    }
    let folder = data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_owned());
    let folder = folder.display();
    let _ = write!(
        out,
        "\nkubeconfig     {folder}/admin.kubeconfig\nCA             {folder}/ca.crt\npublic key     {folder}/cosign.pub\n"
    );
    Ok(out)
}

/// Ends the supervisor of that folder, and with it everything that it started.
///
/// # Errors
/// When nothing runs there, or it does not end.
pub fn down(data_dir: &Path) -> Result {
    let Some(pid) = folder::running(data_dir)? else {
        return Err(CliError::no(format!("nothing runs on `{}`", data_dir.display())));
    };
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let target =
        target.ok_or_else(|| CliError::usage(format!("the lock of `{}` names no process", data_dir.display())))?;
    kill_process(target, Signal::TERM).context(Exit::NotAllowed, format!("ending process {pid}"))?;
    let start = Instant::now();
    while folder::running(data_dir)?.is_some() {
        if start.elapsed() > PATIENCE {
            return Err(CliError::defect(format!("process {pid} does not end"))
                .hint(format!("`kill -9 {pid}` ends it; nothing acknowledged is lost")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
