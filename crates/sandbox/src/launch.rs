//! The launcher: `sluice-runner run`. It checks the specification, opens everything that the run needs and that only the
//! caller may open, starts the monitor in a user namespace, gives up every capability and waits.
//!
//! What it keeps while steps run: its user id (it owns the run's cgroup folders, which it removes at the end) and the
//! descriptors of the event log. No capability, no way to gain one. It reads nothing that a step has written.

use crate::cgroup::{Groups, StepGroup};
use crate::error::{Context, Error, Result};
use crate::events::EventLog;
use crate::fs;
use crate::log::Log;
use crate::spec;
use crate::userns::{self, IdMap};
use rustix::fs::{AtFlags, FlockOperation, Gid, Mode, OFlags, Uid, fchmod, fchown, flock, fstat, inotify};
use rustix::process::{WaitOptions, waitpid};
use sluice_api::runner::{RunSpec, VolumeSource};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

/// Everything that the monitor is given; it opens nothing on the host by itself but what the mapped ids may.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) spec: RunSpec,
    /// `runs/ID/sandbox`, owned by the sandbox's root.
    pub(crate) sandbox: OwnedFd,
    pub(crate) events: EventLog,
    /// One log for each step, in order.
    pub(crate) logs: Vec<Log>,
    /// Cgroups of each step, in order.
    pub(crate) groups: Vec<StepGroup>,
    pub(crate) cancel: CancelWatch,
}

/// Tells when a file `cancel` appears in the run's folder.
#[derive(Debug)]
pub(crate) struct CancelWatch {
    /// Readable when something happened in the folder.
    pub(crate) inotify: OwnedFd,
    /// It was there already.
    pub(crate) already: bool,
}

/// Runs the run in `folder` (`runs/ID`) of the working folder, which is the data folder.
///
/// # Errors
/// When no `Finished` event could be written; otherwise the event says how the run ended.
pub fn run(folder: &str) -> Result<()> {
    let id = spec::run_id(folder)?;
    userns::die_with_parent()?;
    rustix::process::umask(Mode::empty());
    let map = IdMap::of_host();
    let data = fs::data_folder()?;
    let run = fs::open_folder(&data, folder)?;
    let (job, groups) = open(id, map, &data, &run)?;
    if let Some(note) = &groups.note {
        eprintln!("sluice-runner: {note}");
    }
    let monitor = userns::spawn(map, || crate::monitor::main(job))?;
    drop_privileges()?;
    let status = waitpid(Some(monitor), WaitOptions::empty()).doing("waiting for the monitor")?;
    groups.remove();
    match status.and_then(|(_, status)| status.exit_status()) {
        Some(0) => Ok(()),
        Some(_) => Err(Error::invalid(format!("run `{id}` ended without a result; the reason is above"))),
        None => Err(Error::invalid(format!("run `{id}`: the monitor was killed"))),
    }
}

fn open(id: &str, map: IdMap, data: &OwnedFd, run: &OwnedFd) -> Result<(Job, Groups)> {
    let stat = fstat(run).doing("looking at the run's folder")?;
    let spec = spec::read_run(run, id)?;
    let owner = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    let events = open_events(run, owner)?;
    let cancel = watch_cancel(run)?;
    // The sandbox's root, who owns nothing here, must be able to pass through to its own folder.
    let passage = OFlags::RDONLY | OFlags::DIRECTORY;
    let run_readable = fs::open_beneath(run, ".", passage, 0).doing("opening the run's folder")?;
    if stat.st_mode & 0o001 == 0 {
        fchmod(&run_readable, Mode::from_raw_mode((stat.st_mode & 0o7777) | 0o011))
            .doing("opening the run's folder")?;
    }
    check_passage(data)?;
    fs::remove_tree(run, "sandbox")?;
    let sandbox = owned_folder(run, "sandbox", map, 0o700)?;
    for volume in &spec.volumes {
        if let VolumeSource::Claim { path } = &volume.source {
            make_claim(data, path, map)?;
        }
    }
    let logs = open_logs(data, &spec, owner)?;
    // The launcher keeps the folders, to remove them; the monitor gets the open files.
    let mut groups = Groups::make(&spec);
    let of_steps = std::mem::take(&mut groups.steps);
    Ok((Job { spec, sandbox, events, logs, groups: of_steps, cancel }, groups))
}

