//! `library.lock.json`: what one `task push` published, by digest. It lies in the same manifest as the trusted-task data,
//! so both change together or not at all.

use crate::error::{CliError, Exit, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The name under which everything in the library is known, wherever its registry is.
pub const ALIAS: &str = "library.sluice.dev";

/// Media types of the two layers of `data:latest`.
pub const DATA_LAYER: &str = "application/vnd.sluice.data.v1.tar+gzip";
pub const LOCK_LAYER: &str = "application/vnd.sluice.lock.v1+json";

/// Keys are `NAME:VERSION`, values `sha256:...`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub v: u32,
    pub images: BTreeMap<String, String>,
    pub tasks: BTreeMap<String, String>,
    /// Those of the tasks that a build may lean on; the others serve releases.
    #[serde(default)]
    pub trusted: BTreeSet<String>,
    pub pipelines: BTreeMap<String, String>,
    pub policy: String,
}

impl Lock {
    /// Pins a reference under the alias: `library.sluice.dev/tasks/git-clone:0.1` gets its digest. What already has one,
    /// and what is not the library's, stays as it is.
    ///
    /// # Errors
    /// When the library has no such thing; the message lists what it has.
    pub fn pin(&self, reference: &str) -> Result<String> {
        let Some(path) = reference.strip_prefix(ALIAS).and_then(|rest| rest.strip_prefix('/')) else {
            return Ok(reference.to_owned());
        };
        if path.contains('@') {
            return Ok(reference.to_owned());
        }
        let (digest, known) = match path.split_once('/') {
            Some(("images", name)) => (self.images.get(name), &self.images),
            Some(("tasks", name)) => (self.tasks.get(name), &self.tasks),
            Some(("pipelines", name)) => (self.pipelines.get(name), &self.pipelines),
            _ => return Err(CliError::usage(format!("`{reference}`: the library has images/, tasks/ and pipelines/"))),
        };
        let known = || known.keys().cloned().collect::<Vec<_>>().join(", ");
        digest.map(|digest| format!("{reference}@{digest}")).ok_or_else(|| {
            CliError::new(Exit::Usage, format!("`{reference}` is not in the library"))
                .hint(format!("it has: {}; `sluice task push` publishes what is in a library folder", known()))
        })
    }
}
