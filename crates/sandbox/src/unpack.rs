//! Unpacks layers.
use crate::error::{Error, Result};
/// Unpacks.
/// # Errors
/// when not possible.
pub fn unpack(_folder: &str) -> Result<()> {
    Err(Error::invalid("not yet"))
}
