//! How a command ends: an exit code with a fixed meaning, a message and, after a blank line, a hint. Libraries return
//! typed errors; they become this once, here at the edge.

use std::fmt::Display;

/// Exit codes of every `sluice` command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The run or the policy said no.
    No = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Something could not be verified.
    Unverified = 3,
    /// Authentication or authorization refused it.
    NotAllowed = 4,
    /// A defect of sluice.
    Defect = 5,
    /// Interrupted by the user.
    Cancelled = 130,
}

/// A failed command: what happened, in which object, and what to do next.
#[derive(Debug)]
pub struct CliError {
    pub exit: Exit,
    pub message: String,
    pub hint: Option<String>,
}

/// The result of a command.
pub type Result<T = ()> = std::result::Result<T, CliError>;

impl CliError {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub fn no(message: impl Into<String>) -> Self {
        Self::new(Exit::No, message)
    }

    pub fn defect(message: impl Into<String>) -> Self {
        Self::new(Exit::Defect, message)
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Writes the error to standard error in the one form that all commands use.
    pub fn render(&self) {
        eprintln!("error: {}", self.message);
        if let Some(hint) = &self.hint {
            eprintln!("\nhint: {hint}");
        }
    }
}

/// An error with what it says of its causes: the outer ones alone do not tell a refused connection from a wrong name.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// Turns a library's error into a failed command, saying what was being done.
pub trait Context<T> {
    /// `what` names the act and the object: "reading `addresses.json`".
    fn context(self, exit: Exit, what: impl Display) -> Result<T>;
}

impl<T, E: Display> Context<T> for std::result::Result<T, E> {
    fn context(self, exit: Exit, what: impl Display) -> Result<T> {
        self.map_err(|e| CliError::new(exit, format!("{what}: {e}")))
    }
}

impl From<kube::Error> for CliError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => {
                let exit = match status.code {
                    401 | 403 => Exit::NotAllowed,
                    _ => Exit::Usage,
                };
                Self::new(exit, status.message.clone())
            }
            other => Self::new(Exit::Usage, format!("the API server could not be asked: {}", causes(&other)))
                .hint("is it running? `sluice status --data-dir DIR` tells; `sluice up --data-dir DIR` starts it"),
        }
    }
}
