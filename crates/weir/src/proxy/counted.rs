//! Usage that no provider reported: of which answers it is counted, and what is made of the count.

use std::sync::Arc;

use bytes::Bytes;
use meter::dialect::Api;
use meter::meter::Reading;
use meter::record::Record;
use meter::tokens::{BYTES_PER_TOKEN, Count, OutputCount, Tokenizer, count_input};
use meter::usage::{Class, Usage, UsageSource};

use super::body::Held;
use super::settle::End;
use crate::recorder::Tally;

/// Bytes up to which a request's body is copied to be kept.
const SMALL: usize = 4 << 10;

/// A request's body, kept until it is known that nobody has to count it, with the memory that it takes.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: Bytes,
    _held: Held,
}

impl Kept {
    /// A small one is copied: it is a part of the 8 KiB that its connection was read into, and would hold all of them for as long
    /// as the answer takes.
    pub(super) fn new(bytes: &Bytes, held: Held) -> Kept {
        let bytes = if bytes.len() <= SMALL { Bytes::copy_from_slice(bytes) } else { bytes.clone() };
        Kept { bytes, _held: held }
    }
}

/// What there is to count. Dropping it gives the memory back.
pub(super) struct Uncounted {
    /// Not kept where memory was short; then its size has to do.
    pub(super) request: Option<Kept>,
    /// What was counted while the answer went by.
    pub(super) tally: Option<Arc<Tally>>,
    /// Text that is not counted yet, and bytes that went by unheard.
    pub(super) heard: (Vec<u8>, u64),
    /// Whether the answer came to a good end.
    pub(super) whole: bool,
}

/// Whether calls of this kind use tokens that can be counted.
pub(super) fn can_count(api: Api) -> bool {
    matches!(api, Api::Chat | Api::Completions | Api::Embeddings | Api::Responses)
}

/// Whether a request that has reached its provider, and ended so, has to be counted: it was not refused, and nobody said
/// what it used. `text` is whether anything came that can be counted.
pub(super) fn has_to_count(record: &Record, reading: &Reading, text: bool, end: End) -> bool {
    if !can_count(record.what.api) {
        return false;
    }
    match record.outcome.status_code {
        // The caller left before the answer began, or Weir was stopped.
        None => end != End::UpstreamGone,
        Some(200..=299) if !reading.readable => false,
        // Whoever failed before it said anything has nothing to charge for.
        Some(200..=299) if !text && (reading.answer.failed || (!reading.whole && end.is_providers())) => false,
        // A response in the background: it is made after this answer, and what it will use nobody knows yet.
        Some(200..=299) if !text && reading.whole && reading.answer.pending => false,
        // Some report as they go, or begin with a figure that only stands for one.
        Some(200..=299) => record.usage.is_none() || (end != End::Whole && record.what.finish_reason.is_none()),
        Some(_) => false,
    }
}

/// The tokenizer of an answer, by all the names that its model goes by.
pub(super) fn tokenizer(record: &Record, answering: Option<&str>) -> Tokenizer {
    Tokenizer::of_any(&[record.what.target.as_deref(), record.what.model.as_deref(), answering])
}

impl Uncounted {
    /// Counts, and fills in what it came to.
    pub(super) fn count(self, record: &mut Record) {
        let tokenizer = tokenizer(record, record.what.response_model.as_deref());
        let output = self.tally.unwrap_or_else(|| Tally::new(tokenizer)).finish_with(&self.heard.0, self.heard.1);
        if let Some(reported) = record.usage {
            if let Some(usage) = more_than_reported(reported, output) {
                record.usage = Some(usage);
                record.usage_source = if output.exact { UsageSource::Partial } else { UsageSource::Estimated };
            }
            return;
        }
        let model = record.what.target.as_deref().or(record.what.model.as_deref()).unwrap_or_default();
        let input = match &self.request {
            Some(kept) => count_input(record.what.api, tokenizer, model, &kept.bytes),
            None => Count { tokens: record.request_bytes.unwrap_or(0) / BYTES_PER_TOKEN, exact: false },
        };
        let usage = Usage::default().with(Class::Input, input.tokens).with(Class::Output, output.output);
        record.usage = Some(usage.with(Class::Reasoning, output.reasoning));
        record.usage_source = match (input.exact && output.exact, self.whole) {
            (false, _) => UsageSource::Estimated,
            (true, true) => UsageSource::Counted,
            (true, false) => UsageSource::Partial,
        };
    }
}

/// A figure that came in the middle of a stream is the provider's, unless it stands for nothing: far less than what has
/// been delivered since.
fn more_than_reported(reported: Usage, output: OutputCount) -> Option<Usage> {
    let delivered = output.output + output.reasoning;
    let stands_for_nothing = reported.output() <= 1 || reported.output() < delivered / 2;
    (stands_for_nothing && delivered > reported.output())
        .then(|| reported.with(Class::Output, output.output).with(Class::Reasoning, output.reasoning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_stands_for_nothing_gives_way() {
        let reported = |output| Usage::default().with(Class::Input, 7).with(Class::Output, output);
        let counted = |output| OutputCount { output, reasoning: 0, exact: true };
        let outcome = |told, found| more_than_reported(reported(told), counted(found)).map(|usage| usage.output());
        assert_eq!(outcome(1, 806), Some(806), "the placeholder of a stream that was cut");
        assert_eq!(outcome(100, 806), Some(806));
        assert_eq!(outcome(800, 806), None, "it reports as it goes");
        assert_eq!(outcome(900, 806), None, "there is reasoning that nobody sees");
        assert_eq!((outcome(1, 1), outcome(0, 0)), (None, None));
    }
}
