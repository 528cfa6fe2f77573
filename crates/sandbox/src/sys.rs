//! The few system calls that no safe library offers, each behind a safe function. Nothing here knows of steps or runs.

use crate::error::{Error, Result};
use rustix::process::Pid;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Clones this process, as `fork` does, into new namespaces (`CLONE_NEW*`). `None` in the child.
///
/// The caller must be single-threaded: the child then owns a whole copy and may go on as ordinary code.
pub(crate) fn fork(namespaces: libc::c_int) -> Result<Option<Pid>> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    #[expect(unsafe_code, reason = "no library offers clone with namespace flags; without CLONE_VM it is fork")]
    // SAFETY: no memory is shared with the child (no CLONE_VM), so both sides go on with memory of their own; launcher,
    // monitor and init never start threads, so no lock can be held by a thread that the child lacks.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match i32::try_from(pid) {
        Ok(0) => Ok(None),
        Ok(pid) if pid > 0 => Ok(Pid::from_raw(pid)),
        _ => Err(Error::last("making a process with namespaces of its own")),
    }
}

/// Enters new namespaces of this process. Only for flags that part no descriptor table.
pub(crate) fn unshare(namespaces: libc::c_int) -> Result<()> {
    #[expect(unsafe_code, reason = "unshare is unsafe for CLONE_FILES, which is not used")]
    // SAFETY: takes no pointer; the callers pass CLONE_NEW* only.
    let done = unsafe { libc::unshare(namespaces) };
    if done == 0 { Ok(()) } else { Err(Error::last("entering new namespaces")) }
}

/// Replaces the program of this process; returns only the reason why it could not.
pub(crate) fn exec(program: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let mut argv: Vec<*const libc::c_char> = arguments.iter().map(|a| a.as_ptr()).collect();
    argv.push(std::ptr::null());
    let mut envp: Vec<*const libc::c_char> = environment.iter().map(|e| e.as_ptr()).collect();
    envp.push(std::ptr::null());
    #[expect(unsafe_code, reason = "execve takes arrays of pointers")]
    // SAFETY: both arrays end with null and point to strings that outlive the call.
    unsafe {
        libc::execve(program.as_ptr(), argv.as_ptr(), envp.as_ptr())
    };
    io::Error::last_os_error()
}

/// Sets mount attributes (`MOUNT_ATTR_*`) on a mount, and on those beneath it if `recursive`.
pub(crate) fn set_mount_attributes(mount: BorrowedFd<'_>, set: u64, recursive: bool) -> Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    #[expect(unsafe_code, reason = "no library offers mount_setattr")]
    // SAFETY: the path is an empty C string and the structure is passed with its own size.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(Error::last("setting attributes of a mount")) }
}

/// Brings the loopback interface of this network namespace up.
pub(crate) fn loopback_up() -> Result<()> {
    use rustix::net::{AddressFamily, SocketType, socket};
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)
        .map_err(|e| Error::Io { what: "opening a socket for the loopback interface".into(), source: e.into() })?;
    #[expect(unsafe_code, reason = "an interface's flags are set by an ioctl")]
    // SAFETY: ifreq is plain data for which zero is valid; the ioctl reads it and the union's flags field only.
    let done = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request)
    };
    if done == 0 { Ok(()) } else { Err(Error::last("bringing the loopback interface up")) }
}

/// The kernel's number for the network namespace that a socket belongs to.
pub(crate) fn network_namespace_of(socket: BorrowedFd<'_>) -> Result<u64> {
    const SO_NETNS_COOKIE: libc::c_int = 71;
    let mut cookie: u64 = 0;
    let mut length = size_of::<u64>() as libc::socklen_t;
    #[expect(unsafe_code, reason = "no library offers SO_NETNS_COOKIE")]
    // SAFETY: the kernel writes at most `length` bytes to `cookie`, which is that large.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    if done == 0 { Ok(cookie) } else { Err(Error::last("asking a socket for its network namespace")) }
}

/// Marks every descriptor from `first` on to be closed at exec, or closes it now.
pub(crate) fn close_from(first: u32, at_exec: bool) -> Result<()> {
    let flags = if at_exec { libc::CLOSE_RANGE_CLOEXEC } else { 0 };
    #[expect(unsafe_code, reason = "closing a range breaks ownership of descriptors")]
    // SAFETY: takes no pointer. With `at_exec` nothing is closed yet; otherwise the caller exits without using them again.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) };
    if done == 0 { Ok(()) } else { Err(Error::last("closing inherited descriptors")) }
}

/// Ends this process at once, without unwinding into code of the process it was forked from.
pub(crate) fn exit(code: i32) -> ! {
    #[expect(unsafe_code, reason = "exit without the parent's destructors")]
    // SAFETY: never returns; the kernel frees everything.
    unsafe {
        libc::_exit(code)
    }
}
