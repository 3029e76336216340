//! Lines of a file as entries: each has the labels that it would have in Loki, and its own timestamp.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::path::Path;

use logql::Labels;
use logql::source::Entry;

use super::when;
use crate::config::{ConfigError, LokiConfig, USUAL_LABELS, load_followers};
use crate::query::{Labeller, Told, tell};

/// A longer line is an error, lest a file that is no text fills the memory.
const LONGEST_LINE_BYTES: usize = 16 * 1024 * 1024;

/// What lines are labelled with, beside what the rule for Records says.
pub(super) struct Defaults {
    /// What a line has that has no such member.
    constant: BTreeMap<String, String>,
    /// Declared fields that become labels.
    declared: Vec<String>,
}

impl Defaults {
    /// Those of the first follower that `config` names, else the usual ones.
    pub(super) fn of(config: Option<&Path>) -> Result<Self, ConfigError> {
        let followers = config.map(load_followers).transpose()?.map(|(_, followers)| followers);
        let of_follower = |follower: LokiConfig| Self { constant: follower.labels, declared: follower.label_fields };
        Ok(followers.into_iter().flatten().next().map_or_else(Self::default, of_follower))
    }

    /// What labels Records as these say.
    pub(super) fn labeller(self) -> Labeller {
        Labeller::of(self.constant, self.declared)
    }

    /// The members that become labels, beside the Record's own.
    fn names(&self) -> Vec<String> {
        self.declared.iter().chain(self.constant.keys()).cloned().collect()
    }
}

impl Default for Defaults {
    fn default() -> Self {
        let constant = USUAL_LABELS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { constant, declared: Vec::new() }
    }
}

/// Appends the lines of a file. One that has no timestamp comes a nanosecond after the line before it, so that equal lines
/// stay as many as they are.
pub(super) fn read(mut from: impl BufRead, defaults: &Defaults, entries: &mut Vec<Entry>) -> io::Result<()> {
    let mut last: Option<i64> = None;
    let (first, names) = (entries.len(), defaults.names());
    loop {
        let mut line = Vec::new();
        let read = io::Read::take(&mut from, LONGEST_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if line.len() > LONGEST_LINE_BYTES {
            return Err(io::Error::other("a line is longer than 16 MiB"));
        }
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        if line.is_empty() {
            continue;
        }
        let told = tell(&line, &names).unwrap_or_default();
        let timestamp = told.timestamp.as_deref().and_then(when::read);
        if let (None, Some(timestamp)) = (last, timestamp) {
            // What came before the first time is just older.
            let earlier = entries[first..].iter_mut().rev().zip(1..);
            earlier.for_each(|(entry, steps)| entry.timestamp = timestamp.saturating_sub(steps));
        }
        last = timestamp.or(last.map(|last| last.saturating_add(1)));
        let labels = labels(&told, defaults);
        let timestamp = last.unwrap_or((entries.len() - first) as i64);
        entries.push(Entry { labels, timestamp, line, metadata: Labels::default() });
    }
    Ok(())
}

fn labels(told: &Told, defaults: &Defaults) -> Labels {
    let own = || told.labels.iter().chain(&told.declared).map(|(name, value)| (*name, value.as_ref()));
    let constant = defaults.constant.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Labels::new(own().chain(constant.filter(|(name, _)| own().all(|(known, _)| known != *name))))
}

/// The first instant and the last.
pub(super) fn span(entries: &[Entry]) -> (i64, i64) {
    let times = || entries.iter().map(|entry| entry.timestamp);
    (times().min().unwrap_or(0), times().max().unwrap_or(0))
}
