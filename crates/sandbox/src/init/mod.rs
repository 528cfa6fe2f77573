//! Process 1 of a step's sandbox: builds the root, opens the listening sockets, waits for leave to go, starts the step's
//! process and reaps. It runs in all of the step's namespaces as root of its user namespace. It must not read anything of
//! the host after the root is changed.

mod dev;
mod identity;
mod mounts;
mod network;
mod process;
mod root;

use crate::error::{Context, Error, Result};
use crate::fs;
use crate::monitor::Run;
use crate::step::FromInit;
use crate::sys;
use crate::userns;
use crate::wire;
use rustix::process::{WaitOptions, wait};
use sluice_api::runner::StepSpec;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Exit status of process 1, which nobody reads: the monitor goes by the messages.
pub(crate) fn main(run: &Run, index: usize, socket: OwnedFd, output: OwnedFd) -> i32 {
    let done = work(run, index, &socket, output);
    if let Err(error) = done {
        let mut message = error.to_string();
        message.truncate(message.floor_char_boundary(4096));
        let _ = wire::send(&socket, &FromInit::Failed(message), &[]);
        return 1;
    }
    0
}

fn work(run: &Run, index: usize, socket: &OwnedFd, output: OwnedFd) -> Result<()> {
    userns::die_with_parent()?;
    // The monitor has mapped the ids and set the limits once this arrives; if it has died, nothing does.
    wire::receive::<String>(socket)?.ok_or_else(|| Error::invalid("the monitor ended"))?;
    userns::become_root()?;
    userns::hide()?;
    sys::unshare(libc::CLONE_NEWCGROUP)?;
    let step = &run.spec.steps[index];
    rustix::system::sethostname(short_host_name(&run.spec.pod).as_bytes()).doing("setting the host name")?;
    let network = network::prepare(&run.spec, step)?;
    let root = root::build(run, index, step)?;
    let user = identity::of(root.as_fd(), step)?;
    root::finish(&run.spec, step, root.as_fd(), &user)?;
    root::enter(root)?;
    let process = process::Process::prepare(&run.spec, index, step, &user, &network)?;
    let mut sockets: Vec<BorrowedFd<'_>> = vec![network.probe.as_fd()];
    sockets.extend(network.sockets.iter().map(|(_, socket)| socket.as_fd()));
    let listeners = network.sockets.iter().map(|(listens, _)| *listens).collect();
    wire::send(socket, &FromInit::Ready { listeners }, &sockets)?;
    drop(network);
    wire::receive::<String>(socket)?.ok_or_else(|| Error::invalid("the monitor ended"))?;
    supervise(process, socket, output)
}

/// Starts the step's process and waits for it; what it leaves behind dies with this process.
fn supervise(process: process::Process, socket: &OwnedFd, output: OwnedFd) -> Result<()> {
    let (failure, write) = wire::pair()?;
    let Some(child) = sys::fork(0)? else {
        drop(failure);
        let (message, code) = process.become_it(output);
        let _ = wire::send(&write, &(message, code), &[]);
        sys::exit(127);
    };
    drop((write, output));
    if let Some(((message, code), _)) = wire::receive::<(String, i32)>(&failure)? {
        return wire::send(socket, &FromInit::NotStarted(message, code), &[]);
    }
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == child => {
                let signal = status.terminating_signal().map(|signal| 128 + signal);
                let code = status.exit_status().or(signal).unwrap_or(1);
                return wire::send(socket, &FromInit::Exited(code), &[]);
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e).doing("waiting for the step's process"),
        }
    }
}

/// A host name has at most 63 characters here, as in Kubernetes.
fn short_host_name(pod: &str) -> &str {
    pod.get(..63).unwrap_or(pod).trim_end_matches(['-', '.'])
}

/// Writes the step's script where all steps see it, with the start that Tekton gives to one without.
pub(crate) fn write_script(layout: &crate::step::Layout, index: usize, step: &StepSpec) -> Result<()> {
    let Some(script) = &step.script else { return Ok(()) };
    let script = script.strip_prefix('\n').filter(|rest| rest.starts_with("#!")).unwrap_or(script);
    let start = if script.starts_with("#!") { "" } else { "#!/bin/sh\nset -e\n" };
    fs::write_new(&layout.scripts, &script_name(index), format!("{start}{script}").as_bytes(), 0o755)
}

/// Name of a step's script under /tekton/scripts.
pub(crate) fn script_name(index: usize) -> String {
    format!("script-{index}")
}

/// Path by which this process reaches one of its own descriptors.
fn own(descriptor: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}
