//! What others pushed: from memory what is in no segment yet, the rest from segments.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use logql::Labels;
use logql::source::{
    Batch, Batches, Column, Data, Direction, FieldSet, LabelMatcher, Lines, Origin, Promise, Rows, Scan, Source,
    SourceError,
};
use store::pushed::{Entry, Run, Stream, entries};
use store::{Segment, Shelf};

use super::{Damage, Part};

/// Rows of a batch.
const BATCH: usize = 4096;

/// A run of entries.
#[derive(Debug)]
pub(crate) struct Pushed {
    run: Arc<Run>,
}

impl Pushed {
    pub(crate) fn new(run: Arc<Run>) -> Pushed {
        Pushed { run }
    }
}

impl Part for Pushed {
    fn span(&self) -> Option<(i64, i64)> {
        let entries = self.run.entries();
        Some((entries.first()?.timestamp, entries.last()?.timestamp))
    }
}

impl Source for Pushed {
    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        // The whole is small; the first reader takes it.
        let entries = if scan.share.number == 0 { self.run.between(scan.start, scan.end) } else { &[] };
        let mut streams = Streams::default();
        let chosen = |entry: &&Arc<Entry>| streams.matches(&entry.stream, &scan.matchers);
        let mut entries: Vec<&Arc<Entry>> = entries.iter().filter(chosen).collect();
        if scan.direction == Direction::Backward {
            entries.reverse();
        }
        let end = if scan.direction == Direction::Forward { i64::MAX } else { i64::MIN };
        let fields = scan.fields.clone();
        let mut rest = entries.into_iter().peekable();
        Ok(Box::new(std::iter::from_fn(move || {
            let rows: Vec<Arc<Entry>> = rest.by_ref().take(BATCH).cloned().collect();
            let beyond = rest.peek().map_or(end, |entry| entry.timestamp);
            (!rows.is_empty()).then(|| Ok(batch(rows, &fields, beyond)))
        })))
    }
}

/// Segments of what was pushed, as they were when a question was asked.
#[derive(Debug)]
pub(crate) struct PushedShelf {
    shelf: Arc<Shelf>,
    damage: Damage,
}

impl PushedShelf {
    pub(crate) fn new(shelf: Arc<Shelf>) -> PushedShelf {
        PushedShelf { shelf, damage: Damage::default() }
    }

    /// The groups of rows that may have entries of a scan: their segment, their place there, and between which instants they lie.
    fn within(&self, scan: &Scan) -> impl Iterator<Item = (&Segment, usize, (i64, i64))> {
        let (start, end) = (scan.start, scan.end);
        let groups = self.shelf.segments().iter().flat_map(|segment| {
            let groups = segment.groups().iter().enumerate();
            groups.filter_map(move |(at, group)| Some((&**segment, at, group.times?)))
        });
        groups.filter(move |(_, _, (first, last))| *first < end && *last >= start)
    }
}

impl Part for PushedShelf {
    fn span(&self) -> Option<(i64, i64)> {
        let spans = self.shelf.segments().iter().filter_map(|segment| segment.times());
        spans.reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))
    }

    fn damage(&self) -> Option<&Damage> {
        Some(&self.damage)
    }
}

impl Source for PushedShelf {
    fn shares(&self, scan: &Scan) -> usize {
        self.within(scan).count().max(1)
    }

