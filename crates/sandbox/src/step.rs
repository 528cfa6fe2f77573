//! One step as the monitor sees it: the folders it gets, its init process, and the loop that carries its output, its
//! connections, its timeouts and its cancellation until it is gone. It must not know how a root is built.

use crate::cgroup::StepGroup;
use crate::error::{Context, Error, Result};
use crate::events::{EventLog, now};
use crate::fs;
use crate::init;
use crate::log::Log;
use crate::monitor::{Run, seconds, witnessed};
use crate::sys;
use crate::userns::IdMap;
use crate::wire;
use base64::Engine as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fchmod};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use serde::{Deserialize, Serialize};
use sluice_api::runner::{Event, RunSpec, VolumeSource};
use sluice_api::witness::{Network, WitnessedStep};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// The folders of a run beneath `runs/ID/sandbox`, made by the monitor and so owned by the sandbox's root.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) results: OwnedFd,
    pub(crate) scripts: OwnedFd,
    /// Folder of each step under /tekton/steps.
    steps: Vec<OwnedFd>,
}

impl Layout {
    /// Makes the folders that all steps share, and those of each.
    pub(crate) fn make(sandbox: &OwnedFd, spec: &RunSpec) -> Result<Self> {
        let sandbox = rustix::io::dup(sandbox).doing("duplicating a descriptor")?;
        for open in ["workspace", "home", "results"] {
            open_folder_for_all(&sandbox, open)?;
        }
        let scripts = fs::make_folders(&sandbox, "scripts", 0o755)?;
        let runs = fs::make_folders(&sandbox, "run", 0o755)?;
        let all = fs::make_folders(&sandbox, "steps", 0o755)?;
        fs::make_folders(&sandbox, "empty", 0o555)?;
        let mut steps = Vec::new();
        for (index, step) in spec.steps.iter().enumerate() {
            open_folder_for_all(&runs, &index.to_string())?;
            let folder = open_folder_for_all(&all, &format!("step-{}", step.name))?;
            open_folder_for_all(&folder, "results")?;
            // Reached by the step's name and by its number too.
            for name in [step.name.clone(), index.to_string()] {
                let link = rustix::fs::symlinkat(format!("step-{}", step.name), &all, name.as_str());
                if link != Err(rustix::io::Errno::EXIST) {
                    link.context(|| format!("making /tekton/steps/{name}"))?;
                }
            }
            let own = fs::make_folders(&sandbox, &format!("boxes/{index}"), 0o755)?;
            for part in ["upper", "work", "root"] {
                fs::make_folders(&own, part, 0o755)?;
            }
            steps.push(folder);
        }
        for volume in &spec.volumes {
            let path = format!("volumes/{}", volume.name);
            match &volume.source {
                VolumeSource::EmptyDir {} => drop(open_folder_for_all(&sandbox, &path)?),
                VolumeSource::Claim { .. } => {}
                VolumeSource::Files { files, mode } => {
                    let folder = fs::make_folders(&sandbox, &path, 0o755)?;
                    for (path, content) in files {
                        let content = base64::engine::general_purpose::STANDARD.decode(content).map_err(|e| {
                            Error::invalid(format!("volume `{}`: `{path}` is not base64: {e}", volume.name))
                        })?;
                        let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
                        let parent = fs::make_folders(&folder, parent.trim_start_matches('.'), 0o755)?;
                        let mode = if *mode == 0 { 0o644 } else { mode & 0o777 };
                        fs::write_new(&parent, name, &content, mode)?;
                    }
                }
            }
        }
        let results = fs::open_folder(&sandbox, "results")?;
        Ok(Self { results, scripts, steps })
    }

    /// The folder of a step that it sees as /tekton/steps/step-NAME.
    pub(crate) fn step_folder(&self, index: usize) -> Result<BorrowedFd<'_>> {
        self.steps.get(index).map(AsFd::as_fd).ok_or_else(|| Error::invalid("there is no such step"))
    }
}

fn open_folder_for_all(parent: &OwnedFd, path: &str) -> Result<OwnedFd> {
    let folder = fs::make_folders(parent, path, 0o755)?;
    let readable = fs::open_beneath(&folder, ".", OFlags::RDONLY | OFlags::DIRECTORY, 0)
        .context(|| format!("opening the folder `{path}`"))?;
    fchmod(&readable, Mode::from_raw_mode(0o777))
        .context(|| format!("opening `{path}` to all users of the sandbox"))?;
    Ok(folder)
}

