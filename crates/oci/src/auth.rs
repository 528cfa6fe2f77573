//! Registry credentials: pairs of user and password for a repository prefix, as in Docker's `config.json`. The longest
//! prefix wins (Konflux's select-oci-auth). Credential helpers are programs, and this library starts none.

use crate::error::{Error, Result};
use base64::Engine as _;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Sent as it is; may be anything where the password is a token.
    pub username: String,
    /// Secret.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Credentials by `host[:port][/path]`.
#[derive(Clone, Debug, Default)]
pub struct AuthFile {
    entries: BTreeMap<String, Credentials>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

impl AuthFile {
    /// Reads a file of Docker's form; `auths` alone counts.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        Self::parse(&text).map_err(|e| Error::Configuration(format!("auth file `{}`: {e}", path.display())))
    }

    /// The file that the usual environment names: `REGISTRY_AUTH_FILE`, `$DOCKER_CONFIG/config.json`,
    /// `$XDG_RUNTIME_DIR/containers/auth.json`, `~/.docker/config.json`; the first that exists. None is no error.
    pub fn from_environment() -> Result<Self> {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(std::path::PathBuf::from);
        if let Some(path) = var("REGISTRY_AUTH_FILE") {
            return Self::load(&path);
        }
        let candidates = [
            var("DOCKER_CONFIG").map(|p| p.join("config.json")),
            var("XDG_RUNTIME_DIR").map(|p| p.join("containers/auth.json")),
            var("HOME").map(|p| p.join(".docker/config.json")),
        ];
        match candidates.into_iter().flatten().find(|p| p.is_file()) {
            Some(path) => Self::load(&path),
            None => Ok(Self::default()),
        }
    }

    /// Parses the file's content. Errors never repeat it.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let file: File = serde_json::from_str(text)
            .map_err(|e| format!("not valid JSON at line {} column {}", e.line(), e.column()))?;
        let mut entries = BTreeMap::new();
        for (key, entry) in file.auths {
            if let Some(credentials) = entry.credentials().map_err(|e| format!("key `auths.{key}`: {e}"))? {
                entries.insert(normalise(&key), credentials);
            }
        }
        Ok(AuthFile { entries })
    }

    /// Adds or replaces the credentials of a host or repository prefix.
    pub fn insert(&mut self, prefix: &str, credentials: Credentials) {
        self.entries.insert(normalise(prefix), credentials);
    }

    /// One pair for one prefix.
    pub fn single(prefix: &str, username: &str, password: &str) -> Self {
        let mut file = Self::default();
        file.insert(prefix, Credentials { username: username.to_owned(), password: password.to_owned() });
        file
    }

    /// The credentials for `host/path`: its own key, else the nearest parent's, else the host's.
    pub fn lookup(&self, registry: &str, repository: &str) -> Option<&Credentials> {
        let mut name = format!("{registry}/{repository}");
        loop {
            if let Some(found) = self.entries.get(&name) {
                return Some(found);
            }
            let cut = name.rfind('/')?;
            name.truncate(cut);
        }
    }

    /// The file's text in Docker's form.
    pub fn render(&self) -> String {
        let auth = |c: &Credentials| {
            base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", c.username, c.password))
        };
        let auths: serde_json::Map<String, serde_json::Value> =
            self.entries.iter().map(|(k, c)| (k.clone(), serde_json::json!({ "auth": auth(c) }))).collect();
        serde_json::json!({ "auths": auths }).to_string()
    }
}

impl Entry {
    fn credentials(self) -> std::result::Result<Option<Credentials>, &'static str> {
        if self.auth.is_empty() {
            let has = !self.username.is_empty() || !self.password.is_empty();
            return Ok(has.then_some(Credentials { username: self.username, password: self.password }));
        }
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(self.auth.trim())
            .map_err(|_| "`auth` is not base64 of USER:PASSWORD")?;
        let text = String::from_utf8(bytes).map_err(|_| "`auth` is not base64 of USER:PASSWORD")?;
        let (username, password) = text.split_once(':').ok_or("`auth` is not base64 of USER:PASSWORD")?;
        Ok(Some(Credentials { username: username.to_owned(), password: password.trim_end_matches('\0').to_owned() }))
    }
}

/// Docker writes old keys as `https://index.docker.io/v1/`.
fn normalise(key: &str) -> String {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    let key = key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key);
    match key {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_longest_prefix_counts() {
        let file = AuthFile::parse(
            r#"{"auths":{"localhost:5000":{"auth":"aG9zdDpwOnc="},"localhost:5000/acme":{"username":"acme","password":"p"},
                "localhost:5000/acme/hello":{"auth":"aGVsbG86cA=="},"https://index.docker.io/v1/":{"auth":"aHViOnA="},
                "empty.example":{}},"credsStore":"x"}"#,
        )
        .unwrap();
        let user = |host: &str, path: &str| file.lookup(host, path).map(|c| c.username.clone());
        assert_eq!(user("localhost:5000", "acme/hello").as_deref(), Some("hello"));
        assert_eq!(user("localhost:5000", "acme/hello/x").as_deref(), Some("hello"));
        assert_eq!(user("localhost:5000", "acme/hello2").as_deref(), Some("acme"));
        assert_eq!(user("localhost:5000", "other").as_deref(), Some("host"));
        assert_eq!(user("docker.io", "library/x").as_deref(), Some("hub"));
        assert_eq!(user("localhost:50001", "x"), None);
        assert_eq!(user("empty.example", "x"), None);
        assert_eq!(file.lookup("localhost:5000", "x").unwrap().password, "p:w");
        let again = AuthFile::parse(&file.render()).unwrap();
        assert_eq!(again.entries, file.entries);
    }

    #[test]
    fn a_bad_file_is_not_quoted() {
        let error = AuthFile::parse(r#"{"auths":{"h":{"auth":"c2VjcmV0"}}}"#).unwrap_err();
        assert!(error.contains("auths.h") && !error.contains("c2VjcmV0"), "{error}");
        assert!(!AuthFile::parse(r#"{"auths":{"h":{"auth":"hunter2"#).unwrap_err().contains("hunter2"));
        assert!(!format!("{:?}", AuthFile::single("h", "u", "hunter2")).contains("hunter2"));
    }
}
