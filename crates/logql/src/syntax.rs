//! LogQL as text: [`parse`] makes a tree of it, [`format`](pretty::format) and `Display` make text of a tree.
//!
//! Errors have Loki's words and places:
//!
//! ```
//! let error = logql::syntax::parse(r#"{app="llm-proxy""#).unwrap_err();
//! assert_eq!(error.to_string(), "parse error at line 1, col 17: syntax error: unexpected $end, expecting } or ,");
//! ```

pub mod ast;
pub(crate) mod check;
mod fold;
mod lexer;
mod parser;
pub mod pretty;
mod print;
mod quote;
mod token;

use thiserror::Error;

pub use ast::Expr;
pub use fold::combine;
pub use parser::{parse, parse_matchers};
pub use quote::unquote;

/// Queries of this many bytes and more are refused.
pub const LONGEST_QUERY_BYTES: usize = 128 * 1024;

/// Why a query could not be understood, in Loki's words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("parse error {}: {message}", place(*line, *column))]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// Counted from 1; 0 if the error belongs to no place.
    pub line: usize,
    /// In characters, counted from 1; 0 if the error belongs to no place.
    pub column: usize,
}

fn place(line: usize, column: usize) -> String {
    if line == 0 { String::new() } else { format!("at line {line}, col {column}") }
}

impl ParseError {
    pub(crate) fn nowhere(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: 0, column: 0 }
    }
}

#[cfg(test)]
mod tests;