/// What the init process tells the monitor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromInit {
    /// The sandbox stands. With it come a netlink socket of its network, then its listening sockets, in this order.
    Ready { listeners: Vec<Listens> },
    /// It does not, and why.
    Failed(String),
    /// The step's program could not be started: what a shell would have said, and its exit status.
    NotStarted(String, i32),
    /// The step's process ended with this status (128 + signal if it was killed).
    Exited(i32),
}

/// What a listening socket in the sandbox leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Listens {
    /// The embedded registry.
    Registry,
    /// The recording forward path.
    Forward,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Exited(i32),
    OutOfMemory(i32),
    StepTimeout,
    RunTimeout,
    Cancelled,
}

/// How and when a step ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) ending: Ending,
    pub(crate) started: String,
    pub(crate) finished: String,
}

/// The init process; killed, with all in its pid namespace, when this is dropped.
struct Sandbox {
    init: Pid,
    socket: OwnedFd,
    output: OwnedFd,
    reaped: bool,
}

impl Sandbox {
    fn kill(&self) {
        let _ = kill_process(self.init, Signal::KILL);
    }

    fn reap(&mut self) {
        while !self.reaped {
            self.reaped = !matches!(waitpid(Some(self.init), WaitOptions::empty()), Err(rustix::io::Errno::INTR));
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            self.reap();
        }
    }
}

fn start(run: &Run, index: usize, group: &mut StepGroup) -> Result<Sandbox> {
    let (socket, theirs) = wire::pair()?;
    let (output, write) = pipe_with(PipeFlags::CLOEXEC).doing("making the pipe of the log")?;
    let namespaces = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWNET;
    let Some(init) = sys::fork(namespaces)? else {
        drop(socket);
        drop(output);
        sys::exit(init::main(run, index, theirs, write));
    };
    let sandbox = Sandbox { init, socket, output, reaped: false };
    drop((theirs, write));
    IdMap::same().write(init)?;
    group.enter(init.as_raw_nonzero().get()).doing("putting the step under its cgroup limits")?;
    wire::send(&sandbox.socket, &"mapped", &[])?;
    Ok(sandbox)
}

