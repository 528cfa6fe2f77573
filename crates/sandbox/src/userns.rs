//! The user namespace of a run: which ids of the host the ids inside stand for, and how a process gets them. It must not
//! know what that process does.

use crate::error::{Context, Error, Result};
use crate::sys;
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::fs;
use std::os::fd::OwnedFd;

/// First id of the host that a sandbox's ids are mapped to, and how many.
const HOST_FIRST: u32 = 1_000_000;
const COUNT: u32 = 65_536;

/// How ids inside stand for ids outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdMap {
    outside: u32,
    count: u32,
}

impl IdMap {
    /// The data folder's range, as root maps it.
    pub(crate) const fn of_host() -> Self {
        Self { outside: HOST_FIRST, count: COUNT }
    }

    /// The same ids again: a namespace within the run's namespace.
    pub(crate) const fn same() -> Self {
        Self { outside: 0, count: COUNT }
    }

    /// Id outside of the namespace's root.
    pub(crate) const fn root(self) -> u32 {
        self.outside
    }

    /// Maps the namespace of `child`; the writer holds CAP_SETUID and CAP_SETGID in the parent namespace.
    pub(crate) fn write(self, child: Pid) -> Result<()> {
        let line = format!("0 {} {}\n", self.outside, self.count);
        for file in ["uid_map", "gid_map"] {
            let path = format!("/proc/{}/{file}", child.as_raw_nonzero());
            fs::write(&path, &line).context(|| format!("mapping ids of the sandbox ({file} `{}`)", line.trim()))?;
        }
        Ok(())
    }
}

/// Ends this process with its parent. Needed again after each change of ids, which clears it.
pub(crate) fn die_with_parent() -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).doing("tying the process to its parent's life")
}

/// Waits until the parent has mapped the ids (it closes or writes to `go`), then becomes root inside.
pub(crate) fn become_root() -> Result<()> {
    set_thread_groups(&[]).doing("dropping supplementary groups")?;
    let (uid, gid) = (Uid::ROOT, Gid::ROOT);
    set_thread_res_gid(gid, gid, gid).doing("becoming root's group inside the sandbox")?;
    set_thread_res_uid(uid, uid, uid).doing("becoming root inside the sandbox")?;
    // The change of ids made the process undumpable, which would deny it its own children's id maps in /proc. No step can
    // see it: each has a pid namespace of its own.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)
        .doing("making the process dumpable")?;
    die_with_parent()
}

/// Lets nobody look into this process, whose memory is a copy of the monitor's.
pub(crate) fn hide() -> Result<()> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .doing("making the process undumpable")
}

/// A child in a user namespace of its own, with its ids mapped, running `work` as root there.
pub(crate) fn spawn(map: IdMap, work: impl FnOnce() -> i32) -> Result<Pid> {
    let (read, write) = crate::wire::pair()?;
    let parent = getpid();
    if let Some(child) = sys::fork(libc::CLONE_NEWUSER)? {
        drop(read);
        map.write(child)?;
        crate::wire::send(&write, &"mapped", &[])?;
        return Ok(child);
    }
    drop(write);
    let code = match child_ready(read, parent) {
        Ok(()) => work(),
        Err(error) => {
            eprintln!("sluice-runner: {error}");
            1
        }
    };
    sys::exit(code)
}

fn child_ready(go: OwnedFd, parent: Pid) -> Result<()> {
    let ended = || Error::invalid("the launcher ended before the sandbox began");
    die_with_parent()?;
    // A parent that died before the line above is seen here: the other end is closed.
    if crate::wire::receive::<String>(&go)?.is_none() {
        return Err(ended());
    }
    become_root()?;
    // And one that died while the change of ids had cleared the signal: somebody else is the parent now.
    if getppid() == Some(parent) { Ok(()) } else { Err(ended()) }
}
