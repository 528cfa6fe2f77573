//! Typed datagrams over a SOCK_SEQPACKET pair, one JSON value each, with descriptors beside them where needed.

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::UnixDatagram;

/// Largest message; far above any that is sent.
const MAX_MESSAGE: usize = 64 * 1024;

/// One end of a pair.
#[derive(Debug)]
pub struct Channel {
    /// SEQPACKET has no type of its own; only readiness is asked of this one, and messages go by sendmsg and recvmsg.
    socket: UnixDatagram,
}

/// A connected pair: one end as a `Channel`, the other to be given to a child.
///
/// # Errors
/// The system's, when no more descriptors are to be had.
pub fn pair() -> io::Result<(Channel, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (here, there) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    Ok((Channel::new(here)?, there))
}

impl Channel {
    /// Takes over a non-blocking descriptor of such a pair.
    ///
    /// # Errors
    /// When the runtime cannot watch it.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { socket: UnixDatagram::from_std(std::os::unix::net::UnixDatagram::from(fd))? })
    }

    /// Sends one message.
    ///
    /// # Errors
    /// `BrokenPipe` when the other side is gone.
    pub async fn send<T: Serialize>(&self, message: &T) -> io::Result<()> {
        self.send_with(message, &[]).await
    }

    /// Sends one message and descriptors with it.
    ///
    /// # Errors
    /// As `send`.
    pub async fn send_with<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        if bytes.len() > MAX_MESSAGE {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "message too large"));
        }
        let write = || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if !fds.is_empty() {
                ancillary.push(SendAncillaryMessage::ScmRights(fds));
            }
            let sent = sendmsg(self.socket.as_fd(), &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL)?;
            Ok(sent)
        };
        self.socket.async_io(Interest::WRITABLE, write).await.map(|_| ())
    }

    /// The next message, or `None` when the other side is gone.
    ///
    /// # Errors
    /// The system's, or `InvalidData` for what is not such a message.
    pub async fn recv<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        Ok(self.recv_with().await?.map(|(message, _)| message))
    }

    /// The next message with the descriptors that came with it.
    ///
    /// # Errors
    /// As `recv`.
    pub async fn recv_with<T: DeserializeOwned>(&self) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let mut buffer = vec![0; MAX_MESSAGE];
        let read = || receive(self.socket.as_fd(), &mut buffer);
        let (length, fds) = match self.socket.async_io(Interest::READABLE, read).await {
            Ok(received) => received,
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(e) => return Err(e),
        };
        if length == 0 {
            return Ok(None);
        }
        Ok(Some((serde_json::from_slice(&buffer[..length])?, fds)))
    }
}

fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(fd, &mut [IoSliceMut::new(buffer)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    Ok((received.bytes, fds))
}
