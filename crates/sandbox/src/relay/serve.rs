//! The relay process: threads that accept, check, tell the monitor, connect and copy. Connections and buffers are bounded; a
//! connection too many waits in the kernel's queue. It must not decide by itself what is allowed (`allow` does).

use super::allow::{AllowList, Verdict, plain};
use super::http::{self, LONGEST_HEAD, Wants};
use super::{FromRelay, MOST_DESTINATIONS, ToRelay};
use crate::error::{Error, Result};
use crate::step::Listens;
use crate::wire;
use sluice_api::runner::RunSpec;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Connections at a time, each with two threads.
const CONNECTIONS: usize = 128;
const STACK: usize = 256 * 1024;
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// What all threads share.
struct Shared {
    monitor: OwnedFd,
    allow: AllowList,
    /// The registry's name and port as images are named, and its address on the host.
    registry: Option<(String, u16, SocketAddr)>,
    open: Mutex<usize>,
    closed: Condvar,
    told: Mutex<Told>,
}

/// What the monitor has been told.
#[derive(Default)]
struct Told {
    /// Destinations, by step.
    destinations: BTreeSet<(usize, String)>,
    /// Steps that are gone: nothing more may be let through for them, because nothing more would be recorded.
    gone: BTreeSet<usize>,
}

/// Serves until the monitor is gone.
pub(super) fn main(spec: &RunSpec, monitor: OwnedFd) -> Result<()> {
    let registry = spec.registry.as_ref().and_then(|registry| {
        let (name, port) = registry.host.rsplit_once(':')?;
        Some((plain(name)?, port.parse().ok()?, registry.connect.parse().ok()?))
    });
    let shared = Arc::new(Shared {
        monitor,
        allow: AllowList::new(&spec.egress_allow),
        registry,
        open: Mutex::new(0),
        closed: Condvar::new(),
        told: Mutex::new(Told::default()),
    });
    let mut listening: Vec<(usize, TcpListener)> = Vec::new();
    while let Some((message, sockets)) = wire::receive::<ToRelay>(&shared.monitor)? {
        match message {
            ToRelay::Serve { step, listens } => {
                for socket in sockets {
                    let listener = TcpListener::from(socket);
                    let accepting = listener.try_clone().map_err(|source| io_error("listening", source))?;
                    let shared = Arc::clone(&shared);
                    thread::Builder::new()
                        .stack_size(STACK)
                        .spawn(move || accept(&shared, step, listens, &accepting))
                        .map_err(|source| io_error("starting a thread", source))?;
                    listening.push((step, listener));
                }
            }
            ToRelay::Stop { step } => {
                // Ends the threads that accept; the step's own ends are gone, so connections end by themselves.
                for (_, listener) in listening.extract_if(.., |(of, _)| *of == step) {
                    let _ = rustix::net::shutdown(&listener, rustix::net::Shutdown::Both);
                }
                shared.told.lock().unwrap_or_else(PoisonError::into_inner).gone.insert(step);
                wire::send(&shared.monitor, &FromRelay::Stopped { step }, &[])?;
            }
        }
    }
    Ok(())
}

fn io_error(what: &str, source: io::Error) -> Error {
    Error::Io { what: what.to_owned(), source }
}

fn accept(shared: &Arc<Shared>, step: usize, listens: Listens, listener: &TcpListener) {
    loop {
        wait_for_room(shared);
        match listener.accept() {
            Ok((stream, _)) => {
                let theirs = Arc::clone(shared);
                let started = thread::Builder::new().stack_size(STACK).spawn(move || {
                    // An error is the connection's end; there is nobody else to tell.
                    let _ = match listens {
                        Listens::Registry => to_registry(&theirs, stream),
                        Listens::Forward => forward(&theirs, step, stream),
                    };
                    leave(&theirs);
                });
                if started.is_err() {
                    leave(shared);
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {
                leave(shared);
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM)) => {
                leave(shared);
                thread::sleep(Duration::from_millis(50));
            }
            Err(_) => {
                leave(shared);
                return;
            }
        }
    }
}

fn wait_for_room(shared: &Shared) {
    let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
    while *open >= CONNECTIONS {
        open = shared.closed.wait(open).unwrap_or_else(PoisonError::into_inner);
    }
    *open += 1;
}

fn leave(shared: &Shared) {
    *shared.open.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    shared.closed.notify_one();
}

fn to_registry(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    let (_, _, address) = shared.registry.as_ref().ok_or(io::ErrorKind::NotFound)?;
    both_ways(stream, TcpStream::connect_timeout(address, CONNECT_TIMEOUT)?)
}

/// Tells the monitor of a destination before anything goes there. False when there are too many to record.
fn record(shared: &Shared, step: usize, destination: &str) -> io::Result<bool> {
    let mut told = shared.told.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (step, destination.to_owned());
    if told.gone.contains(&step) {
        return Ok(false);
    }
    if told.destinations.contains(&key) {
        return Ok(true);
    }
    if told.destinations.iter().filter(|(of, _)| *of == step).count() >= MOST_DESTINATIONS {
        return Ok(false);
    }
    let message = FromRelay::Through { step, destination: destination.to_owned() };
    wire::send(&shared.monitor, &message, &[]).map_err(io::Error::other)?;
    told.destinations.insert(key);
    Ok(true)
}

fn forward(shared: &Shared, step: usize, mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(HEAD_TIMEOUT))?;
    let Some((head, rest)) = read_head(&mut client)? else {
        return refuse(&mut client, "431 Request Header Fields Too Large", "the request's head is too long");
    };
    let Some(wants) = http::request(&head) else {
        return refuse(&mut client, "400 Bad Request", "not a request to a proxy");
    };
    let (host, port) = match &wants {
        Wants::Tunnel { host, port } | Wants::Forward { host, port, .. } => (host.as_str(), *port),
    };
    let server = match connect(shared, step, host, port) {
        Ok(server) => server,
        Err(Refusal(status, reason)) => return refuse(&mut client, status, &reason),
    };
    client.set_read_timeout(None)?;
    match wants {
        Wants::Tunnel { .. } => {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            (&server).write_all(&rest)?;
            both_ways(client, server)
        }
        Wants::Forward { head, .. } => {
            (&server).write_all(&head)?;
            (&server).write_all(&rest)?;
            let upwards = (client.try_clone()?, server.try_clone()?);
            let up = thread::Builder::new().stack_size(STACK).spawn(move || copy(upwards.0, upwards.1))?;
            let answered = answer(&server, &mut client);
            let _ = (server.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both));
            let _ = up.join();
            answered
        }
    }
}

