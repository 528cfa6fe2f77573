//! What `up` says when it is ready, and how a detached one lets go of the terminal.

use super::addresses::Addresses;
use super::detach::READY;
use crate::args::Up;
use crate::error::{Context, Exit, Result};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// Prints where everything is, then `ready`. The data folder is the working folder by now.
///
/// # Errors
/// When the log of a detached supervisor cannot be opened.
pub fn announce(up: &Up, addresses: &Addresses) -> Result {
    let folder = std::env::current_dir().unwrap_or_else(|_| up.data_dir.clone());
    let folder = folder.display();
    let text = format!(
        "API         {}\nregistry    {}\nkubeconfig  {folder}/admin.kubeconfig\npublic key  {folder}/cosign.pub\n{READY}\n",
        addresses.api_url(),
        addresses.registry_host(),
    );
    // A reader that has gone away is no reason to end.
    let _ = std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush());
    if std::env::var_os("SLUICE_DETACHED").is_some() {
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open("supervisor.log")
            .context(Exit::Usage, "opening `supervisor.log` in the data folder")?;
        rustix::stdio::dup2_stdout(&log).context(Exit::Defect, "letting go of the terminal")?;
        rustix::stdio::dup2_stderr(&log).context(Exit::Defect, "letting go of the terminal")?;
    }
    Ok(())
}
