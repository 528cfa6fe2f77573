//! What is wrong with a document and where, worded and joined as OPA words and joins it; and why work on a document ends
//! before there is an answer.

/// A place in a document, both counted from 1. The column can be off, and negative, as it can be in the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: i64,
    pub column: i64,
    /// In the definitions that every schema has.
    pub prelude: bool,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub place: Option<Place>,
    pub message: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place: Some(place), message: message.into() }
    }

    /// A fault of a schema: one without a place has the place -1:-1.
    pub fn of_schema(place: Option<Place>, message: impl Into<String>) -> Self {
        Self::new(place.unwrap_or(Place { line: -1, column: -1, prelude: false }), message)
    }

    /// `input:LINE:COLUMN: MESSAGE`.
    pub fn text(&self) -> String {
        match self.place {
            Some(Place { line, column, prelude }) => {
                let file = if prelude { "prelude.graphql" } else { "input" };
                format!("{file}:{line}:{column}: {}", self.message)
            }
            None => format!("input: {}", self.message),
        }
    }
}

/// OPA's sentence for faults: the place of the first goes to the end. It is found by splitting at colons, so a message
/// with colons and no place is left as it is.
pub fn sentence(faults: &str) -> String {
    let mut parts = faults.splitn(4, ':').skip(1);
    let mut count = || parts.next().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse::<u64>().ok();
    if let (Some(row), Some(column)) = (count(), count())
        && let Some(message) = parts.next()
    {
        let message = message.trim_start_matches(' ');
        let message = message.strip_suffix(".\n").unwrap_or(message);
        return format!("{message} in GraphQL string at location {row}:{column}");
    }
    format!("GraphQL parse error: {faults}")
}
