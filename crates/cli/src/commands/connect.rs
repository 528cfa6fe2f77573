//! A command's connection: the API named by the kubeconfig and, with the same credential, the registry beside it.

use super::lock::{ALIAS, Lock};
use crate::error::{CliError, Context, Exit, Result};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::config::Kubeconfig;
use sluice_oci::{AuthFile, Reference, RegistriesConf, RegistryEntry};
use std::path::Path;

/// The API and the registry, as one identity.
pub struct Connection {
    pub client: Client,
    pub registry: sluice_oci::Client,
    /// The registry credential of the same identity.
    pub auth: AuthFile,
    /// `HOST:PORT` by which images of the embedded registry are named.
    pub host: String,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects with the kubeconfig's current context.
    ///
    /// # Errors
    /// When the file is unusable, or the API cannot be asked where the registry is.
    pub async fn open(kubeconfig: &Path) -> Result<Self> {
        let what = || format!("kubeconfig `{}`", kubeconfig.display());
        let file = read(kubeconfig).map_err(|e| {
            e.hint("`export KUBECONFIG=DIR/admin.kubeconfig`, where DIR is the --data-dir of `sluice up`")
        })?;
        let token = token(&file);
        let config = kube::Config::from_custom_kubeconfig(file, &kube::config::KubeConfigOptions::default())
            .await
            .context(Exit::Usage, what())?;
        let client = Client::try_from(config).context(Exit::Usage, what())?;
        let host = registry_host(&client).await?;
        let auth = token.map_or_else(AuthFile::default, |token| AuthFile::single(&host, "token", &token));
        let registry = sluice_oci::Client::new(registries(&host), auth.clone());
        Ok(Self { client, registry: registry.context(Exit::Defect, "making the registry client")?, auth, host })
    }

    /// The lock of what was published last.
    ///
    /// # Errors
    /// When nothing was published yet, or it cannot be read.
    pub async fn lock(&self) -> Result<Lock> {
        self.published_lock().await?.ok_or_else(|| {
            CliError::usage("the trusted task library is empty").hint("`sluice task push library` publishes it")
        })
    }

    /// As `lock`, or `None` when nothing was published yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn published_lock(&self) -> Result<Option<Lock>> {
        match super::task_push::read_layer(&self.registry, super::lock::LOCK_LAYER).await? {
            Some(bytes) => serde_json::from_slice(&bytes).map(Some).context(Exit::Defect, "reading the library's lock"),
            None => Ok(None),
        }
    }

    /// An API of one kind.
    pub fn api(&self, kind: Kind, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &kind.resource())
    }
}

/// The kinds that commands create and watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    PipelineRun,
    TaskRun,
    Component,
    Snapshot,
    Release,
}

impl Kind {
    /// Group, version, kind and plural, as kube needs them without discovery.
    pub fn resource(self) -> ApiResource {
        let (group, version, kind, plural) = match self {
            Self::PipelineRun => ("tekton.dev", "v1", "PipelineRun", "pipelineruns"),
            Self::TaskRun => ("tekton.dev", "v1", "TaskRun", "taskruns"),
            Self::Component => ("appstudio.redhat.com", "v1alpha1", "Component", "components"),
            Self::Snapshot => ("appstudio.redhat.com", "v1alpha1", "Snapshot", "snapshots"),
            Self::Release => ("appstudio.redhat.com", "v1alpha1", "Release", "releases"),
        };
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }
}

/// The library's alias, mapped to the embedded registry.
pub fn registries(host: &str) -> RegistriesConf {
    RegistriesConf::new(vec![
        RegistryEntry { prefix: host.to_owned(), location: host.to_owned(), insecure: true, blocked: false },
        RegistryEntry { prefix: ALIAS.to_owned(), location: format!("{host}/library"), insecure: true, blocked: false },
    ])
}

/// A reference under the library's alias.
///
/// # Errors
/// When the path is not one of a repository.
pub fn library(path: &str) -> Result<Reference> {
    format!("{ALIAS}/{path}").parse().context(Exit::Defect, format!("naming `{path}` in the library"))
}

async fn registry_host(client: &Client) -> Result<String> {
    let api: Api<k8s_openapi::api::core::v1::ConfigMap> = Api::namespaced(client.clone(), "sluice-system");
    let info = api.get("sluice-info").await?;
    info.data
        .and_then(|data| data.get("registry").cloned())
        .ok_or_else(|| CliError::usage("ConfigMap `sluice-system/sluice-info` has no data.registry"))
}

/// One kubeconfig, or several merged as kubectl does when KUBECONFIG lists them.
fn read(path: &Path) -> Result<Kubeconfig> {
    let mut merged = Kubeconfig::default();
    for path in std::env::split_paths(path).filter(|path| !path.as_os_str().is_empty()) {
        let what = || format!("kubeconfig `{}`", path.display());
        // Opened here first: kube's own message quotes the path twice and names no cause that a person would look for.
        std::fs::File::open(&path).context(Exit::Usage, what())?;
        let file = Kubeconfig::read_from(&path).context(Exit::Usage, what())?;
        merged = merged.merge(file).context(Exit::Usage, what())?;
    }
    Ok(merged)
}

/// The token of the current context's user, and of nobody else: another user's may be another cluster's.
fn token(kubeconfig: &Kubeconfig) -> Option<String> {
    use secrecy::ExposeSecret;
    let current = kubeconfig.current_context.as_deref()?;
    let context = kubeconfig.contexts.iter().find(|c| c.name == current)?.context.as_ref()?;
    let user = kubeconfig.auth_infos.iter().find(|u| Some(&u.name) == context.user.as_ref())?.auth_info.as_ref()?;
    user.token.as_ref().map(|token| token.expose_secret().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TWO: &str = r#"{"current-context": "b", "contexts": [
        {"name": "a", "context": {"cluster": "a", "user": "a"}}, {"name": "b", "context": {"cluster": "b", "user": "b"}}],
        "users": [{"name": "a", "user": {"token": "of a"}}, {"name": "b", "user": {"token": "of b"}}]}"#;

    #[test]
    fn the_registry_is_given_the_current_users_token_only() {
        let mut file: Kubeconfig = serde_json::from_str(TWO).unwrap();
        assert_eq!(token(&file).as_deref(), Some("of b"));
        file.current_context = Some("none".into());
        assert_eq!(token(&file), None);
    }

    #[test]
    fn several_files_are_merged_and_a_missing_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        std::fs::write(&one, r#"{"current-context": "b"}"#).unwrap();
        std::fs::write(&other, TWO).unwrap();
        let list = std::env::join_paths([&one, &other]).unwrap();
        assert_eq!(token(&read(Path::new(&list)).unwrap()).as_deref(), Some("of b"));
        let error = read(&folder.path().join("none")).unwrap_err();
        assert!(error.message.contains("none`: No such file"), "{}", error.message);
    }
}
