//! Mounting by descriptor: a source is cloned or made first, its attributes set, and only then put on a mount point that
//! was resolved within the sandbox's root, so that no name is looked up twice. It must not know what is mounted where.

use crate::error::{Context, Result};
use crate::fs;
use crate::sys;
use rustix::fs::{Mode, OFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_string,
    fsmount, fsopen, move_mount, open_tree,
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// No set-id, no devices.
pub(super) const PLAIN: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
/// That, and no writing.
pub(super) const READ_ONLY: u64 = PLAIN | libc::MOUNT_ATTR_RDONLY;

/// A detached copy of the mount at `source` (its submounts too), with `attributes`.
pub(super) fn clone_of(source: impl AsFd, attributes: u64) -> Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let tree = open_tree(source, "", flags).doing("cloning a mount")?;
    if attributes != 0 {
        sys::set_mount_attributes(tree.as_fd(), attributes, false)?;
    }
    Ok(tree)
}

/// A detached new file system.
pub(super) fn new(kind: &str, options: &[(&str, &str)], attributes: MountAttrFlags) -> Result<OwnedFd> {
    let context = || format!("making a {kind} for the sandbox");
    let open = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC).context(context)?;
    for (key, value) in options {
        fsconfig_set_string(&open, *key, *value).context(context)?;
    }
    fsconfig_create(&open).context(context)?;
    fsmount(&open, FsMountFlags::FSMOUNT_CLOEXEC, attributes).context(context)
}

/// Puts a detached mount on a mount point.
pub(super) fn attach(mount: &OwnedFd, point: impl AsFd) -> Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", point, "", flags).doing("attaching a mount")
}

/// Puts a detached mount of a folder on `path` in the root, which is made if absent.
pub(super) fn attach_folder(mount: &OwnedFd, root: BorrowedFd<'_>, path: &str) -> Result<()> {
    let point = fs::make_folders_in_root(root, path, 0o755)?;
    attach(mount, point)
}

/// Puts a detached mount of a file on `path` in the root, which is made if absent.
pub(super) fn attach_file(mount: &OwnedFd, root: BorrowedFd<'_>, path: &str) -> Result<()> {
    let (parent, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or((".", path));
    let parent = fs::make_folders_in_root(root, parent, 0o755)?;
    let relative = format!("{}/{name}", path.rsplit_once('/').map_or(".", |(parent, _)| parent));
    let relative = format!("./{}", relative.trim_start_matches('/'));
    let point = match fs::open_in_root(root, &relative, OFlags::PATH, 0) {
        Err(rustix::io::Errno::NOENT) => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            drop(
                rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(0o644))
                    .context(|| format!("making the mount point `{path}`"))?,
            );
            fs::open_in_root(root, &relative, OFlags::PATH, 0)
        }
        other => other,
    }
    .context(|| format!("opening the mount point `{path}`"))?;
    attach(mount, point)
}
