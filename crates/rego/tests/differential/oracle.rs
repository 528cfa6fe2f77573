//! OPA as a child process that answers one request a line, in order; requests are written ahead so that it never waits.

use serde_json::{Value as Json, json};
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// New processes that answer a request before it is taken for answered differently.
const PROCESSES: usize = 16;

/// A running OPA.
pub struct Oracle {
    program: OsString,
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
        Some(Self::of(&program))
    }

    fn of(program: &OsStr) -> Self {
        let mut child = Command::new(program)
            .args(["peer", "serve"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("OPA starts");
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { program: program.to_owned(), child, to, from }
    }

    /// Answers of new processes. OPA's checker may change the types of its builtins while it puts those of rules
    /// together, for all policies that one process checks after; it keeps the patterns that it compiled, and takes that of
    /// a template for that of a match; and it takes rules in the order of a map of Go, on which
    /// what it says of functions hangs of which a clause is wrong.
    pub fn anew(&mut self, request: &Json) -> impl Iterator<Item = Json> {
        (0..PROCESSES).map(move |_| {
            *self = Self::of(&self.program);
            self.ask(std::slice::from_ref(request)).remove(0)
        })
    }

    /// Answers to all requests. Some policies overflow OPA's own stack, which ends it: then it is started again, and what
    /// it did not answer has no answer to compare with.
    pub fn ask(&mut self, requests: &[Json]) -> Vec<Json> {
        let to = self.to.as_mut().unwrap();
        let from = &mut self.from;
        let mut answers: Vec<Json> = std::thread::scope(|scope| {
            scope.spawn(move || {
                let text: String = requests.iter().map(|request| format!("{request}\n")).collect();
                // That OPA ended is seen where it is read from.
                let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
            });
            let mut line = String::new();
            let mut next = || {
                line.clear();
                from.read_line(&mut line).ok().filter(|length| *length > 0)?;
                Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}")))
            };
            requests.iter().map_while(|_| next()).collect()
        });
        if answers.len() < requests.len() {
            let ended = std::mem::replace(self, Self::of(&self.program));
            drop(ended);
            answers.resize(requests.len(), json!({"errors": [{"code": "panic", "message": "OPA ended"}]}));
        }
        answers
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.to = None;
        let _ = self.child.wait();
    }
}
