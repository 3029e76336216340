//! Weir's own log: sentences for people, on standard error. Records are not its business.

use std::fmt::Display;
use std::io::Write;

/// Says a sentence. Where nobody listens any more it is lost, and nothing else is.
pub fn say(sentence: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "weir: {sentence}");
}
