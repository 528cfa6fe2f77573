//! From the command line to an observer: reads files, makes clients. Opens no connection by itself.

use crate::args::{KeyArgs, RunArgs};
use crate::{Observer, Settings, Store, TokenSource};
use kube::config::{KubeConfigOptions, Kubeconfig};
use sluice_attest::PublicKey;
use sluice_attest::provenance::Options;
use sluice_keys::SigningKey;
use sluice_oci::{AuthFile, Client, RegistriesConf, RegistryEntry};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// Why the observer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Key(#[from] sluice_keys::KeyFileError),
    #[error("cannot {what} `{path}`: {reason}")]
    File { what: &'static str, path: String, reason: String },
    #[error("the API server of the kubeconfig `{path}`: {reason}")]
    Kubeconfig { path: String, reason: String },
    #[error("registry client: {0}")]
    Registry(#[from] sluice_oci::Error),
}

fn file_error(what: &'static str, path: &Path) -> impl Fn(String) -> SetupError {
    let path = path.display().to_string();
    move |reason| SetupError::File { what, path: path.clone(), reason }
}

/// Loads or makes the key and writes its public half.
///
/// # Errors
/// When the key cannot be used or a file cannot be written.
pub fn key(args: &KeyArgs) -> Result<SigningKey, SetupError> {
    let key = SigningKey::load_or_create(&args.key)?;
    if let Some(path) = &args.public_key_out {
        write_public(path, key.public_pem()).map_err(|e| file_error("write", path)(e.to_string()))?;
    }
    Ok(key)
}

/// The observer that the arguments describe.
///
/// # Errors
/// When a file cannot be read or says nothing usable; the message names it.
pub async fn observer(args: &RunArgs) -> Result<Observer, SetupError> {
    let key = Arc::new(key(&args.key)?);
    let engine_key = args.engine_key.as_deref().map(public_key).transpose()?;
    let options = Options { builder_id: args.builder_id.clone(), deep: !args.shallow };
    let client = kube_client(args).await?;
    let store = store(args, key)?;
    tracing::info!(key = store.key().key_id(), status_signatures = engine_key.is_some(), "observing");
    Ok(Observer::new(client, store, Settings { options, engine_key, registry: args.registry.clone() }))
}

fn public_key(path: &Path) -> Result<PublicKey, SetupError> {
    PublicKey::from_pem(&read(path)?).map_err(|e| file_error("use", path)(e.to_string()))
}

async fn kube_client(args: &RunArgs) -> Result<kube::Client, SetupError> {
    let path = args.kubeconfig.display().to_string();
    let fail = |reason: String| SetupError::Kubeconfig { path: path.clone(), reason };
    let mut kubeconfig = Kubeconfig::read_from(&args.kubeconfig).map_err(|e| fail(e.to_string()))?;
    if let Some(token) = &args.token_file {
        for user in kubeconfig.auth_infos.iter_mut().filter_map(|user| user.auth_info.as_mut()) {
            user.token = None;
            user.token_file = Some(token.display().to_string());
        }
    }
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    kube::Client::try_from(config.map_err(|e| fail(e.to_string()))?).map_err(|e| fail(e.to_string()))
}

fn store(args: &RunArgs, key: Arc<SigningKey>) -> Result<Store, SetupError> {
    let mut registries = match &args.registries_conf {
        Some(path) => RegistriesConf::parse(&read(path)?).map_err(|e| file_error("use", path)(e.to_string()))?,
        None => RegistriesConf::default(),
    };
    let auth = args.registry_auth.as_deref().map(AuthFile::load).transpose()?.unwrap_or_default();
    let mut tokens = vec![];
    if let Some(registry) = &args.registry {
        if args.registry_ca.is_none()
            && is_loopback(registry)
            && !registries.entries().iter().any(|e| e.prefix == *registry)
        {
            // The embedded registry speaks plain HTTP on loopback.
            registries.push(RegistryEntry {
                prefix: registry.clone(),
                location: registry.clone(),
                insecure: true,
                blocked: false,
            });
        }
        if let Some(file) = args.registry_token_file.as_ref().or(args.token_file.as_ref()) {
            tokens.push(TokenSource { registry: registry.clone(), user: "observer".to_owned(), file: file.clone() });
        }
    }
    let mut builder = Client::builder().registries(registries);
    if let Some(path) = &args.registry_ca {
        builder = builder.ca_pem(read(path)?);
    }
    Ok(Store::new(builder.build()?, auth, tokens, key))
}

fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn read(path: &Path) -> Result<String, SetupError> {
    fs::read_to_string(path).map_err(|e| file_error("read", path)(e.to_string()))
}

/// Writes a public key whole or not at all. A file that says the same is left alone.
fn write_public(path: &Path, pem: &str) -> std::io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == pem) {
        return Ok(());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let draft = path.with_file_name(name);
    let mut file = fs::File::create(&draft)?;
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_is_made_once_and_its_public_half_published() {
        let folder = tempfile::tempdir().unwrap();
        let args =
            KeyArgs { key: folder.path().join("cosign.key"), public_key_out: Some(folder.path().join("cosign.pub")) };
        let first = key(&args).unwrap();
        let public = fs::read_to_string(folder.path().join("cosign.pub")).unwrap();
        assert_eq!(public, first.public_pem());
        assert_eq!(key(&args).unwrap().key_id(), first.key_id());
    }

    #[test]
    fn loopback_is_told_from_other_hosts() {
        for host in ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "127.0.0.1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["example.com:5000", "10.0.0.1:5000", "localhost.example.com"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
