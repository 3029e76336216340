//! Tokens where a provider gives none: a stream that was cut, an answer without usage.
//!
//! OpenAI's two encodings are counted exactly; every other model by the one that comes closest, with a factor where its
//! error is known ([`Tokenizer::of`]). Text is counted as it comes, with at most [`MAX_PENDING`] bytes kept, and whatever the
//! text is, in a time that is bounded: a long one is sampled. How far off the figures are says `docs/tokens.md`.

mod counter;
mod image;
mod input;
mod merge;
mod output;
mod split;
mod tokenizer;
mod tools;
mod unescape;
mod vocabulary;

pub use counter::{COUNTED_IN_FULL, Count, Counter, MAX_PENDING, SAMPLE};
pub use input::count_input;
pub use output::{BYTES_PER_TOKEN, Output, OutputCount};
pub(crate) use output::{Kind, MARK};
pub use tokenizer::{Family, Tokenizer};

/// A published vocabulary and the pattern that cuts text for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// gpt-4o and later.
    O200k,
    /// gpt-4, gpt-3.5 and the embedding models.
    Cl100k,
}

/// Tokens of a text that is there as a whole.
#[must_use]
pub fn count(encoding: Encoding, text: &str) -> Count {
    let mut counter = Counter::new(encoding);
    counter.push(text);
    counter.finish()
}

#[cfg(test)]
mod tests;
