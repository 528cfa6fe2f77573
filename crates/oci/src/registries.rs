//! containers' `registries.conf` (version 2): which image name is where. Read: `[[registry]]` with `prefix`, `location`,
//! `insecure` and `blocked`; the longest prefix wins. What this program would otherwise quietly not do (mirrors) is
//! refused with the key's name.

use crate::reference::{Reference, ReferenceError};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// One `[[registry]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryEntry {
    /// `host[:port][/path]`, or `*.domain`.
    pub prefix: String,
    /// What replaces the prefix.
    pub location: String,
    /// Plain HTTP.
    pub insecure: bool,
    /// Images of this prefix are not to be used.
    pub blocked: bool,
}

/// The file, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistriesConf {
    entries: Vec<RegistryEntry>,
    /// Hosts that an entry says, in so many words, to be secure: loopback then speaks TLS too.
    tls: BTreeSet<String>,
}

/// Where a name really is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The reference to ask for.
    pub reference: Reference,
    /// Whether the host is to be asked without TLS.
    pub insecure: bool,
}

/// What is wrong with the file or with a name under it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistriesError {
    /// Not TOML, or a key of the wrong type.
    #[error("registries.conf: {0}")]
    Syntax(String),
    /// A key that is not understood here.
    #[error("registries.conf: key `{key}` {problem}\n\n{remedy}")]
    Key {
        /// The key with its path.
        key: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The entry says that this image may not be used.
    #[error(
        "image `{image}` is blocked by registries.conf (prefix `{prefix}`)\n\nUse another image, or remove `blocked = true`."
    )]
    Blocked {
        /// The image.
        image: String,
        /// The entry.
        prefix: String,
    },
    /// The rewritten name is no reference.
    #[error("registries.conf: prefix `{prefix}` rewrites to a bad name: {source}")]
    Location {
        /// The entry.
        prefix: String,
        /// Why.
        source: ReferenceError,
    },
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    registry: Vec<toml::Table>,
}

impl RegistriesConf {
    /// Reads the content of a file.
    pub fn parse(text: &str) -> Result<Self, RegistriesError> {
        let table: toml::Table = toml::from_str(text).map_err(|e| RegistriesError::Syntax(e.to_string()))?;
        if table.contains_key("registries") {
            return Err(key(
                "registries",
                "is of version 1 of the format",
                "Write `[[registry]]` entries (version 2).",
            ));
        }
        let file: File = table.try_into().map_err(|e: toml::de::Error| {
            RegistriesError::Syntax(format!("key `registry` must be an array of tables: {}", e.message()))
        })?;
        let entries = file.registry.iter().enumerate().map(|(i, t)| entry(i, t)).collect::<Result<Vec<_>, _>>()?;
        let mut conf = RegistriesConf::new(entries);
        for (table, entry) in file.registry.iter().zip(&conf.entries) {
            if table.get("insecure").and_then(toml::Value::as_bool) == Some(false) {
                conf.tls.insert(host_of(entry).to_owned());
            }
        }
        Ok(conf)
    }

    /// One of entries made in the program.
    pub fn new(entries: Vec<RegistryEntry>) -> Self {
        RegistriesConf { entries, tls: BTreeSet::new() }
    }

    /// Adds an entry; of two with the same prefix the later one counts.
    pub fn push(&mut self, entry: RegistryEntry) {
        self.entries.retain(|e| e.prefix != entry.prefix);
        self.entries.push(entry);
    }

    /// Says that this host speaks TLS although it is on loopback.
    pub fn require_tls(&mut self, host: &str) {
        self.tls.insert(host.to_owned());
        if !self.entries.iter().any(|e| e.prefix == host) {
            self.push(RegistryEntry { prefix: host.to_owned(), location: host.to_owned(), ..RegistryEntry::default() });
        }
    }

    /// The entries.
    pub fn entries(&self) -> &[RegistryEntry] {
        &self.entries
    }

