//! What a stage of a pipeline does to one line, one file per stage. Everything works on bytes: a line may hold anything.
//!
//! ```
//! use logql::stage::logfmt::Logfmt;
//! use logql::stage::pattern::Pattern;
//!
//! let mut found = Vec::new();
//! let mut keep = |name: &str, value: &[u8]| {
//!     found.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
//!     true
//! };
//! Pattern::parse("<method> <path> <_>")?.extract(b"POST /v1/chat/completions HTTP/1.1", &mut keep);
//! assert_eq!(found, [("method", "POST"), ("path", "/v1/chat/completions")].map(|(n, v)| (n.to_owned(), v.to_owned())));
//!
//! // Strict, a line that is no logfmt is an error; its kind becomes the label `__error__`.
//! let strict = Logfmt::new(&[], true, false)?;
//! let error = strict.extract(b"model=gpt-4 =7", &mut |_, _| true).unwrap_err();
//! assert_eq!(error.kind, "LogfmtParserErr");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
