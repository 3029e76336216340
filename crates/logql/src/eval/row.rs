//! One entry on its way through a pipeline: its line, and its labels by where they come from.

use std::borrow::Cow;
use std::ops::Range;

use crate::labels::Labels;
use crate::source::Origin;
use crate::template::Lookup;

pub(super) const ERROR: &str = "__error__";
pub(super) const DETAILS: &str = "__error_details__";
/// Set by a parser that failed where the query itself asks for `__error__`: such a sample does not fail the query.
pub(super) const PRESERVED: &str = "__preserve_error__";
const SUFFIX: &str = "_extracted";

/// The texts of labels lie one behind the other in `text`, so that the next entry needs no memory of its own.
#[derive(Default)]
pub(super) struct Row {
    pub(super) timestamp: i64,
    pub(super) line: Vec<u8>,
    /// Whether a stage has looked at the line; if not, it is not in `line`.
    pub(super) has_line: bool,
    stream: Labels,
    /// Which of the stream's labels are gone.
    gone: Vec<bool>,
    pairs: Vec<Pair>,
    text: String,
    error: Cow<'static, str>,
    details: String,
    pub(super) now: i64,
}

struct Pair {
    origin: Origin,
    name: Range<usize>,
    value: Range<usize>,
    /// One that was dropped is remembered: a parser does not bring it back.
    live: bool,
}

impl Row {
    /// Begins an entry of `stream`.
    pub(super) fn begin(&mut self, stream: &Labels, timestamp: i64) {
        if self.stream != *stream {
            self.stream = stream.clone();
        }
        self.timestamp = timestamp;
        self.gone.clear();
        self.gone.resize(stream.len(), false);
        self.pairs.clear();
        self.text.clear();
        self.line.clear();
        self.has_line = false;
        self.error = Cow::Borrowed("");
        self.details.clear();
    }

    /// Structured metadata; what the stream has, too, gets another name.
    pub(super) fn add_metadata(&mut self, name: &str, value: &str) {
        match name {
            ERROR => self.error = Cow::Owned(value.to_owned()),
            DETAILS => value.clone_into(&mut self.details),
            name if self.stream.has(name) => self.set(Origin::Metadata, &format!("{name}{SUFFIX}"), value),
            name => self.set(Origin::Metadata, name, value),
        }
    }

    fn put(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn find(&self, origin: Origin, name: &str) -> Option<usize> {
        self.pairs.iter().position(|pair| pair.live && pair.origin == origin && self.text[pair.name.clone()] == *name)
    }

    /// Sets a label, in place of one of the same name.
    pub(super) fn set(&mut self, origin: Origin, name: &str, value: &str) {
        if origin == Origin::Parsed
            && let Some(at) = self.find(Origin::Metadata, name)
        {
            self.pairs[at].live = false;
        }
        let value = self.put(value);
        match self.find(origin, name) {
            Some(at) => self.pairs[at].value = value,
            None => {
                let name = self.put(name);
                self.pairs.push(Pair { origin, name, value, live: true });
            }
        }
    }

    /// What a parser calls a label: with a suffix if the stream or the metadata have one of that name.
    pub(super) fn parsed_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let taken = self.stream.has(name) || self.find(Origin::Metadata, name).is_some();
        if taken { Cow::Owned(format!("{name}{SUFFIX}")) } else { Cow::Borrowed(name) }
    }

    /// Whether a parser has set `name`, whatever has become of it.
    pub(super) fn was_parsed(&self, name: &str) -> bool {
        self.pairs.iter().any(|pair| pair.origin == Origin::Parsed && self.text[pair.name.clone()] == *name)
    }

    /// The value of a label. Errors are no labels here.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let of = |pair: &&Pair| pair.live && self.text[pair.name.clone()] == *name;
        if let Some(pair) = self.pairs.iter().find(of) {
            return Some(&self.text[pair.value.clone()]);
        }
        let mut labels = self.stream.iter().zip(&self.gone);
        labels.find_map(|((known, value), gone)| (!gone && known == name).then_some(value))
    }

    /// As filters of texts see it: what is missing is empty, and `__error__` can be asked for.
    pub(super) fn get_text(&self, name: &str) -> &str {
        if name == ERROR { &self.error } else { self.get(name).unwrap_or_default() }
    }

    /// Removes a label.
    pub(super) fn delete(&mut self, name: &str) {
        for pair in &mut self.pairs {
            if self.text[pair.name.clone()] == *name {
                pair.live = false;
            }
        }
        for ((known, _), gone) in self.stream.iter().zip(&mut self.gone) {
            *gone |= known == name;
        }
    }

    pub(super) fn details(&self) -> &str {
        &self.details
    }

    pub(super) fn has_error(&self) -> bool {
        !self.error.is_empty()
    }

    /// A stage failed.
    pub(super) fn fail(&mut self, kind: &'static str, details: &str) {
        self.error = Cow::Borrowed(kind);
        if !details.is_empty() {
            details.clone_into(&mut self.details);
            self.delete(DETAILS);
        }
    }

    pub(super) fn forget_error(&mut self) {
        self.error = Cow::Borrowed("");
    }

    pub(super) fn forget_details(&mut self) {
        self.details.clear();
    }

    /// All labels, errors included, in no order; the stream's come without an origin.
    pub(super) fn labels(&self) -> impl Iterator<Item = (Option<Origin>, &str, &str)> {
        let text = |range: &Range<usize>| &self.text[range.clone()];
        let live = || self.pairs.iter().filter(|pair| pair.live);
        let replaced = move |name: &str| live().any(|pair| text(&pair.name) == name);
        let stream = self.stream.iter().zip(&self.gone);
        let stream = stream
            .filter(move |((name, _), gone)| !**gone && !replaced(name))
            .map(|((name, value), _)| (None, name, value));
        let pairs = live().map(move |pair| (Some(pair.origin), text(&pair.name), text(&pair.value)));
        stream.chain(pairs).chain(self.errors().map(|(name, value)| (Some(Origin::Parsed), name, value)))
    }

    fn errors(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let errors = [(ERROR, &*self.error), (DETAILS, self.details.as_str())];
        errors.into_iter().filter(|(_, value)| !value.is_empty())
    }
}

impl Lookup for Row {
    fn label(&self, name: &str) -> Option<&str> {
        match name {
            ERROR if self.has_error() => Some(&self.error),
            DETAILS if !self.details.is_empty() => Some(&self.details),
            name => self.get(name),
        }
    }

    fn line(&self) -> &[u8] {
        &self.line
    }

    fn timestamp_ns(&self) -> i64 {
        self.timestamp
    }

    fn labels(&self) -> Vec<(&str, &str)> {
        let mut labels: Vec<_> = Self::labels(self).map(|(_, name, value)| (name, value)).collect();
        labels.sort_unstable();
        labels
    }

    fn now_ns(&self) -> i64 {
        self.now
    }
}
