//! Source texts and places within them.

use std::sync::Arc;

/// A text with its name. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Source {
    /// Which of the compilation's files it is; locations name it.
    pub index: u32,
    /// As errors show it, usually a path.
    pub name: Arc<str>,
    /// The whole of it.
    pub text: Arc<str>,
}

impl Source {
    /// A text known to be UTF-8. For bytes of any kind there is [`crate::parse::source_from_bytes`].
    pub fn new(index: u32, name: &str, text: &str) -> Self {
        Self { index, name: Arc::from(name), text: Arc::from(text) }
    }

    /// What stands at a location; empty where it is not one of this text.
    pub fn at(&self, location: Location) -> &str {
        let start = location.offset as usize;
        self.text.get(start..start.saturating_add(location.len as usize)).unwrap_or("")
    }

    /// The whole line of a location, without its end.
    pub fn line(&self, location: Location) -> &str {
        let offset = (location.offset as usize).min(self.text.len());
        let bytes = self.text.as_bytes();
        let start = bytes[..offset].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let end = bytes[offset..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |i| offset + i);
        self.text.get(start..end).unwrap_or("").trim_end_matches('\r')
    }
}

/// A place in a source. Rows and columns count from 1, columns in characters; a row of 0 means nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The source's index; `u32::MAX` for queries.
    pub file: u32,
    /// The line, from 1; 0 for nowhere.
    pub row: u32,
    /// The character within the line, from 1.
    pub col: u32,
    /// In bytes.
    pub offset: u32,
    /// Of the text that it covers, in bytes.
    pub len: u32,
}
