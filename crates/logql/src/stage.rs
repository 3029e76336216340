//! What a stage of a pipeline does to one line, one file per stage. Everything works on bytes: a line may hold anything.

use thiserror::Error;

pub mod contains;
pub mod decolorize;
pub mod ip;
pub mod json;
pub mod logfmt;
pub mod names;
pub mod pattern;
pub mod quote;
pub mod regex;
pub mod regexp;
pub mod units;
pub mod unpack;

/// Takes what a parser finds: the label's name, sanitised, and its value. `false` ends the parse: nothing more is wanted.
pub type Sink<'a> = dyn FnMut(&str, &[u8]) -> bool + 'a;

/// Takes what a parser of named expressions finds; `None` for a label whose expression the line does not have.
///
/// Loki gives such a label the empty value unless the entry already has one of that name.
pub type WantedSink<'a> = dyn FnMut(&str, Option<&[u8]>) -> bool + 'a;

/// Why a stage failed on one line. It becomes the labels `__error__` and `__error_details__`; the line itself goes on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind}: {details}")]
pub struct StageError {
    /// What Loki calls it, such as `JSONParserErr`.
    pub kind: &'static str,
    /// What was wrong with the line. Empty: Loki sets no `__error_details__`.
    pub details: String,
}

/// A stage's parameter was refused, in Loki's words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ParamError(pub String);

#[cfg(test)]
mod properties;