    fn scan<'s>(&'s self, scan: &Scan) -> Result<Batches<'s>, SourceError> {
        let forward = scan.direction == Direction::Forward;
        let mut groups: Vec<_> = self.within(scan).skip(scan.share.number).step_by(scan.share.of.max(1)).collect();
        // What is pushed comes in any order, so that segments may lie anywhere in time.
        groups.sort_by_key(|(_, _, (first, last))| if forward { *first } else { last.saturating_neg() });
        let edges: Vec<i64> =
            groups.iter().skip(1).map(|(_, _, (first, last))| if forward { *first } else { *last }).collect();
        let edges = edges.into_iter().chain([if forward { i64::MAX } else { i64::MIN }]);
        let scan = super::copy(scan)?;
        let batches = groups.into_iter().zip(edges).flat_map(move |((segment, group, _), edge)| {
            let wanted = |stream: &Stream| {
                scan.matchers.iter().all(|matcher| matcher.matches(stream.get(matcher.name()).unwrap_or_default()))
            };
            let found = entries(segment, group, (scan.start, scan.end), &wanted);
            let mut found = match found {
                Ok(found) => found,
                Err(error) => return vec![Err(self.damage.note(error))],
            };
            if !forward {
                found.reverse();
            }
            let of = |(at, chunk): (usize, &[Arc<Entry>])| {
                // What comes next of this group may be nearer than the next group.
                let next = found.get((at + 1) * BATCH).map_or(edge, |next| next.timestamp);
                let beyond = if forward { edge.min(next) } else { edge.max(next) };
                Ok(batch(chunk.to_vec(), &scan.fields, beyond))
            };
            found.chunks(BATCH).enumerate().map(of).collect::<Vec<_>>()
        });
        Ok(Box::new(batches))
    }
}

/// Which streams match, each looked at once.
#[derive(Default)]
struct Streams(HashMap<*const Stream, bool>);

impl Streams {
    fn matches(&mut self, stream: &Arc<Stream>, matchers: &[LabelMatcher]) -> bool {
        *self.0.entry(Arc::as_ptr(stream)).or_insert_with(|| {
            matchers.iter().all(|matcher| matcher.matches(stream.get(matcher.name()).unwrap_or_default()))
        })
    }
}

fn batch(entries: Vec<Arc<Entry>>, fields: &FieldSet, beyond: i64) -> Batch<'static> {
    let (mut known, mut labels): (HashMap<*const Stream, u32>, Vec<Labels>) = Default::default();
    let streams: Vec<u32> = entries
        .iter()
        .map(|entry| {
            *known.entry(Arc::as_ptr(&entry.stream)).or_insert_with(|| {
                labels.push(Labels::new(entry.stream.labels()));
                u32::try_from(labels.len() - 1).unwrap_or(u32::MAX)
            })
        })
        .collect();
    Batch {
        timestamps: entries.iter().map(|entry| entry.timestamp).collect(),
        rows: Rows::All,
        streams: streams.into(),
        labels: labels.into(),
        columns: columns(&entries, fields),
        lines: Box::new(Held(entries)),
        promise: Promise::default(),
        tested: Vec::new(),
        beyond: Some(beyond),
    }
}

/// A column for each name of metadata that is looked at.
fn columns(entries: &[Arc<Entry>], fields: &FieldSet) -> Vec<Column<'static>> {
    let mut texts: HashMap<&str, Texts> = HashMap::new();
    for (row, entry) in entries.iter().enumerate() {
        for (name, value) in entry.metadata().filter(|(name, _)| fields.wants(name)) {
            texts.entry(name).or_default().put(row, value);
        }
    }
    texts.into_iter().map(|(name, texts)| texts.column(name, entries.len())).collect()
}

/// Values of one name, a text for each row.
struct Texts {
    offsets: Vec<u32>,
    text: String,
    valid: Vec<bool>,
}

impl Default for Texts {
    fn default() -> Self {
        Texts { offsets: vec![0], text: String::new(), valid: Vec::new() }
    }
}

impl Texts {
    fn put(&mut self, row: usize, value: &str) {
        self.fill(row);
        self.text.push_str(value);
        self.offsets.push(self.end());
        self.valid.push(true);
    }

    /// So many rows, the last ones without a value.
    fn fill(&mut self, rows: usize) {
        self.offsets.resize(rows + 1, self.end());
        self.valid.resize(rows, false);
    }

    fn end(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }

    fn column(mut self, name: &str, rows: usize) -> Column<'static> {
        self.fill(rows);
        Column {
            name: name.into(),
            origin: Origin::Metadata,
            data: Data::Text { offsets: self.offsets.into(), text: self.text.into() },
            valid: self.valid.into_iter().collect(),
        }
    }
}

struct Held(Vec<Arc<Entry>>);

impl Lines for Held {
    fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError> {
        Ok(Cow::Borrowed(self.0[row].line()))
    }

    fn length(&self, row: usize) -> Option<usize> {
        Some(self.0[row].line().len())
    }
}
