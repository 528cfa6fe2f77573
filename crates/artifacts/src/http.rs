//! HTTP/1.1 over a TCP connection, one request each: what a registry on loopback needs. No TLS; bodies are streamed and
//! bounded; a malformed answer is an error.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(120);
const MAX_HEAD: u64 = 64 * 1024;

/// A request; the body's length is known.
pub(crate) struct Request<'a, 'b> {
    pub method: &'a str,
    /// `host:port`.
    pub host: &'a str,
    /// Path and query.
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Option<(&'a mut (dyn Read + 'b), u64)>,
}

/// An answer whose body is still to be read.
pub(crate) struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

enum Body {
    None,
    Length(io::Take<BufReader<TcpStream>>),
    Chunked(Chunked),
    ToEnd(BufReader<TcpStream>),
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

impl Read for Response {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.body {
            Body::None => Ok(0),
            Body::Length(body) => {
                let read = body.read(buffer)?;
                // The other side must not end before it has sent what it announced.
                if read == 0 && body.limit() > 0 && !buffer.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(read)
            }
            Body::Chunked(body) => body.read(buffer),
            Body::ToEnd(body) => body.read(buffer),
        }
    }
}

/// Sends a request and reads the head of its answer.
pub(crate) fn send(request: Request<'_, '_>) -> io::Result<Response> {
    let mut stream = connect(request.host)?;
    let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.path, request.host);
    head.push_str("Connection: close\r\nUser-Agent: sluice-artifact\r\n");
    for (name, value) in request.headers {
        if value.bytes().any(|b| b.is_ascii_control()) || name.bytes().any(|b| !b.is_ascii_graphic()) {
            return Err(invalid("a header with control characters"));
        }
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = match (&request.body, request.method) {
        (Some((_, length)), _) => Some(*length),
        (None, "GET" | "HEAD") => None,
        (None, _) => Some(0),
    };
    if let Some(length) = length {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    if request.path.bytes().any(|b| !b.is_ascii_graphic()) || request.host.bytes().any(|b| !b.is_ascii_graphic()) {
        return Err(invalid("an address with characters that no request can carry"));
    }
    stream.write_all(head.as_bytes())?;
    if let Some((body, length)) = request.body {
        // A server may answer before it has read everything: the answer then says why.
        match io::copy(&mut body.take(length), &mut stream) {
            Ok(sent) if sent != length => return Err(invalid("the file became shorter while it was sent")),
            Err(e) if !matches!(e.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => return Err(e),
            _ => {}
        }
    }
    stream.flush()?;
    read_head(BufReader::new(stream), request.method == "HEAD")
}

fn read_head(mut stream: BufReader<TcpStream>, is_head: bool) -> io::Result<Response> {
    loop {
        let mut lines = (&mut stream).take(MAX_HEAD);
        let status = line(&mut lines)?;
        let status = status.strip_prefix("HTTP/1.").and_then(|s| s.get(2..5)).and_then(|s| s.parse::<u16>().ok());
        let status = status.ok_or_else(|| invalid("the answer is not HTTP"))?;
        let mut headers = Vec::new();
        loop {
            let text = line(&mut lines)?;
            if text.is_empty() {
                break;
            }
            let (name, value) = text.split_once(':').ok_or_else(|| invalid("a header without a colon"))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        if (100..200).contains(&status) {
            continue;
        }
        let find = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        let body = if is_head || status == 204 || status == 304 {
            Body::None
        } else if let Some(coding) = find("transfer-encoding") {
            if !coding.eq_ignore_ascii_case("chunked") {
                return Err(invalid("a transfer coding that is not known"));
            }
            Body::Chunked(Chunked { stream, left: 0, state: ChunkState::First })
        } else if let Some(length) = find("content-length") {
            Body::Length(stream.take(length.parse().map_err(|_| invalid("a content length that is no number"))?))
        } else {
            Body::ToEnd(stream)
        };
        return Ok(Response { status, headers, body });
    }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(invalid("the head of the answer is cut off or too long"));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| invalid("the head of the answer is not text"))
}

#[derive(PartialEq)]
enum ChunkState {
    First,
    Inside,
    Done,
}

struct Chunked {
    stream: BufReader<TcpStream>,
    left: u64,
    state: ChunkState,
}

impl Read for Chunked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.state == ChunkState::Done || buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            let mut bounded = (&mut self.stream).take(MAX_HEAD);
            if self.state == ChunkState::Inside && !line(&mut bounded)?.is_empty() {
                return Err(invalid("a chunk is longer than it says"));
            }
            let text = line(&mut bounded)?;
            let text = text.split(';').next().unwrap_or_default().trim().to_owned();
            self.left = u64::from_str_radix(&text, 16).map_err(|_| invalid("a chunk without a size"))?;
            self.state = ChunkState::Inside;
            if self.left == 0 {
                while !line(&mut bounded)?.is_empty() {}
                self.state = ChunkState::Done;
                return Ok(0);
            }
        }
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.stream.read(&mut buffer[..room])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// A static program has no resolver worth the name, and `localhost` needs none.
fn connect(host: &str) -> io::Result<TcpStream> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => {
            (name, port.parse().map_err(|_| invalid("a port that is no number"))?)
        }
        _ => (host, 80u16),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = if name == "localhost" {
        let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        both.map(|ip| SocketAddr::new(ip, port)).to_vec()
    } else if let Ok(ip) = name.parse::<IpAddr>() {
        vec![SocketAddr::new(ip, port)]
    } else {
        (name, port).to_socket_addrs()?.collect()
    };
    let mut last = invalid("the name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(SILENCE))?;
                stream.set_write_timeout(Some(SILENCE))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(e) => last = e,
        }
    }
    Err(last)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
