//! Why a question has no answer: a status and a sentence, in Loki's words where Loki has some.

use http::StatusCode;
use logql::eval::EvalError;
use logql::source::SourceError;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// The status.
    pub status: StatusCode,
    /// What is wrong.
    pub text: String,
}

impl Failure {
    /// What was asked cannot be.
    pub fn bad(text: impl Into<String>) -> Failure {
        Failure { status: StatusCode::BAD_REQUEST, text: text.into() }
    }

    /// With a status.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Failure {
        Failure { status, text: text.into() }
    }
}

/// What nginx and Loki say of a caller that has gone; nobody reads it.
const CLIENT_GONE: u16 = 499;

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Failure {
        let status = match error {
            EvalError::Time => StatusCode::GATEWAY_TIMEOUT,
            EvalError::Cancelled => StatusCode::from_u16(CLIENT_GONE).unwrap_or(StatusCode::BAD_REQUEST),
            EvalError::Source(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Failure { status, text: error.to_string() }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.0)
    }
}

impl From<logql::syntax::ParseError> for Failure {
    fn from(error: logql::syntax::ParseError) -> Failure {
        Failure::bad(error.to_string())
    }
}
