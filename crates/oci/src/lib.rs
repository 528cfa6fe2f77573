//! References, digests, layouts and a registry client: what every part of sluice that touches an image or an OCI
//! artifact uses. It must not know the embedded registry, Kubernetes or any policy; it never prints.
//!
//! The client carries its own TLS provider (ring) in its own configuration: it neither needs nor installs a process-wide
//! one, and it works without any CA certificate on the machine as long as only plain HTTP registries are asked.

mod artifact;
mod auth;
mod bundle;
mod client;
mod digest;
mod error;
mod layout;
mod manifest;
mod reference;
mod registries;

pub use artifact::{Artifact, Layer, LayerSource};
pub use auth::{AuthFile, Credentials};
pub use bundle::{BundleObject, MAX_OBJECT_BYTES, bundle_artifact};
pub use client::{Client, ClientBuilder, PulledImage, PulledManifest};
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use error::{Error, Result};
pub use layout::Layout;
pub use manifest::{
    Descriptor, ImageConfig, ImageIndex, ImageManifest, MAX_MANIFEST_BYTES, Platform, RuntimeConfig, media_type,
};
pub use reference::{Reference, ReferenceError, is_valid_repository, is_valid_tag};
pub use registries::{RegistriesConf, RegistriesError, RegistryEntry, Resolved};
