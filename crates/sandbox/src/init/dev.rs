//! /proc, /sys and /dev of a sandbox: fresh, and without what tells about or changes the host. It must not depend on the
//! image.

use super::mounts::{self, READ_ONLY};
use crate::error::{Context, Error, Result};
use crate::fs;
use rustix::fs::{Mode, OFlags, mkdirat, openat, symlinkat};
use rustix::mount::MountAttrFlags;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Of /proc: shown empty.
const MASKED: [&str; 12] = [
    "acpi",
    "asound",
    "interrupts",
    "kallsyms",
    "kcore",
    "keys",
    "kmsg",
    "latency_stats",
    "sched_debug",
    "scsi",
    "timer_list",
    "timer_stats",
];
/// Of /proc: not writable, not even the parts that root of the namespaces could change.
const FROZEN: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];
/// Devices that hold nothing.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// A folder at the top of the root that must be a real one, because what is mounted there must not land elsewhere.
fn top_folder(root: BorrowedFd<'_>, name: &str) -> Result<OwnedFd> {
    match mkdirat(root, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(e) => return Err(e).context(|| format!("making `/{name}` in the image")),
    }
    fs::open_beneath(root, name, OFlags::PATH | OFlags::DIRECTORY, 0)
        .map_err(|_| Error::invalid(format!("the image's `/{name}` is not a folder; it must be one, and no link")))
}

/// Mounts all three. Each is attached before anything is mounted in it: older kernels refuse the other order.
pub(super) fn mount(root: BorrowedFd<'_>) -> Result<()> {
    let flags =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let dev = mounts::new("tmpfs", &[("mode", "755"), ("size", "64k")], MountAttrFlags::MOUNT_ATTR_NOSUID)?;
    mounts::attach(&dev, top_folder(root, "dev")?)?;
    devices(&dev)?;
    for (name, kind, options) in [
        ("pts", "devpts", [("ptmxmode", "0666"), ("mode", "0620"), ("gid", "5")].as_slice()),
        ("shm", "tmpfs", [("mode", "1777"), ("size", "64m")].as_slice()),
    ] {
        // No NODEV for devpts: its devices are its own.
        let flags = if kind == "devpts" { flags - MountAttrFlags::MOUNT_ATTR_NODEV } else { flags };
        mounts::attach(&mounts::new(kind, options, flags)?, fs::open_folder(&dev, name)?)?;
    }
    let proc = mounts::new("proc", &[], flags)?;
    mounts::attach(&proc, top_folder(root, "proc")?)?;
    restrict_proc(&proc, &dev)?;
    let sys = mounts::new("tmpfs", &[("mode", "555"), ("size", "4k")], flags | MountAttrFlags::MOUNT_ATTR_RDONLY)?;
    mounts::attach(&sys, top_folder(root, "sys")?)
}

fn devices(dev: &OwnedFd) -> Result<()> {
    for name in ["pts", "shm"] {
        mkdirat(dev, name, Mode::from_raw_mode(0o755)).context(|| format!("making /dev/{name}"))?;
    }
    for (name, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlinkat(target, dev, name).context(|| format!("making /dev/{name}"))?;
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    for name in DEVICES {
        drop(openat(dev, name, flags, Mode::from_raw_mode(0o666)).context(|| format!("making /dev/{name}"))?);
        let source = openat(fs::here(), format!("/dev/{name}"), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .context(|| format!("opening the device {name}"))?;
        let device = mounts::clone_of(source, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC)?;
        let point = fs::open_beneath(dev, name, OFlags::PATH, 0).context(|| format!("opening /dev/{name}"))?;
        mounts::attach(&device, point)?;
    }
    Ok(())
}

fn restrict_proc(proc: &OwnedFd, dev: &OwnedFd) -> Result<()> {
    // An empty file that is not a device: reading it gives nothing, and it cannot be written.
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    drop(openat(dev, ".nothing", flags, Mode::from_raw_mode(0o444)).doing("making an empty file")?);
    let nothing = fs::open_beneath(dev, ".nothing", OFlags::PATH, 0).doing("opening an empty file")?;
    for path in MASKED {
        let Ok(point) = fs::open_beneath(proc, path, OFlags::PATH, 0) else { continue };
        let stat = rustix::fs::fstat(&point).doing("looking at a file of /proc")?;
        let mask = if stat.st_mode & libc::S_IFMT == libc::S_IFDIR {
            mounts::new("tmpfs", &[("mode", "555"), ("size", "4k")], MountAttrFlags::MOUNT_ATTR_RDONLY)?
        } else {
            mounts::clone_of(&nothing, READ_ONLY)?
        };
        mounts::attach(&mask, point).context_masked(path)?;
    }
    for path in FROZEN {
        let Ok(point) = fs::open_beneath(proc, path, OFlags::PATH, 0) else { continue };
        let frozen = mounts::clone_of(&point, READ_ONLY | libc::MOUNT_ATTR_NOEXEC)?;
        mounts::attach(&frozen, point).context_masked(path)?;
    }
    // The empty file keeps its name: a builder inside masks the same paths again, and the kernel refuses to mount on a
    // file that has none.
    Ok(())
}

trait MaskContext {
    fn context_masked(self, path: &str) -> Result<()>;
}

impl MaskContext for Result<()> {
    fn context_masked(self, path: &str) -> Result<()> {
        self.map_err(|error| Error::invalid(format!("restricting /proc/{path}: {error}")))
    }
}
