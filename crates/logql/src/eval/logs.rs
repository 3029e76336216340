//! Queries for entries.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::columnar::Preselection;
use super::error::EvalError;
use super::hint::Hint;
use super::memory::Held;
use super::pipeline::Pipeline;
use super::row::Row;
use super::{LogEntry, Request, Run};
use crate::labels::Labels;
use crate::source::{Batch, Direction, FieldSet, LabelMatcher, Origin, Scan, Share};
use crate::syntax::ast::LogExpr;

/// The entries that a query selects: the first in the direction asked for, up to the limit.
pub(super) fn evaluate(run: &mut Run, log: &LogExpr, request: &Request) -> Result<Vec<LogEntry>, EvalError> {
    let pipeline = Pipeline::new(&log.stages, Hint::default())?;
    let scan = Scan {
        matchers: log.matchers.iter().map(LabelMatcher::new).collect::<Result<_, _>>()?,
        start: request.start,
        end: request.end,
        direction: request.direction,
        fields: FieldSet::All,
        lines: true,
        tests: pipeline.tests.clone(),
        share: Share::ALL,
    };
    let (kept, memory) = (BinaryHeap::new(), run.memory.part());
    let mut best = Best { limit: request.limit, direction: request.direction, kept, met: 0, bytes: 0, memory };
    let mut row = Row::default();
    row.now = run.context.now;
    let source = run.source;
    for batch in source.scan(&scan)? {
        let batch = batch?;
        run.statistics.count(&batch, &run.context)?;
        take(&batch, &pipeline, &mut row, &mut best)?;
        if batch.beyond.is_some_and(|beyond| best.is_settled(beyond)) {
            break;
        }
    }
    Ok(best.into_entries())
}

/// So many rows are looked at first, and then more and more: often the first suffice.
const FIRST: usize = 256;
const MOST: usize = 8192;

/// Takes the entries of a batch, those first that come first: once there are enough, the others are not looked at.
fn take(batch: &Batch, pipeline: &Pipeline, row: &mut Row, best: &mut Best) -> Result<(), EvalError> {
    let rank = |row: &u32| best.rank(batch.timestamps[*row as usize]);
    let mut all = Vec::new();
    batch.part(0..batch.len(), &mut all);
    if !all.is_sorted_by_key(rank) {
        all.sort_by_key(rank);
    }
    let mut preselection = Preselection::new(pipeline, batch);
    let (mut rest, mut size, mut rows) = (all.as_slice(), FIRST, Vec::new());
    while let Some(first) = rest.first() {
        if !best.wants(batch.timestamps[*first as usize]) {
            break;
        }
        let part;
        (part, rest) = rest.split_at(rest.len().min(size));
        size = MOST.min(size * 2);
        rows.clear();
        rows.extend_from_slice(part);
        preselection.retain(&mut rows);
        for at in rows.iter().map(|row| *row as usize) {
            if !best.wants(batch.timestamps[at]) {
                return Ok(());
            }
            let entry = match preselection.entry(at)? {
                Some(entry) => Some(entry),
                None => processed(batch, at, pipeline, row)?,
            };
            entry.map_or(Ok(()), |entry| best.take(entry))?;
        }
    }
    Ok(())
}

/// What the pipeline leaves of an entry, if it stays.
fn processed(batch: &Batch, at: usize, pipeline: &Pipeline, row: &mut Row) -> Result<Option<LogEntry>, EvalError> {
    if !pipeline.process(batch, at, row)? {
        return Ok(None);
    }
    if !row.has_line {
        row.line.extend_from_slice(&batch.lines.line(at)?);
    }
    Ok(Some(entry(row, batch.stream(at))))
}

fn entry(row: &Row, stream: &Labels) -> LogEntry {
    let of = |origin: Option<Origin>| {
        Labels::new(row.labels().filter(move |(from, ..)| *from == origin).map(|(_, name, value)| (name, value)))
    };
    let labels = of(None);
    let labels = if labels == *stream { stream.clone() } else { labels };
    LogEntry {
        labels,
        metadata: of(Some(Origin::Metadata)),
        parsed: of(Some(Origin::Parsed)),
        timestamp: row.timestamp,
        line: row.line.clone(),
    }
}

/// About how many bytes of memory it takes. Streams' labels are shared.
fn bytes(entry: &LogEntry) -> usize {
    size_of::<Kept>() + entry.line.capacity() + entry.metadata.bytes() + entry.parsed.bytes()
}

/// The entries that come first.
struct Best<'m> {
    limit: usize,
    direction: Direction,
    /// The last of them on top.
    kept: BinaryHeap<Kept>,
    met: usize,
    /// Of the entries that are kept.
    bytes: usize,
    memory: Held<'m>,
}

struct Kept {
    /// The timestamp, or its opposite where new entries come first.
    rank: i64,
    /// How many came before it: of one instant the first stay.
    met: usize,
    entry: LogEntry,
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.rank, self.met).cmp(&(other.rank, other.met))
    }
}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Kept {}

impl Best<'_> {
    fn rank(&self, timestamp: i64) -> i64 {
        match self.direction {
            Direction::Forward => timestamp,
            Direction::Backward => timestamp.checked_neg().unwrap_or(i64::MAX),
        }
    }

    fn wants(&self, timestamp: i64) -> bool {
        self.kept.len() < self.limit || self.kept.peek().is_some_and(|last| self.rank(timestamp) < last.rank)
    }

    fn take(&mut self, entry: LogEntry) -> Result<(), EvalError> {
        self.bytes += bytes(&entry);
        self.kept.push(Kept { rank: self.rank(entry.timestamp), met: self.met, entry });
        self.met += 1;
        if self.kept.len() > self.limit {
            self.bytes -= self.kept.pop().map_or(0, |last| bytes(&last.entry));
        }
        self.memory.set(self.bytes)
    }

    /// Whether nothing beyond an instant could take a place.
    fn is_settled(&self, beyond: i64) -> bool {
        self.kept.len() >= self.limit && self.kept.peek().is_none_or(|last| last.rank <= self.rank(beyond))
    }

    fn into_entries(self) -> Vec<LogEntry> {
        self.kept.into_sorted_vec().into_iter().map(|kept| kept.entry).collect()
    }
}
