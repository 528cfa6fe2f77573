//! What all requests share. It must not know of any one request.

use crate::auth::authn::Authenticator;
use crate::meta;
use crate::store::{Key, Resource, Store, StoreError};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// The server's parts.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) authenticator: Authenticator,
    /// Folder of containers' logs: `NS/POD/CONTAINER.log`.
    pub(crate) logs: PathBuf,
    /// Ends watches, followed logs and background work.
    pub(crate) stopping: CancellationToken,
    /// As in `Config`.
    pub(crate) stranger_timeout: Option<std::time::Duration>,
}

impl State {
    /// Whether objects may be created in that namespace.
    pub(crate) fn namespace_active(&self, name: &str) -> Result<(), StoreError> {
        let key = Key::new(&Resource::new("", "namespaces"), "", name);
        let namespace = self.store.get(&key).ok_or_else(|| StoreError::NoNamespace(name.to_owned()))?;
        if meta::is_deleting(&namespace.object) {
            return Err(StoreError::NamespaceTerminating(name.to_owned()));
        }
        Ok(())
    }
}
