//! In-toto statements about Tekton runs and their signatures: what is claimed, in which bytes, and whether a signature
//! covers them. Pure: bytes and values in, bytes and values out. This crate must not know a private key, a clock, a
//! file or a network; whoever holds a key signs the bytes that it prepares.

mod artifact;
pub mod cosign;
pub mod dsse;
pub mod hints;
pub mod key;
pub mod name;
pub mod provenance;
pub mod run;
pub mod simplesigning;
pub mod statement;
pub mod status;
pub mod witness;

pub use artifact::{Artifacts, MAX_ARTIFACTS};
pub use key::PublicKey;
pub use name::ImageDigest;
pub use run::Run;
pub use statement::{Statement, Subject};
pub use status::status_payload;
