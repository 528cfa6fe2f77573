//! In-toto statements about Tekton runs and their signatures: what is claimed, in which bytes, and whether a signature
//! covers them. Pure: bytes and values in, bytes and values out. This crate must not know a private key, a clock, a
//! file or a network; whoever holds a key signs the bytes that it prepares.

pub mod dsse;
pub mod key;
pub mod statement;
pub mod status;

pub use key::PublicKey;
pub use status::status_payload;
