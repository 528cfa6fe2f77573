//! A registry on a loopback port with an authority of a few users, for the tests beside this file.
#![allow(clippy::unwrap_used, dead_code)]

use futures::future::BoxFuture;
use sluice_oci::{AuthFile, Client, Credentials, Reference, RegistriesConf};
use sluice_registry::{Action, Authority, Credential, Identity, Recorder, Registry, Transfer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// `root` may do all, `acme` what is under `acme/`, everyone may pull from `public/`; `taskrun` is acme in a run.
pub struct Users;

impl Authority for Users {
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Option<Identity>> {
        let (name, password) = match credential {
            Credential::Anonymous => ("system:anonymous", "system:anonymous-secret"),
            Credential::Basic { username, password } => (username, password),
            Credential::Bearer { token } => (token.trim_end_matches("-secret"), token),
        };
        let known = ["system:anonymous", "root", "acme", "other", "taskrun"].contains(&name);
        let right = known && password == format!("{name}-secret");
        let task_run = (name == "taskrun").then(|| "uid-1".to_owned());
        let identity = Identity { user: name.to_owned(), groups: Vec::new(), task_run };
        Box::pin(async move { right.then_some(identity) })
    }

    fn allowed<'a>(&'a self, identity: &'a Identity, repository: &'a str, action: Action) -> BoxFuture<'a, bool> {
        let namespace = repository.split('/').next().unwrap_or_default();
        let allowed = match identity.user.as_str() {
            "root" => true,
            "acme" | "taskrun" => namespace == "acme" || (namespace == "public" && action == Action::Pull),
            "other" => namespace == "other" || (namespace == "public" && action == Action::Pull),
            _ => namespace == "public" && action == Action::Pull,
        };
        Box::pin(async move { allowed })
    }
}

#[derive(Default)]
pub struct Records(pub Mutex<Vec<(Identity, Transfer)>>);

impl Recorder for Records {
    fn record(&self, identity: &Identity, transfer: Transfer) {
        self.0.lock().unwrap().push((identity.clone(), transfer));
    }
}

impl Records {
    pub fn of(&self, action: Action) -> Vec<(Identity, Transfer)> {
        self.0.lock().unwrap().iter().filter(|(_, t)| t.action == action).cloned().collect()
    }
}

/// A running registry; the folder goes with it.
pub struct Server {
    pub host: String,
    pub folder: tempfile::TempDir,
    root: PathBuf,
    pub records: Arc<Records>,
    pub registry: Registry,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    pub async fn start_in(folder: tempfile::TempDir) -> Self {
        Self::start_at(folder, "").await
    }

    /// One that waits so long, and no longer, for the head of a request.
    pub async fn start_patient(patience: std::time::Duration) -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), "", patience).await
    }

    /// On a folder below `folder`.
    pub async fn start_at(folder: tempfile::TempDir, below: &str) -> Self {
        Self::start_with(folder, below, sluice_registry::PATIENCE).await
    }

    async fn start_with(folder: tempfile::TempDir, below: &str, patience: std::time::Duration) -> Self {
        let records = Arc::new(Records::default());
        let root = folder.path().join(below);
        let registry = Registry::open(&root, Arc::new(Users), records.clone()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let served = registry.clone();
        let task = tokio::spawn(async move { served.serve(listener, patience).await });
        Server { host, folder, root, records, registry, task }
    }

    pub fn reference(&self, rest: &str) -> Reference {
        format!("{}/{rest}", self.host).parse().unwrap()
    }

    pub fn client(&self, user: &str) -> Client {
        let mut auth = AuthFile::default();
        if !user.is_empty() {
            let credentials = Credentials { username: user.to_owned(), password: format!("{user}-secret") };
            auth.insert(&self.host, credentials);
        }
        Client::new(RegistriesConf::default(), auth).unwrap()
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn uploads(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.root().join("uploads")).unwrap().map(|e| e.unwrap().path()).collect()
    }

    /// A request over a bare connection, for what well-behaved clients do not send. The answer's head and body.
    pub async fn raw(&self, user: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(&self.host).await.unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        if !user.is_empty() {
            request.push_str(&format!("Authorization: Bearer {user}-secret\r\n"));
        }
        if !headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("content-length")) {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(body).await;
        // Only a sender that goes away before its time closes its half: servers take that for the end of interest.
        let declared = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("content-length"));
        if declared.is_some_and(|(_, length)| *length != body.len().to_string()) {
            let _ = stream.shutdown().await;
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Answer::parse(&answer)
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let cut = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..cut]).into_owned();
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Answer { status, head, body: bytes.get(cut + 4..).unwrap_or_default().to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (n, value) = line.split_once(':')?;
            n.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The spec's code of an error.
    pub fn code(&self) -> String {
        let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        value["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }
}
