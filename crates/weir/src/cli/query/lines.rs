//! Lines of a file as entries: each has the labels that it would have in Loki, and its own timestamp.

use std::io::{self, BufRead};

use logql::Labels;
use logql::source::Entry;
use serde_json::{Map, Value};

use super::when;

/// What a line without such a member is labelled with.
const DEFAULTS: [(&str, &str); 2] = [("app", "llm-proxy"), ("namespace", "llm")];

/// The members of a line that become labels.
const LABELS: [&str; 5] = ["app", "namespace", "level", "event", "provider"];

/// A longer line is an error, lest a file that is no text fills the memory.
const LONGEST_LINE_BYTES: usize = 16 * 1024 * 1024;

/// Appends the lines of a file. One that has no timestamp gets that of the line before it.
pub(super) fn read(mut from: impl BufRead, entries: &mut Vec<Entry>) -> io::Result<()> {
    let mut last = None;
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
            // What came before the first time is that old.
            entries[first..].iter_mut().for_each(|entry| entry.timestamp = timestamp);
        }
        last = timestamp.or(last);
        entries.push(Entry {
            labels: labels(&members),
            timestamp: last.unwrap_or(0),
            line,
            metadata: Labels::default(),
        });
    }
    Ok(())
}

fn labels(members: &Map<String, Value>) -> Labels {
    let of = |name: &'static str| {
        let value = members.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
        let usual = || DEFAULTS.iter().find(|(label, _)| *label == name).map(|(_, value)| *value);
        value.or_else(usual).map(|value| match name {
            "level" => (name, value.to_lowercase()),
            _ => (name, value.to_owned()),
        })
    };
    Labels::new(LABELS.into_iter().filter_map(of))
}

/// The first instant and the last.
pub(super) fn span(entries: &[Entry]) -> (i64, i64) {
    let times = || entries.iter().map(|entry| entry.timestamp);
    (times().min().unwrap_or(0), times().max().unwrap_or(0))
}
