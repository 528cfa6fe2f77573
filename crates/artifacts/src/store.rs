//! The registry as trusted artifacts use it: push blobs and one manifest, fetch a blob. Names and credentials come from
//! the environment that every step has.

use crate::error::{Error, Result};
use crate::http::{self, Request, Response};
use base64::Engine as _;
use sluice_oci::{
    Algorithm, AuthFile, Descriptor, Digest, Hasher, MAX_MANIFEST_BYTES, Reference, RegistriesConf, media_type,
};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Credentials and names.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Who asks.
    pub auth: AuthFile,
    /// Where names are.
    pub registries: RegistriesConf,
}

impl Environment {
    /// `AUTHFILE`, else the usual places for credentials (`REGISTRY_AUTH_FILE`, `$DOCKER_CONFIG/config.json`, ...), and
    /// `CONTAINERS_REGISTRIES_CONF` for names.
    pub fn from_process() -> Result<Self> {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let remedy = "Correct the file, or unset the variable that names it.";
        let auth = match var("AUTHFILE") {
            Some(path) if path.exists() => AuthFile::load(&path),
            // Konflux's tasks always set it, whether or not there is a credential.
            _ => AuthFile::from_environment(),
        };
        let auth = auth.map_err(|e| Error::usage(e, remedy))?;
        let registries = match var("CONTAINERS_REGISTRIES_CONF") {
            None => RegistriesConf::default(),
            Some(path) => {
                let text = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
                RegistriesConf::parse(&text).map_err(|e| Error::usage(format!("`{}`: {e}", path.display()), remedy))?
            }
        };
        Ok(Environment { auth, registries })
    }

    /// The repository of `reference`, ready to be asked.
    pub(crate) fn repository(&self, reference: &Reference) -> Result<Repository> {
        let resolved = self.registries.resolve(reference).map_err(|e| Error::usage(e, "Change registries.conf."))?;
        let host = resolved.reference.registry().to_owned();
        if !resolved.insecure {
            let problem = format!("registry `{host}` speaks TLS, which sluice-artifact does not");
            let remedy = "Use the embedded registry, or set `insecure = true` for it in registries.conf.";
            return Err(Error::registry(reference, problem, remedy));
        }
        let path = resolved.reference.repository().to_owned();
        let authorization = self.auth.lookup(&host, &path).or_else(|| {
            // A credential may be filed under the name by which people call the place.
            self.auth.lookup(reference.registry(), reference.repository())
        });
        let authorization = authorization.map(|c| {
            let pair = format!("{}:{}", c.username, c.password);
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        });
        Ok(Repository { name: reference.name(), host, path, authorization })
    }
}

/// A body and its length.
type Content<'a, 'b> = (&'a mut (dyn Read + 'b), u64);

/// One repository of one registry.
pub(crate) struct Repository {
    name: String,
    host: String,
    path: String,
    authorization: Option<String>,
}