/// Runs one step to its end.
pub(crate) fn run(
    run: &mut Run,
    index: usize,
    log: &mut Log,
    group: &mut StepGroup,
    events: &mut EventLog,
    witness: &mut Vec<WitnessedStep>,
) -> Result<Ended> {
    let step = run.spec.steps[index].clone();
    init::write_script(&run.layout, index, &step)?;
    let mut started = now();
    if run.cancel.already {
        return Ok(Ended { ending: Ending::Cancelled, finished: started.clone(), started });
    }
    let mut sandbox = start(run, index, group)?;
    let step_deadline = seconds(step.timeout_seconds);
    let mut exited = None;
    let mut stopped = None;
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        let deadline = [step_deadline, run.deadline].into_iter().flatten().min();
        let ready = wait(run, &sandbox, deadline)?;
        if ready.output {
            carry(&sandbox.output, &mut buffer, log)?;
        }
        if ready.relay
            && let Some(relay) = &mut run.relay
        {
            relay.read_one()?;
        }
        if ready.cancel && cancelled(&run.cancel.inotify)? {
            stopped = Some(Ending::Cancelled);
        }
        let passed = |limit: Option<Instant>| limit.is_some_and(|limit| Instant::now() >= limit);
        if stopped.is_none() && exited.is_none() {
            if passed(run.deadline) {
                stopped = Some(Ending::RunTimeout);
            } else if passed(step_deadline) {
                stopped = Some(Ending::StepTimeout);
            }
        }
        if stopped.is_some() {
            sandbox.kill();
            break;
        }
        if !ready.init {
            continue;
        }
        match wire::receive::<FromInit>(&sandbox.socket)? {
            Some((FromInit::Ready { listeners }, mut sockets)) => {
                if sockets.len() != listeners.len() + 1 {
                    return Err(Error::invalid("the sandbox's sockets did not arrive"));
                }
                let probe = sockets.remove(0);
                let network = crate::witness::network(probe.as_fd(), &listeners)?;
                if rank(network) > rank(step.network) {
                    return Err(Error::invalid(format!("the network is {network:?}, not {:?}", step.network)));
                }
                if let Some(relay) = &mut run.relay {
                    for (listens, socket) in listeners.iter().zip(&sockets) {
                        relay.serve(index, *listens, socket.as_fd())?;
                    }
                }
                witness.push(witnessed(&step, network));
                started = now();
                events.append(&Event::StepStarted { name: step.name.clone(), time: started.clone() })?;
                wire::send(&sandbox.socket, &"go", &[])?;
            }
            Some((FromInit::Failed(message), _)) => return Err(Error::invalid(message)),
            Some((FromInit::NotStarted(message, code), _)) => {
                log.say(&message);
                exited = Some(code);
            }
            Some((FromInit::Exited(code), _)) => exited = Some(code),
            None => break,
        }
    }
    sandbox.reap();
    // All that could write is dead, so the pipe ends.
    while carry(&sandbox.output, &mut buffer, log)? {}
    if let Some(relay) = &mut run.relay {
        let connections = relay.stop(index)?;
        if let Some(last) = witness.last_mut().filter(|last| last.name == step.name) {
            last.connections = connections;
        }
    }
    let finished = now();
    let ending = match (stopped, exited) {
        (Some(stopped), _) => stopped,
        (None, Some(code)) if code != 0 && group.oom_killed() => Ending::OutOfMemory(code),
        (None, Some(code)) => Ending::Exited(code),
        (None, None) if group.oom_killed() => Ending::OutOfMemory(137),
        (None, None) => return Err(Error::invalid("the sandbox's init process was killed")),
    };
    if ending == Ending::Cancelled {
        run.cancel.already = true;
    }
    Ok(Ended { ending, started, finished })
}

/// How much a network allows.
fn rank(network: Network) -> u8 {
    match network {
        Network::None => 0,
        Network::Registry => 1,
        Network::Egress => 2,
    }
}

/// Which of the things waited for happened.
#[derive(Debug, Default)]
struct Happened {
    init: bool,
    output: bool,
    cancel: bool,
    relay: bool,
}

fn wait(run: &Run, sandbox: &Sandbox, deadline: Option<Instant>) -> Result<Happened> {
    let mut polled = vec![
        PollFd::new(&sandbox.socket, PollFlags::IN),
        PollFd::new(&sandbox.output, PollFlags::IN),
        PollFd::new(&run.cancel.inotify, PollFlags::IN),
    ];
    if let Some(relay) = &run.relay {
        polled.push(PollFd::from_borrowed_fd(relay.as_fd(), PollFlags::IN));
    }
    let timeout = deadline.map(|deadline| {
        let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() }
    });
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(e) => return Err(e).doing("waiting for the step"),
    }
    let happened = |at: usize| polled.get(at).is_some_and(|fd| !fd.revents().is_empty());
    // Once the writers are gone the pipe is always ready; the socket's end says that they are.
    let output = polled.get(1).is_some_and(|fd| fd.revents().contains(PollFlags::IN));
    Ok(Happened { init: happened(0), output, cancel: happened(2), relay: happened(3) })
}

/// Carries what is in the pipe to the log; false at its end.
fn carry(output: &OwnedFd, buffer: &mut [u8], log: &mut Log) -> Result<bool> {
    match rustix::io::read(output, &mut *buffer) {
        Ok(0) => Ok(false),
        Ok(length) => {
            log.take(buffer.get(..length).unwrap_or_default());
            Ok(true)
        }
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(e) => Err(e).doing("reading the step's output"),
    }
}

fn cancelled(inotify: &OwnedFd) -> Result<bool> {
    let mut space = [std::mem::MaybeUninit::uninit(); 4096];
    let mut reader = rustix::fs::inotify::Reader::new(inotify, &mut space);
    let mut seen = false;
    loop {
        match reader.next() {
            Ok(event) => seen |= event.file_name().is_some_and(|name| name.to_bytes() == b"cancel"),
            Err(rustix::io::Errno::AGAIN) => return Ok(seen),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e).doing("watching for a cancellation"),
        }
    }
}
