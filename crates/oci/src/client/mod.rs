//! The registry client: one `Client` for a configuration (registries.conf, credentials, extra CA), cheap to clone. It
//! streams blobs, checks every digest itself and keeps no more than a manifest in memory.

mod authorization;
mod blobs;
mod manifests;
mod transport;

pub use manifests::{PulledImage, PulledManifest};

use crate::auth::AuthFile;
use crate::error::{Error, Result};
use crate::reference::Reference;
use crate::registries::RegistriesConf;
use std::sync::Arc;

/// Talks to registries; clones share connections and tokens.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registries: RegistriesConf,
    auth: AuthFile,
    transport: transport::Transport,
    grants: authorization::Grants,
}

/// What a client is made of.
#[derive(Clone, Debug, Default)]
pub struct ClientBuilder {
    registries: RegistriesConf,
    auth: AuthFile,
    ca_pem: Vec<Vec<u8>>,
}

impl ClientBuilder {
    /// Where names are.
    pub fn registries(mut self, registries: RegistriesConf) -> Self {
        self.registries = registries;
        self
    }

    /// Who asks.
    pub fn auth(mut self, auth: AuthFile) -> Self {
        self.auth = auth;
        self
    }

    /// Trusts these CA certificates (PEM) besides the machine's.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_pem.push(pem.into());
        self
    }

    /// Makes the client; opens no connection.
    pub fn build(self) -> Result<Client> {
        let transport = transport::Transport::new(&self.ca_pem)?;
        Ok(Client {
            inner: Arc::new(Inner {
                registries: self.registries,
                auth: self.auth,
                transport,
                grants: authorization::Grants::default(),
            }),
        })
    }
}

impl Client {
    /// A builder with no configuration.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client of these names and credentials.
    pub fn new(registries: RegistriesConf, auth: AuthFile) -> Result<Client> {
        Self::builder().registries(registries).auth(auth).build()
    }

    /// Another user's client over the same connections and names; shares no token.
    pub fn with_auth(&self, auth: AuthFile) -> Client {
        Client {
            inner: Arc::new(Inner {
                registries: self.inner.registries.clone(),
                auth,
                transport: self.inner.transport.clone(),
                grants: authorization::Grants::default(),
            }),
        }
    }

    /// The names it uses.
    pub fn registries(&self) -> &RegistriesConf {
        &self.inner.registries
    }

    fn target(&self, reference: &Reference) -> Result<Target> {
        let resolved = self.inner.registries.resolve(reference)?;
        let scheme = if resolved.insecure { "http" } else { "https" };
        let registry = resolved.reference.registry();
        let host = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
        Ok(Target { base: format!("{scheme}://{host}"), given: reference.clone(), reference: resolved.reference })
    }
}

/// A repository at the place where it really is.
#[derive(Clone, Debug)]
struct Target {
    /// `scheme://host:port`.
    base: String,
    /// As the caller named it, for messages.
    given: Reference,
    /// As it is asked for.
    reference: Reference,
}

impl Target {
    fn url(&self, rest: &str) -> String {
        format!("{}/v2/{}/{rest}", self.base, self.reference.repository())
    }

    fn uri(&self, url: &str) -> Result<http::Uri> {
        url.parse().map_err(|e| Error::unusable(&self.given, format!("`{url}` is no address: {e}"), "Check its name."))
    }
}

fn transport_unreachable(target: &Target, detail: String) -> Error {
    Error::Unreachable { registry: target.reference.registry().to_owned(), object: target.given.to_string(), detail }
}

fn transport_denied(target: &Target, detail: String) -> Error {
    let remedy = format!("Check the credentials for `{}` in the registry auth file.", target.reference.registry());
    Error::Denied { object: target.given.to_string(), detail, remedy }
}
