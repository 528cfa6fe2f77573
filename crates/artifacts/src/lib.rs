//! Trusted artifacts: files handed from one task to the next as one content-addressed blob in a registry
//! (`oci:REPOSITORY@sha256:DIGEST`), in the format of Konflux's build-trusted-artifacts. What differs from that tool on
//! purpose: archives are deterministic; a missing path is an error; an artifact is downloaded, its digest checked and
//! its whole table of contents examined before the first byte of it is unpacked; the destination is emptied first.
//!
//! It is linked into a static program for the smallest step images: no async runtime, no TLS. It never prints and never
//! exits; what the user should know goes to a `Notes` callback.

mod archive;
mod create;
mod error;
mod extract;
mod http;
mod skip;
mod source;
mod store;
mod uri;

pub mod command;

pub use archive::{Archived, Limits, write_archive};
pub use create::{CreateRequest, create};
pub use error::{Error, Result};
pub use extract::{examine, extract};
pub use skip::MARKER;
pub use source::{UseRequest, use_artifacts};
pub use store::Environment;
pub use uri::ArtifactUri;

/// Receives warnings and progress, one line each.
pub type Notes<'a> = &'a mut dyn FnMut(&str);
