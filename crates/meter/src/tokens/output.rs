//! Tokens of an answer, out of the raw text that the meter heard: the insides of JSON strings as they came, with a mark
//! where one text ends and another begins.

use super::unescape::Unescaper;
use super::{Count, Counter, Tokenizer};

/// Stands before the [`Kind`] of the text that follows. No UTF-8 has this byte.
pub(crate) const MARK: u8 = 0xff;

/// What a text of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(crate) enum Kind {
    /// What the caller reads.
    #[default]
    Content = b'c',
    /// Reasoning, where it is shown.
    Reasoning = b'r',
    /// A tool's name or arguments, of which the model writes more than is shown.
    Tool = b't',
    /// Content of several choices in turn.
    Interleaved = b'i',
}

/// See the module.
#[derive(Debug)]
pub struct Output {
    tokenizer: Tokenizer,
    content: Counter,
    reasoning: Counter,
    unescaper: Unescaper,
    in_reasoning: bool,
    /// What was heard is all that there was, and of a kind whose tokens are the text's.
    exact: bool,
    missed_bytes: u64,
    heard_bytes: u64,
}

/// Tokens of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputCount {
    /// Text and tool calls.
    pub output: u64,
    /// Reasoning that was shown.
    pub reasoning: u64,
    /// Whether that is what the model's tokenizer would say.
    pub exact: bool,
}

/// Bytes of text to a token, where nothing but their number is known.
pub const BYTES_PER_TOKEN: u64 = 4;

impl Output {
    /// Of a model that counts so.
    #[must_use]
    pub fn new(tokenizer: Tokenizer) -> Output {
        Output {
            tokenizer,
            content: Counter::new(tokenizer.encoding),
            reasoning: Counter::new(tokenizer.encoding),
            unescaper: Unescaper::default(),
            in_reasoning: false,
            exact: true,
            missed_bytes: 0,
            heard_bytes: 0,
        }
    }

    /// Takes what the meter heard next.
    pub fn hear(&mut self, mut raw: &[u8]) {
        self.heard_bytes += raw.len() as u64;
        loop {
            let end = memchr::memchr(MARK, raw).unwrap_or(raw.len());
            let counter = if self.in_reasoning { &mut self.reasoning } else { &mut self.content };
            self.unescaper.feed(&raw[..end], &mut |text| counter.push(text));
            let Some(kind) = raw.get(end + 1) else { break };
            self.end_text();
            self.in_reasoning = *kind == Kind::Reasoning as u8;
            self.exact &= matches!(*kind, b'c' | b'r');
            raw = &raw[end + 2..];
        }
        self.content.shrink();
        self.reasoning.shrink();
    }

    /// So many bytes of text went by unheard.
    pub fn miss(&mut self, bytes: u64) {
        self.missed_bytes += bytes;
    }

    fn end_text(&mut self) {
        let counter = if self.in_reasoning { &mut self.reasoning } else { &mut self.content };
        self.unescaper.end(&mut |text| counter.push(text));
        counter.end_text();
    }

    /// Bytes of text that were looked at.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.content.work() + self.reasoning.work()
    }

    /// The answer is over, or was cut.
    #[must_use]
    pub fn finish(mut self) -> OutputCount {
        self.end_text();
        let convert = |count: Count| self.tokenizer.convert(count);
        let (content, reasoning) = (convert(self.content.finish()), convert(self.reasoning.finish()));
        // What was missed is taken to be as dense as what was heard.
        let (tokens, bytes) = (content.tokens + reasoning.tokens, self.heard_bytes);
        let missed = match bytes {
            0 => self.missed_bytes / BYTES_PER_TOKEN,
            _ => (u128::from(self.missed_bytes) * u128::from(tokens) / u128::from(bytes)) as u64,
        };
        OutputCount {
            output: content.tokens + missed,
            reasoning: reasoning.tokens,
            exact: self.exact && content.exact && reasoning.exact && self.missed_bytes == 0,
        }
    }
}
