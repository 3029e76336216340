//! LogQL, the query language of Grafana Loki, as a library.
//!
//! A query is text; [`syntax`] makes a tree of it, with errors in Loki's words, and prints trees as Loki's formatter does.
//! The leaf work on one line, such as JSON, logfmt, patterns and regular expressions, is in [`stage`]; Go's templates, which
//! `line_format` and `label_format` are written in, are in [`template`]. Entries come from a [`source`], as columns or row by
//! row; [`eval`] answers queries over it. [`discover`] says what there is to ask for.
//!
//! The crate does no I/O, reads no clock and knows nothing of where entries come from.

pub mod discover;
pub mod eval;
mod labels;
pub mod source;
pub mod stage;
pub mod syntax;
pub mod template;

pub use labels::Labels;
