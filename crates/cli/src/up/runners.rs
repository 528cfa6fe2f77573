//! The supervisor's runners: started on request, reaped, killed by id. A request names a run; everything else is in the
//! run's folder, which the runner reads itself.

use rustix::process::{Pid, Signal, kill_process};
use sluice_api::runner::{Notice, Request, VERSION};
use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// Most of a runner's standard error that is passed on, in bytes.
const MAX_MESSAGE: u64 = 4096;

/// The live runners by run id, and where their ends are told.
#[derive(Debug)]
pub struct Runners {
    program: PathBuf,
    live: HashMap<String, u32>,
    ended: mpsc::UnboundedSender<Notice>,
}

impl Runners {
    /// `program` is `sluice-runner`; each end is sent to `ended`.
    pub fn new(program: PathBuf, ended: mpsc::UnboundedSender<Notice>) -> Self {
        Self { program, live: HashMap::new(), ended }
    }

    /// Carries out one request; what there is to answer is returned.
    pub fn handle(&mut self, request: Request) -> Option<Notice> {
        match request {
            Request::Unpack { id, .. } => self.start(&id, true),
            Request::Start { id, .. } => self.start(&id, false),
            Request::Kill { id, .. } => {
                self.kill(&id);
                None
            }
            Request::Remove { id, .. } => {
                if valid(&id) && !self.live.contains_key(&id) {
                    let _ = std::fs::remove_dir_all(format!("runs/{id}"));
                }
                None
            }
            Request::List { .. } => Some(Notice::Running {
                v: VERSION,
                ids: self.live.keys().filter(|k| !k.contains('/')).cloned().collect(),
            }),
        }
    }

    /// To be called for each end before it is passed on.
    pub fn forget(&mut self, notice: &Notice) {
        if let Notice::Exited { id, unpack, .. } = notice {
            self.live.remove(&key(id, *unpack));
        }
    }

    /// SIGKILL to every runner.
    pub fn kill_all(&mut self) {
        let all: Vec<String> = self.live.keys().cloned().collect();
        for id in all {
            self.kill(&id);
        }
    }

    fn kill(&self, id: &str) {
        // A pid is in the map until its end was reaped here, so it cannot be another process's yet.
        if let Some(pid) = self.live.get(id).and_then(|pid| Pid::from_raw(i32::try_from(*pid).ok()?)) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    fn start(&mut self, id: &str, unpack: bool) -> Option<Notice> {
        let refuse = |message: String| Some(Notice::Exited { v: VERSION, id: id.into(), unpack, code: 1, message });
        if !valid(id) {
            return refuse(format!("`{id}` is not the id of a run"));
        }
        if self.live.contains_key(&key(id, unpack)) {
            return None;
        }
        let spawned = Command::new(&self.program)
            .arg(if unpack { "unpack" } else { "run" })
            .arg(format!("runs/{id}"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        match spawned {
            Ok(child) => {
                if let Some(pid) = child.id() {
                    self.live.insert(key(id, unpack), pid);
                }
                tokio::spawn(wait(child, id.to_owned(), unpack, self.ended.clone()));
                None
            }
            Err(e) => refuse(format!("starting `{}`: {e}", self.program.display())),
        }
    }
}

/// Unpacking and running are two processes of one run.
fn key(id: &str, unpack: bool) -> String {
    if unpack { format!("{id}/unpack") } else { id.to_owned() }
}

/// A Kubernetes uid with an optional `-retryN`: nothing that could name another folder.
fn valid(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

async fn wait(mut child: Child, id: String, unpack: bool, ended: mpsc::UnboundedSender<Notice>) {
    let mut message = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = (&mut stderr).take(MAX_MESSAGE).read_to_end(&mut message).await;
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    }
    let status = child.wait().await.ok();
    let code = status.and_then(|status| status.code()).unwrap_or(-1);
    let mut message = String::from_utf8_lossy(&message).trim().to_owned();
    if message.is_empty()
        && let Some(signal) = status.and_then(|status| status.signal())
    {
        message = format!("it was killed by signal {signal}");
    }
    let _ = ended.send(Notice::Exited { v: VERSION, id, unpack, code, message });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_name_runs() {
        for (id, want) in [("a-1", true), ("", false), ("..", false), ("a/b", false), ("a\0", false)] {
            assert_eq!(valid(id), want, "{id:?}");
        }
    }
}
