//! OPA as a child process that answers one request a line, in order; requests are written ahead so that it never waits.

use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running OPA.
pub struct Oracle {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts the program that `SLUICE_OPA` names. None where it is not set; in CI that is a failure.
    pub fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("SLUICE_OPA") else {
            assert!(std::env::var_os("CI").is_none(), "SLUICE_OPA is not set, and in CI OPA is needed");
            eprintln!("NOT COMPARED with OPA: set SLUICE_OPA to what `tools/build opa` prints");
            return None;
        };
        let mut child = Command::new(program)
            .args(["peer", "serve"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("OPA starts");
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, to, from })
    }

    /// Answers to all requests.
    pub fn ask(&mut self, requests: &[Json]) -> Vec<Json> {
        let to = self.to.as_mut().unwrap();
        let from = &mut self.from;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let text: String = requests.iter().map(|request| format!("{request}\n")).collect();
                to.write_all(text.as_bytes()).and_then(|()| to.flush()).expect("OPA reads");
            });
            requests
                .iter()
                .map(|request| {
                    let mut line = String::new();
                    from.read_line(&mut line).expect("OPA answers");
                    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?} for {request}"))
                })
                .collect()
        })
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.to = None;
        let _ = self.child.wait();
    }
}
