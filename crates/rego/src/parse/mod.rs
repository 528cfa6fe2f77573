//! Reads modules and queries. Knows syntax only: what names mean, and whether a variable is safe, is the compiler's.

use crate::ast::{Body, Module, Source, Version};
use crate::error::Error;

/// How a text is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub version: Version,
    /// All future keywords are known without an import (of use in V0 only).
    pub all_future_keywords: bool,
    /// Read annotations; without, they are comments.
    pub annotations: bool,
}

/// A source from bytes of any kind; an error where they are not UTF-8.
pub fn source_from_bytes(index: u32, name: &str, bytes: &[u8]) -> Result<Source, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(index, name, text)),
        Err(_) => Err(Error::new(crate::error::Code::Parse, "illegal utf-8 character")),
    }
}

/// Reads a module.
pub fn parse_module(source: &Source, options: &Options) -> Result<Module, Vec<Error>> {
    let _ = (source, options);
    Err(vec![Error::new(crate::error::Code::Parse, "empty module")])
}

/// Reads a query: a body.
pub fn parse_query(source: &Source, options: &Options) -> Result<Body, Vec<Error>> {
    let _ = (source, options);
    Err(vec![Error::new(crate::error::Code::Parse, "found empty body")])
}
