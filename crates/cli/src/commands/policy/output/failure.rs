//! What went wrong, as text and as JSON. Errors of policies keep their places; all others are a sentence.

use super::doc::Doc;
use sluice_rego::{Code, Error};
use std::fmt;

/// One thing that went wrong.
#[derive(Clone, Debug)]
pub enum Failure {
    Rego(Box<Error>),
    /// Of an expression of the query, with its text.
    Query(Box<Error>, String),
    Plain(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Rego(Box::new(error))
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Plain(message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rego(error) => error.fmt(f),
            Self::Query(error, text) => write!(f, "{text}: {}: {}", error.code, error.message),
            Self::Plain(message) => f.write_str(message),
        }
    }
}

/// Errors as failures.
pub fn failures(errors: Vec<Error>) -> Vec<Failure> {
    errors.into_iter().map(Failure::from).collect()
}

/// Errors of an evaluation; those in the query itself are told by its text.
pub fn of_evaluation(errors: Vec<Error>, query: &str) -> Vec<Failure> {
    let failure = |error: Error| {
        let start = error.location.offset as usize;
        let text = query.get(start..start.saturating_add(error.location.len as usize));
        match text.filter(|text| error.location.file == u32::MAX && error.location.row > 0 && !text.is_empty()) {
            Some(text) => Failure::Query(Box::new(error), text.to_owned()),
            None => Failure::from(error),
        }
    };
    errors.into_iter().map(failure).collect()
}

/// All of them, with their number; `during` is e.g. ` during loading`.
pub fn summary(failures: &[Failure], during: &str) -> String {
    let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
    match failures.len() {
        1 => format!("1 error occurred{during}: {}", lines.concat()),
        n => format!("{n} errors occurred{during}:\n{}", lines.join("\n")),
    }
}

/// At most so many, and then a note that there are more.
pub fn limited(mut errors: Vec<Error>, limit: usize) -> Vec<Error> {
    if limit > 0 && errors.len() > limit {
        errors.truncate(limit);
        errors.push(Error::new(Code::Compile, "error limit reached"));
    }
    errors
}

/// As a list.
pub fn to_doc(failures: &[Failure]) -> Doc {
    Doc::Array(failures.iter().map(one).collect())
}

fn one(failure: &Failure) -> Doc {
    let error = match failure {
        Failure::Plain(message) => return Doc::object([("message", Some(Doc::text(message)))]),
        Failure::Rego(error) | Failure::Query(error, _) => error,
    };
    let location = (error.location.row > 0).then(|| {
        Doc::object([
            ("file", Some(Doc::text(error.file.as_deref().unwrap_or_default()))),
            ("row", Some(Doc::number(error.location.row))),
            ("col", Some(Doc::number(error.location.col))),
        ])
    });
    let details = error.excerpt.as_ref().map(|(line, caret)| {
        // The tabs that the excerpt leaves out.
        let tabs = (error.location.col as usize).saturating_sub(1).saturating_sub(*caret);
        let line = format!("{}{line}", "\t".repeat(tabs));
        Doc::object([("line", Some(Doc::text(line))), ("idx", Some(Doc::number(caret + tabs)))])
    });
    Doc::object([
        ("message", Some(Doc::text(&error.message))),
        ("code", Some(Doc::text(error.code.as_str()))),
        ("location", location),
        ("details", details),
    ])
}

#[cfg(test)]
mod tests {
    use super::{Failure, limited, summary};
    use sluice_rego::{Code, Error};

    #[test]
    fn a_summary_counts() {
        let one = Failure::Plain("a".to_owned());
        assert_eq!(summary(std::slice::from_ref(&one), ""), "1 error occurred: a");
        assert_eq!(summary(&[one.clone(), one], " during loading"), "2 errors occurred during loading:\na\na");
    }

    #[test]
    fn more_than_the_limit_is_said() {
        let errors = vec![Error::new(Code::Type, "x"); 3];
        assert_eq!(limited(errors.clone(), 3).len(), 3);
        let cut = limited(errors.clone(), 1);
        assert_eq!(
            cut.iter().map(ToString::to_string).collect::<Vec<_>>()[1],
            "rego_compile_error: error limit reached"
        );
        assert_eq!(limited(errors, 0).len(), 3, "0 is no limit");
    }
}
