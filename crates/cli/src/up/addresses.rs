//! The addresses of a data folder: chosen at the first start and kept, because images are named by the registry's.

use crate::error::{CliError, Context, Exit, Result};
use serde::{Deserialize, Serialize};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

const FILE: &str = "addresses.json";
const DEFAULT_API: &str = "127.0.0.1:7443";
const DEFAULT_REGISTRY: &str = "127.0.0.1:5000";

/// Where the API and the registry listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    pub v: u32,
    pub api: SocketAddr,
    pub registry: SocketAddr,
}

impl Addresses {
    /// `HOST:PORT` by which images of this registry are named; a loopback address is named `localhost`, which every
    /// client takes for a plain HTTP registry.
    pub fn registry_host(&self) -> String {
        if self.registry.ip().is_loopback() {
            format!("localhost:{}", self.registry.port())
        } else {
            self.registry.to_string()
        }
    }

    /// The API's URL.
    pub fn api_url(&self) -> String {
        format!("https://{}", self.api)
    }
}

/// The recorded addresses, if the folder was started before.
///
/// # Errors
/// When the record cannot be read.
pub fn recorded(folder: &Path) -> Result<Option<Addresses>> {
    let path = folder.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let record =
                serde_json::from_slice(&bytes).context(Exit::Usage, format!("reading `{}`", path.display()))?;
            Ok(Some(record))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(CliError::usage(format!("reading `{}`: {e}", path.display()))),
    }
}

/// Binds both listeners in the data folder (the working folder) and records what was bound.
///
/// # Errors
/// When an address is malformed or in use, or differs from the one this folder keeps.
pub fn bind(api: Option<&str>, registry: Option<&str>) -> Result<(Addresses, TcpListener, TcpListener)> {
    let before = recorded(Path::new("."))?;
    let api_at = choose("--listen", api, before.as_ref().map(|a| a.api), DEFAULT_API)?;
    let registry_at = choose("--registry-listen", registry, before.as_ref().map(|a| a.registry), DEFAULT_REGISTRY)?;
    let api = listen("--listen", api_at)?;
    let registry = listen("--registry-listen", registry_at)?;
    let addresses = Addresses {
        v: 1,
        api: api.local_addr().context(Exit::Defect, "asking for the API's address")?,
        registry: registry.local_addr().context(Exit::Defect, "asking for the registry's address")?,
    };
    if before.as_ref() != Some(&addresses) {
        let bytes = serde_json::to_vec_pretty(&addresses).context(Exit::Defect, "writing addresses.json")?;
        super::folder::write_atomically(Path::new(FILE), &bytes, 0o644, None)?;
    }
    Ok((addresses, api, registry))
}

/// The recorded address stands; a flag may repeat it or ask for port 0, and nothing else.
fn choose(flag: &str, asked: Option<&str>, kept: Option<SocketAddr>, default: &str) -> Result<SocketAddr> {
    let asked = asked.map(|text| parse(flag, text)).transpose()?;
    match (kept, asked) {
        (Some(kept), Some(asked)) if asked != kept && asked.port() != 0 => Err(CliError::usage(format!(
            "`{flag} {asked}`: this data folder keeps the address {kept}"
        ))
        .hint("images and signatures name the registry by its address; use another data folder for another one")),
        (Some(kept), _) => Ok(kept),
        (None, Some(asked)) => Ok(asked),
        (None, None) => parse(flag, default),
    }
}

fn parse(flag: &str, text: &str) -> Result<SocketAddr> {
    text.replace("localhost:", "127.0.0.1:").parse().map_err(|_| {
        CliError::usage(format!("`{flag} {text}` is not an address")).hint("write IP:PORT, such as 127.0.0.1:0")
    })
}

fn listen(flag: &str, address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|e| {
        CliError::usage(format!("`{flag} {address}`: {e}")).hint(format!(
            "another program has this port; a new data folder with `{flag} 127.0.0.1:0` takes a free one"
        ))
    })?;
    listener.set_nonblocking(true).context(Exit::Defect, "preparing a listening socket")?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_kept_address_stands() {
        let kept: SocketAddr = "127.0.0.1:5001".parse().unwrap();
        let table = [
            (None, None, Ok("127.0.0.1:5000")),
            (Some("127.0.0.1:0"), None, Ok("127.0.0.1:0")),
            (Some("localhost:7"), None, Ok("127.0.0.1:7")),
            (None, Some(kept), Ok("127.0.0.1:5001")),
            (Some("127.0.0.1:0"), Some(kept), Ok("127.0.0.1:5001")),
            (Some("127.0.0.1:5002"), Some(kept), Err("keeps the address 127.0.0.1:5001")),
            (Some("nonsense"), None, Err("is not an address")),
        ];
        for (asked, kept, want) in table {
            match (choose("--registry-listen", asked, kept, DEFAULT_REGISTRY), want) {
                (Ok(got), Ok(want)) => assert_eq!(got.to_string(), want),
                (Err(got), Err(want)) => assert!(got.message.contains(want), "{}", got.message),
                (got, want) => panic!("{asked:?} {kept:?}: {got:?}, want {want:?}"),
            }
        }
    }
}