/// Sends the server's answer on: its heads changed so that the connection ends after it, then the rest as it is.
fn answer(mut server: &TcpStream, client: &mut TcpStream) -> io::Result<()> {
    let mut pending = Vec::new();
    loop {
        let Some((head, rest)) = read_head_with(&mut server, std::mem::take(&mut pending))? else {
            return refuse(client, "502 Bad Gateway", "the server's answer is not HTTP/1");
        };
        let Some((head, another)) = http::response(&head) else {
            return refuse(client, "502 Bad Gateway", "the server's answer is not HTTP/1");
        };
        client.write_all(&head)?;
        if another {
            pending = rest;
            continue;
        }
        client.write_all(&rest)?;
        return transfer(server, client);
    }
}

/// Why a connection is not made: status and reason, for the client.
struct Refusal(&'static str, String);

fn connect(shared: &Shared, step: usize, host: &str, port: u16) -> std::result::Result<TcpStream, Refusal> {
    let gateway = |error: io::Error| Refusal("502 Bad Gateway", format!("`{host}:{port}`: {error}"));
    if let Some((name, registry_port, address)) = &shared.registry
        && host == name
        && port == *registry_port
    {
        return TcpStream::connect_timeout(address, CONNECT_TIMEOUT).map_err(gateway);
    }
    let verdict = shared.allow.verdict(host, port);
    let refusal = |why: &str| Refusal("403 Forbidden", format!("`{host}:{port}` {why}"));
    if verdict == Verdict::Refused {
        return Err(refusal("is not on the allow-list of this run"));
    }
    // Resolved once; what was checked is what is connected to.
    let resolved: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => (host, port).to_socket_addrs().map_err(gateway)?.collect(),
    };
    let admitted: Vec<&SocketAddr> = resolved.iter().filter(|address| verdict.admits(address.ip())).collect();
    if admitted.is_empty() {
        return Err(refusal("leads to an address that is not public, and no pattern names that host and port"));
    }
    let destination = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    if !record(shared, step, &destination).map_err(gateway)? {
        return Err(refusal("would be one destination too many for this step"));
    }
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in admitted.into_iter().take(8) {
        match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(gateway(last))
}

fn refuse(client: &mut TcpStream, status: &str, reason: &str) -> io::Result<()> {
    let body = format!("sluice: {reason}\n");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes())?;
    client.write_all(body.as_bytes())?;
    client.shutdown(Shutdown::Write)
}

/// A head and what came after it; None if it is too long.
fn read_head(stream: &mut TcpStream) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    read_head_with(stream, Vec::new())
}

fn read_head_with(stream: &mut impl Read, mut bytes: Vec<u8>) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut buffer = [0u8; 4096];
    loop {
        if let Some(end) = http::head_end(&bytes) {
            let rest = bytes.split_off(end);
            return Ok(Some((bytes, rest)));
        }
        if bytes.len() > LONGEST_HEAD {
            return Ok(None);
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => bytes.extend_from_slice(buffer.get(..length).unwrap_or_default()),
        }
    }
}

fn both_ways(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let upwards = (client.try_clone()?, server.try_clone()?);
    let up = thread::Builder::new().stack_size(STACK).spawn(move || copy(upwards.0, upwards.1))?;
    copy(server, client);
    let _ = up.join();
    Ok(())
}

/// Copies to the end, then says so on the other side; on an error ends both.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    if transfer(&mut from, &mut to).is_ok() {
        let _ = to.shutdown(Shutdown::Write);
    } else {
        let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    }
}

fn transfer(mut from: impl Read, to: &mut TcpStream) -> io::Result<()> {
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => to.write_all(buffer.get(..length).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
