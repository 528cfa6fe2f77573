//! Networks of steps: what each mode reaches, what it does not, and what is recorded. Probes use `nc`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use support::{Data, Ran, data, script};

/// A server on the host's loopback that answers each HTTP request with its name and the request's first line.
fn server(name: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, name));
        }
    });
    port
}

fn answer(mut stream: TcpStream, name: &str) {
    let mut head = Vec::new();
    let mut byte = [0u8; 1];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    let first = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    let body = format!("[{name} saw {first}]\n");
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: keep-alive\r\n\r\n{body}", body.len());
}

/// `get HOST:PORT TARGET`, `forward TARGET`, `tunnel HOST:PORT`.
const TOOLS: &str = r#"
P=${http_proxy#http://}
ask() { printf "$2" | nc -w 5 ${1%:*} ${1##*:} 2>&1; echo; }
get() { echo "get $1"; ask "$1" "GET $2 HTTP/1.0\r\n\r\n"; }
forward() { echo "forward $1"; ask "$P" "GET $1 HTTP/1.1\r\nHost: x\r\n\r\n"; }
tunnel() { echo "tunnel $1"; ask "$P" "CONNECT $1 HTTP/1.1\r\n\r\nGET /through HTTP/1.0\r\n\r\n"; }
"#;

fn step(network: &str, text: &str) -> Value {
    let mut step = script("one", &format!("{TOOLS}{text}"));
    step["network"] = json!(network);
    step
}

fn registry(connect: u16) -> Value {
    json!({
        "host": "localhost:5999", "connect": format!("127.0.0.1:{connect}"), "username": "taskrun", "password": "secret-word",
        "registriesConf": "# conf\n",
    })
}

fn run(data: &Data, id: &str, step: Value, registry_port: u16, allow: &[String]) -> Ran {
    data.run(id, vec![step], json!({ "registry": registry(registry_port), "egressAllow": allow }))
}

#[test]
fn none_reaches_nothing_and_is_given_no_credential() {
    let Some(data) = data() else { return };
    let (store, other) = (server("registry"), server("other"));
    let text = format!(
        "get localhost:5999 /; get 127.0.0.1:{store} /; get 127.0.0.1:{other} /; get [::1]:{other} /
        get 10.0.0.1:80 /; get 1.1.1.1:80 /; nslookup example.org 1.1.1.1
        env; ls /tekton/creds; netstat -ltn | tail -n +3; echo end"
    );
    let ran = run(&data, "none", step("none", &text), store, &["*".into(), format!("127.0.0.1:{other}")]);
    assert_eq!(ran.outcome(), "succeeded", "{:?}", ran.logs);
    let log = &ran.logs[0];
    assert!(!log.contains("saw"), "{log}");
    assert!(!log.contains("secret-word") && !log.contains("DOCKER_CONFIG") && !log.contains("proxy"), "{log}");
    assert!(log.contains("No such file or directory\nend") || log.ends_with("end\n"), "{log}");
    assert_eq!(ran.witness("one")["network"], "none");
    assert_eq!(ran.witness("one")["connections"], json!([]));
}

#[test]
fn registry_reaches_the_registry_only() {
    let Some(data) = data() else { return };
    let (store, other) = (server("registry"), server("other"));
    let text = format!(
        "get localhost:5999 /v2/; get 127.0.0.1:5999 /v4; get 127.0.0.1:{store} /; get 127.0.0.1:{other} /; get 1.1.1.1:80 /
        echo proxy=$http_proxy; cat $REGISTRY_AUTH_FILE $CONTAINERS_REGISTRIES_CONF; ls -ln $DOCKER_CONFIG"
    );
    let mut step = step("registry", &text);
    step["runAsUser"] = json!(1001);
    let ran = run(&data, "registry", step, store, &["*".into(), format!("127.0.0.1:{other}")]);
    let log = &ran.logs[0];
    assert!(
        log.contains("[registry saw GET /v2/ HTTP/1.0]") && log.contains("[registry saw GET /v4 HTTP/1.0]"),
        "{log}"
    );
    assert_eq!(log.matches("saw").count(), 2, "{log}");
    assert!(log.contains("proxy=\n") && log.contains("# conf"), "{log}");
    // taskrun:secret-word
    assert!(log.contains(r#"{"auths":{"localhost:5999":{"auth":"dGFza3J1bjpzZWNyZXQtd29yZA=="}}}"#), "{log}");
    assert!(log.contains("-rw-------    1 1001"), "{log}");
    assert_eq!(ran.witness("one")["network"], "registry");
    assert_eq!(ran.witness("one")["connections"], json!([]));
}

#[test]
fn egress_reaches_what_is_allowed_and_records_it() {
    let Some(data) = data() else { return };
    let (store, web, other) = (server("registry"), server("web"), server("other"));
    let text = format!(
        "get 127.0.0.1:{web} /direct
        forward http://127.0.0.1:{web}/a; forward http://127.0.0.1:{web}/b; tunnel 127.0.0.1:{web}
        forward http://localhost:{web}/name; forward http://127.0.0.1:{other}/; tunnel 127.0.0.1:{other}; tunnel [::1]:{web}
        forward http://localhost:5999/v2/; get localhost:5999 /v2/direct
        tunnel 169.254.169.254:80; tunnel 0.0.0.0:{web}; tunnel 127.1:{web}; tunnel 2130706433:{web}; tunnel 0x7f000001:{web}
        forward http://user@127.0.0.1:{web}/; forward /relative; forward http://127.0.0.1:0/; tunnel 127.0.0.1
        head -c 100000 /dev/zero | nc -w 5 ${{P%:*}} ${{P##*:}}; head -c 300 /dev/urandom | nc -w 1 ${{P%:*}} ${{P##*:}} | head -1
        forward http://127.0.0.1:{web}/still-alive; env | grep -i proxy"
    );
    let ran = run(&data, "egress", step("egress", &text), store, &["*".into(), format!("127.0.0.1:{web}")]);
    let log = &ran.logs[0];
    assert_eq!(ran.outcome(), "succeeded", "{log}");
    for wanted in [
        "[web saw GET /a HTTP/1.1]",
        "[web saw GET /b HTTP/1.1]",
        "[web saw GET /through HTTP/1.0]",
        "[web saw GET /still-alive HTTP/1.1]",
        "[registry saw GET /v2/ HTTP/1.1]",
        "[registry saw GET /v2/direct HTTP/1.0]",
        "NO_PROXY=localhost:5999",
    ] {
        assert!(log.contains(wanted), "{wanted} is not in {log}");
    }
    assert_eq!(log.matches(" saw ").count(), 6, "{log}");
    assert!(!log.contains("[other") && !log.contains("/direct]"), "{log}");
    assert!(log.matches("403 Forbidden").count() >= 8, "{log}");
    assert!(log.matches("400 Bad Request").count() >= 4, "{log}");
    let witness = ran.witness("one");
    assert_eq!(witness["network"], "egress");
    let connections: Vec<&str> =
        witness["connections"].as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect();
    assert_eq!(connections, [format!("127.0.0.1:{web}")]);
}

#[test]
fn without_a_list_egress_reaches_nothing_but_the_registry() {
    let Some(data) = data() else { return };
    let (store, web) = (server("registry"), server("web"));
    let text =
        format!("forward http://127.0.0.1:{web}/; tunnel example.org:443; tunnel 1.1.1.1:443; get localhost:5999 /");
    let ran = run(&data, "nolist", step("egress", &text), store, &[]);
    let log = &ran.logs[0];
    assert_eq!(log.matches("is not on the allow-list").count(), 3, "{log}");
    assert!(log.contains("[registry saw") && !log.contains("[web"), "{log}");
    assert_eq!(ran.witness("one")["connections"], json!([]));
}

#[test]
fn steps_of_one_run_do_not_share_a_network() {
    let Some(data) = data() else { return };
    let store = server("registry");
    let mut first = step("egress", "nc -l -p 7777 -e cat & sleep 0.2; get localhost:5999 /");
    first["name"] = json!("first");
    let mut second = step("none", "get localhost:5999 /; get localhost:7777 /");
    second["name"] = json!("second");
    let ran = data.run("mixed", vec![first, second], json!({ "registry": registry(store) }));
    assert!(ran.logs[0].contains("[registry saw"), "{}", ran.logs[0]);
    assert!(!ran.logs[1].contains("saw"), "{}", ran.logs[1]);
    assert_eq!(ran.witness("first")["network"], "egress");
    assert_eq!(ran.witness("second")["network"], "none");
}

#[test]
fn large_transfers_pass_whole_both_ways() {
    let Some(data) = data() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
        all.len()
    });
    let text =
        "head -c 20000000 /dev/urandom > /tmp/a; nc localhost 5999 < /tmp/a > /tmp/b; cmp /tmp/a /tmp/b && echo same";
    let ran = run(&data, "transfer", step("registry", text), port, &[]);
    assert_eq!((ran.logs[0].as_str(), echo.join().unwrap()), ("same\n", 20_000_000));
}
