//! Tokens of a text that comes in pieces, in bounded memory and time.

use super::Encoding;
use super::merge::Merger;
use super::split;
use super::vocabulary::Vocabulary;

/// What is kept of a text whose tokens are not yet certain, in bytes.
pub const MAX_PENDING: usize = 4 << 10;
/// Up to here every byte is looked at; beyond it one block of [`MAX_PENDING`] in [`SAMPLE`] stands for the others.
pub const COUNTED_IN_FULL: u64 = 256 << 10;
/// See [`COUNTED_IN_FULL`].
pub const SAMPLE: u64 = 32;

/// See the module. Several texts can be counted one after the other, with [`Counter::end_text`] between them.
#[derive(Debug)]
pub struct Counter {
    encoding: Encoding,
    /// At most [`MAX_PENDING`] bytes.
    pending: String,
    /// Of what was looked at in full.
    tokens: u64,
    /// Bytes of all texts.
    bytes: u64,
    /// Blocks beyond [`COUNTED_IN_FULL`].
    blocks: u64,
    sampled_bytes: u64,
    sampled_tokens: u64,
    skipped_bytes: u64,
    /// A text without any end of a word had to be cut.
    forced: bool,
    merger: Merger,
}

/// A count of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// How many.
    pub tokens: u64,
    /// Whether that is what the tokenizer would say, and not an estimate.
    pub exact: bool,
}

impl Counter {
    /// With nothing counted.
    #[must_use]
    pub fn new(encoding: Encoding) -> Counter {
        Counter {
            encoding,
            pending: String::new(),
            tokens: 0,
            bytes: 0,
            blocks: 0,
            sampled_bytes: 0,
            sampled_tokens: 0,
            skipped_bytes: 0,
            forced: false,
            merger: Merger::default(),
        }
    }

    /// The next piece of the text.
    pub fn push(&mut self, mut text: &str) {
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        while self.pending.len() + text.len() > MAX_PENDING {
            let room = boundary(text, MAX_PENDING - self.pending.len());
            self.pending.push_str(&text[..room]);
            text = &text[room..];
            self.block();
        }
        self.pending.push_str(text);
    }

    /// The text is over; what comes next is another one.
    pub fn end_text(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        if self.in_full() {
            self.tokens += self.count(false);
        } else {
            self.sample();
        }
        self.pending.clear();
    }

    /// Lets go of the memory that is kept from piece to piece, but for what is pending.
    pub fn shrink(&mut self) {
        self.pending.shrink_to_fit();
        self.merger = Merger::default();
    }

    /// Bytes that were looked at: what counting them cost is proportional to it.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.bytes - self.skipped_bytes - self.pending.len() as u64
    }

    /// Bytes that wait for what comes behind them.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Tokens of all texts.
    #[must_use]
    pub fn finish(&mut self) -> Count {
        self.end_text();
        let (bytes, tokens) = match self.sampled_bytes {
            0 => (self.bytes - self.skipped_bytes, self.tokens),
            bytes => (bytes, self.sampled_tokens),
        };
        let skipped = u128::from(self.skipped_bytes) * u128::from(tokens);
        let skipped = (skipped + u128::from(bytes / 2)).checked_div(u128::from(bytes)).unwrap_or(0);
        Count { tokens: self.tokens + skipped as u64, exact: !self.forced && self.skipped_bytes == 0 }
    }

    fn in_full(&self) -> bool {
        self.blocks == 0 && self.bytes <= COUNTED_IN_FULL + MAX_PENDING as u64
    }

    /// What is pending fills its room.
    fn block(&mut self) {
        if !self.in_full() {
            self.sample();
            self.pending.clear();
            return;
        }
        self.tokens += self.count(true);
        if self.pending.len() > MAX_PENDING / 2 {
            // A word of thousands of letters. Where it is cut there may be a token more or less.
            self.forced = true;
            self.tokens += self.count(false);
        }
    }

    fn sample(&mut self) {
        if self.blocks.is_multiple_of(SAMPLE) {
            self.sampled_bytes += self.pending.len() as u64;
            let tokens = self.count(false);
            self.sampled_tokens += tokens;
            self.tokens += tokens;
        } else {
            self.skipped_bytes += self.pending.len() as u64;
        }
        self.blocks += 1;
    }

    /// Counts what is pending, and keeps of it what is uncertain where there is more to come.
    fn count(&mut self, more: bool) -> u64 {
        let vocabulary = Vocabulary::of(self.encoding);
        let (mut at, mut tokens) = (0, 0);
        while let Some(length) = split::first(self.encoding, &self.pending[at..], more).filter(|length| *length > 0) {
            tokens += self.merger.count(vocabulary, &self.pending.as_bytes()[at..at + length]);
            at += length;
        }
        self.pending.drain(..at);
        tokens
    }
}

/// The longest beginning of `text` within `limit` bytes that cuts no character.
fn boundary(text: &str, limit: usize) -> usize {
    (0..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
