//! What others pushed and is in no segment yet, from memory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use logql::Labels;
use logql::source::{
    Batch, Batches, Column, Data, Direction, FieldSet, LabelMatcher, Lines, Origin, Promise, Rows, Scan, Source,
    SourceError,
};
use store::pushed::{Entry, Run, Stream};

use super::Part;

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
            let rows: Vec<&Arc<Entry>> = rest.by_ref().take(BATCH).collect();
            let beyond = rest.peek().map_or(end, |entry| entry.timestamp);
            (!rows.is_empty()).then(|| Ok(batch(rows, &fields, beyond)))
        })))
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

fn batch<'s>(entries: Vec<&'s Arc<Entry>>, fields: &FieldSet, beyond: i64) -> Batch<'s> {
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
fn columns<'s>(entries: &[&'s Arc<Entry>], fields: &FieldSet) -> Vec<Column<'s>> {
    let mut texts: HashMap<&'s str, Texts> = HashMap::new();
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

    fn column<'s>(mut self, name: &str, rows: usize) -> Column<'s> {
        self.fill(rows);
        Column {
            name: name.into(),
            origin: Origin::Metadata,
            data: Data::Text { offsets: self.offsets.into(), text: self.text.into() },
            valid: self.valid.into_iter().collect(),
        }
    }
}

struct Held<'s>(Vec<&'s Arc<Entry>>);

impl Lines for Held<'_> {
    fn line(&self, row: usize) -> Result<Cow<'_, [u8]>, SourceError> {
        Ok(Cow::Borrowed(self.0[row].line()))
    }

    fn length(&self, row: usize) -> Option<usize> {
        Some(self.0[row].line().len())
    }
}
