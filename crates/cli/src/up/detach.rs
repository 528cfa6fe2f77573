//! `up --detach`: the same program again in a session of its own; this process waits for its word and returns.

use crate::error::{CliError, Context, Exit, Result};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The line on the child's standard output that ends the waiting.
pub const READY: &str = "ready";

/// Starts `up` again without `--detach` and returns when it is ready.
///
/// # Errors
/// What the child said, when it ended before it was ready.
pub fn detach() -> Result {
    let me = std::env::current_exe().context(Exit::Defect, "finding this program")?;
    let mut child = Command::new(me)
        .args(std::env::args_os().skip(1).filter(|arg| arg != "--detach"))
        .env("SLUICE_DETACHED", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .process_group(0)
        .spawn()
        .context(Exit::Defect, "starting this program again")?;
    let lines = child.stdout.take().map(|out| BufReader::new(out).lines()).into_iter().flatten();
    for line in lines.map_while(std::result::Result::ok) {
        println!("{line}");
        if line == READY {
            return Ok(());
        }
    }
    let status = child.wait().context(Exit::Defect, "waiting for `sluice up`")?;
    // The child has already said why, on the same standard error.
    std::process::exit(status.code().unwrap_or(CliError::defect("").exit as i32));
}