fn check_passage(data: &OwnedFd) -> Result<()> {
    let stat = fstat(data).doing("looking at the data folder")?;
    if stat.st_mode & 0o001 != 0 {
        return Ok(());
    }
    Err(Error::invalid("the data folder cannot be passed by sandboxes, whose ids own nothing in it; `chmod o+x` it"))
}

/// The event log: appended to by one runner only, once.
fn open_events(run: &OwnedFd, owner: (Uid, Gid)) -> Result<EventLog> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
    let file = fs::open_beneath(run, "events.jsonl", flags, 0o600).doing("opening events.jsonl")?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Error::invalid("another runner is at work on this run; wait for it, or kill it before starting another")
    })?;
    if fstat(&file).doing("looking at events.jsonl")?.st_size != 0 {
        return Err(Error::invalid("this run was started before; a run is never started twice, make a new one"));
    }
    fchown(&file, Some(owner.0), Some(owner.1)).doing("giving events.jsonl to the owner of the run")?;
    Ok(EventLog::new(File::from(file)))
}

fn watch_cancel(run: &OwnedFd) -> Result<CancelWatch> {
    let inotify = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)
        .doing("watching for a cancellation")?;
    let at = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(run));
    inotify::add_watch(&inotify, at, inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO)
        .doing("watching for a cancellation")?;
    // After the watch, so that none is missed between the two.
    let already = rustix::fs::statat(run, "cancel", AtFlags::SYMLINK_NOFOLLOW).is_ok();
    Ok(CancelWatch { inotify, already })
}

/// A folder owned by the sandbox's root.
fn owned_folder(parent: impl AsFd, name: &str, map: IdMap, mode: u32) -> Result<OwnedFd> {
    let folder = fs::make_folders(parent, name, 0o700)?;
    let readable = fs::open_beneath(&folder, ".", OFlags::RDONLY | OFlags::DIRECTORY, 0)
        .context(|| format!("opening the folder `{name}`"))?;
    let root = map.root();
    fchown(&readable, Some(Uid::from_raw(root)), Some(Gid::from_raw(root)))
        .context(|| format!("giving `{name}` to the sandbox's root"))?;
    fchmod(&readable, Mode::from_raw_mode(mode)).context(|| format!("setting the mode of `{name}`"))?;
    Ok(folder)
}

/// `volumes/NAMESPACE/CLAIM`, made at first use.
fn make_claim(data: &OwnedFd, path: &str, map: IdMap) -> Result<()> {
    let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
    let parent = fs::make_folders(data, parent, 0o711)?;
    match fs::open_folder(&parent, name) {
        Ok(folder) if fstat(&folder).is_ok_and(|stat| stat.st_uid == map.root()) => Ok(()),
        _ => owned_folder(&parent, name, map, 0o777).map(|_| ()),
    }
}

/// `logs/NAMESPACE/POD/step-NAME.log`, readable by the owner of the run (the control plane).
fn open_logs(data: &OwnedFd, spec: &RunSpec, owner: (Uid, Gid)) -> Result<Vec<Log>> {
    let mut folder = fs::make_folders(data, "logs", 0o711)?;
    for part in [&spec.namespace, &spec.pod] {
        folder = fs::make_folders(&folder, part, 0o700)?;
        let readable = fs::open_beneath(&folder, ".", OFlags::RDONLY | OFlags::DIRECTORY, 0)
            .context(|| format!("opening the logs of `{part}`"))?;
        fchown(&readable, Some(owner.0), Some(owner.1)).context(|| format!("giving away the logs of `{part}`"))?;
    }
    let open = |name: &str| {
        let file_name = format!("step-{name}.log");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::APPEND;
        let file =
            fs::open_beneath(&folder, &file_name, flags, 0o600).context(|| format!("opening the log `{file_name}`"))?;
        fchown(&file, Some(owner.0), Some(owner.1)).context(|| format!("giving away the log `{file_name}`"))?;
        Ok(Log::new(File::from(file), spec.max_log_bytes))
    };
    spec.steps.iter().map(|step| open(&step.name)).collect()
}

/// Gives up every capability for good.
pub(crate) fn drop_privileges() -> Result<()> {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
    let none = CapabilitySet::empty();
    set_no_new_privs(true).doing("giving up new privileges")?;
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .doing("dropping capabilities")
}
