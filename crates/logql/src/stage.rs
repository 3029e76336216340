//! What a stage of a pipeline does to one line, one file per stage.

use thiserror::Error;

/// Why a stage failed on one line. It becomes the labels `__error__` and `__error_details__`; the line itself goes on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind}: {details}")]
pub struct StageError {
    /// What Loki calls it, such as `JSONParserErr`.
    pub kind: &'static str,
    /// What was wrong with the line.
    pub details: String,
}

/// A stage's parameter was refused, in Loki's words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ParamError(pub String);
