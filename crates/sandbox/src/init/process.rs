//! The step's own process: its descriptors, limits, ids, capabilities and system call filter, and the program it becomes.
//! Everything that can fail for want of memory or for bad input is prepared before.

use super::identity::User;
use super::network::Prepared;
use super::{root, script_name};
use crate::error::{Context, Error, Result};
use crate::fs;
use crate::seccomp::{self, Filters};
use crate::sys;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid};
use sluice_api::runner::{RunSpec, StepSpec};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

/// Where programs are looked for when the image says nothing.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Open files of a step.
const FILES: u64 = 65_536;

/// A process that is ready to become the step's program.
#[derive(Debug)]
pub(super) struct Process {
    argv: Vec<CString>,
    environment: Vec<CString>,
    path: String,
    folder: String,
    user: User,
    nested: bool,
    filters: Filters,
}

impl Process {
    /// Prepares everything that needs memory.
    pub(super) fn prepare(
        _spec: &RunSpec,
        index: usize,
        step: &StepSpec,
        user: &User,
        network: &Prepared,
    ) -> Result<Self> {
        let mut argv = step.command.clone();
        if step.script.is_some() {
            argv.insert(0, format!("/tekton/scripts/{}", script_name(index)));
        }
        let environment = environment(step, user, network);
        let path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
        let c =
            |text: String| CString::new(text).map_err(|_| Error::invalid("a NUL byte in the command or environment"));
        Ok(Self {
            argv: argv.into_iter().map(c).collect::<Result<_>>()?,
            environment: environment.iter().map(|(name, value)| c(format!("{name}={value}"))).collect::<Result<_>>()?,
            path: path.unwrap_or_else(|| DEFAULT_PATH.to_owned()),
            folder: root::working_folder(step),
            user: user.clone(),
            nested: step.nested,
            filters: Filters::new(step.nested)?,
        })
    }

    /// Becomes the program; returns only if it could not, with what a shell would say and its exit status.
    pub(super) fn become_it(&self, output: OwnedFd) -> (String, i32) {
        if let Err(error) = self.confine(output) {
            return (format!("sluice: the step could not be confined: {error}"), 126);
        }
        let Some(program) = self.argv.first() else { return ("sluice: the command is empty".into(), 127) };
        let name = program.to_string_lossy().into_owned();
        let candidates: Vec<String> = if name.contains('/') {
            vec![name.clone()]
        } else {
            self.path
                .split(':')
                .map(|folder| format!("{}/{name}", if folder.is_empty() { "." } else { folder }))
                .collect()
        };
        let mut reason = std::io::Error::from_raw_os_error(libc::ENOENT);
        for candidate in candidates {
            let Ok(file) = CString::new(candidate) else { continue };
            let error = sys::exec(&file, &self.argv, &self.environment);
            if error.raw_os_error() != Some(libc::ENOENT) && error.raw_os_error() != Some(libc::ENOTDIR) {
                reason = error;
            }
        }
        let code = if reason.raw_os_error() == Some(libc::ENOENT) { 127 } else { 126 };
        let hint = if code == 127 { "it, or the interpreter it names, is not in the image" } else { "" };
        (format!("sluice: cannot start `{name}`: {reason}{}{hint}", if hint.is_empty() { "" } else { "; " }), code)
    }

    fn confine(&self, output: OwnedFd) -> Result<()> {
        rustix::process::setsid().doing("starting a session")?;
        let null = fs::open_in_root(fs::here(), "dev/null", OFlags::RDONLY, 0).doing("opening /dev/null")?;
        rustix::stdio::dup2_stdin(&null).doing("setting standard input")?;
        // /dev/stdout is opened anew by some programs, as the step's user.
        rustix::fs::fchown(
            &output,
            Some(rustix::fs::Uid::from_raw(self.user.uid)),
            Some(rustix::fs::Gid::from_raw(self.user.gid)),
        )
        .doing("giving the log's pipe to the step's user")?;
        rustix::stdio::dup2_stdout(output.as_fd()).doing("setting standard output")?;
        rustix::stdio::dup2_stderr(output.as_fd()).doing("setting standard error")?;
        sys::close_from(3, true)?;
        rustix::process::umask(Mode::from_raw_mode(0o022));
        limit(Resource::Core, 0)?;
        limit(Resource::Nofile, FILES)?;
        rustix::process::chdir(self.folder.as_str())
            .context(|| format!("entering the working folder `{}`", self.folder))?;
        self.set_identity()?;
        rustix::thread::set_no_new_privs(true).doing("giving up new privileges")?;
        seccomp::apply(&self.filters)
    }

    fn set_identity(&self) -> Result<()> {
        let keep = if self.nested { NESTED } else { DEFAULT };
        for capability in CapabilitySet::all().iter() {
            if !keep.contains(capability) {
                match rustix::thread::remove_capability_from_bounding_set(capability) {
                    // Not known to this kernel.
                    Ok(()) | Err(rustix::io::Errno::INVAL) => {}
                    Err(e) => return Err(e).doing("dropping a capability from the bounding set"),
                }
            }
        }
        let (uid, gid) = (Uid::from_raw(self.user.uid), Gid::from_raw(self.user.gid));
        rustix::thread::clear_ambient_capability_set().doing("clearing ambient capabilities")?;
        rustix::thread::set_thread_groups(&[gid]).doing("setting groups")?;
        rustix::thread::set_thread_res_gid(gid, gid, gid).doing("setting the group")?;
        rustix::thread::set_thread_res_uid(uid, uid, uid).doing("setting the user")?;
        let kept = if self.user.uid == 0 { keep } else { CapabilitySet::empty() };
        let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
        rustix::thread::set_capabilities(None, sets).doing("setting capabilities")
    }
}

/// What root of a container usually has, without SETFCAP. All of it counts inside the step's user namespace only.
const DEFAULT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

/// For a builder that makes namespaces and mounts of its own, and maps root in them (which needs SETFCAP).
const NESTED: CapabilitySet =
    DEFAULT.union(CapabilitySet::SETFCAP).union(CapabilitySet::SYS_ADMIN).union(CapabilitySet::NET_ADMIN);

fn limit(resource: Resource, value: u64) -> Result<()> {
    let most = rustix::process::getrlimit(resource).maximum.map_or(value, |most| most.min(value));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).doing("setting a resource limit")
}

/// Defaults, then the network's variables, then the step's own; the last wins.
fn environment(step: &StepSpec, user: &User, network: &Prepared) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = vec![("PATH".into(), DEFAULT_PATH.into()), ("HOME".into(), user.home.clone())];
    for (name, value) in network.env.iter().chain(&step.env) {
        match all.iter_mut().find(|(there, _)| there == name) {
            Some((_, old)) => value.clone_into(old),
            None => all.push((name.clone(), value.clone())),
        }
    }
    all
}
