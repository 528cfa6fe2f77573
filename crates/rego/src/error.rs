//! Errors of policies as OPA words them: a code, a message and a place, shown with the line and a caret.

use crate::ast::{Location, Source};
use crate::json::JsonError;
use crate::types::Malformed;
use std::fmt;
use std::sync::Arc;

/// OPA's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The text is no Rego.
    Parse,
    /// The modules do not fit together, or strict mode refuses them.
    Compile,
    /// Types do not fit: arguments, comparisons, names of functions.
    Type,
    /// A variable that nothing gives a value.
    UnsafeVar,
    /// A rule that needs itself.
    Recursion,
    /// Two values for one complete rule or key.
    EvalConflict,
    /// An argument of the wrong type, where errors of builtins are fatal.
    EvalType,
    /// Another error of a builtin, where they are fatal, or a call that is refused.
    EvalBuiltin,
    /// Cancelled, or beyond a limit.
    EvalCancel,
    /// None of the above; should not be met.
    EvalInternal,
    /// `with` replaces a part of what is no object.
    WithMerge,
    /// The result of a layout would not be of the dialect wanted.
    Format,
}

impl Code {
    /// As OPA writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "rego_parse_error",
            Self::Compile => "rego_compile_error",
            Self::Type => "rego_type_error",
            Self::UnsafeVar => "rego_unsafe_var_error",
            Self::Recursion => "rego_recursion_error",
            Self::EvalConflict => "eval_conflict_error",
            Self::EvalType => "eval_type_error",
            Self::EvalBuiltin => "eval_builtin_error",
            Self::EvalCancel => "eval_cancel_error",
            Self::EvalInternal => "eval_internal_error",
            Self::WithMerge => "eval_with_merge_error",
            Self::Format => "rego_format_error",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What only few errors have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct More {
    details: Vec<String>,
    hint: Option<String>,
}

/// One error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// What kind of error it is.
    pub code: Code,
    /// What is wrong, in one line.
    pub message: String,
    more: Option<Box<More>>,
    /// Row 0: of no place.
    pub location: Location,
    /// The name of the file, if it has one.
    pub file: Option<Arc<str>>,
    /// The line at the place, as far as it is shown, and the caret's column within it, from 0.
    pub excerpt: Option<(String, usize)>,
}

impl Error {
    /// An error of no place.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let location = Location::default();
        Self { code, message: message.into(), more: None, location, file: None, excerpt: None }
    }

    /// An error at a place of a source.
    pub fn at(code: Code, message: impl Into<String>, location: Location, source: &Source) -> Self {
        let mut error = Self::new(code, message);
        error.location = location;
        error.file = Some(source.name.clone());
        error
    }

    /// What is there and what should be, one line each; shown below the message.
    pub fn details(&self) -> &[String] {
        self.more.as_ref().map_or(&[], |more| &more.details)
    }

    /// What may have been meant. No part of OPA's text: whoever renders the error for people shows it.
    pub fn hint(&self) -> Option<&str> {
        self.more.as_ref()?.hint.as_deref()
    }

    /// With lines below the message.
    #[must_use]
    pub fn with_details(mut self, details: Vec<String>) -> Self {
        self.more.get_or_insert_default().details = details;
        self
    }

    /// With a hint, if there is one.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        if hint.is_some() {
            self.more.get_or_insert_default().hint = hint;
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.location.row > 0 {
            match &self.file {
                Some(file) if !file.is_empty() => write!(f, "{file}:{}: ", self.location.row)?,
                _ => write!(f, "{}:{}: ", self.location.row, self.location.col)?,
            }
        }
        write!(f, "{}: {}", self.code, self.message)?;
        self.details().iter().try_for_each(|line| write!(f, "\n\t{line}"))?;
        if let Some((line, caret)) = &self.excerpt {
            write!(f, "\n\t{line}\n\t{:caret$}^", "")?;
        }
        Ok(())
    }
}

impl From<JsonError> for Vec<Error> {
    /// So that `?` takes a document that cannot be read where errors of policies are returned.
    fn from(error: JsonError) -> Self {
        vec![Error::new(Code::Parse, error.to_string())]
    }
}

impl From<Malformed> for Vec<Error> {
    /// So that `?` takes a host's declaration that cannot be read where errors of policies are returned.
    fn from(error: Malformed) -> Self {
        vec![Error::new(Code::Type, error.to_string())]
    }
}
