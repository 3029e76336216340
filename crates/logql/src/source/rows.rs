//! Entries in memory, row by row: the reference for every other source.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{
    Batch, Batches, Column, Data, Direction, LabelMatcher, Lines, Origin, Promise, Rows, Scan, Source, SourceError,
    Validity,
};
use crate::labels::Labels;

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The labels of its stream.
    pub labels: Labels,
    /// In nanoseconds since 1970.
    pub timestamp: i64,
    /// The line: any bytes.
    pub line: Vec<u8>,
    /// Structured metadata.
    pub metadata: Labels,
}

/// Entries in memory. It takes no tests into account and promises nothing.
///
/// ```
/// use logql::Labels;
/// use logql::eval::{Answer, Context, Request, evaluate};
/// use logql::source::{Entry, RowSource};
///
/// let entry = Entry {
///     labels: Labels::new([("app", "llm-proxy")]),
///     timestamp: 5_000_000_000,
///     line: br#"{"model":"gpt-4","tokens":7}"#.to_vec(),
///     metadata: Labels::default(),
/// };
/// let source = RowSource::new([entry]);
/// let query = logql::syntax::parse(r#"sum by (model) (sum_over_time({app="llm-proxy"} | json | unwrap tokens [1m]))"#)?;
/// let outcome = evaluate(&source, &query, &Request::instant(10_000_000_000), &Context::default())?;
/// let Answer::Vector(samples) = outcome.answer else { unreachable!() };
/// assert_eq!(samples[0].labels.get("model"), Some("gpt-4"));
/// assert_eq!(samples[0].value, 7.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RowSource {
    streams: Arc<[Labels]>,
    /// By time; those of one instant as they came.
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    stream: u32,
    timestamp: i64,
    line: Vec<u8>,
    metadata: Labels,
}

/// Rows of a batch.
const BATCH: usize = 4096;

impl RowSource {
    /// Of entries in any order. Of several that are the same in everything, stream, time, line and metadata, the first stays, as
    /// Loki drops what it is sent again.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut known: HashMap<Labels, u32> = HashMap::new();
        let mut streams = Vec::new();
        let mut rows: Vec<Row> = Vec::new();
        for entry in entries {
            let stream = *known.entry(entry.labels).or_insert_with_key(|labels| {
                streams.push(labels.clone());
                u32::try_from(streams.len() - 1).unwrap_or(u32::MAX)
            });
            rows.push(Row { stream, timestamp: entry.timestamp, line: entry.line, metadata: entry.metadata });
        }
        rows.sort_by_key(|row| row.timestamp);
        drop_repeated(&mut rows);
        Self { streams: streams.into(), rows }
    }

    /// The labels of all streams.
    pub fn streams(&self) -> &[Labels] {
        &self.streams
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Leaves of equal rows the first; they come by time.
fn drop_repeated(rows: &mut Vec<Row>) {
    let mut repeated = Vec::new();
    let mut met = HashSet::new();
    let mut from = 0;
    for instant in rows.chunk_by(|left, right| left.timestamp == right.timestamp) {
        if instant.len() > 1 {
            met.clear();
            let rows = (from..).zip(instant);
            repeated
                .extend(rows.filter(|(_, row)| !met.insert((row.stream, &row.line, &row.metadata))).map(|(at, _)| at));
        }
        from += instant.len();
    }
    let (mut at, mut next) = (0, 0);
    rows.retain(|_| {
        let drops = repeated.get(next) == Some(&at);
        next += usize::from(drops);
        at += 1;
        !drops
    });
}

impl Source for RowSource {
    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        let selected: Vec<bool> =
            self.streams.iter().map(|labels| LabelMatcher::all_match(&scan.matchers, labels)).collect();
        let from = self.rows.partition_point(|row| row.timestamp < scan.start);
        let to = self.rows.partition_point(|row| row.timestamp < scan.end).max(from);
        let direction = scan.direction;
        let mut rest = &self.rows[from..to];
        Ok(Box::new(std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let part;
            let beyond;
            match direction {
                Direction::Forward => {
                    (part, rest) = rest.split_at(rest.len().min(BATCH));
                    beyond = rest.first().map_or(i64::MAX, |row| row.timestamp);
                }
                Direction::Backward => {
                    (rest, part) = rest.split_at(rest.len().saturating_sub(BATCH));
                    beyond = rest.last().map_or(i64::MIN, |row| row.timestamp);
                }
            }
            let chosen: Vec<&Row> = part.iter().filter(|row| selected[row.stream as usize]).collect();
            Some(Ok(batch(&self.streams, chosen, beyond, direction)))
        })))
    }
}

fn batch<'s>(streams: &Arc<[Labels]>, mut rows: Vec<&'s Row>, beyond: i64, direction: Direction) -> Batch<'s> {
    if direction == Direction::Backward {
        rows.reverse();
    }
    let names: BTreeSet<&str> = rows.iter().flat_map(|row| row.metadata.iter().map(|(name, _)| name)).collect();
    let columns = names.into_iter().map(|name| metadata(name, &rows)).collect();
    Batch {
        timestamps: rows.iter().map(|row| row.timestamp).collect(),
        rows: Rows::All,
        streams: rows.iter().map(|row| row.stream).collect(),
        labels: Arc::clone(streams),
        columns,
        lines: Box::new(Held(rows)),
        promise: Promise::default(),
        tested: Vec::new(),
        beyond: Some(beyond),
    }
}

fn metadata<'s>(name: &str, rows: &[&Row]) -> Column<'s> {
    let (mut offsets, mut text) = (vec![0], String::new());
    for row in rows {
        text += row.metadata.get(name).unwrap_or_default();
        offsets.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }
    let valid: Validity = rows.iter().map(|row| row.metadata.has(name)).collect();
    Column {
        name: name.into(),
        origin: Origin::Metadata,
        data: Data::Text { offsets: offsets.into(), text: text.into() },
        valid,
    }
}

struct Held<'s>(Vec<&'s Row>);

impl Lines for Held<'_> {
    fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError> {
        Ok(Cow::Borrowed(&self.0[row].line))
    }

    fn length(&self, row: usize) -> Option<usize> {
        Some(self.0[row].line.len())
    }
}
