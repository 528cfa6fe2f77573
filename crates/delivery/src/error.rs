//! Why a step of a controller did not happen, and whether trying again can help. Nothing here decides about a release.

/// A failed call, with the object that it was about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what}: {source}")]
    Api {
        what: String,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("{what}: the object has not the shape of its kind ({source}); correct or delete it")]
    Shape {
        what: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("{what}: {message}")]
    Request { what: String, message: String },
}

impl Error {
    /// HTTP status of the API's answer, 0 if there was none.
    fn code(&self) -> u16 {
        match self {
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => status.code,
                _ => 0,
            },
            _ => 0,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => &status.reason,
                _ => "",
            },
            _ => "",
        }
    }

    pub fn is_not_found(&self) -> bool {
        self.code() == 404
    }

    pub fn is_already_exists(&self) -> bool {
        self.code() == 409 && self.reason() == "AlreadyExists"
    }

    /// Somebody else wrote the object since it was read: the next look decides anew.
    pub fn is_conflict(&self) -> bool {
        self.code() == 409 && self.reason() != "AlreadyExists"
    }

    /// The same request will be refused again (BadRequest, Unauthorized, Forbidden, NotFound of a namespace, method not
    /// supported, too large, Invalid), as opposed to a conflict, a timeout, 429 or 5xx.
    pub fn is_permanent(&self) -> bool {
        matches!(self.code(), 400 | 401 | 403 | 404 | 405 | 413 | 422)
    }
}
