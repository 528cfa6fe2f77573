//! The heads of HTTP/1 messages as a forward path needs them: where a request wants to go, and the same head as the
//! server is to see it. Pure; every byte is hostile.

/// Longest head that is read.
pub(super) const LONGEST_HEAD: usize = 32 * 1024;

/// Where a request wants to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// `CONNECT host:port`: a tunnel.
    Tunnel { host: String, port: u16 },
    /// `GET http://host:port/path`: this head is sent on.
    Forward { host: String, port: u16, head: Vec<u8> },
}

/// Header fields that are between two neighbours only, and so end here.
const OF_THE_CONNECTION: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "upgrade"];

/// Length of the head with its empty line, if it is complete.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// Reads a complete request head.
pub(super) fn request(head: &[u8]) -> Option<Wants> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return None;
    }
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    if method == "CONNECT" {
        let (host, port) = authority(target)?;
        return Some(Wants::Tunnel { host, port: port? });
    }
    let rest = target.strip_prefix("http://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority_part, path) = rest.split_at(end);
    // A user in the address is the client's business with the server: it has to say so in a header field.
    let (host, port) = authority(authority_part)?;
    let path = match path.chars().next() {
        None => "/".to_owned(),
        Some('?') => format!("/{path}"),
        Some(_) => path.to_owned(),
    };
    let mut out = format!("{method} {path} HTTP/1.1\r\nHost: {authority_part}\r\n");
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, _) = line.split_once(':')?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let name = name.to_ascii_lowercase();
        if name != "host" && !OF_THE_CONNECTION.contains(&name.as_str()) {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    // One request a connection: the next may be for another server.
    out.push_str("Connection: close\r\n\r\n");
    Some(Wants::Forward { host, port: port.unwrap_or(80), head: out.into_bytes() })
}

/// A complete response head as the client is to see it, and whether another head follows (1xx). None if it is not one.
pub(super) fn response(head: &[u8]) -> Option<(Vec<u8>, bool)> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let status_line = lines.next()?;
    let status = status_line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    let interim = status.len() == 3 && status.starts_with('1');
    let mut out = format!("{status_line}\r\n");
    for line in lines.take_while(|line| !line.is_empty()) {
        let name = line.split_once(':').map_or("", |(name, _)| name).to_ascii_lowercase();
        if interim || !OF_THE_CONNECTION.contains(&name.as_str()) {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    out.push_str(if interim { "\r\n" } else { "Connection: close\r\n\r\n" });
    Some((out.into_bytes(), interim))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `host`, `host:port`, `[v6]:port`; the host in its one form.
fn authority(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            (host, Some(port.parse().ok().filter(|port| digits && *port != 0)?))
        }
        Some(_) if !text.ends_with(']') => return None,
        _ => (text, None),
    };
    Some((super::allow::plain(host)?, port))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tunnels() {
        let wants = request(b"CONNECT Example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(wants, Wants::Tunnel { host: "example.org".into(), port: 443 });
        let wants = request(b"CONNECT [::1]:443 HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(wants, Wants::Tunnel { host: "::1".into(), port: 443 });
    }

    #[test]
    fn forwarded_heads_lose_what_is_of_the_connection() {
        let head = b"GET http://a.b:81?x=1 HTTP/1.1\r\nHost: evil\r\nProxy-Authorization: s\r\nConnection: keep-alive\r\nA: b\r\n\r\n";
        let Wants::Forward { host, port, head } = request(head).unwrap() else { unreachable!() };
        assert_eq!((host.as_str(), port), ("a.b", 81));
        let text = String::from_utf8(head).unwrap();
        assert_eq!(text, "GET /?x=1 HTTP/1.1\r\nHost: a.b:81\r\nA: b\r\nConnection: close\r\n\r\n");
    }

    #[test]
    fn hostile_heads_are_refused() {
        for bad in [
            &b"\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET http:// HTTP/1.1\r\n\r\n",
            b"GET http://u@h/ HTTP/1.1\r\n\r\n",
            b"GET http://a b/ HTTP/1.1\r\n\r\n",
            b"GET http://a:0/ HTTP/1.1\r\n\r\n",
            b"GET http://a:+1/ HTTP/1.1\r\n\r\n",
            b"GET http://a:99999/ HTTP/1.1\r\n\r\n",
            b"GET http://[::1/ HTTP/1.1\r\n\r\n",
            b"GET http://a/ HTTP/2\r\n\r\n",
            b"GET http://a/ HTTP/1.1\r\n: x\r\n\r\n",
            b"GET http://a/ HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET http://a/ HTTP/1.1\r\n folded: x\r\n\r\n",
            b"CONNECT a HTTP/1.1\r\n\r\n",
            b"CONNECT a:443/x HTTP/1.1\r\n\r\n",
            b"\xff\xfe http://a/ HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(request(bad), None, "{:?}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn responses_close() {
        let (head, more) = response(b"HTTP/1.1 200 OK\r\nKeep-Alive: x\r\nB: c\r\n\r\n").unwrap();
        assert_eq!((head.as_slice(), more), (&b"HTTP/1.1 200 OK\r\nB: c\r\nConnection: close\r\n\r\n"[..], false));
        assert!(response(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap().1);
        assert_eq!(response(b"nonsense\r\n\r\n"), None);
    }
}
