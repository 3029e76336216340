//! Lines of a file as entries: each has the labels that it would have in Loki, and its own timestamp.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::path::Path;

use logql::Labels;
use logql::source::Entry;
use serde_json::{Map, Value};

use super::when;
use crate::config::{ConfigError, USUAL_LABELS, load_followers};

/// The members of a line that become labels, besides those that have a default.
const MEMBERS: [&str; 3] = ["level", "event", "provider"];

/// A longer line is an error, lest a file that is no text fills the memory.
const LONGEST_LINE_BYTES: usize = 16 * 1024 * 1024;

/// What a line is labelled with that has no such member.
pub(super) struct Defaults(BTreeMap<String, String>);

impl Defaults {
    /// Those of the first follower that `config` names, else the usual ones.
    pub(super) fn of(config: Option<&Path>) -> Result<Self, ConfigError> {
        let followers = config.map(load_followers).transpose()?.map(|(_, followers)| followers);
        Ok(followers.into_iter().flatten().next().map_or_else(Self::default, |follower| Self(follower.labels)))
    }
}

impl Defaults {
    /// Each with its value.
    pub(super) fn labels(self) -> BTreeMap<String, String> {
        self.0
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Self(USUAL_LABELS.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

/// Appends the lines of a file. One that has no timestamp comes a nanosecond after the line before it, so that equal lines
/// stay as many as they are.
pub(super) fn read(mut from: impl BufRead, defaults: &Defaults, entries: &mut Vec<Entry>) -> io::Result<()> {
    let mut last: Option<i64> = None;
    let first = entries.len();
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
        let members: Map<String, Value> = serde_json::from_slice(&line).unwrap_or_default();
        let timestamp = members.get("timestamp").and_then(Value::as_str).and_then(when::read);
        if let (None, Some(timestamp)) = (last, timestamp) {
            // What came before the first time is just older.
            let earlier = entries[first..].iter_mut().rev().zip(1..);
            earlier.for_each(|(entry, steps)| entry.timestamp = timestamp.saturating_sub(steps));
        }
        last = timestamp.or(last.map(|last| last.saturating_add(1)));
        entries.push(Entry {
            labels: labels(&members, defaults),
            timestamp: last.unwrap_or((entries.len() - first) as i64),
            line,
            metadata: Labels::default(),
        });
    }
    Ok(())
}

fn labels(members: &Map<String, Value>, defaults: &Defaults) -> Labels {
    let of = |name: &str| members.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    let own = MEMBERS.into_iter().filter_map(|name| {
        let value = of(name)?;
        Some((name, if name == "level" { value.to_lowercase() } else { value.to_owned() }))
    });
    let constant = defaults.0.iter().map(|(name, value)| (name.as_str(), of(name).unwrap_or(value).to_owned()));
    Labels::new(own.chain(constant))
}

/// The first instant and the last.
pub(super) fn span(entries: &[Entry]) -> (i64, i64) {
    let times = || entries.iter().map(|entry| entry.timestamp);
    (times().min().unwrap_or(0), times().max().unwrap_or(0))
}
