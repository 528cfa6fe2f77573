//! Where syntax stands as the layout sees it: its first row and its text, parentheses included.

use crate::ast::{Location, Module, Source, Term};
use std::collections::HashMap;

/// A row and the text that starts there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// 0 or less: nowhere.
    pub row: i64,
    pub text: &'a str,
}

/// Before all of a text.
pub(super) const NOWHERE: i64 = -1;

impl<'a> Place<'a> {
    /// Of a location without parentheses.
    pub(super) fn of(location: Location, source: &'a Source) -> Self {
        Self { row: location.row.into(), text: source.at(location) }
    }

    /// Whether it starts in parentheses of its own.
    pub(super) fn in_parens(&self) -> bool {
        self.text.starts_with('(')
    }

    /// How many rows further it ends.
    pub(super) fn height(&self) -> i64 {
        rows(self.text)
    }

    /// The row of the bracket that closes the first one opened; brackets in strings and comments count, as in OPA.
    pub(super) fn closing_row(&self, open: u8, close: u8) -> i64 {
        closing(self.text.as_bytes(), open, close).map_or(NOWHERE, |(_, rows)| self.row + rows)
    }

    /// The same behind a pair of other brackets, such as a rule's arguments.
    pub(super) fn closing_row_behind(&self, skip: (u8, u8), open: u8, close: u8) -> i64 {
        let bytes = self.text.as_bytes();
        let (behind, skipped) = closing(bytes, skip.0, skip.1).unwrap_or((bytes.len(), 0));
        let rest = bytes.get(behind..).unwrap_or_default();
        closing(rest, open, close).map_or(NOWHERE, |(_, rows)| self.row + skipped + rows)
    }
}

/// How many lines end in a text.
pub(super) fn rows(text: &str) -> i64 {
    i64::try_from(text.matches('\n').count()).unwrap_or(i64::MAX)
}

/// Where the first bracket's pair is, and how many lines end between the two.
fn closing(bytes: &[u8], open: u8, close: u8) -> Option<(usize, i64)> {
    let start = bytes.iter().position(|b| *b == open)?;
    let (mut depth, mut rows) = (1_usize, 0);
    for (i, byte) in bytes.iter().enumerate().skip(start + 1) {
        match *byte {
            b if b == open => depth += 1,
            b if b == close => depth -= 1,
            b'\n' => rows += 1,
            _ => {}
        }
        if depth == 0 {
            return Some((i, rows));
        }
    }
    None
}

/// The parentheses of a module, by where the term in them starts.
#[derive(Debug)]
pub(super) struct Places<'a> {
    source: &'a Source,
    parens: HashMap<u32, Vec<Pair>>,
}

/// One pair: where its term ends, and the whole of it.
#[derive(Clone, Copy, Debug)]
struct Pair {
    term_end: u32,
    start: u32,
    end: u32,
}

impl<'a> Places<'a> {
    pub(super) fn new(module: &'a Module) -> Self {
        let mut parens: HashMap<u32, Vec<Pair>> = HashMap::new();
        for pair in &module.parens {
            let term_end = pair.term.offset.saturating_add(pair.term.len);
            parens.entry(pair.term.offset).or_default().push(Pair { term_end, start: pair.start, end: pair.end });
        }
        Self { source: &module.source, parens }
    }

    /// Of a term, with its parentheses and those that it starts with.
    pub(super) fn term(&self, term: &Term) -> Place<'a> {
        let location = term.location;
        let mut place = Place::of(location, self.source);
        if let Some(pairs) = self.parens.get(&location.offset) {
            let (mut start, mut end) = (location.offset, location.offset.saturating_add(location.len));
            let own = end;
            for pair in pairs.iter().filter(|pair| pair.term_end <= own) {
                start = start.min(pair.start);
                if pair.term_end == own {
                    end = end.max(pair.end);
                }
            }
            place.text = self.source.text.get(start as usize..end as usize).unwrap_or(place.text);
        }
        place
    }
}
