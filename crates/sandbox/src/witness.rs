//! What network a sandbox really has, asked of the kernel through a socket that was made in it. It must not believe what
//! was asked for.

use crate::error::{Context, Error, Result};
use crate::step::Listens;
use crate::sys;
use rustix::net::{AddressFamily, SocketType, socket};
use sluice_api::witness::Network;
use std::os::fd::{AsFd, BorrowedFd};

const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const DONE: u16 = 3;
const ERROR: u16 = 2;

/// The network mode of the namespace that `probe` (a routing netlink socket) was made in. An error if that is the host's
/// namespace, or has an interface up other than loopback.
pub(crate) fn network(probe: BorrowedFd<'_>, listeners: &[Listens]) -> Result<Network> {
    let host = socket(AddressFamily::INET, SocketType::DGRAM, None).doing("opening a socket")?;
    if sys::network_namespace_of(probe)? == sys::network_namespace_of(host.as_fd())? {
        return Err(Error::invalid("the sandbox was left in the host's network namespace"));
    }
    only_loopback(probe)?;
    Ok(if listeners.contains(&Listens::Forward) {
        Network::Egress
    } else if listeners.contains(&Listens::Registry) {
        Network::Registry
    } else {
        Network::None
    })
}

fn only_loopback(probe: BorrowedFd<'_>) -> Result<()> {
    // nlmsghdr (length, type, flags REQUEST|DUMP, sequence, port) and ifinfomsg, all zero: every link.
    let mut request = Vec::with_capacity(32);
    request.extend_from_slice(&32u32.to_ne_bytes());
    request.extend_from_slice(&GET_LINK.to_ne_bytes());
    request.extend_from_slice(&0x301u16.to_ne_bytes());
    request.resize(32, 0);
    rustix::io::write(probe, &request).doing("asking for the sandbox's interfaces")?;
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        let length = rustix::io::read(probe, &mut buffer[..]).doing("reading the sandbox's interfaces")?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        while let Some((message, kind)) = next_message(&mut rest) {
            match kind {
                DONE => return Ok(()),
                ERROR => return Err(Error::invalid("the kernel did not list the sandbox's interfaces")),
                NEW_LINK => check_link(message)?,
                _ => {}
            }
        }
        if length == 0 {
            return Err(Error::invalid("the kernel did not list the sandbox's interfaces"));
        }
    }
}

fn next_message<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], u16)> {
    let whole = *rest;
    let length = u32::from_ne_bytes(whole.get(..4)?.try_into().ok()?) as usize;
    let kind = u16::from_ne_bytes(whole.get(4..6)?.try_into().ok()?);
    let message = whole.get(16..length)?;
    *rest = whole.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((message, kind))
}

/// An ifinfomsg: family, padding, type (u16), index (i32), flags (u32), change mask.
fn check_link(message: &[u8]) -> Result<()> {
    let flags = message.get(8..12).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
    let Some(flags) = flags else {
        return Err(Error::invalid("the kernel's list of the sandbox's interfaces is cut short"));
    };
    let (up, loopback) = (flags & libc::IFF_UP as u32 != 0, flags & libc::IFF_LOOPBACK as u32 != 0);
    if up && !loopback {
        return Err(Error::invalid("the sandbox has a network interface other than loopback"));
    }
    Ok(())
}