    /// Where `reference` is to be asked for: the longest matching prefix, rewritten once.
    pub fn resolve(&self, reference: &Reference) -> Result<Resolved, RegistriesError> {
        let name = reference.to_string();
        let Some(entry) = self.entries.iter().filter(|e| matches(&e.prefix, &name)).max_by_key(|e| e.prefix.len())
        else {
            return Ok(Resolved { reference: reference.clone(), insecure: self.plain(reference.registry()) });
        };
        if entry.blocked {
            return Err(RegistriesError::Blocked { image: name, prefix: entry.prefix.clone() });
        }
        // A wildcard prefix has nothing to be cut off; containers demands that it has no location.
        let rewritten = if entry.prefix.starts_with("*.") || entry.location.is_empty() || entry.location == entry.prefix
        {
            reference.clone()
        } else {
            format!("{}{}", entry.location, &name[entry.prefix.len()..])
                .parse()
                .map_err(|source| RegistriesError::Location { prefix: entry.prefix.clone(), source })?
        };
        let insecure = entry.insecure || self.plain(rewritten.registry());
        Ok(Resolved { reference: rewritten, insecure })
    }

    fn plain(&self, registry: &str) -> bool {
        is_loopback(registry) && !self.tls.contains(registry)
    }

    /// The file's text, for programs that read it themselves.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let quoted = |s: &str| toml::Value::String(s.to_owned()).to_string();
            let _ = write!(text, "[[registry]]\nprefix = {}\n", quoted(&entry.prefix));
            if !entry.location.is_empty() {
                let _ = writeln!(text, "location = {}", quoted(&entry.location));
            }
            if entry.insecure {
                text.push_str("insecure = true\n");
            } else if self.tls.contains(host_of(entry)) {
                text.push_str("insecure = false\n");
            }
            if entry.blocked {
                text.push_str("blocked = true\n");
            }
            text.push('\n');
        }
        text
    }
}

/// The host that an entry leads to.
fn host_of(entry: &RegistryEntry) -> &str {
    let place = if entry.location.is_empty() { &entry.prefix } else { &entry.location };
    place.split('/').next().unwrap_or(place)
}

fn key(key: &str, problem: &str, remedy: &str) -> RegistriesError {
    RegistriesError::Key { key: key.to_owned(), problem: problem.to_owned(), remedy: remedy.to_owned() }
}

fn entry(index: usize, table: &toml::Table) -> Result<RegistryEntry, RegistriesError> {
    let mut entry = RegistryEntry::default();
    for (name, value) in table {
        let path = format!("registry[{index}].{name}");
        let text = || value.as_str().ok_or_else(|| key(&path, "must be a string", "Put the value in quotes."));
        let flag = || value.as_bool().ok_or_else(|| key(&path, "must be true or false", "Write it without quotes."));
        match name.as_str() {
            "prefix" => entry.prefix = text()?.to_owned(),
            "location" => entry.location = text()?.to_owned(),
            "insecure" => entry.insecure = flag()?,
            "blocked" => entry.blocked = flag()?,
            "mirror" | "mirror-by-digest-only" => {
                return Err(key(&path, "is not supported", "Remove it, or point `location` at the mirror."));
            }
            _ => return Err(key(&path, "is not known", "Known are prefix, location, insecure and blocked.")),
        }
    }
    for (name, value) in [("prefix", &entry.prefix), ("location", &entry.location)] {
        let plain =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'/' | b'-' | b'_' | b'@' | b'[' | b']');
        let body = if name == "prefix" { value.strip_prefix("*.").unwrap_or(value) } else { value };
        if !body.bytes().all(plain) || body.contains("//") || value.ends_with('/') {
            let path = format!("registry[{index}].{name}");
            return Err(key(
                &path,
                "is not HOST[:PORT][/PATH]",
                "Write it without scheme and without a slash at the end.",
            ));
        }
    }
    let wildcard = entry.prefix.starts_with("*.");
    if entry.prefix.is_empty() {
        entry.prefix.clone_from(&entry.location);
    }
    if entry.prefix.is_empty() {
        return Err(key(&format!("registry[{index}]"), "has neither prefix nor location", "Give it at least one."));
    }
    if wildcard && !entry.location.is_empty() {
        let path = format!("registry[{index}].location");
        return Err(key(&path, "cannot be used with a wildcard prefix", "Remove it, or name the host in full."));
    }
    Ok(entry)
}

