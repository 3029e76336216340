//! The part of Go's `text/template` that LogQL uses, with all functions that Loki documents.
//!
//! ```
//! use logql::template::{Lookup, Template};
//!
//! struct Entry;
//! impl Lookup for Entry {
//!     fn label(&self, name: &str) -> Option<&str> {
//!         (name == "model").then_some("gpt-4")
//!     }
//!     fn labels(&self) -> Vec<(&str, &str)> {
//!         vec![("model", "gpt-4")]
//!     }
//!     fn line(&self) -> &[u8] {
//!         b"hello"
//!     }
//!     fn timestamp_ns(&self) -> i64 {
//!         0
//!     }
//!     fn now_ns(&self) -> i64 {
//!         0
//!     }
//! }
//!
//! let template = Template::parse("line", r#"{{ .model | upper }}: {{ __line__ | replace "l" "L" }}"#)?;
//! let mut out = Vec::new();
//! template.render(&Entry, &mut out)?;
//! assert_eq!(out, b"GPT-4: heLLo");
//! # Ok::<(), logql::template::TemplateError>(())
//! ```
//!
//! What one rendering may do is bounded: 200,000 commands, 4 MiB of output. A time zone is known by its name, and local time is
//! UTC. Complex numbers are not there.

mod decimal;
mod eval;
mod format;
mod functions;
mod lexer;
mod mention;
mod node;
mod parser;
mod time;
mod value;

use std::collections::HashMap;

use thiserror::Error;

use mention::Mentions;
use node::Node;

/// What is wrong with a template, or went wrong in one, in Go's words: `template: line:1: unclosed action`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

/// A parsed template.
#[derive(Clone, Debug)]
pub struct Template {
    name: String,
    text: String,
    root: Vec<Node>,
    defined: HashMap<String, Vec<Node>>,
    mentions: Mentions,
}

/// What a template is told about one entry.
pub trait Lookup {
    /// A label's value; `__error__` and `__error_details__` are labels, too.
    fn label(&self, name: &str) -> Option<&str>;
    /// All labels, sorted by name: what `.` itself is.
    fn labels(&self) -> Vec<(&str, &str)>;
    /// The line, for `__line__`.
    fn line(&self) -> &[u8];
    /// The entry's time in nanoseconds since 1970, for `__timestamp__`.
    fn timestamp_ns(&self) -> i64;
    /// The time now, for `now`, in nanoseconds since 1970.
    fn now_ns(&self) -> i64;
}

impl Template {
    /// Parses a template. The name stands in errors; Loki's are `line` and `label`.
    ///
    /// # Errors
    /// In Go's words, with the line.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateError> {
        let parsed = parser::parse(name, text).map_err(TemplateError)?;
        let mentions = Mentions::of(parsed.defined.values().chain([&parsed.root]));
        let (name, text) = (name.to_owned(), text.to_owned());
        Ok(Self { name, text, root: parsed.root, defined: parsed.defined, mentions })
    }

    /// Renders the template for an entry, behind what `out` holds.
    ///
    /// # Errors
    /// In Go's words, with the place: what `__error_details__` shows. `out` then holds what was rendered up to there.
    pub fn render(&self, entry: &dyn Lookup, out: &mut Vec<u8>) -> Result<(), TemplateError> {
        if let Some(field) = &self.mentions.only {
            out.extend_from_slice(entry.label(field).unwrap_or_default().as_bytes());
            return Ok(());
        }
        let program = eval::Program { name: &self.name, text: &self.text, root: &self.root, defined: &self.defined };
        eval::render(&program, entry, out).map_err(TemplateError)
    }

    /// Every field that it mentions, sorted: the labels that it may read, and more where it reads members of something else.
    pub fn fields(&self) -> Vec<String> {
        self.mentions.fields.iter().cloned().collect()
    }

    /// Whether it reads the line.
    pub fn reads_line(&self) -> bool {
        self.mentions.line
    }

    /// Whether it may read labels that [`Template::fields`] does not name: it uses `.` or `$` themselves.
    pub fn reads_all(&self) -> bool {
        self.mentions.all
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
