//! References, digests, layouts and a registry client: what every part of sluice that touches an image or an OCI
//! artifact uses. It must not know the embedded registry, Kubernetes or any policy; it never prints.
//!
//! The client carries its own TLS provider (ring) in its own configuration: it neither needs nor installs a process-wide
//! one, and it works without any CA certificate on the machine as long as only plain HTTP registries are asked. It is
//! behind the feature `client`, so that the small static tool of the step images gets along without an async runtime.

#[cfg(feature = "client")]
mod artifact;
mod auth;
#[cfg(feature = "client")]
mod bundle;
#[cfg(feature = "client")]
mod client;
mod digest;
mod error;
#[cfg(feature = "client")]
mod layout;
mod manifest;
mod reference;
mod registries;

#[cfg(feature = "client")]
pub use artifact::{Artifact, Layer, LayerSource};
pub use auth::{AuthFile, Credentials};
#[cfg(feature = "client")]
pub use bundle::{BundleObject, MAX_OBJECT_BYTES, bundle_artifact};
#[cfg(feature = "client")]
pub use client::{Client, ClientBuilder, PulledImage, PulledManifest};
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use error::{Error, Result};
#[cfg(feature = "client")]
pub use layout::Layout;
pub use manifest::{
    Descriptor, ImageConfig, ImageIndex, ImageManifest, MAX_MANIFEST_BYTES, Platform, RuntimeConfig, media_type,
};
pub use reference::{Reference, ReferenceError, is_valid_repository, is_valid_tag};
pub use registries::{RegistriesConf, RegistriesError, RegistryEntry, Resolved};