impl Repository {
    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Content<'_, '_>>,
    ) -> Result<Response> {
        let mut all = headers.to_vec();
        if let Some(authorization) = &self.authorization {
            all.push(("Authorization", authorization));
        }
        let request = Request { method, host: &self.host, path, headers: &all, body };
        http::send(request).map_err(|e| {
            let problem = format!("registry `{}` cannot be reached: {e}", self.host);
            Error::registry(&self.name, problem, "Check that it runs, and that the step has a network to it.")
        })
    }

    fn refused(&self, what: &str, mut response: Response) -> Error {
        let mut text = Vec::new();
        let _ = (&mut response).take(4096).read_to_end(&mut text);
        let text: String =
            String::from_utf8_lossy(&text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let remedy = match response.status {
            401 if self.authorization.is_none() => "The step has no credential for it: see DOCKER_CONFIG or AUTHFILE.",
            401 => "The step's credential is not valid (any more).",
            403 => {
                "The credential does not allow this; ask for the role in that namespace: a RoleBinding to one with the verbs pull or push on `repositories` of `registry.sluice.dev`."
            }
            404 => "Check the name; an artifact may have been deleted.",
            300..=399 => "The registry redirects elsewhere, which sluice-artifact does not follow.",
            _ => "The registry's log says more.",
        };
        let problem = format!("{what}: the registry answered {}: {}", response.status, text.trim());
        Error::registry(&self.name, problem, remedy)
    }

    fn has_blob(&self, digest: &Digest) -> Result<bool> {
        let path = format!("/v2/{}/blobs/{digest}", self.path);
        Ok(self.send("HEAD", &path, &[], None)?.status == 200)
    }

    /// Pushes `size` bytes of `content`, unless they are there.
    pub(crate) fn push_blob(&self, digest: &Digest, content: &mut dyn Read, size: u64) -> Result<()> {
        if self.has_blob(digest)? {
            return Ok(());
        }
        let begun = self.send("POST", &format!("/v2/{}/blobs/uploads/", self.path), &[], None)?;
        if begun.status != 202 {
            return Err(self.refused("beginning an upload", begun));
        }
        let location = begun.header("location").unwrap_or_default().to_owned();
        let place = location.strip_prefix(&format!("http://{}", self.host)).unwrap_or(&location);
        if !place.starts_with('/') || place.starts_with("//") {
            let problem = format!("the registry wants the upload at `{location}`, another host");
            return Err(Error::registry(&self.name, problem, "Use a registry that takes uploads itself."));
        }
        let separator = if place.contains('?') { '&' } else { '?' };
        let place = format!("{place}{separator}digest={digest}");
        let headers = [("Content-Type", "application/octet-stream")];
        let done = self.send("PUT", &place, &headers, Some((content, size)))?;
        if done.status != 201 {
            return Err(self.refused("uploading a blob", done));
        }
        Ok(())
    }

    /// Pushes a manifest under a tag or digest.
    pub(crate) fn push_manifest(&self, identifier: &str, bytes: &[u8]) -> Result<()> {
        let path = format!("/v2/{}/manifests/{identifier}", self.path);
        let mut content = bytes;
        let body: Content<'_, '_> = (&mut content, bytes.len() as u64);
        debug_assert!(body.1 <= MAX_MANIFEST_BYTES);
        let done = self.send("PUT", &path, &[("Content-Type", media_type::MANIFEST)], Some(body))?;
        if done.status != 201 {
            return Err(self.refused("pushing the manifest", done));
        }
        Ok(())
    }

    /// Downloads a blob to `out`; true if its digest is right. `out` must not be used otherwise.
    pub(crate) fn fetch(&self, digest: &Digest, mut out: &File, at: &Path, limit: u64) -> Result<Digest> {
        let mut response = self.send("GET", &format!("/v2/{}/blobs/{digest}", self.path), &[], None)?;
        if response.status != 200 {
            return Err(self.refused(&format!("fetching {digest}"), response));
        }
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut buffer = vec![0u8; 128 * 1024];
        let mut size = 0u64;
        loop {
            let read = response.read(&mut buffer).map_err(|e| {
                Error::registry(&self.name, format!("the download of {digest} broke off: {e}"), "Run the task again.")
            })?;
            if read == 0 {
                return Ok(hasher.finish());
            }
            size += read as u64;
            if size > limit {
                let problem = format!("{digest} is larger than the {limit} bytes that an artifact may have");
                return Err(Error::registry(&self.name, problem, "Make the artifact smaller."));
            }
            hasher.update(&buffer[..read]);
            out.write_all(&buffer[..read]).map_err(Error::file(at))?;
        }
    }
}

/// The descriptor of an artifact's layer, as oras writes it.
pub(crate) fn layer(title: &str, digest: Digest, size: u64) -> Descriptor {
    let mut descriptor = Descriptor::new(media_type::LAYER, digest, size);
    descriptor.annotations.insert("org.opencontainers.image.title".to_owned(), title.to_owned());
    descriptor
}
