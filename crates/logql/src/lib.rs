//! LogQL, the query language of Grafana Loki, as a library.
//!
//! A query is text; [`syntax`] makes a tree of it, with errors in Loki's words, and prints trees as Loki's formatter does.
//! The leaf work on one line, such as JSON, logfmt, patterns and regular expressions, is in [`stage`]; Go's templates, which
//! `line_format` and `label_format` are written in, are in [`template`]. Entries come from a [`source`], as columns or row by
//! row; [`eval`] answers queries over it. [`discover`] says what there is to ask for.
//!
//! The crate does no I/O, reads no clock and knows nothing of where entries come from.
//!
//! A whole query, over entries in memory:
//!
//! ```
//! use logql::Labels;
//! use logql::eval::{Answer, Context, Request, evaluate};
//! use logql::source::{Entry, RowSource};
//! use logql::syntax::parse;
//!
//! const SECOND: i64 = 1_000_000_000;
//! let entry = |second: i64, line: &str| Entry {
//!     labels: Labels::new([("app", "llm-proxy")]),
//!     timestamp: second * SECOND,
//!     line: line.into(),
//!     metadata: Labels::new([("user_id", "ann")]),
//! };
//! let source = RowSource::new([
//!     entry(1, r#"{"model":"gpt-4","total_tokens":700}"#),
//!     entry(2, r#"{"model":"gpt-4o","total_tokens":1500}"#),
//! ]);
//!
//! let query = parse(r#"{app="llm-proxy"} | json | total_tokens > 1000 | line_format "{{.user_id}}: {{.model}}""#)?;
//! let outcome = evaluate(&source, &query, &Request::range(0, 10 * SECOND, 1), &Context::default())?;
//! let Answer::Entries(entries) = outcome.answer else { unreachable!() };
//! assert_eq!(entries.len(), 1);
//! assert_eq!(entries[0].line, b"ann: gpt-4o");
//! assert_eq!(entries[0].parsed.get("total_tokens"), Some("1500"));
//! assert_eq!(outcome.statistics.entries, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod discover;
pub mod eval;
mod labels;
pub mod source;
pub mod stage;
pub mod syntax;
pub mod template;

pub use labels::Labels;