fn matches(prefix: &str, name: &str) -> bool {
    if let Some(domain) = prefix.strip_prefix("*.") {
        let host = name.split('/').next().unwrap_or(name);
        let host = host.rsplit_once(':').map_or(host, |(h, _)| h);
        return host.strip_suffix(domain).is_some_and(|h| h.ends_with('.'));
    }
    match name.strip_prefix(prefix) {
        Some("") => true,
        Some(rest) => rest.starts_with(['/', ':', '@']),
        None => false,
    }
}

/// `localhost` and loopback addresses speak plain HTTP by default, as in containers and Docker.
fn is_loopback(registry: &str) -> bool {
    let host = match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => registry.split(':').next().unwrap_or(registry),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FILE: &str = r#"
        unqualified-search-registries = ["docker.io"]
        [[registry]]
        prefix = "library.sluice.dev"
        location = "localhost:5000/library"
        insecure = true
        [[registry]]
        prefix = "quay.io/acme"
        location = "mirror.example:8443/quay"
        [[registry]]
        prefix = "quay.io/acme/bad"
        blocked = true
        [[registry]]
        location = "plain.example"
        insecure = true
        [[registry]]
        prefix = "tls.example"
        location = "localhost:8443/x"
        insecure = false
        [[registry]]
        prefix = "*.corp.example"
        insecure = true
    "#;

    fn resolve(name: &str) -> Result<(String, bool), RegistriesError> {
        let conf = RegistriesConf::parse(FILE).unwrap();
        conf.resolve(&name.parse().unwrap()).map(|r| (r.reference.to_string(), r.insecure))
    }

    #[test]
    fn the_longest_prefix_counts() {
        for (given, want, insecure) in [
            ("library.sluice.dev/tasks/a:1", "localhost:5000/library/tasks/a:1", true),
            ("quay.io/acme/x:1", "mirror.example:8443/quay/x:1", false),
            ("quay.io/acmex/x:1", "quay.io/acmex/x:1", false),
            ("plain.example/x", "plain.example/x", true),
            ("a.b.corp.example:8080/x", "a.b.corp.example:8080/x", true),
            ("corp.example/x", "corp.example/x", false),
            ("localhost:1/x", "localhost:1/x", true),
            ("tls.example/y", "localhost:8443/x/y", false),
            ("localhost:8443/y", "localhost:8443/y", false),
            ("127.0.0.1:1/x", "127.0.0.1:1/x", true),
            ("busybox", "docker.io/library/busybox", false),
        ] {
            assert_eq!(resolve(given).unwrap(), (want.to_owned(), insecure), "{given}");
        }
        assert!(matches!(resolve("quay.io/acme/bad:1"), Err(RegistriesError::Blocked { .. })));
    }

    #[test]
    fn rendered_text_reads_back() {
        let conf = RegistriesConf::parse(FILE).unwrap();
        assert_eq!(RegistriesConf::parse(&conf.render()).unwrap(), conf);
    }

    #[test]
    fn errors_name_the_key() {
        for (text, key) in [
            ("[[registry]]\nprefix = 1", "registry[0].prefix"),
            ("[[registry]]\nlocation = 'a.b'\ninsecure = 'yes'", "registry[0].insecure"),
            ("[[registry]]\nlocation = 'a.b'\n[[registry.mirror]]\nlocation = 'c.d'", "registry[0].mirror"),
            ("[[registry]]\nlocaton = 'a.b'", "registry[0].locaton"),
            ("[[registry]]\ninsecure = true", "registry[0]"),
            ("[[registry]]\nlocation = 'http://a.b'", "registry[0].location"),
            ("[registries.search]\nregistries = []", "registries"),
            ("registry = 1", "registry"),
        ] {
            let message = RegistriesConf::parse(text).unwrap_err().to_string();
            assert!(message.contains(&format!("`{key}`")), "{message}");
        }
    }
}
