//! The relay: the only process of a run that connects anywhere. It accepts on sockets that listen inside the sandboxes and
//! carries bytes to the registry, or to what the allow-list lets through, and tells the monitor of each before the first
//! byte. It has no capability, an id that owns nothing, and the steps' system call filter; it must not read or write files.
//!
//! This file is the monitor's side and the protocol; `serve` is the process.

mod addresses;
mod allow;
mod http;
mod serve;

use crate::error::{Context, Error, Result};
use crate::step::Listens;
use crate::sys;
use crate::userns;
use crate::wire;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use serde::{Deserialize, Serialize};
use sluice_api::runner::RunSpec;
use sluice_api::witness::Network;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Most different destinations of one step; what is not recorded is not let through.
pub(crate) const MOST_DESTINATIONS: usize = 4096;

/// Monitor to relay.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToRelay {
    /// A listening socket comes with this.
    Serve { step: usize, listens: Listens },
    /// The step is gone; answered by `Stopped`.
    Stop { step: usize },
}

/// Relay to monitor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromRelay {
    /// A connection to `host:port` is about to be let through.
    Through { step: usize, destination: String },
    /// No more will come of that step.
    Stopped { step: usize },
}

/// The monitor's end.
#[derive(Debug)]
pub(crate) struct Relay {
    process: Pid,
    socket: OwnedFd,
    seen: Vec<(usize, String)>,
    stopped: Vec<usize>,
}

impl Relay {
    /// Starts the process, if any step has a network. The caller is single-threaded.
    pub(crate) fn start(spec: &RunSpec) -> Result<Option<Self>> {
        if spec.steps.iter().all(|step| step.network == Network::None) {
            return Ok(None);
        }
        let (socket, theirs) = wire::pair()?;
        let Some(process) = sys::fork(0)? else {
            drop(socket);
            let code = match confine(&theirs).and_then(|socket| serve::main(spec, socket)) {
                Ok(()) => 0,
                Err(error) => {
                    eprintln!("sluice-runner: relay: {error}");
                    1
                }
            };
            sys::exit(code);
        };
        Ok(Some(Self { process, socket, seen: Vec::new(), stopped: Vec::new() }))
    }

    /// Readable when the relay says something.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Takes one message.
    pub(crate) fn read_one(&mut self) -> Result<()> {
        match wire::receive::<FromRelay>(&self.socket)? {
            Some((FromRelay::Through { step, destination }, _)) => {
                let of_step = self.seen.iter().filter(|(of, _)| *of == step).count();
                let known = self.seen.iter().any(|(of, there)| *of == step && *there == destination);
                if !known && of_step < MOST_DESTINATIONS {
                    self.seen.push((step, destination));
                }
                Ok(())
            }
            Some((FromRelay::Stopped { step }, _)) => {
                self.stopped.push(step);
                Ok(())
            }
            None => Err(Error::invalid("the relay of connections ended")),
        }
    }

    /// Hands it a socket that listens in the step's sandbox.
    pub(crate) fn serve(&mut self, step: usize, listens: Listens, socket: BorrowedFd<'_>) -> Result<()> {
        wire::send(&self.socket, &ToRelay::Serve { step, listens }, &[socket])
    }

    /// Ends what it does for the step; its destinations, in order, each once.
    pub(crate) fn stop(&mut self, step: usize) -> Result<Vec<String>> {
        wire::send(&self.socket, &ToRelay::Stop { step }, &[])?;
        while !self.stopped.contains(&step) {
            self.read_one()?;
        }
        Ok(self.seen.iter().filter(|(of, _)| *of == step).map(|(_, destination)| destination.clone()).collect())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = kill_process(self.process, Signal::KILL);
        let _ = waitpid(Some(self.process), WaitOptions::empty());
    }
}

/// Leaves the process with its socket, an id that owns nothing and no way to gain anything.
fn confine(socket: &OwnedFd) -> Result<OwnedFd> {
    use crate::seccomp;
    use rustix::thread::{Gid, Uid};
    userns::die_with_parent()?;
    // Everything else that the monitor had open: logs, events, folders.
    rustix::stdio::dup2_stdin(socket).doing("moving the relay's socket")?;
    sys::close_from(3, false)?;
    let socket = rustix::io::dup(rustix::stdio::stdin()).doing("moving the relay's socket")?;
    let nobody = 65_534;
    let (uid, gid) = (Uid::from_raw(nobody), Gid::from_raw(nobody));
    rustix::thread::set_thread_groups(&[]).doing("dropping the relay's groups")?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).doing("changing the relay's group")?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).doing("changing the relay's user")?;
    crate::launch::drop_privileges()?;
    userns::hide()?;
    userns::die_with_parent()?;
    seccomp::apply(&seccomp::Filters::new(false)?)?;
    Ok(socket)
}

/// Port of `HOST:PORT`, where HOST is a name or an address.
pub(crate) fn registry_port(host: &str) -> Result<u16> {
    let bad = || Error::invalid(format!("registry.host `{host}` is not of the form HOST:PORT"));
    let (name, port) = host.rsplit_once(':').ok_or_else(bad)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'[' | b']' | b':');
    if name.is_empty() || name.len() > 253 || !name.bytes().all(plain) {
        return Err(bad());
    }
    port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)
}
